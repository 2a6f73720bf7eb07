/* run.h: a plan that has met a world, and the workers that answer it. Private to query.
 *
 * A run is made once per question by the asking thread and is immutable while workers work: hashes
 * of names and literals, profile values, which parts matter. A worker is one thread's: its memory,
 * its windows into columns, what it remembers per dictionary entry (the result of a filter leaf,
 * the ids of a breakdown's values), and the report's state. Workers take slices of the range of
 * pseudonyms until none is left; then their states are merged.
 *
 *   parts ──scan.c──► hits of one person, in order of time, duplicates folded ──filter.c──►
 * report->person ──► merge ──► emit
 */
#pragma once

#include "query/plan.h"
#include "query/range.h"
#include "query/table.h"

#define REF_MAX_VARIANTS 9
#define WINDOW_ROWS 1024
#define WINDOW_SINGLES 6 /* rows of a window that are read one by one before it is decoded */
#define SIDE_ROWS 64     /* rows of a device are few and far: small windows */

/* ---- hits: the rows that a question wants of one person ---- */
struct hit {
    int64_t t;
    uint64_t sel; /* bit per selector whose event it is; after filters: that it passed */
    uint32_t row;
    uint16_t part; /* index into the run's active parts */
    uint8_t side;  /* the row came from a device: read through the side windows */
};

/* ---- bound references ---- */
struct profile_map {
    struct table owners;       /* id128 -> index */
    struct part_value *values; /* [owners.n] */
    uint32_t cap;
    bool out_of_memory;
    struct arena *arena;
};
struct bound_ref {
    const struct plan_ref *plan;
    size_t n;                                /* ways to read the name: "a.b" nested or literal */
    struct id128 name[REF_MAX_VARIANTS];     /* hash of the event property to read: its own, or the
                                                group key's */
    enum text_kind value_kind;               /* how its values are hashed... */
    struct str value_path[REF_MAX_VARIANTS]; /* ...and under which paths */
    size_t n_values;
    bool by_handle; /* only the name's handle is known: its values are asked by theirs */
    struct profile_map *profiles; /* REF_USER, REF_GROUP */
};
struct bound_leaf {
    const struct plan_filter *plan;
    uint32_t ref;         /* FILTER_LEAF */
    struct id128 *hashes; /* [n_hashes]: of all literals, sorted */
    size_t n_hashes;
    bool has_handles;
    int64_t *times; /* [n_literals]: LITERAL_STRING that reads as a date, else INT64_MIN */
    bool (*has)(void *ctx, struct id128 person); /* FILTER_COHORT */
    void *has_ctx;
};
struct bound_dim {
    uint32_t ref;
    bool whole; /* a list is one value, not its elements (hold) */
};

/* Opening a text costs two public-key operations, and an export shows the same person's again and
 * again. */
#define TEXTS_MAX_OPENED 65536
struct texts {
    struct table opened; /* id128 -> clear[] */
    struct str *clear;
    uint32_t cap;
    struct table seen; /* handles given to `sealed` */
    void (*sealed)(void *ctx, struct id128 handle, struct id128 hash);
    void *ctx;
    struct arena *arena;
};

/* ---- marks: what plain reports ask of a person (marks.c) ---- */
#define MARKS_MAX_BUCKETS 64
struct marks {
    uint64_t all[2];  /* by selector: bits of the buckets that hold an event of it */
    uint64_t after;   /* buckets that hold an event of selector 1 later than first_us */
    int64_t first_us; /* of the first event of selector 0; INT64_MAX: none */
    int64_t later_us; /* no event is before this */
};

/* ---- the run ---- */
struct active_part {
    const struct part *part;
    const struct id128 *persons;
    const uint32_t *starts;
    uint32_t n_persons, rows, n_events;
    const uint64_t *wanted; /* [n_events + 1]: selectors by event code */
    const uint64_t *needed; /* the same, those of run->must */
    const uint32_t *
        event_ids; /* [n_events + 1]: number of the event in run->events; only if the report asks */
    const uint64_t *hidden; /* bit per person: a device whose rows belong to another; NULL: none */
};
static inline bool active_hidden(const struct active_part *a, uint32_t person) {
    return a->hidden && (a->hidden[person / 64] >> (person % 64) & 1);
}
struct device_run {
    struct id128 person;
    uint32_t at; /* index of the device among the part's persons */
    uint16_t part;
};

