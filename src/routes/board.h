/* board.h: what the status desk's routes share; private to src/routes. */
#pragma once

#include "routes/call.h"

/* The desk, if this caller may use it; answers and gives NULL otherwise. *m: a snapshot in the
 * request's arena. */
struct status *board_open(struct call *c, struct status_model **m);
/* A refusal ("field: what is wrong" in e.what), or a failure. */
void board_refuse(struct call *c, const char *doing, struct err e);
struct status_component *board_component(const struct status_model *m, struct str key);
const char *board_id(const struct status_model *m, uint32_t number); /* "" if it is gone */

void board_put_time(struct jout *j, const char *key, int64_t us); /* 0: null */
void board_put_page(struct jout *j, const struct status_page *p);
void board_put_incident(struct jout *j, const struct status_model *m,
                        const struct status_incident *i, const struct status_evidence *e,
                        size_t n_evidence); /* e NULL: without */
/* C, with its charts if `whole`. Takes its setup from the desk. */
struct err board_put_component(struct call *c, struct jout *j, const struct status_model *m,
                               const struct status_component *k, bool whole);

/* Members of the body: absent leaves *out and gives true. Wrong: answers 400, false. */
bool board_bool(struct call *c, const char *name, bool *out);
bool board_text(struct call *c, const char *name, struct str *out);
bool board_time(struct call *c, const struct status_model *m, const char *name, int64_t *out);
/* A word of a closed set by its parser; absent keeps. */
bool board_word(struct call *c, const char *name, int (*parse)(struct str), int *out);
/* "components": {ID: STATE} or [ID] (then all `otherwise`). */
bool board_affected(struct call *c, const struct status_model *m, enum status_state otherwise,
                    struct status_affected **out, size_t *out_n);
