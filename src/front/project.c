/* project.c: what the front keeps for each project.
 *
 * The readable set must be exact: a text marked too early would be lost (its frame says "known",
 * and nobody holds it), one marked too late is only sealed once more. So at start it is made of two
 * sources that are both durable: the set that console saved, and every readable text in the frames
 * behind the position for which the set is true.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/inside.h"

#define MINUTE_US (60 * US_PER_S)

static size_t place_of(const struct front *f, uint64_t id) {
    size_t low = 0, high = f->n_projects;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->projects[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct front_project *front_project(struct front *f, uint64_t id) {
    size_t i = place_of(f, id);
    return i < f->n_projects && f->projects[i].id == id ? &f->projects[i] : NULL;
}

static void project_done(struct front_project *p) {
    crowd_free(p->crowd);
    frame_writer_free(p->writer);
    *p = (struct front_project){0};
}

static void crowd_path(const struct front *f, uint64_t id, const char *what, char out[4200]) {
    char name[64];
    (void)snprintf(name, sizeof name, "front/crowd-%" PRIu64 ".%s", id, what);
    settings_path(f->setup->settings, name, out);
}

/* The saved set; one that is missing or does not check counts as empty: its texts are sealed until
 * they come again. */
static uint64_t read_set(struct front *f, struct front_project *p) {
    char path[4200];
    uint64_t position = 0;
    crowd_path(f, p->id, "set", path);
    struct err e = crowd_set_read(path, p->crowd, &position);
    if (e.code == ERR_OK) return position;
    if (e.code != ERR_NOTFOUND) log_failure("reading a project's readable texts", e);
    return 0;
}

/* What an erasure wants forgotten: the file lies there until console has seen this registry in
 * force. */
static void forget(struct front *f, struct front_project *p) {
    char path[4200];
    crowd_path(f, p->id, "forget", path);
    struct err e = crowd_forget_read(path, p->crowd);
    if (e.code != ERR_OK && e.code != ERR_NOTFOUND)
        log_failure("reading what an erasure wants forgotten", e);
}

void front_projects_forget(struct front *f) {
    for (size_t i = 0; i < f->n_projects; i++)
        forget(f, &f->projects[i]);
}

static struct err project_init(struct front *f, uint64_t id, struct front_project *out) {
    struct front_project p = {.id = id, .crowd = crowd_new(FRONT_CANDIDATES)};
    if (!p.crowd) return ERR(ERR_NOMEM, "front: crowd of a project");
    (void)read_set(f, &p);
    char path[4200];
    crowd_path(f, id, "candidates", path);
    struct err e = crowd_candidates_read(path, p.crowd);
    if (e.code != ERR_OK && e.code != ERR_NOTFOUND)
        log_failure("reading a project's candidates", e);
    *out = p;
    return ERR_NONE;
}

struct lists {
    struct front_project *projects, **open, **touched;
};

static void lists_free(struct lists *l) {
    free(l->projects);
    free(l->open);
    free(l->touched);
}

static struct err lists_new(size_t n, struct lists *out) {
    struct lists l = {.projects = calloc(n + 1, sizeof *l.projects),
                      .open = calloc(n + 1, sizeof(struct front_project *)),
                      .touched = calloc(n + 1, sizeof(struct front_project *))};
    if (!l.projects || !l.open || !l.touched) {
        lists_free(&l);
        return ERR(ERR_NOMEM, "front: projects");
    }
    *out = l;
    return ERR_NONE;
}

struct err front_projects_update(struct front *f) {
    const struct registry *r = f->registry;
    assert(f->n_open == 0);
    struct lists next;
    TRY(lists_new(r->n_projects, &next));
    struct err e = ERR_NONE;
    size_t n = 0;
    for (; n < r->n_projects && e.code == ERR_OK; n++) {
        struct front_project *old = front_project(f, r->projects[n].id);
        if (old)
            next.projects[n] = *old;
        else
            e = project_init(f, r->projects[n].id, &next.projects[n]);
    }
    if (e.code != ERR_OK) { /* those made just now go; the old ones stay where they are */
        for (size_t i = 0; i < n; i++)
            if (!front_project(f, next.projects[i].id)) project_done(&next.projects[i]);
        lists_free(&next);
        return e;
    }
    for (size_t i = 0; i < f->n_projects; i++)
        if (!registry_by_id(r, f->projects[i].id)) project_done(&f->projects[i]);
    lists_free(&(struct lists){f->projects, f->open, f->touched});
    f->projects = next.projects;
    f->open = next.open;
    f->touched = next.touched;
    f->n_projects = n;
    f->n_touched = 0;
    return ERR_NONE;
}

