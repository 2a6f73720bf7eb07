/* tap.c: what is followed, shown to one listener, each frame once and in the journal's order.
 *
 * The follower may take frames again (after a failed follow, and after a start, from where parts
 * end); the listener has its own position, and is shown only what lies behind it. What it missed
 * while nothing ran is read to it first, if the journal still has it.
 */
#include "store/internal.h"

void store_tap(struct store *s, const struct store_tap *t) {
    s->tap = *t;
    uint64_t from = t->from == STORE_TAP_NOW ? s->visible : t->from;
    atomic_store(&s->tapped, from);
}

bool store_tap_is_current(struct store *s) {
    return atomic_load(&s->tapped) >= s->config.synced(s->config.synced_ctx);
}

void tap_give(struct store *s, const struct frame *f, uint64_t end) {
    struct frame walk = *f;
    if (!s->tap.take || end <= atomic_load(&s->tapped)) return;
    s->tap.take(s->tap.ctx, &walk, end);
    atomic_store(&s->tapped, end);
}

static struct err read_up(struct store *s, struct journal_reader *r) {
    for (;;) {
        struct str bytes;
        struct frame f;
        struct err e = journal_next(r, s->visible, &bytes);
        if (e.code == ERR_NOTFOUND) return ERR_NONE;
        TRY(e);
        TRY(frame_parse(bytes, &f));
        tap_give(s, &f, journal_reader_position(r));
        frame_done(&f);
    }
}

void tap_catch_up(struct store *s) {
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    char folder[4200];
    uint64_t from = atomic_load(&s->tapped);
    if (!s->tap.take || from >= s->visible) return;
    path_join(folder, sizeof folder, s->folder, "journal");
    struct err e = journal_reader_open(folder, from, &r);
    if (e.code == ERR_OK) e = read_up(s, r);
    if (e.code != ERR_OK && e.code != ERR_NOTFOUND) log_failure("reading the journal again", e);
    if (atomic_load(&s->tapped) < s->visible) atomic_store(&s->tapped, s->visible);
}
