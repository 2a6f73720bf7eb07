#include "intake/seen.h"

#include "intake/state.h"

struct intake_seen *intake_seen_place(struct intake_last *l, const struct intake_names *names,
                                      size_t place, struct str name) {
    if (!l->on || place >= SEEN_PLACES || name.n == 0 || name.n > SEEN_NAME_BYTES) return NULL;
    struct intake_seen *s = &l->places[place];
    if (s->name_n == name.n && memcmp(s->name, name.p, name.n) == 0) return s;
    s->name_at.frame = s->value_at.frame = 0;
    s->special = (uint8_t)intake_special_of(names, name);
    s->name_n = (uint8_t)name.n;
    memcpy(s->name, name.p, name.n);
    if (place >= l->n) l->n = place + 1;
    return s;
}

static struct intake_seen_index index_of(const struct intake_door *d, uint32_t index,
                                         bool for_all) {
    if (d->failed.code != ERR_OK) return (struct intake_seen_index){0};
    return (struct intake_seen_index){d->frame, d->sender, index, for_all};
}

void intake_seen_name(struct intake_seen *s, const struct intake_door *d,
                      const struct intake_path *path) {
    s->name_at = index_of(d, path->index, frame_text_is_known(d->writer, path->index));
    s->path = *path;
    s->path.name = (struct str){s->name, s->name_n};
    s->value_at.frame = 0;
}

bool intake_seen_has_value(const struct intake_seen *s, const struct intake_door *d,
                           struct str value) {
    return intake_seen_holds(&s->value_at, d) && s->value_n == value.n &&
           memcmp(s->value, value.p, value.n) == 0;
}

void intake_seen_value(struct intake_seen *s, const struct intake_door *d, struct str value,
                       uint32_t index) {
    s->value_at.frame = 0;
    if (value.n == 0 || value.n > SEEN_VALUE_BYTES || d->failed.code != ERR_OK) return;
    s->value_at = index_of(d, index, frame_text_is_known(d->writer, index));
    s->value_n = (uint8_t)value.n;
    memcpy(s->value, value.p, value.n);
}

void intake_last_forget(struct intake_last *l) {
    secret_wipe(l->places, l->n * sizeof *l->places);
    secret_wipe(l->id, sizeof l->id);
    secret_wipe(&l->person, sizeof l->person);
    l->n = 0;
    l->id_key = 0;
    l->id_n = 0;
    l->on = false;
}
