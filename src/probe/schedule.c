/* schedule.c: when a monitor is checked at one place, and when its down is believed.
 *
 * Starts are spread over the interval, each monitor at its own phase of it, so that a thousand do
 * not begin together. A failure is asked again soon: attempts begin confirm_us apart, or one after
 * the other where they take longer, and a confirming attempt gets three fifths of the time. With an
 * interval of 30 s and the defaults (limit 5 s, two retries) a dead service is believed dead after
 * at most 30 + 5 + 5 s when it refuses, 30 + 5 + 3 + 3 s when it hangs.
 */
#include <assert.h>

#include "probe/probe.h"

void probe_slot_init(struct probe_slot *s, const struct probe_config *c, int64_t now_us) {
    int64_t phase = c->phase_us % c->interval_us;
    int64_t begin = now_us - now_us % c->interval_us + phase;
    *s =
        (struct probe_slot){.config = c, .due_us = begin < now_us ? begin + c->interval_us : begin};
}

int64_t probe_slot_begin(struct probe_slot *s, int64_t now_us, int32_t *out_late_us) {
    assert(!s->running);
    int64_t late = now_us > s->due_us ? now_us - s->due_us : 0;
    *out_late_us = (int32_t)(late < INT32_MAX ? late : INT32_MAX);
    s->running = true;
    s->begun_us = now_us;
    bool confirming = s->failed > 0 && !s->down;
    return confirming ? s->config->timeout_us * 3 / 5 : s->config->timeout_us;
}

/* The next begin by schedule that is not over yet: what was missed is not made up for. */
static void next_by_schedule(struct probe_slot *s, int64_t now_us) {
    struct probe_slot fresh;
    probe_slot_init(&fresh, s->config, now_us + 1);
    s->due_us = fresh.due_us;
}

void probe_slot_end(struct probe_slot *s, struct post_beat *b, bool offline, int64_t now_us) {
    assert(s->running);
    s->running = false;
    b->attempt = (uint8_t)(s->failed < 255 ? s->failed : 255);
    if (b->up == POST_UP || b->up == POST_UNKNOWN) {
        if (b->up == POST_UP) s->down = false;
        s->failed = 0;
        next_by_schedule(s, now_us);
        return;
    }
    if (offline && probe_fault_is_lost((enum post_fault)b->fault)) {
        b->up = POST_UNKNOWN;
        s->failed = 0;
        next_by_schedule(s, now_us);
        return;
    }
    s->failed++;
    if (s->down || s->failed > (uint64_t)s->config->retries) {
        s->down = true;
        b->up = POST_DOWN;
        next_by_schedule(s, now_us);
        return;
    }
    b->up = POST_PENDING;
    bool waited = b->fault == POST_TIMEOUT; /* that was pause enough */
    int64_t next = s->begun_us + s->config->confirm_us;
    s->due_us = next > now_us && !waited ? next : now_us;
}

void probe_slot_hurry(struct probe_slot *s, int64_t now_us) {
    if (!s->running && s->due_us > now_us) s->due_us = now_us;
}