struct report;
struct worker;
struct run {
    const struct query *q;
    const struct query_world *w;
    const struct query_rights *rights;
    const struct query_limits *limits;
    const struct report *report;
    struct query_fault *fault;
    struct arena *arena;
    bool used_literal;
    struct range range;

    int64_t lo_us, hi_us; /* hits are in [lo, hi) */
    const struct plan_selector *selectors[PLAN_MAX_SELECTORS];
    size_t n_selectors;
    bool has_filters;
    bool want_event_ids;
    /* The report needs no more of a person than marks: buckets [mark_bounds[i], mark_bounds[i + 1])
     * of the times that it takes. marks_n 0: it needs hits. */
    int64_t mark_bounds[MARKS_MAX_BUCKETS + 1];
    uint32_t marks_n;
    bool marks;    /* and parts and filters allow it */
    bool rowwise;  /* the report may be given rows in any order, whoever they are of */
    bool timeless; /* rowwise, and when does not matter either, inside [lo, hi) */
    int64_t clash_lo_us, clash_hi_us; /* rowwise: only at these times may duplicates be */
    uint64_t must; /* a person without an event of these selectors is none of the report's; 0: all
                      are. Filters may turn it off: they count what they can't tell */

    struct bound_ref *refs;
    uint32_t n_refs, refs_cap;
    struct bound_leaf *leaves; /* [q->n_leaves] */
    struct bound_dim *dims;
    uint32_t n_dims, dims_cap;
    uint32_t breakdown_dim; /* first of q->n_breakdown dims */

    struct active_part *parts;
    uint32_t n_parts;
    struct device_run *devices; /* sorted by (person, part, at) */
    size_t n_devices;
    struct table events; /* id128 -> number, when event ids are wanted */
    uint64_t total_persons;

    bool want_hidden; /* $identify and its like count too (export) */
    bool has_only;    /* just this person */
    struct id128 only;
    struct exporter *export;
    struct texts
        *texts; /* what is remembered of texts shown; the asking thread's alone. NULL: nothing */

    struct tape *tapes; /* [n_tapes]: one per worker of a pass that ranks; none: nothing written */
    uint32_t n_tapes;

    /* Breakdowns: what a first pass found out for the second (groups.c). */
    bool ranking;              /* this pass only ranks groups */
    const struct seeds *seeds; /* groups that this pass starts with; NULL: none */
};

/* ---- pick.c: rows with a wanted event ---- */
struct picker {
    const uint8_t *codes;   /* [rows], in the part, `width` bytes each */
    const uint64_t *wanted; /* [n_events + 1] */
    uint32_t width, rows, n_events;
    uint8_t table[2][16]; /* codes of one byte: see pick.c */
    bool wide;            /* the machine looks 32 codes up at once */
};
void picker_init(struct picker *k); /* codes, wanted and the numbers are set; the rest is zero */
/* Bit i: row + i is wanted. `row` < rows, a multiple of 64. */
uint64_t picker_bits(const struct picker *k, uint32_t row);
uint64_t picker_plain(const struct picker *k, uint32_t row); /* the same, one by one */
static inline uint32_t picker_code(const struct picker *k, uint32_t row) {
    if (k->width == 1) return k->codes[row];
    uint32_t code = 0;
    memcpy(&code, k->codes + (size_t)row * k->width, k->width == 2 ? 2 : 4);
    return code;
}

/* A picker and the words that it gave last, for rows in order and for those of devices. */
struct picks {
    struct picker picker;
    struct {
        uint32_t at; /* bits of rows [at, at + 64) */
        uint64_t bits;
    } word[2];
};

