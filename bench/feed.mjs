// feed.mjs: a child of readers.mjs: sends events of now to /import at a steady rate, in batches of 2,000, until told to stop; then says
// how many were acknowledged.
import http from 'node:http';

const { url, authorization, rate, batch } = JSON.parse(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const names = ['page_view', 'view_item', 'add_to_cart', 'search'], systems = ['iOS', 'Android', 'Windows', 'macOS'];
let sent = 0, acknowledged = 0, refused = 0, stopping = false;
const begin = Date.now(), waiting = new Set();

const line = (i) => JSON.stringify({ event: names[i % 4], properties: { time: Date.now(), distinct_id: `u${(i * 7919) % 50000}`, $insert_id: `feed-${begin}-${i}`, os: systems[i % 3], path: `/p/${i % 2000}`, plan: 'free', session_id: `f-${i >> 3}` } });

function post() {
    const body = Array.from({ length: batch }, () => line(sent++)).join('\n');
    return new Promise((resolve) => {
        const r = http.request(url, { method: 'POST', agent, headers: { authorization, 'content-type': 'application/x-ndjson', 'content-length': Buffer.byteLength(body) } }, (res) => {
            res.resume().on('end', () => { if (res.statusCode === 200) acknowledged += batch; else refused++; resolve(); });
        });
        r.on('error', () => { refused++; resolve(); });
        r.end(body);
    });
}

// What is due by now is sent; at most eight batches are under way.
const timer = setInterval(() => {
    const due = (Date.now() - begin) / 1000 * rate;
    while (!stopping && sent < due && waiting.size < 8) {
        const p = post().finally(() => waiting.delete(p));
        waiting.add(p);
    }
}, 10);
process.on('message', async () => {
    stopping = true;
    clearInterval(timer);
    const seconds = (Date.now() - begin) / 1000;
    await Promise.all(waiting);
    process.send({ per_second: acknowledged / seconds, refused });
    process.disconnect();
});
