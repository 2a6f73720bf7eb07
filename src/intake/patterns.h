/* patterns.h: uap-core's regexes.yaml in memory. Private to device.c. Depends on: base, libyaml,
 * PCRE2. */
#pragma once

#include "base/base.h"

enum intake_pattern_list { PATTERN_BROWSER, PATTERN_OS, PATTERN_DEVICE };
#define PATTERN_LISTS 3
#define PATTERN_MAX 5000 /* of one list */

struct pcre2_real_code_8;
struct intake_pattern {
    struct str regex, replacement; /* in the arena; replacement empty: the first group */
    bool without_case, tried;
    struct pcre2_real_code_8 *code; /* NULL: not compiled yet, or not compilable */
};
struct intake_patterns {
    struct intake_pattern *list[PATTERN_LISTS]; /* [n] */
    size_t n[PATTERN_LISTS];
    struct arena *text;
};
/* ERR_CORRUPT, ERR_NOMEM; what was read so far is released by done. */
struct err intake_patterns_read(struct str yaml, struct intake_patterns *out);
void intake_patterns_done(struct intake_patterns *p);