/* ---- workers ---- */
struct window {
    uint32_t base, n;
    uint32_t singles; /* rows read one by one while n is 0 */
    union {
        uint32_t *codes;
        double *numbers;
        int64_t *times;
        uint64_t *inserts;
    };
};
struct column {
    int index; /* in the part; COLUMN_EVENTS: the event names */
    enum part_class class;
    uint32_t dictionary_n;
    uint8_t **memo; /* [n_leaves] -> [dictionary_n + 1]: enum tri + 1 */
    uint32_t **ids; /* [n_dims] -> [dictionary_n + 1]: see dims.c */
    struct window win[2];
    struct part_equal run[2]; /* the rows around the one read last, if one code is stored for all */
};
#define COLUMN_EVENTS (-1)
struct reading {
    struct column *code[REF_MAX_VARIANTS];
    struct column *number[REF_MAX_VARIANTS];
    uint8_t n_code, n_number;
};
struct worker_part {
    const struct active_part *active;
    struct picks wanted, needed; /* needed: only where the run says what a person must have */
    struct column names;
    struct window times[2], inserts[2];
    struct column *columns; /* [columns_cap], fixed once allocated: readings point into it */
    uint32_t n_columns;
    struct reading *reads; /* [n_refs] */
};

/* Values met, numbered per worker. Number 0 is $none. */
struct value_info {
    struct part_value v;
    struct str label; /* made when asked for */
};
struct values {
    struct table ids; /* id128 key -> number */
    struct value_info *list;
    uint32_t cap;
};

struct idset {
    const uint32_t *ids;
    uint32_t n;
};

struct worker {
    const struct run *run;
    struct arena *arena;
    struct err error;          /* sticky: memory ran out in a place that returns no error */
    struct worker_part *parts; /* [run->n_parts] */
    void *zeros;               /* what a window shows when memory is out */
    struct hit *hits;
    uint32_t hits_cap;
    struct hit *scratch;
    uint32_t scratch_cap;

    struct scan *scan; /* scan.c's lists; NULL before the first slice */
    struct tape *tape; /* written by a pass that ranks; NULL: not */
    struct id128 person;
    uint32_t serial; /* grows with each person */
    uint64_t scanned, unknown;

    uint8_t *leaf_result;    /* [n_leaves]: per person, for user properties and cohorts */
    uint32_t *leaf_serial;   /* [n_leaves] */
    uint32_t *dim_slot;      /* [n_dims]: per person, for user properties */
    uint32_t *dim_serial;    /* [n_dims] */
    uint32_t **dim_profiles; /* [n_dims] -> [owners of the ref]: slots of profile values */
    uint32_t *dim_one;       /* [n_dims]: where a single id lies */
    uint32_t *lists;         /* id lists of multi-valued entries: count, ids... */
    uint32_t lists_n, lists_cap;
    uint32_t *temp;
    uint32_t temp_n, temp_cap;

    struct values values;
    uint32_t *value_map;       /* groups_merge: the other worker's value numbers in this one's */
    struct table groups;       /* uint32_t[4] of value numbers -> number */
    struct group_state *group; /* [groups.n] (groups.c) */
    uint32_t group_cap;
    uint32_t *row_of_value; /* one dimension: (row + 1) * 2 + counted, 0: not asked for yet */
    uint32_t row_of_value_cap;
    uint32_t *group_list; /* of the hit in hand */
    uint32_t group_list_cap;

    double *doubles; /* scratch */
    uint32_t doubles_cap;
    uint32_t *order; /* [n_order]: the rows of the answer */
    uint32_t n_order;
    void *state; /* the report's */
};

/* ---- reports: a table of functions ---- */
struct report {
    const char *name;
    /* Names selectors, dims, the horizon. Asking thread, before anything is bound. */
    struct err (*plan)(struct run *r);
    /* Whether it asks only what rows hold, not whose they are: `person` is then also given hits of
     * many persons at once, in no order. NULL: no. */
    bool (*rowwise)(const struct run *r);
    struct err (*init)(struct worker *w);
    /* Hits of one person, in order of time, filters applied. n > 0. */
    struct err (*person)(struct worker *w, const struct hit *hits, uint32_t n);
    /* The same, where the run says `marks`, for a person whose events are in one order for sure;
     * others come as hits. */
    void (*marked)(struct worker *w, const struct marks *m);
    struct err (*merge)(struct worker *into, const struct worker *from);
    /* Reports with a breakdown: what orders group i. NULL: no groups. */
    double (*rank)(struct worker *w, uint32_t group);
    /* Members of the answer's object. Asking thread. */
    struct err (*emit)(struct worker *w, struct jout *j);
};
extern const struct report query_insights, query_funnel, query_retention, query_flows, query_events;

