/* watch.c */
#include "status/watch.h"
struct err status_watch_charts(struct status *s, struct arena *a, struct status_model *m) {
    return ERR_NONE;
}
