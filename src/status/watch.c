/* watch.c: what the loop keeps. */
#include "status/watch.h"

struct err status_watch_charts(struct status *s, struct arena *a, struct status_model *m) {
    return ERR_NONE;
}

struct err status_evidence(struct status *s, struct str incident, struct arena *a,
                           struct status_evidence **out, size_t *out_n) {
    *out_n = 0;
    *out = arena_alloc(a, sizeof **out);
    return *out ? ERR_NONE : ERR(ERR_NOMEM, "evidence");
}

struct err status_signals(struct status *s, struct arena *a, struct status_signal **out,
                          size_t *out_n) {
    *out_n = 0;
    return ERR_NONE;
}

struct err status_component_forget(struct status *s, uint32_t number) {
    return ERR_NONE;
}
