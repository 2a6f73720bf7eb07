/* tape.c: what a first pass found, for the second.
 *
 * A breakdown with many values takes two passes over the same persons with the same filters; only
 * what the report does with the hits differs. So each worker of the first pass writes down the
 * persons that it gave to the report and their hits, and the second pass reads that instead of the
 * parts, as long as it is little: a tape that outgrows its limit is dropped, and then the second
 * pass scans again.
 */
#include "query/run.h"

#define CHECK_EVERY 512 /* persons between two looks at the clock */

struct err tapes_new(struct run *r, uint32_t n) {
    size_t most =
        r->limits->memory_bytes / 8 < TAPES_BYTES ? r->limits->memory_bytes / 8 : TAPES_BYTES;
    r->tapes = arena_array(r->arena, n, sizeof *r->tapes);
    if (!r->tapes) return ERR(ERR_NOMEM, "query: tapes");
    r->n_tapes = n;
    for (uint32_t i = 0; i < n; i++)
        r->tapes[i].arena = arena_new(most / n);
    return ERR_NONE;
}

void tapes_free(struct run *r) {
    for (uint32_t i = 0; i < r->n_tapes; i++)
        arena_free(r->tapes[i].arena);
    r->tapes = NULL;
    r->n_tapes = 0;
}

bool tapes_whole(const struct run *r) {
    for (uint32_t i = 0; i < r->n_tapes; i++) {
        if (!r->tapes[i].arena) return false;
    }
    return r->n_tapes > 0;
}

static void drop(struct tape *t) {
    struct arena *a = t->arena;
    *t = (struct tape){.arena = NULL};
    arena_free(a);
}

void tape_add(struct tape *t, struct id128 person, const struct hit *hits, uint32_t n) {
    if (!t->arena) return;
    struct tape_reel *reel = t->last;
    if (n > TAPE_REEL_HITS) {
        drop(t);
        return;
    }
    if (!reel || reel->n_hits + n > TAPE_REEL_HITS || reel->n_persons == TAPE_REEL_PERSONS) {
        reel = arena_alloc(t->arena, sizeof *reel);
        if (!reel) {
            drop(t);
            return;
        }
        *(t->last ? &t->last->next : &t->first) = reel;
        t->last = reel;
    }
    reel->person[reel->n_persons] = person;
    reel->count[reel->n_persons++] = n;
    memcpy(reel->hits + reel->n_hits, hits, n * sizeof *hits);
    reel->n_hits += n;
}

struct err tape_play(struct worker *w, const struct tape *t) {
    uint32_t seen = 0;
    w->scanned += t->scanned;
    w->unknown += t->unknown;
    for (const struct tape_reel *reel = t->first; reel; reel = reel->next) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < reel->n_persons; at += reel->count[i++]) {
            if (seen++ % CHECK_EVERY == 0) TRY(run_check(w->run->limits));
            w->serial++;
            w->person = reel->person[i];
            TRY(w->run->report->person(w, reel->hits + at, reel->count[i]));
            TRY(w->error);
        }
    }
    return ERR_NONE;
}
