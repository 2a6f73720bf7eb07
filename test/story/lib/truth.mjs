// truth.mjs: what a story sent, as the golden reference understands it; and whether the server's answers agree.
import assert from 'node:assert';
import { compare } from '../../golden/compare.mjs';
import { answer, prepare } from '../../golden/reference.mjs';

export class Truth {
    constructor(timezone = 'UTC') {
        this.world = { timezone, now: new Date().toISOString(), parts: [[]], engage: [], groups: [] };
    }
    event(event, properties) { this.world.parts[0].push({ event, properties }); }
    engage(distinct_id, record) { this.world.engage.push({ $distinct_id: distinct_id, ...record }); }
    group(group_key, group_id, record) { this.world.groups.push({ $group_key: group_key, $group_id: group_id, ...record }); }
    get size() { return this.world.parts[0].length; }
    answer(query) {
        this.world.now = new Date().toISOString();
        this.model ??= prepare(this.world);
        return answer(this.model, query);
    }
    // Every question, over HTTP and (the first few) by the command line.
    async agrees(project, questions) {
        for (const [i, query] of questions.entries()) {
            const want = this.answer(query);
            const check = (how, got) => {
                const difference = compare(want, got);
                assert.strictEqual(difference, null, `${how}: ${JSON.stringify(query)}\n${difference}`);
            };
            check('HTTP', await project.query(query));
            if (i < 3) check('command', await project.queryByCommand(query));
        }
    }
}
