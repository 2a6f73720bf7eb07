// formula.mjs: "B/A", "(A+B)*100": letters are metrics, null is unknown and spreads, division by zero is null.
export function formulaOf(text) {
    const tokens = text.match(/[A-Z]|\d+(?:\.\d+)?|[-+*/()]/g) ?? [];
    let i = 0;
    const both = (a, b, f) => (v) => { const x = a(v), y = b(v); return x === null || y === null ? null : f(x, y); };
    const atom = () => {
        const t = tokens[i++];
        if (t === '(') { const e = sum(); i++; return e; }
        if (t === '-') { const e = atom(); return (v) => (e(v) === null ? null : -e(v)); }
        if (/[A-Z]/.test(t)) return (v) => v[t.charCodeAt(0) - 65] ?? null;
        return () => Number(t);
    };
    const product = () => {
        let left = atom();
        while (tokens[i] === '*' || tokens[i] === '/') {
            const times = tokens[i++] === '*';
            left = both(left, atom(), (x, y) => (times ? x * y : y === 0 ? null : x / y));
        }
        return left;
    };
    const sum = () => {
        let left = product();
        while (tokens[i] === '+' || tokens[i] === '-') {
            const plus = tokens[i++] === '+';
            left = both(left, product(), (x, y) => (plus ? x + y : x - y));
        }
        return left;
    };
    return sum();
}
