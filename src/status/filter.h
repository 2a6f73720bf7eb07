/* filter.h: which events of the product's stream are a component's; private to src/status.
 *
 * Written as JSON: a list of at most 8 alternatives, each {"event": NAME, "where": [...]} with at
 * most 4 conditions that must all hold. No event: any. A condition is {"property": PATH} and one of
 * "is" (a text, number or truth) or "min" and/or "max" (numbers, both included). Compiled to
 * hashes, so that no name and no value is compared as text or opened.
 */
#pragma once

#include "status/internal.h"

#define STATUS_ALTERNATIVES 8
#define STATUS_CONDITIONS 4
#define STATUS_FILTER_BYTES 8192

enum status_condition_kind { STATUS_WHERE_TEXT, STATUS_WHERE_NUMBER, STATUS_WHERE_TRUTH };
struct status_condition {
    struct id128 property;
    enum status_condition_kind kind;
    struct id128
        text; /* the value's hash; of a whole number: as the crowd rule may have made it text */
    double min, max;
    bool truth;
};
struct status_alternative {
    bool any_event;
    struct id128 event;
    size_t n;
    struct status_condition where[STATUS_CONDITIONS];
};
struct status_filter {
    size_t n; /* 0: nothing is counted */
    struct status_alternative any[STATUS_ALTERNATIVES];
};

/* ERR_INVALID naming "events" or "errors". Empty text is no filter. */
struct err status_filter_check(struct str json, bool errors);
struct err status_filter_compile(struct str json, const struct seal_keys *k,
                                 struct status_filter *out);
/* The event's name is known to fit. */
bool status_where_holds(const struct status_alternative *a, const struct frame *f,
                        const struct frame_event *e);