/* profiles.c: the reports users and groups, which look at profiles. Members of the answer's object.
 */
struct err profiles_report(struct run *r, struct jout *j, uint64_t *out_unknown);
/* person.c: the person that an id means: given in the clear, as "sealed:<hex>", or as
 * "person:<hex>". Zeros: nobody. */
struct err person_find(struct run *r, struct str id, struct id128 *out);
struct id128 person_of(const struct query_world *w, struct id128 id);

/* run.c */
uint32_t run_add_selector(struct run *r, const struct plan_selector *s);
struct err run_add_ref(struct run *r, const struct plan_ref *ref, uint32_t *out);
struct err run_add_dim(struct run *r, const struct plan_ref *ref, bool whole, uint32_t *out);
struct err run_fault(struct run *r, int32_t code, const char *field, const char *message);
/* All workers over all slices; the first one comes back with everything merged into it. */
struct err run_workers(struct run *r, struct worker **out);
void run_workers_free(struct worker *first);
/* Deadline and cancellation. */
struct err run_check(const struct query_limits *l);

/* bind.c: names and literals to hashes; profiles; the right to ask by literal. */
struct err bind_all(struct run *r);
const struct part_value *bind_profile(const struct bound_ref *ref, struct id128 owner);
/* bind_names.c: what a name in a question may mean, to who asks. */
struct name_place {
    enum text_kind kind;    /* TEXT_PROPERTY, TEXT_USER_PROPERTY, TEXT_GROUP_PROPERTY */
    struct str group;       /* TEXT_GROUP_PROPERTY: the group's key... */
    struct id128 group_key; /* ...and its hash */
};
struct bound_name {
    size_t n;
    struct id128 name[REF_MAX_VARIANTS]; /* hashes */
    struct str path[REF_MAX_VARIANTS];   /* canonical paths in the arena; none by handle */
    bool by_handle;
};
struct err bind_name(struct run *r, const struct name_place *at, struct str name,
                     struct bound_name *out);
/* Whether the asker may use a clear name of this hash; notes the use of a literal. */
bool bind_may_name(struct run *r, struct id128 name);
/* active.c: parts that matter, wanted events, devices of persons. */
struct err active_parts(struct run *r);
bool active_is_hidden_event(const struct query_world *w, struct id128 hash);

/* worker.c */
struct err worker_new(const struct run *r, struct worker **out);
void worker_free(struct worker *w);
uint32_t column_load_code(struct worker *w, const struct hit *h, struct column *c);
double column_load_number(struct worker *w, const struct hit *h, struct column *c);
int64_t worker_load_time(struct worker *w, const struct hit *h);
uint64_t worker_insert(struct worker *w, const struct hit *h);
void column_entry(const struct worker *w, uint32_t part, const struct column *c, uint32_t code,
                  struct part_value *out);
void worker_fail(struct worker *w, struct err e);
/* The code of a row that was picked. */
static inline uint32_t worker_event(const struct worker *w, const struct hit *h) {
    return picker_code(&w->parts[h->part].wanted.picker, h->row);
}
static inline uint32_t column_code(struct worker *w, const struct hit *h, struct column *c) {
    const struct part_equal *run = &c->run[h->side];
    const struct window *win = &c->win[h->side];
    if (h->row - run->row < run->n) return run->code;
    return h->row - win->base < win->n ? win->codes[h->row - win->base] : column_load_code(w, h, c);
}
static inline double column_number(struct worker *w, const struct hit *h, struct column *c) {
    const struct window *win = &c->win[h->side];
    return h->row - win->base < win->n ? win->numbers[h->row - win->base]
                                       : column_load_number(w, h, c);
}

static inline int64_t worker_time(struct worker *w, const struct hit *h) {
    const struct window *win = &w->parts[h->part].times[h->side];
    return h->row - win->base < win->n ? win->times[h->row - win->base] : worker_load_time(w, h);
}

