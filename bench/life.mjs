// life.mjs: how long the server takes from its start to `ready` on a loaded folder, and what its processes hold at rest.
import { setTimeout as wait } from 'node:timers/promises';
import { family, median, memory_mb } from './measure.mjs';

export async function startUp(server, times = 5) {
    const took = [];
    for (let i = 0; i < times; i++) {
        await server.stop();
        const begin = process.hrtime.bigint();
        await server.start();
        took.push(Number(process.hrtime.bigint() - begin) / 1e6);
    }
    return { median_ms: median(took), worst_ms: Math.max(...took) };
}

// share: each page shared by n processes counts 1/n in each (Pss); rss counts it n times.
export async function idle(server, meter) {
    await meter.rest(family(server.pid));
    await wait(2000);
    const list = family(server.pid).map(memory_mb), sum = (k) => list.reduce((n, x) => n + x[k], 0);
    return { processes: list, rss: sum('rss'), share: sum('share'), anonymous: sum('anonymous') };
}
