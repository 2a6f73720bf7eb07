// browser.mjs: Chromium with a page of its own origin that holds the real mixpanel-browser.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { root } from './server.mjs';

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });

// A context that the SDK takes for a person's browser.
export async function personContext(browser) {
    const context = await browser.newContext({ userAgent });
    await context.addInitScript(() => Object.defineProperty(navigator, 'webdriver', { get: () => false }));
    return context;
}

// A small site on a loopback origin of its own.
export async function site() {
    const library = readFileSync(path.join(root, 'test/node_modules/mixpanel-browser/dist/mixpanel.umd.js'));
    const html = '<!doctype html><meta charset="utf-8"><title>Shop Tüst</title><script src="/mixpanel.js"></script><body><button id="b">Buy</button><form id="f"><input id="i"></form><a id="a" href="#x">x</a></body>';
    const server = createServer((req, res) => {
        const script = req.url.startsWith('/mixpanel.js');
        res.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html; charset=utf-8' });
        res.end(script ? library : html);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://localhost:${server.address().port}`, close: () => { server.closeAllConnections?.(); server.close(); } };
}