/* marks.c: whether marks can be had in this world, for a report that asks for them. */
bool marks_fit(const struct run *r);

/* scan.c: visits the persons of one slice: [slice, slice + 1) of n_slices equal pieces of the range
 * of pseudonyms. */
struct err scan_slice(struct worker *w, uint32_t slice, uint32_t n_slices);
/* The times at which duplicates may be that no part has folded: where two parts overlap, and all of
 * a part whose devices became persons'. Duplicates agree in time, so elsewhere rows may be counted
 * one by one. [lo, hi): empty if there are none. */
void scan_clash(const struct run *r, int64_t *out_lo_us, int64_t *out_hi_us);

/* tape.c: persons and their hits written down by a pass that ranks, so that the next one need not
 * look for them again. */
#define TAPES_BYTES ((size_t)48 << 20) /* of all workers at most */
#define TAPE_REEL_HITS 4096
#define TAPE_REEL_PERSONS 1024
struct tape_reel {
    struct tape_reel *next;
    uint32_t n_persons, n_hits;
    uint32_t count[TAPE_REEL_PERSONS];
    struct id128 person[TAPE_REEL_PERSONS];
    struct hit hits[TAPE_REEL_HITS];
};
struct tape {
    struct arena *arena; /* NULL: dropped, it grew too long */
    struct tape_reel *first, *last;
    uint64_t scanned, unknown; /* by the pass that wrote it */
};
struct err tapes_new(struct run *r, uint32_t n);
void tapes_free(struct run *r);
bool tapes_whole(const struct run *r); /* there are some, and none was dropped */
void tape_add(struct tape *t, struct id128 person, const struct hit *hits, uint32_t n);
/* Gives the persons to the worker's report as the scan did. */
struct err tape_play(struct worker *w, const struct tape *t);

/* filter.c */
enum tri { TRI_NO = 0, TRI_UNKNOWN = 1, TRI_YES = 2 };
/* Clears the bits of selectors whose filters fail; false when none is left. Counts events that only
 * sealed text keeps out. */
bool filter_hit(struct worker *w, struct hit *h);
enum tri filter_eval(struct worker *w, const struct plan_filter *f, const struct hit *h);
/* Over a profile: no event; references are the owner's. */
enum tri filter_profile(const struct run *r, const struct plan_filter *f, struct id128 owner);

/* value.c */
struct id128 value_key(const struct run *r, const struct bound_ref *ref,
                       const struct part_value *v);
bool value_is_none(const struct part_value *v); /* missing, null, empty list */
bool value_number(const struct run *r, const struct part_value *v, double *out);
void value_write(const struct run *r, struct jout *j, const struct part_value *v);
/* The text as it is shown: readable, opened, or "sealed:..."; never fails but for memory (empty).
 */
struct str value_text(const struct run *r, struct id128 hash, struct arena *a, bool *out_sealed);
void value_write_text(const struct run *r, struct jout *j, struct id128 hash, uint8_t text_type);
bool values_init(struct values *vs, struct arena *a);
uint32_t values_put(struct values *vs, struct arena *a, struct id128 key,
                    const struct part_value *v);
/* Order of two values for ties: booleans, numbers, texts by bytes, the rest; $none as the text it
 * is shown by. */
int values_order(const struct run *r, struct values *vs, uint32_t a, uint32_t b);

/* dims.c: the value numbers of a hit for a breakdown dimension. */
struct idset dim_ids(struct worker *w, uint32_t dim, const struct hit *h);
/* Whether all hits have one value, the same: its number. */
bool dim_one(struct worker *w, uint32_t dim, const struct hit *hits, uint32_t n, uint32_t *out);
/* All numbers that a hit has for a reference. Returns how many; out_more points at them. */
uint32_t dim_numbers(struct worker *w, uint32_t ref, const struct hit *h, double *out,
                     uint32_t max);
/* The ref's raw values for a hit: calls each for every value (none: not at all). */
void dim_each(struct worker *w, uint32_t ref, const struct hit *h,
              void (*each)(void *ctx, const struct part_value *v), void *ctx);
