// receivers.mjs: what notices go to: a real mail server on loopback that keeps every mail, and a web server with receivers
// that answer, hang, fail or redirect.
import { createServer } from 'node:http';
import net from 'node:net';
import { SMTPServer } from 'smtp-server';

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

export async function freePort() {
    const s = net.createServer();
    const port = await listening(s);
    await new Promise((resolve) => s.close(resolve));
    return port;
}

// { headers: {name: value}, parts: [{type, text}], raw } of one of our mails.
export function parseMail(raw) {
    const split = (text) => {
        const at = text.indexOf('\r\n\r\n');
        const lines = text.slice(0, at).replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]);
        return { headers: Object.fromEntries(lines), names: lines.map(([n]) => n), body: text.slice(at + 4) };
    };
    const { headers, names, body } = split(raw);
    const boundary = /boundary="([^"]+)"/.exec(headers['content-type'])?.[1];
    const parts = body.split(`--${boundary}`).slice(1, -1).map((p) => {
        const part = split(p.replace(/^\r\n/, ''));
        const bytes = part.headers['content-transfer-encoding'] === 'base64' ? Buffer.from(part.body, 'base64')
            : Buffer.from(part.body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), 'latin1');
        return { type: part.headers['content-type'], text: bytes.toString('utf8') };
    });
    return { headers, names, parts, raw };
}

// A mail server: `mails` in order of arrival, each { to, from, session, ...parseMail }. rules.rcpt(address) and rules.data(mail)
// may return an Error with responseCode.
export async function mailServer(rules = {}) {
    const m = { mails: [], connections: 0, most: 0, open: 0, rules };
    const server = new SMTPServer({
        disabledCommands: ['AUTH', 'STARTTLS'], logger: false, disableReverseLookup: true,
        onConnect(session, done) { m.connections++; m.most = Math.max(m.most, ++m.open); done(); },
        onClose() { m.open--; },
        onRcptTo(address, session, done) { done(m.rules.rcpt?.(address.address)); },
        onData(stream, session, done) {
            const pieces = [];
            stream.on('data', (d) => pieces.push(d));
            stream.on('end', () => {
                const mail = { to: session.envelope.rcptTo[0].address, from: session.envelope.mailFrom.address, session: session.id, ...parseMail(Buffer.concat(pieces).toString('latin1')) };
                const error = m.rules.data?.(mail);
                if (!error) m.mails.push(mail);
                done(error);
            });
        },
    });
    server.on('error', () => {}); // a courier that is killed breaks its connections
    m.port = await listening(server.server);
    m.url = `smtp://127.0.0.1:${m.port}`;
    m.close = () => new Promise((resolve) => { server.close(resolve); for (const c of server.connections) c._socket?.destroy(); });
    return m;
}

// Receivers by path: /ok, /hang, /fail (500), /redirect (302 to /ok), /gone (410). `got` holds every request.
export async function hookServer() {
    const h = { got: [] };
    const server = createServer((req, res) => {
        let body = '';
        req.on('data', (d) => { body += d; });
        req.on('end', () => {
            h.got.push({ path: req.url, headers: req.headers, body, at: Date.now() });
            if (req.url.startsWith('/hang')) return;
            if (req.url.startsWith('/redirect')) { res.writeHead(302, { location: '/ok/redirected' }); res.end(); return; }
            res.writeHead(req.url.startsWith('/fail') ? 500 : req.url.startsWith('/gone') ? 410 : 200);
            res.end('thanks');
        });
    });
    h.port = await listening(server);
    h.url = (path) => `http://127.0.0.1:${h.port}${path}`;
    h.at = (path) => h.got.filter((g) => g.path === path);
    h.close = () => { server.closeAllConnections?.(); server.close(); };
    return h;
}
