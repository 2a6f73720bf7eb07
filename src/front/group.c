/* group.c: the commit group, from open frames to answers.
 *
 *   finish each project's frame -> append and sync them as one -> the crowd's pending texts become
 * readable -> publish the position -> wake console -> release the answers
 *
 * Any failure gives the whole group up: the crowd forgets what the frames carried, nothing stays in
 * the journal, every waiting request gets 503. Refusing loses events at most trackers and delay at
 * none, so the first failure is met with patience: the group is held, the sockets queue, and the
 * append is tried again for as long as every tracker waits. While the disk stays full after that,
 * later groups are tried once and refused at once, since their senders waited already; the first
 * success ends this.
 */
#include <poll.h>
#include <stdlib.h>

#include "front/inside.h"

#define HOLD_US (8 * US_PER_S) /* trackers wait at least 10 s */
#define RETRY_MS 250

static void close_project(struct front_project *p, bool durable) {
    if (durable)
        crowd_commit(p->crowd);
    else
        crowd_abort(p->crowd);
    p->open = false;
}

/* A frame without records is not written, and what its texts became is taken back. */
static struct err finish_frames(struct front *f, struct str *frames, size_t *out_n) {
    size_t n = 0;
    for (size_t i = 0; i < f->n_open; i++) {
        struct front_project *p = f->open[i];
        if (frame_records_n(p->writer) == 0)
            close_project(p, false);
        else
            TRY(frame_finish(p->writer, &frames[n++]));
    }
    *out_n = n;
    return ERR_NONE;
}

static struct err append(struct front *f, const struct str *frames, size_t n) {
    struct channel_page *page = f->channel->page;
    int64_t until = time_monotonic_us() + (f->full ? 0 : HOLD_US);
    bool told = f->full; /* one line for one trouble */
    for (;;) {
        uint64_t position;
        int64_t began = time_monotonic_us();
        struct err e = journal_append(f->journal, frames, n, &position);
        if (e.code == ERR_OK) {
            if (f->full) log_info("journal: written again");
            f->full = false;
            atomic_store(&page->disk_full, 0);
            channel_count(f->channel, COUNT_SYNCS, 1);
            channel_count(f->channel, COUNT_SYNC_US, (uint64_t)(time_monotonic_us() - began));
            atomic_store_explicit(&page->synced, position, memory_order_release);
            return ERR_NONE;
        }
        if (!told) log_failure("journal: append", e);
        told = true;
        atomic_store(&page->disk_full, e.code == ERR_FULL);
        if (e.code == ERR_LIMIT || e.code == ERR_NOMEM) return e; /* waiting changes nothing */
        if (time_monotonic_us() >= until) {
            f->full = true;
            return e;
        }
        (void)poll(NULL, 0, RETRY_MS);
    }
}

static void publish(struct front *f, size_t frames) {
    channel_count(f->channel, COUNT_FRAMES, frames);
    channel_count(f->channel, COUNT_EVENTS, f->events);
    channel_count(f->channel, COUNT_PROFILE_OPS, f->profile_ops);
    channel_wake(f->channel->wake_console);
}

static struct err write_group(struct front *f) {
    if (f->must_abort) return ERR(ERR_NOMEM, "a text could not be entered");
    struct str *frames = calloc(f->n_open + 1, sizeof *frames);
    if (!frames) return ERR(ERR_NOMEM, "list of frames");
    size_t n = 0;
    struct err e = finish_frames(f, frames, &n);
    if (e.code == ERR_OK && n > 0) e = append(f, frames, n);
    free(frames);
    if (e.code == ERR_OK && n > 0) publish(f, n);
    return e;
}

void front_commit(struct front *f) {
    struct err e = write_group(f);
    if (e.code == ERR_NOMEM || e.code == ERR_LIMIT) log_failure("group given up", e);
    for (size_t i = 0; i < f->n_open; i++)
        if (f->open[i]->open) close_project(f->open[i], e.code == ERR_OK);
    f->n_open = 0;
    f->failed = e.code != ERR_OK;
    f->must_abort = false;
    f->events = f->profile_ops = 0;
}
