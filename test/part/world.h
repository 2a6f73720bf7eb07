/* world.h: random events written as frames, and the same events as a slow obvious model. */
#pragma once

#include "part/part.h"

struct world_plan {
    uint64_t seed;
    uint32_t frames, rows_per_frame;
    uint32_t persons, events, properties, values; /* how many different ones */
    uint32_t fill;                                /* percent: a row has a property */
    uint32_t duplicates;  /* percent: a row repeats an earlier one of its person */
    int64_t time_step_us; /* times are multiples of it */
    uint32_t time_steps;  /* ... out of so many */
    bool rare;            /* later properties are ever rarer */
    bool simple;          /* texts only */
};

/* A text of the world; it is readable from frame `from` on. */
struct world_text {
    struct frame_text t; /* bytes: clear, owned */
    uint32_t from;
};

struct world_row {
    struct id128 person, event, sent;
    uint64_t insert;
    int64_t time_us;
    uint32_t frame;  /* journal order is the row's place in the world */
    char *props;     /* "property hex=value;..." by property; owned */
    uint32_t *texts; /* [n_texts] of world, all that the row refers to; owned */
    uint32_t n_texts;
};

struct world {
    struct world_plan plan;
    struct seal_keys keys;
    struct team_secret team;
    struct world_text *texts;
    uint32_t n_texts, cap_texts;
    struct world_row *rows;
    uint32_t n_rows;
    struct str *frames; /* [plan.frames], owned */
    uint64_t rng;
};
void world_make(struct world *w, const struct world_plan *plan);
void world_free(struct world *w);
uint32_t world_random(struct world *w, uint32_t below);
int world_find_text(const struct world *w, struct id128 hash);

/* A part of frames [from, to). */
struct part *world_build(struct world *w, uint32_t from, uint32_t to);

/* What a part should hold. */
struct world_choice {
    uint32_t from_frame, to_frame;
    int64_t from_us, to_us;
    bool (*drop)(struct id128 person);              /* may be NULL */
    struct id128 (*person_of)(struct id128 person); /* may be NULL */
    bool merged; /* readable by what the whole range of frames knows, not only by where a text
                    appears */
};
/* Rows that should remain, in order: indexes into w->rows, malloc'd. */
uint32_t *world_expect(struct world *w, const struct world_choice *c, uint32_t *out_n);
/* Everything of the part against the model; fails the test with the first difference. */
void world_compare(struct world *w, const struct world_choice *c, const struct part *p);
/* A row of a part as the model writes it. malloc'd. */
char *world_row_text(const struct part *p, uint32_t row);
