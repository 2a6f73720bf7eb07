/* names.h: what is known in advance about names and values: the trackers' own names, what they mean
 * to intake, how their values are to be treated, and the closed lists of values that are readable
 * from the first sight (CROWD.md).
 *
 * The lists are data, in names.c (names) and lists.c (values, words). Threading: immutable once
 * made. Depends on: base. Used by: the files of intake.
 */
#pragma once

#include "base/base.h"

/* What intake itself does with an event's top-level property. */
enum intake_special {
    SPECIAL_NONE = 0,
    SPECIAL_TIME,
    SPECIAL_TOKEN,
    SPECIAL_IP,
    SPECIAL_INSERT_ID,
    SPECIAL_DISTINCT_ID,
    SPECIAL_USER_ID,
    SPECIAL_DEVICE_ID,
    SPECIAL_IGNORE,
    SPECIAL_LATITUDE,
    SPECIAL_LONGITUDE,
    SPECIAL_USER_AGENT,
    SPECIAL_OS,
    SPECIAL_BROWSER,
    SPECIAL_DEVICE,
    SPECIAL_CITY,
    SPECIAL_REGION,
    SPECIAL_COUNTRY,
};

/* How a name and its values are treated. */
enum intake_name_flag {
    NAME_EVENT = 1 << 0,      /* a tracker's own event name: readable */
    NAME_PROPERTY = 1 << 1,   /* a tracker's own property name: readable */
    NAME_SEALED = 1 << 2,     /* its values are always sealed, numbers included */
    NAME_PLACE = 1 << 3,      /* its values need five times the crowd */
    NAME_MEASURE = 1 << 4,    /* its big integers are numbers */
    NAME_TIME = 1 << 5,       /* its numbers are times */
    NAME_COORDINATE = 1 << 6, /* its numbers are text */
    NAME_OWN = 1 << 8,        /* an event that only the front itself makes */
    NAME_READABLE = 1 << 7,   /* found readable: not a rule, a fact about a name in a project */
};

enum intake_values {
    VALUES_NONE = 0,
    VALUES_OS,
    VALUES_BROWSER,
    VALUES_LIB,
    VALUES_COUNTRY,
    VALUES_REFERRER,
    VALUES_PROTOCOL,
    VALUES_ENGINE,
};

struct intake_name {
    const char *text;
    uint16_t flags;  /* enum intake_name_flag */
    uint8_t special; /* enum intake_special */
    uint8_t values;  /* enum intake_values */
};

#define NAMES_SLOTS 1024 /* more than twice the names: probes stay short */
struct intake_names {
    uint16_t slots[NAMES_SLOTS];  /* 1 + index into the table; 0: free */
    uint8_t lengths[NAMES_SLOTS]; /* of the names */
};
void intake_names_init(struct intake_names *n);
/* NULL: not a tracker's own. */
const struct intake_name *intake_name_find(const struct intake_names *n, struct str name);
enum intake_special intake_special_of(const struct intake_names *n, struct str key);

/* Whether `value` is on the closed list. */
bool intake_value_listed(enum intake_values list, struct str value);
/* What a name that no tracker owns says by its words: NAME_MEASURE ("order_amount", "sizeBytes"),
 * NAME_COORDINATE
 * ("pickup_lat"), or 0. A word that makes it an identifier ("price_id", "count_number") takes the
 * measure back. */
uint16_t intake_name_words(struct str name);
/* Distinct ids that stand for nobody: "anonymous", "undefined", "0", ... in any case. */
bool intake_id_refused(struct str id);
/* Query parameters of links that may be readable: utm_* and the click ids of campaigns. */
bool intake_campaign_param(struct str name);

/* A cheap spread of short byte strings for tables and caches whose collisions cost time only; not
 * keyed. */
static inline uint64_t intake_quick_hash(struct str s) {
    uint64_t head = 0, tail = 0, h = s.n * UINT64_C(0x9e3779b97f4a7c15);
    if (s.n >= 8) {
        memcpy(&head, s.p, 8);
        memcpy(&tail, s.p + s.n - 8, 8);
        if (s.n > 16) {
            uint64_t mid;
            memcpy(&mid, s.p + s.n / 2 - 4, 8);
            h ^= mid * UINT64_C(0xc2b2ae3d27d4eb4f);
        }
    } else if (s.n >= 4) { /* fixed sizes: a copy of variable length stalls the load behind it */
        uint32_t first, last;
        memcpy(&first, s.p, 4);
        memcpy(&last, s.p + s.n - 4, 4);
        head = first;
        tail = last;
    } else if (s.n > 0) {
        head = (uint64_t)(unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 |
               (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
    }
    h = (h ^ head) * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 32;
    h = (h ^ tail) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 29);
}
