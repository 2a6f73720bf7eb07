/* apply.c: what a frame changes in meta: words, identities, profiles. Runs inside the follower's
 * transaction; what is in memory is changed with it and may run ahead of a failed commit: the same
 * frames come again. Words are written whether or not memory has them; aliases, which stand in most
 * events, only when memory lacks them or its list is doubted after a failure.
 */
#include "store/profile.h"

static struct err apply_word(struct store *s, struct project *p, const struct frame_text *t) {
    pthread_rwlock_wrlock(&p->words_lock);
    bool known = words_get(p->words, t->hash).p != NULL;
    erase_reborn(p, t->hash);
    struct err e = known ? ERR_NONE : words_add(p->words, t->hash, t->kind, t->type, t->bytes);
    pthread_rwlock_unlock(&p->words_lock);
    TRY(e);
    p->crowd_dirty |= !known;
    TRY(meta_exec(
        s->meta,
        "INSERT OR IGNORE INTO word(project, hash, kind, type, text) VALUES(?, ?, ?, ?, ?)",
        "ibiib", (int64_t)p->row.id, store_blob(&t->hash), (int64_t)t->kind, (int64_t)t->type,
        t->bytes));
    return profile_text_readable(s->meta, p->row.id, t->hash);
}

static struct err apply_alias(struct store *s, struct project *p, const struct frame_event *e,
                              bool *changed) {
    if (id128_is_zero(e->device)) return ERR_NONE;
    pthread_mutex_lock(&s->lock);
    struct err err = ERR_NONE;
    if (!aliases_has(p->aliases, e->device)) err = aliases_add(p->aliases, e->device, e->person);
    pthread_mutex_unlock(&s->lock);
    TRY(err);
    *changed = true;
    return meta_exec(s->meta,
                     "INSERT OR IGNORE INTO alias(project, device, person) VALUES(?, ?, ?)", "ibb",
                     (int64_t)p->row.id, store_blob(&e->device), store_blob(&e->person));
}

static bool alias_is_new(struct store *s, struct project *p, const struct frame_event *e) {
    if (id128_is_zero(e->device)) return false;
    if (p->aliases_doubted) return true;
    pthread_mutex_lock(&s->lock);
    bool is_new = !aliases_has(p->aliases, e->device);
    pthread_mutex_unlock(&s->lock);
    return is_new;
}

static struct err apply_each(struct store *s, struct project *p, struct frame *f,
                             struct profile_batch *batch, bool *changed) {
    struct frame walk = *f;
    struct frame_event event;
    struct frame_profile op;
    enum frame_record_type type;
    while ((type = frame_next(&walk, &event, &op))) {
        if (type == RECORD_EVENT) {
            if (alias_is_new(s, p, &event)) TRY(apply_alias(s, p, &event, changed));
            continue;
        }
        TRY(profile_apply(batch, type, &op));
        *changed = true;
    }
    return profile_end(batch);
}

static struct err apply_records(struct store *s, struct project *p, struct frame *f,
                                bool *changed) {
    struct profile_batch batch;
    profile_begin(&batch, s->meta, p->row.id, f);
    struct err e = apply_each(s, p, f, &batch, changed);
    s->profile_cut += e.code == ERR_OK ? batch.cut : 0;
    profile_done(&batch);
    return e;
}

struct err apply_frame(struct store *s, struct project *p, struct frame *f, bool *changed) {
    for (uint32_t i = 0; i < f->n_texts; i++) {
        if (f->texts[i].state != FRAME_TEXT_READABLE) continue;
        TRY(apply_word(s, p, &f->texts[i]));
        *changed = true;
    }
    return apply_records(s, p, f, changed);
}
