/* sample.h: a model made by hand that has everything a page can show, hostile names included. */
#pragma once

#include "page/page.h"

#define SAMPLE_NOW_US INT64_C(1764706200000000) /* 2025-12-02T20:10:00Z */
#define SAMPLE_HOSTILE "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
#define SAMPLE_TOKEN "k7push0token0of0the0sample"

/* Everything lives in the arena. */
struct status_model *sample_model(struct arena *a);
/* A page with `n` components, so many probes, and nothing the matter. */
struct status_model *sample_calm(struct arena *a, size_t n_components, size_t n_probes);
