/* generate.c: the shop's event stream that the engine and its peers are measured and compared on.
 *
 *   generate EVENTS PERSONS [--ndjson FILE] [--csv FILE] [--seed N]      FILE may be - (stdout)
 *
 * Deterministic: the same arguments give the same bytes. 90 days from 2026-06-01 (a Monday), a few
 * very active persons and many rare ones, sessions, a rhythm of day and week; 20 event names by
 * Zipf's law with a path view_item > add_to_cart > begin_checkout > purchase that many sessions
 * walk. NDJSON is what /import takes; CSV has the same events for the peers.
 *
 * How: sessions are drawn first (person, start, number of events), then ordered by person to keep
 * one person's sessions apart (no two events of a person share a millisecond, so that no answer
 * hangs on the order of equals), then by start, and written; each session has a generator of its
 * own, seeded with its number.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS 90
#define BEGIN_MS INT64_C(1780272000000) /* 2026-06-01T00:00:00Z */
#define DAY_MS INT64_C(86400000)
#define GAP_MAX_MS 240000 /* between two events of a session */

struct rng {
    uint64_t state;
};

static uint64_t rng_next(struct rng *r) {
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double rng_unit(struct rng *r) {
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static uint32_t rng_below(struct rng *r, uint32_t n) {
    return (uint32_t)(rng_unit(r) * n);
}

/* Small numbers are frequent: about Zipf's law over [0, n). */
static uint32_t rng_zipf(struct rng *r, uint32_t n) {
    uint32_t k = (uint32_t)pow(n + 1.0, rng_unit(r)) - 1;
    return k < n ? k : n - 1;
}

struct session {
    int64_t start_ms;
    uint32_t person;
    uint32_t events;
    uint32_t number; /* in the order drawn: its seed */
};

static const char *const names[20] = {
    "page_view", "view_item",        "search",   "scroll",       "click",
    "login",     "add_to_cart",      "sign_up",  "share",        "begin_checkout",
    "logout",    "review",           "purchase", "apply_coupon", "add_to_wishlist",
    "subscribe", "remove_from_cart", "support",  "refund",       "invite",
};
enum { VIEW_ITEM = 1, ADD_TO_CART = 6, BEGIN_CHECKOUT = 9, PURCHASE = 12, REFUND = 18 };
static const char *const systems[8] = {"iOS",   "Android",  "Windows", "macOS",
                                       "Linux", "ChromeOS", "iPadOS",  "Other"};
static const char *const browsers[10] = {"Chrome",           "Safari", "Firefox", "Edge",
                                         "Samsung Internet", "Opera",  "Brave",   "Vivaldi",
                                         "DuckDuckGo",       "Other"};
static const char *const plans[4] = {"free", "basic", "pro", "enterprise"};

/* Night is quiet, evening busy; weekends are weaker. True: a session may begin at this time. */
static bool rhythm_allows(struct rng *r, int64_t offset_ms) {
    int64_t day = offset_ms / DAY_MS;
    double hour = (double)(offset_ms % DAY_MS) / 3600000.0;
    double level = 0.55 - 0.45 * cos((hour - 4.0) * 2.0 * M_PI / 24.0);
    return rng_unit(r) < level * (day % 7 >= 5 ? 0.7 : 1.0);
}

static struct session draw_session(struct rng *r, uint32_t persons, uint32_t number) {
    struct session s = {.number = number, .events = 1};
    s.person = (uint32_t)(persons * pow(rng_unit(r), 2.2));
    do {
        s.start_ms = (int64_t)(rng_unit(r) * (double)(DAYS * DAY_MS));
    } while (!rhythm_allows(r, s.start_ms));
    while (s.events < 60 && rng_unit(r) < 0.83)
        s.events++;
    return s;
}

static int by_person(const void *a, const void *b) {
    const struct session *x = a, *y = b;
    if (x->person != y->person) return x->person < y->person ? -1 : 1;
    if (x->start_ms != y->start_ms) return x->start_ms < y->start_ms ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static int by_start(const void *a, const void *b) {
    const struct session *x = a, *y = b;
    if (x->start_ms != y->start_ms) return x->start_ms < y->start_ms ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Draws sessions until they hold `events` events; the last one is cut to fit. */
static struct session *draw_all(uint64_t events, uint32_t persons, uint64_t seed, size_t *out_n) {
    struct rng r = {seed};
    size_t n = 0, room = 1024;
    struct session *list = malloc(room * sizeof *list);
    for (uint64_t left = events; list && left > 0; n++) {
        if (n == room) {
            struct session *more = realloc(list, (room *= 2) * sizeof *list);
            if (!more) free(list);
            list = more;
            if (!list) break;
        }
        list[n] = draw_session(&r, persons, (uint32_t)n);
        if (list[n].events > left) list[n].events = (uint32_t)left;
        left -= list[n].events;
    }
    if (!list) {
        fputs("generate: no memory\n", stderr);
        exit(1);
    }
    qsort(list, n, sizeof *list, by_person);
    for (size_t i = 1; i < n; i++) {
        int64_t end = list[i - 1].start_ms + (int64_t)list[i - 1].events * GAP_MAX_MS;
        if (list[i].person == list[i - 1].person && list[i].start_ms <= end)
            list[i].start_ms = end + 1;
    }
    qsort(list, n, sizeof *list, by_start);
    *out_n = n;
    return list;
}

struct event {
    uint32_t name, path;
    int64_t time_ms;
    uint64_t insert;
    uint32_t cents; /* revenue; 0: none */
};

/* What stays with a person: drawn from the person's own number. */
struct person {
    uint32_t id, os, browser, country, city, plan, org;
};

static struct person person_of(uint32_t id) {
    struct rng r = {UINT64_C(0x5851f42d4c957f2d) * (id + 1)};
    struct person p = {.id = id};
    p.os = rng_zipf(&r, 8);
    p.browser = rng_zipf(&r, 10);
    p.country = rng_zipf(&r, 120);
    p.city = (p.country * 41 + rng_zipf(&r, 400)) % 5000;
    p.plan = rng_zipf(&r, 4);
    p.org = rng_below(&r, 50000);
    return p;
}

/* The next step of the path after `last`, or any event. */
static uint32_t next_name(struct rng *r, uint32_t last) {
    if (last == VIEW_ITEM && rng_unit(r) < 0.45) return ADD_TO_CART;
    if (last == ADD_TO_CART && rng_unit(r) < 0.5) return BEGIN_CHECKOUT;
    if (last == BEGIN_CHECKOUT && rng_unit(r) < 0.6) return PURCHASE;
    return rng_zipf(r, 20);
}

static void write_ndjson(FILE *f, const struct event *e, const struct person *p,
                         const struct session *s, const uint32_t extra[2]) {
    fprintf(f,
            "{\"event\":\"%s\",\"properties\":{\"time\":%" PRId64
            ",\"distinct_id\":\"u%u\",\"$insert_id\":\"%016" PRIx64
            "\",\"os\":\"%s\",\"browser\":\"%s\",\"country\":\"%c%c\",\"city\":\"city-%u\","
            "\"plan\":\"%s\",\"referrer\":\"site-%u.example\",\"utm_source\":\"source-%u\","
            "\"path\":\"/p/%u\",\"org_id\":\"org-%u\",\"session_id\":\"s-%u\"",
            names[e->name], e->time_ms, p->id, e->insert, systems[p->os], browsers[p->browser],
            'A' + (int)(p->country / 26), 'A' + (int)(p->country % 26), p->city, plans[p->plan],
            extra[0], extra[1], e->path, p->org, s->number);
    if (e->cents) fprintf(f, ",\"revenue\":%u.%02u", e->cents / 100, e->cents % 100);
    fputs("}}\n", f);
}

static void write_csv(FILE *f, const struct event *e, const struct person *p,
                      const struct session *s, const uint32_t extra[2]) {
    time_t seconds = (time_t)(e->time_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    fprintf(f,
            "%s,%04d-%02d-%02d %02d:%02d:%02d.%03d,u%u,%s,%s,%c%c,city-%u,%s,site-%u.example,"
            "source-%u,/p/%u,org-%u,s-%u,%" PRIu64 ",",
            names[e->name], t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
            t.tm_sec, (int)(e->time_ms % 1000), p->id, systems[p->os], browsers[p->browser],
            'A' + (int)(p->country / 26), 'A' + (int)(p->country % 26), p->city, plans[p->plan],
            extra[0], extra[1], e->path, p->org, s->number, e->insert);
    if (e->cents) fprintf(f, "%u.%02u", e->cents / 100, e->cents % 100);
    fputc('\n', f);
}

static void write_session(FILE *ndjson, FILE *csv, const struct session *s, uint64_t seed) {
    struct rng r = {seed ^ (UINT64_C(0xd1342543de82ef95) * (s->number + UINT64_C(1)))};
    struct person p = person_of(s->person);
    const uint32_t extra[2] = {rng_zipf(&r, 500), rng_zipf(&r, 30)};
    struct event e = {.name = 0, .time_ms = BEGIN_MS + s->start_ms};
    for (uint32_t i = 0; i < s->events; i++) {
        e.name = i == 0 ? rng_zipf(&r, 20) : next_name(&r, e.name);
        e.time_ms += i == 0 ? 0 : 1 + (int64_t)rng_below(&r, GAP_MAX_MS - 1);
        e.insert = rng_next(&r);
        e.path = rng_zipf(&r, 2000);
        e.cents = e.name == PURCHASE || e.name == REFUND ? 100 + rng_below(&r, 50000) : 0;
        if (ndjson) write_ndjson(ndjson, &e, &p, s, extra);
        if (csv) write_csv(csv, &e, &p, s, extra);
    }
}

static FILE *open_out(const char *path) {
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    setvbuf(f, NULL, _IOFBF, 1 << 20);
    return f;
}

static void usage(void) {
    fputs("usage: generate EVENTS PERSONS [--ndjson FILE] [--csv FILE] [--seed N]\n", stderr);
    exit(2);
}

int main(int argc, char **argv) {
    if (argc < 3 || argc % 2 == 0) usage();
    uint64_t events = strtoull(argv[1], NULL, 10), seed = 20260601;
    uint32_t persons = (uint32_t)strtoul(argv[2], NULL, 10);
    FILE *ndjson = NULL, *csv = NULL;
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--ndjson") == 0)
            ndjson = open_out(argv[i + 1]);
        else if (strcmp(argv[i], "--csv") == 0)
            csv = open_out(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else
            usage();
    }
    if (events == 0 || persons == 0 || (!ndjson && !csv)) usage();
    size_t n;
    struct session *sessions = draw_all(events, persons, seed, &n);
    if (csv)
        fputs("event,ts,user_id,os,browser,country,city,plan,referrer,utm_source,path,org_id,"
              "session_id,insert_id,revenue\n",
              csv);
    for (size_t i = 0; i < n; i++)
        write_session(ndjson, csv, &sessions[i], seed);
    free(sessions);
    bool failed = (ndjson && fflush(ndjson)) || (csv && fflush(csv));
    if (failed) perror("generate");
    return failed ? 1 : 0;
}
