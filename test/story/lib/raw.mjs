// raw.mjs: HTTP by hand, byte for byte, on one TCP (or TLS) connection: what fetch would tidy up is what these tests send.
import net from 'node:net';

export class Connection {
    constructor(url) {
        const { hostname, port } = new URL(url);
        this.buffer = Buffer.alloc(0);
        this.closed = false;
        this.socket = net.connect(Number(port), hostname);
        this.socket.setNoDelay(true);
        this.opened = new Promise((resolve, reject) => { this.socket.once('connect', resolve); this.socket.once('error', reject); });
        this.opened.catch(() => {});
        this.wake = () => {};
        this.socket.on('data', (d) => { this.buffer = Buffer.concat([this.buffer, d]); this.wake(); });
        this.socket.on('error', () => { this.closed = true; this.wake(); });
        this.socket.on('close', () => { this.closed = true; this.wake(); });
    }
    write(bytes) { this.socket.write(bytes); return this; }
    end() { this.socket.destroy(); }
    // The next answer: { status, headers, body } or null when the connection ended without one.
    async answer(timeout_ms = 10000) {
        const limit = Date.now() + timeout_ms;
        for (;;) {
            const r = this.#parse();
            if (r) return r;
            if (this.closed) return null;
            if (Date.now() > limit) throw new Error(`no answer in ${timeout_ms} ms`);
            await new Promise((resolve) => { this.wake = resolve; setTimeout(resolve, 50); });
        }
    }
    #parse() {
        const end = this.buffer.indexOf('\r\n\r\n');
        if (end < 0) return null;
        const [first, ...lines] = this.buffer.subarray(0, end).toString('latin1').split('\r\n');
        const status = Number(first.split(' ')[1]);
        const headers = Object.fromEntries(lines.map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]));
        let rest = this.buffer.subarray(end + 4), body = Buffer.alloc(0);
        if (status === 100) { this.buffer = rest; return this.#parse(); }
        if (headers['transfer-encoding'] === 'chunked') {
            for (;;) {
                const eol = rest.indexOf('\r\n');
                if (eol < 0) return null;
                const size = parseInt(rest.subarray(0, eol).toString(), 16);
                if (rest.length < eol + 2 + size + 2) return null;
                body = Buffer.concat([body, rest.subarray(eol + 2, eol + 2 + size)]);
                rest = rest.subarray(eol + 2 + size + 2);
                if (size === 0) break;
            }
        } else {
            const size = Number(headers['content-length'] ?? 0);
            if (rest.length < size) return null;
            body = rest.subarray(0, size);
            rest = rest.subarray(size);
        }
        this.buffer = rest;
        return { status, headers, body };
    }
}

// One request on a connection of its own. lines: the request head's lines after the first.
export async function request(url, first, lines = [], body = '', timeout_ms = 10000) {
    const c = new Connection(url);
    try {
        await c.opened;
        const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
        const length = bytes.length && !lines.some((l) => /^(content-length|transfer-encoding):/i.test(l)) ? [`Content-Length: ${bytes.length}`] : [];
        c.write(Buffer.concat([Buffer.from([`${first} HTTP/1.1`, 'Host: weir', ...lines, ...length, '', ''].join('\r\n'), 'latin1'), bytes]));
        return await c.answer(timeout_ms);
    } finally {
        c.end();
    }
}
