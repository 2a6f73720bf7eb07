/* state.h: what an intake holds from request to request. Private. Depends on: base, json, seal. */
#pragma once

#include "intake/device.h"
#include "intake/geo.h"
#include "intake/text.h"

#define KNOWN_SLOTS                                                                                \
    65536 /* 8 MB: hot texts of some dozens of projects; smaller tables lost more than they saved  \
           */
#define NAME_SLOTS 4096    /* 512 kB: names of properties and events */
#define PERSON_SLOTS 32768 /* 1.5 MB */

struct intake_props;
struct intake_trial;

struct intake {
    struct json_parser *parser;
    struct arena *scratch; /* one request's nodes and decoded bytes; wiped when it ends */
    struct arena *line;    /* one line's nodes; wiped at the next */
    struct arena *record;  /* one record's paths; wiped at the next */
    struct intake_names names;
    struct intake_geo *geo;           /* NULL: no database */
    struct intake_device *device;     /* NULL: no patterns */
    struct intake_known *known;       /* [KNOWN_SLOTS] values */
    struct intake_known *names_known; /* [NAME_SLOTS] */
    struct intake_person *persons;    /* [PERSON_SLOTS] */
    struct intake_props *props;       /* the record in hand */
    struct intake_last *last;         /* the one before, within a request */
    struct intake_trial *trials;      /* [n_trials] test projects met */
    size_t n_trials;
    uint64_t generation; /* of the registry that the caches are true for */
};