/* ---- rebuilding ---- */

static struct err follow_frame(struct front *f, struct str bytes) {
    struct frame frame;
    TRY(frame_parse(bytes, &frame));
    struct front_project *p = front_project(f, frame.project);
    struct err e = ERR_NONE;
    for (uint32_t i = 0; p && i < frame.n_texts && e.code == ERR_OK; i++)
        if (frame.texts[i].state == FRAME_TEXT_READABLE)
            e = crowd_add(p->crowd, frame.texts[i].hash);
    frame_done(&frame);
    return e;
}

/* All frames that are left are read: console deletes what its parts and saved sets cover. A frame
 * whose texts a set holds already adds nothing. */
struct err front_projects_follow(struct front *f) {
    uint64_t position, end = journal_position(f->journal);
    TRY(journal_first_position(f->journal_path, &position));
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    TRY(journal_reader_open(f->journal_path, position, &r));
    for (;;) {
        struct str bytes;
        struct err e = journal_next(r, end, &bytes);
        if (e.code == ERR_NOTFOUND) return ERR_NONE;
        TRY(e);
        TRY(follow_frame(f, bytes));
    }
}

void front_projects_save(struct front *f) {
    for (size_t i = 0; i < f->n_projects; i++) {
        char path[4200];
        crowd_path(f, f->projects[i].id, "candidates", path);
        struct err e = crowd_candidates_write(path, f->projects[i].crowd);
        if (e.code != ERR_OK) log_failure("saving a project's candidates", e);
    }
}

void front_projects_rest(struct front *f) {
    assert(f->n_open == 0);
    for (size_t i = 0; i < f->n_projects; i++) {
        frame_writer_free(f->projects[i].writer);
        f->projects[i].writer = NULL;
    }
}

void front_projects_free(struct front *f) {
    for (size_t i = 0; i < f->n_projects; i++)
        project_done(&f->projects[i]);
    lists_free(&(struct lists){f->projects, f->open, f->touched});
    f->projects = NULL;
    f->open = f->touched = NULL;
    f->n_projects = f->n_open = f->n_touched = 0;
}

/* ---- a request's records ---- */

static uint64_t quota_of(const struct front *f, const struct registry_project *p) {
    if (p->quota_per_minute > 0) return p->quota_per_minute;
    int64_t all = f->setup->settings->max_events_per_minute;
    return all > 0 ? (uint64_t)all : UINT64_MAX;
}

/* Looked at once per request and project: a request that begins under the quota is taken whole.
 * Intake asks for all projects of a request before it puts a record into the first one's frame. */
static bool has_quota(struct front *f, struct front_project *p,
                      const struct registry_project *row) {
    int64_t minute = f->arrival_us / MINUTE_US;
    if (p->minute != minute) {
        p->minute = minute;
        p->used = 0;
    }
    if (p->used < quota_of(f, row)) return true;
    channel_count(f->channel, COUNT_QUOTA_REFUSED, 1);
    return false;
}

struct frame_writer *front_writer(void *ctx, const struct registry_project *row) {
    struct front *f = ctx;
    struct front_project *p = front_project(f, row->id);
    if (!p) return NULL;
    if (!p->touched && !has_quota(f, p, row)) return NULL;
    if (!p->writer) p->writer = frame_writer_new();
    if (!p->writer) return NULL;
    if (!p->open) {
        frame_begin(p->writer, row->id, &f->registry->team, f->arrival_us);
        p->open = true;
        f->open[f->n_open++] = p;
    }
    if (!p->touched) {
        p->records_before = frame_records_n(p->writer);
        p->touched = true;
        f->touched[f->n_touched++] = p;
    }
    return p->writer;
}

struct crowd *front_crowd(void *ctx, const struct registry_project *row) {
    struct front_project *p = front_project(ctx, row->id);
    return p ? p->crowd : NULL;
}

void front_request_begin(struct front *f) {
    f->arrival_us = time_now_us();
    assert(f->n_touched == 0);
}

void front_request_end(struct front *f) {
    for (size_t i = 0; i < f->n_touched; i++) {
        struct front_project *p = f->touched[i];
        p->used += frame_records_n(p->writer) - p->records_before;
        p->touched = false;
    }
    f->n_touched = 0;
}

size_t front_group_bytes(const struct front *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->n_open; i++)
        n += frame_bytes(f->open[i]->writer);
    return n;
}
