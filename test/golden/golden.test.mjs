// golden.test.mjs: the engine must answer every report exactly as the slow reference does, on thousands of random small worlds.
// WEIR_WORLD names the program; WEIR_GOLDEN=SEED[,WORLDS] tries other worlds; a failure prints the smallest world that shows it.
import assert from 'node:assert';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compare } from './compare.mjs';
import { Engine } from './engine.mjs';
import { questionOf, worldOf } from './generate.mjs';
import { answer, prepare } from './reference.mjs';
import { shrink } from './shrink.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = process.env.WEIR_WORLD ?? ['build-asan', 'build'].map((b) => `${root}${b}/test/golden/world`).find(existsSync);
const long = Boolean(process.env.WEIR_TEST_LONG);
const [firstSeed, worlds] = (process.env.WEIR_GOLDEN ?? `1,${long ? 60000 : 3000}`).split(',').map(Number);
const questions = 8, shown = 5;

function expected(world, query) {
    return answer(prepare(world), query);
}
const judge = (world, query, got) => (got.died ? `the engine died: ${got.died}` : compare(expected(world, query), got));

test('the engine answers every report as the reference does', { timeout: long ? 7200e3 : 580e3 }, async () => {
    assert.ok(program, 'no golden/world program: ./dev test builds it');
    const engine = new Engine(program);
    const failures = new Map(); // one of each report and kind of difference
    let asked = 0;
    for (let seed = firstSeed; seed < firstSeed + worlds && failures.size < shown; seed++) {
        const world = worldOf(seed), list = Array.from({ length: questions }, (_, k) => questionOf(seed * 1000 + k, world));
        const answers = await engine.ask(world, list);
        for (const [i, query] of list.entries()) {
            const message = judge(world, query, answers[i]);
            asked++;
            const kind = message && `${query.report}: ${message.replace(/[-\d.]+|"[^"]*"/g, '#').slice(0, 60)}`;
            if (message && !failures.has(kind)) failures.set(kind, { seed, world, query });
        }
    }
    for (const f of failures.values()) {
        const small = await shrink(f, async ({ world, query }) => judge(world, query, (await engine.ask(world, [query]))[0]));
        console.log(`--- world ${f.seed}: ${small.message}\n${JSON.stringify({ world: small.world })}\n${JSON.stringify({ query: small.query })}`);
    }
    engine.stop();
    console.log(`${asked} questions about ${worlds} worlds`);
    assert.strictEqual(failures.size, 0, `${failures.size} kinds of difference`);
});
