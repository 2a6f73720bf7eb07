// budgets.mjs: holds the sources to the budgets of doc/style.md and prints what they measure. No exception list.
//
//   limit: function 70 lines (from the line of its name to its closing brace), file 800 lines, 6 parameters, nesting 4
//   aim:   function median 20 and nine of ten <= 50, .c file median 300, comments 10 to 20 % of .c and 35 to 50 % of headers
//
// C is read with a small lexer (comments, strings and preprocessor lines taken out, line numbers kept) and a statement
// walk: each if, for, while, do and switch is one level of nesting whether or not it has braces; `else if` stays on its level.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const limits = { function: 70, file: 800, parameters: 6, nesting: 4 };
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const faults = [];

export function lex(text) {
    const tokens = [], commentLines = new Set();
    let line = 1, i = 0, lineStart = true;
    const markComment = (from, to) => { for (let l = from; l <= to; l++) commentLines.add(l); };
    const newlines = (s) => s.split('\n').length - 1;
    const rules = [
        [/\/\*[\s\S]*?\*\//y, (s) => markComment(line, line + newlines(s))],
        [/\/\/(?:[^\\\n]|\\[\s\S])*/y, () => markComment(line, line)],
        [/R"([^(\s]*)\([\s\S]*?\)\1"/y, () => tokens.push({ t: '""', line })],
        [/"(?:[^"\\\n]|\\[\s\S])*"/y, () => tokens.push({ t: '""', line })],
        [/'(?:[^'\\\n]|\\[\s\S])+'/y, () => tokens.push({ t: "''", line })],
        [/[A-Za-z_]\w*/y, (s) => tokens.push({ t: s, line })],
        [/\d(?:[\w.']|[eEpP][+-])*/y, (s) => tokens.push({ t: s, line })],
        [/[^\s]/y, (s) => tokens.push({ t: s, line })],
    ];
    while (i < text.length) {
        if (text[i] === '\n') { line++; i++; lineStart = true; continue; }
        if (/\s/.test(text[i])) { i++; continue; }
        if (lineStart && text[i] === '#') {
            const m = /(?:[^\\\n/]|\\[\s\S]|\/(?![*/])|\/\*[\s\S]*?\*\/|\/\/[^\n]*)*/y;
            m.lastIndex = i;
            const s = m.exec(text)[0];
            line += newlines(s); i += s.length;
            continue;
        }
        lineStart = false;
        for (const [pattern, take] of rules) {
            pattern.lastIndex = i;
            const m = pattern.exec(text);
            if (!m) continue;
            take(m[0]);
            line += newlines(m[0]); i += m[0].length;
            break;
        }
    }
    return { tokens, commentLines };
}

// The walk over one function's statements: returns the index behind the statement and notes the deepest level.
function walker(tokens) {
    let deepest = 0;
    const close = { '(': ')', '{': '}', '[': ']' };
    const skip = (i) => { // over a bracketed group; blocks inside expressions (lambdas, statement expressions) count
        const end = close[tokens[i].t];
        for (i++; i < tokens.length && tokens[i].t !== end; ) i = close[tokens[i].t] ? skip(i) : i + 1;
        return i + 1;
    };
    const block = (i, depth) => {
        for (i++; tokens[i] && tokens[i].t !== '}'; ) i = statement(i, depth);
        return i + 1;
    };
    const body = (i, depth) => {
        deepest = Math.max(deepest, depth);
        return tokens[i]?.t === '{' ? block(i, depth) : statement(i, depth);
    };
    function statement(i, depth) {
        const t = tokens[i]?.t;
        if (t === undefined) return i + 1;
        if (t === '{') return body(i, depth + 1);
        if (t === 'if') {
            i++;
            if (tokens[i].t === 'constexpr') i++;
            i = body(skip(i), depth + 1);
            if (tokens[i]?.t !== 'else') return i;
            return tokens[i + 1].t === 'if' ? statement(i + 1, depth) : body(i + 1, depth + 1);
        }
        if (t === 'for' || t === 'while' || t === 'switch') return body(skip(i + 1), depth + 1);
        if (t === 'do') {
            i = body(i + 1, depth + 1);
            return skip(i + 1) + 1;
        }
        if (t === 'case' || t === 'default') {
            while (tokens[i] && tokens[i].t !== ':') i++;
            return i + 1;
        }
        for (; tokens[i] && tokens[i].t !== ';' && tokens[i].t !== '}'; ) {
            const prev = tokens[i - 1]?.t;
            if (tokens[i].t === '{' && (prev === ')' || prev === ']')) i = lambdaOrLiteral(i, depth);
            else i = close[tokens[i].t] ? skip(i) : i + 1;
        }
        return tokens[i]?.t === ';' ? i + 1 : i;
    }
    // `(struct x){...}` is a literal, `[&](...) {...}` a lambda: only what holds statements counts.
    function lambdaOrLiteral(i, depth) {
        const end = skip(i);
        return tokens.slice(i, end).some((x) => x.t === ';') ? block(i, depth + 1) : end;
    }
    return { block, skip, deepest: () => deepest };
}

// A MACRO_FOR_EACH(...) { } inside a function counts as a plain block. Functions: `name ( ... ) {` at file level.
export function functions(tokens) {
    const found = [];
    const w0 = walker(tokens);
    for (let i = 0; i < tokens.length; i++) {
        const t = tokens[i].t;
        if (t === '=' || t === 'struct' || t === 'enum' || t === 'union' || t === 'class') {
            let j = i + 1;
            while (tokens[j] && !'{;('.includes(tokens[j].t) && tokens[j].t !== '=') j++;
            if (tokens[j]?.t === '{' && !(t !== '=' && tokens[j - 1].t === ')')) i = w0.skip(j) - 1;
            continue;
        }
        if (t !== '(' || !/^[A-Za-z_]\w*$/.test(tokens[i - 1]?.t ?? '')) continue;
        const end = w0.skip(i);
        let j = end;
        while (tokens[j] && /^(const|noexcept|override|__attribute__)$/.test(tokens[j].t)) j = tokens[j].t === '__attribute__' ? w0.skip(j + 1) : j + 1;
        if (tokens[j]?.t !== '{') { i = end - 1; continue; }
        const w = walker(tokens);
        const after = w.block(j, 0);
        found.push({
            name: tokens[i - 1].t, line: tokens[i - 1].line, lines: tokens[after - 1].line - tokens[i - 1].line + 1,
            parameters: countParameters(tokens.slice(i + 1, end - 1)), nesting: w.deepest(),
        });
        i = after - 1;
    }
    return found;
}

function countParameters(tokens) {
    if (tokens.length === 0 || (tokens.length === 1 && tokens[0].t === 'void')) return 0;
    let depth = 0, n = 1;
    for (const { t } of tokens) {
        if ('([{<'.includes(t)) depth++;
        else if (')]}>'.includes(t)) depth--;
        else if (t === ',' && depth === 0) n++;
    }
    return n;
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, q) => (list.length ? sorted(list)[Math.min(list.length - 1, Math.floor(q * list.length))] : 0);

function measure(file) {
    const text = readFileSync(path.join(root, file), 'utf8');
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (lines > limits.file) faults.push(`${file}: ${lines} lines (limit ${limits.file})`);
    if (!/\.(c|h|cpp)$/.test(file)) return { file, lines, functions: [] };
    const { tokens, commentLines } = lex(text);
    const list = functions(tokens);
    for (const f of list) {
        const over = (what, n) => n > limits[what] && faults.push(`${file}:${f.line}: ${f.name}: ${what} ${n} (limit ${limits[what]})`);
        over('function', f.lines);
        over('parameters', f.parameters);
        over('nesting', f.nesting);
    }
    return { file, lines, comments: commentLines.size, functions: list };
}

function report(all) {
    const src = all.filter((m) => m.file.startsWith('src/'));
    const c = src.filter((m) => m.file.endsWith('.c')), h = src.filter((m) => m.file.endsWith('.h'));
    const lengths = src.flatMap((m) => m.functions.map((f) => f.lines));
    const sum = (list, key) => list.reduce((n, m) => n + m[key], 0);
    const share = (list) => (100 * sum(list, 'comments') / Math.max(1, sum(list, 'lines'))).toFixed(1);
    const tests = sum(all.filter((m) => m.file.startsWith('test/')), 'lines');
    console.log(`functions: ${lengths.length}, median ${quantile(lengths, 0.5)}, nine of ten <= ${quantile(lengths, 0.9)}, longest ${Math.max(0, ...lengths)} lines`);
    console.log(`.c files: ${c.length}, median ${quantile(c.map((m) => m.lines), 0.5)}, longest ${Math.max(0, ...c.map((m) => m.lines))} lines; comments ${share(c)} %; in headers ${share(h)} %`);
    console.log(`test lines per code line: ${(tests / Math.max(1, sum(src, 'lines'))).toFixed(2)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard', '--', 'src', 'test', 'fuzz', 'bench', 'tool', 'web', 'dev'], { cwd: root, encoding: 'utf8' })
        .split('\0').filter((f) => /\.(c|h|cpp|ts|tsx|mjs|css)$/.test(f) && !f.includes('node_modules'));
    report(files.map(measure));
    for (const f of faults) console.log(f);
    process.exit(faults.length ? 1 : 0);
}
