/* turns.h: whose turn it is to compute. Private to query; the essay is in turns.c. */
#pragma once

#include <stdatomic.h>

#include "query/query.h"

/* One question's. */
struct query_turn {
    struct query_turns *all; /* NULL: nobody to take turns with */
    const struct query_limits *limits;
    atomic_uint_least64_t used;      /* pieces of work so far, of all its threads */
    atomic_int_least64_t granted_us; /* when one of its threads was last let in */
    atomic_int_least64_t look_us;    /* when the client is looked for next */
    atomic_bool gone;
};
void turn_init(struct query_turn *t, const struct query_limits *l);
/* A thread may compute between take and give. */
void turn_take(struct query_turn *t);
void turn_give(struct query_turn *t);
/* After each piece of work: lets a question go first that has had less. */
void turn_pass(struct query_turn *t);
/* Cancelled, or the client went away. */
bool turn_cancelled(struct query_turn *t);
