// readers.mjs: 1, 4, 16 and 24 questions at once while 20,000 events/s arrive: how long each waits, and what it costs.
import { fork } from 'node:child_process';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { basic } from '../test/story/lib/project.mjs';
import { during, family, here, quantile } from './measure.mjs';
import { questions } from './questions.mjs';

const RATE = 20000, BATCH = 2000, SECONDS = 10;

async function ask(project, q) {
    const begin = process.hrtime.bigint();
    const refused = await project.query({ ...q.query, ...q.timed }).then(() => false, () => true);
    return { name: q.name, refused, ms: Number(process.hrtime.bigint() - begin) / 1e6 };
}

// n readers, each asking Q1 to Q8 in turn, begun at different ones.
async function readers(project, n) {
    const asked = [], end = Date.now() + SECONDS * 1000;
    await Promise.all(Array.from({ length: n }, async (_, i) => {
        for (let k = i; Date.now() < end; k++) asked.push(await ask(project, questions[k % questions.length]));
    }));
    return asked;
}

async function level(server, project, meter, n) {
    const pids = family(server.pid);
    let asked;
    const peak_mb = await meter.peak_mb(pids, async () => { asked = await meter.used(pids, () => readers(project, n)); });
    const answered = asked.result.filter((a) => !a.refused), ms = answered.map((a) => a.ms), short = answered.filter((a) => a.name === 'Q1').map((a) => a.ms);
    return {
        n, per_second: answered.length / (asked.wall_ms / 1000), p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), worst: Math.max(...ms),
        short_p95: quantile(short, 0.95), refused: asked.result.length - answered.length, cpu_share: asked.cpu_ms / asked.wall_ms, peak_mb,
    };
}

export async function concurrent(server, project, meter) {
    const setup = { url: `${server.publicUrl}/import?strict=1&project_id=${project.id}`, authorization: project.sending ?? basic(project.secret, ''), rate: RATE, batch: BATCH };
    const result = [];
    for (const n of [1, 4, 16, 24]) {
        const feed = fork(path.join(here, 'feed.mjs'), [JSON.stringify(setup)]);
        const fed = new Promise((resolve) => feed.once('message', resolve));
        await wait(1000);
        const row = await during(`${n} questions at once`, () => level(server, project, meter, n));
        feed.send('stop');
        result.push({ ...row, fed: await fed });
    }
    return result;
}
