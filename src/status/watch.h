/* watch.h: what the loop keeps in memory; private to src/status. */
#pragma once

#include "status/internal.h"

/* Charts, areas and shares of the last 24 hours into the snapshot's components. */
struct err status_watch_charts(struct status *s, struct arena *a, struct status_model *m);
