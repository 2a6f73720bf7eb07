/* health.c: the detector judged in made-up worlds: how fast it sees an outage, how often it sees
 * one that is not.
 *
 *   health [--quick] [--null-years N] [--outages N] [--only WORLD] [--threads N] [--trace]
 *
 * Prints the table G1 to G10 with our figure beside each goal. Seeds are fixed: the same arguments
 * give the same table on any machine. --quick: one null year per world and 60 outages per row; else
 * ten and 280.
 *
 * The worlds (health/world.h says how they are made). A baseline is learned online in each, with
 * nine weeks of warm-up:
 *
 *   base         2..20 reports a minute over the day, common and regional noise of 20 %
 *   independent  the same without the common noise: regions vary on their own
 *   0.2..2       a tenth of base
 *   0.02..0.2    a hundredth
 *   20..200      ten times base; harsh: noise outweighs counting
 *   35 % noise   base with both noises at 35 %; harsh
 *   events       600 events a minute (190..1900 over the day), noise and day effect 5 %; drops
 *   errors       the same traffic, 0.3 % of it errors, noise of the share 20 %
 *
 * The first six have problem reports. Harsh worlds run with the thresholds meant for them
 * (6.25/6.5), the others with 6.0/6.5. A null year counts incidents opened, by any of the 21
 * series. Outages last an hour and begin at random times of the half year after warm-up, on a copy
 * of world and detector. The delay is from the tick with the first excess report to the alarm, both
 * ticks counted, in whole ticks.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "health/lane.h"

enum { BASE, INDEPENDENT, SMALL, TINY, LARGE, NOISY, EVENTS, ERRORS, WORLDS };
#define NULL_WORLDS 6

static const struct world_kind worlds[WORLDS] = {
    [BASE] = {"base", HEALTH_REPORTS, 2, 20, .20, .20, 0, .10, 0, false},
    [INDEPENDENT] = {"independent", HEALTH_REPORTS, 2, 20, 0, .20, 0, .10, 0, false},
    [SMALL] = {"0.2..2/min", HEALTH_REPORTS, .2, 2, .20, .20, 0, .10, 0, false},
    [TINY] = {"0.02..0.2/min", HEALTH_REPORTS, .02, .2, .20, .20, 0, .10, 0, false},
    [LARGE] = {"20..200/min", HEALTH_REPORTS, 20, 200, .20, .20, 0, .10, 0, true},
    [NOISY] = {"35 % noise", HEALTH_REPORTS, 2, 20, .35, .35, 0, .10, 0, true},
    [EVENTS] = {"events", HEALTH_EVENTS, 190, 1900, .05, .05, 0, .05, 0, false},
    [ERRORS] = {"errors", HEALTH_ERRORS, 190, 1900, .20, .20, .05, .05, .003, false},
};

struct row {
    const char *name, *goal;
    int world, lanes_n;
    struct outage outage;
};

/* 2 December: 12,000 reports in the worst quarter-hour, 800 a minute. */
static const struct row rows[] = {
    {"G1  2 Dec, 30-min ramp", "90/150", BASE, 1, {"", -1, 1, 800, 30}},
    {"G2  2 Dec, 10-min ramp", "50/70", BASE, 1, {"", -1, 1, 800, 10}},
    {"G3  2 Dec, small product", "40/50", TINY, 1, {"", -1, 1, 800, 30}},
    {"G4  +5/min, small product", "60/120", TINY, 1, {"", -1, 1, 5, 0}},
    {"G5  x10", "20/70", BASE, 1, {"", -1, 10, 0, 0}},
    {"G5  x5", "80/350", BASE, 1, {"", -1, 5, 0, 0}},
    {"G5  x3", "580/2000, 95 %", BASE, 1, {"", -1, 3, 0, 0}},
    {"G6  region 5 % x10", "340/1330", BASE, 1, {"", 4, 10, 0, 0}},
    {"G6  region 2 % x10", "900/3300", BASE, 1, {"", 19, 10, 0, 0}},
    {"G7  region 20 % x3", "60 % in 1 h", BASE, 1, {"", 0, 3, 0, 0}},
    {"G7  the same, two sources", "1100, 90 %", BASE, 2, {"", 0, 3, 0, 0}},
    {"G8  events -50 %", "40/120", EVENTS, 1, {"", -1, .5, 0, 0}},
    {"G8  events -90 %", "10/30", EVENTS, 1, {"", -1, .1, 0, 0}},
    {"G9  error share x10", "50/230", ERRORS, 1, {"", -1, 10, 0, 0}},
    {"G9  error share x4", "600/2400", ERRORS, 1, {"", -1, 4, 0, 0}},
};
#define ROWS (sizeof rows / sizeof *rows)

#define SEED UINT64_C(20251202)
#define OUTAGE_WEEKS 26
#define OUTAGES_PER_JOB 70
#define OUTAGES_MAX 1024

struct bench {
    int null_years, outages, threads;
    const char *only;
    bool trace;
    pthread_mutex_t lock; /* holds what follows together */
    int jobs_n, next, done;
    struct job {
        int world, lanes_n, null; /* null: a null year, else a batch of outages */
        int number;
    } jobs[512];
    struct null_year null[WORLDS], pair[WORLDS];
    struct found found[ROWS][OUTAGES_MAX];
    int found_n[ROWS];
};

static uint64_t seed_of(const struct job *j, int lane) {
    uint64_t s = SEED;
    (void)random_mix(&s);
    s += (uint64_t)j->world * 1000003 + (uint64_t)j->number * 7919 + (uint64_t)lane * 15485863 +
         (uint64_t)j->null * 104729;
    return random_mix(&s);
}

/* With two lanes the second is of another signal: what is counted is their agreement. */
static void run_null(struct bench *b, const struct job *j) {
    struct lane lanes[2];
    struct null_year year = {.trace = b->trace};
    lane_begin(&lanes[0], &worlds[j->lanes_n == 2 ? BASE : j->world], seed_of(j, 0));
    if (j->lanes_n == 2) {
        lane_begin(&lanes[1], &worlds[j->world], seed_of(j, 1));
        lane_null_pair(lanes, INT64_C(3155760), &year);
    } else {
        lane_null(&lanes[0], INT64_C(3155760), &year);
    }
    for (int k = 0; k < j->lanes_n; k++)
        lane_end(&lanes[k]);
    pthread_mutex_lock(&b->lock);
    if (j->lanes_n == 2) {
        b->pair[j->world].years += year.years;
        b->pair[j->world].alarms += year.alarms;
        pthread_mutex_unlock(&b->lock);
        return;
    }
    b->null[j->world].years += year.years;
    b->null[j->world].alarms += year.alarms;
    b->null[j->world].alarms_all += year.alarms_all;
    b->null[j->world].prealarms += year.prealarms;
    pthread_mutex_unlock(&b->lock);
}

static void run_rows(struct bench *b, const struct job *j, const struct lane *lanes) {
    for (size_t r = 0; r < ROWS; r++) {
        if (rows[r].world != j->world || rows[r].lanes_n != j->lanes_n) continue;
        struct found f;
        if (!lane_outage(lanes, j->lanes_n, &rows[r].outage, &f)) continue;
        pthread_mutex_lock(&b->lock);
        if (b->found_n[r] < OUTAGES_MAX) b->found[r][b->found_n[r]++] = f;
        pthread_mutex_unlock(&b->lock);
    }
}

/* Outages at random times, one in each of as many equal stretches. */
static void run_outages(struct bench *b, const struct job *j) {
    struct lane lanes[2];
    struct random times;
    random_begin(&times, seed_of(j, 9));
    for (int k = 0; k < j->lanes_n; k++)
        lane_begin(&lanes[k], &worlds[j->world], seed_of(j, k));
    int n = b->outages < OUTAGES_PER_JOB ? b->outages : OUTAGES_PER_JOB;
    int64_t stretch = (int64_t)OUTAGE_WEEKS * TICKS_PER_WEEK / n;
    for (int i = 0; i < n; i++) {
        int64_t at = (int64_t)(random_unit(&times) * (double)stretch);
        struct health_news news;
        for (int64_t t = 0; t < stretch; t++) {
            if (t == at) run_rows(b, j, lanes);
            for (int k = 0; k < j->lanes_n; k++)
                lane_step(&lanes[k], &news);
        }
    }
    for (int k = 0; k < j->lanes_n; k++)
        lane_end(&lanes[k]);
}

static void *work(void *arg) {
    struct bench *b = arg;
    for (;;) {
        pthread_mutex_lock(&b->lock);
        int k = b->next < b->jobs_n ? b->next++ : -1;
        pthread_mutex_unlock(&b->lock);
        if (k < 0) return NULL;
        if (b->jobs[k].null)
            run_null(b, &b->jobs[k]);
        else
            run_outages(b, &b->jobs[k]);
        pthread_mutex_lock(&b->lock);
        fprintf(stderr, "\r%d of %d", ++b->done, b->jobs_n);
        pthread_mutex_unlock(&b->lock);
    }
}

static void add_job(struct bench *b, struct job j) {
    if (b->only && !strstr(worlds[j.world].name, b->only)) return;
    if (b->jobs_n < (int)(sizeof b->jobs / sizeof *b->jobs)) b->jobs[b->jobs_n++] = j;
}

static void plan(struct bench *b) {
    for (int k = 0; k * OUTAGES_PER_JOB < b->outages; k++) {
        static const int outage_worlds[] = {BASE, TINY, EVENTS, ERRORS};
        add_job(b, (struct job){BASE, 2, 0, k});
        for (size_t w = 0; w < sizeof outage_worlds / sizeof *outage_worlds; w++)
            add_job(b, (struct job){outage_worlds[w], 1, 0, 100 + k});
    }
    for (int y = 0; y < b->null_years; y++)
        for (int w = 0; w < WORLDS; w++)
            add_job(b, (struct job){w, 1, 1, y});
    for (int y = 0; y < b->null_years; y++)
        for (int w = EVENTS; w <= ERRORS; w++)
            add_job(b, (struct job){w, 2, 1, y});
}

static int by_delay(const void *a, const void *b) {
    double x = ((const struct found *)a)->delay_s, y = ((const struct found *)b)->delay_s;
    return (x > y) - (x < y);
}

static int by_onset(const void *a, const void *b) {
    double x = ((const struct found *)a)->onset_error_s,
           y = ((const struct found *)b)->onset_error_s;
    return (x > y) - (x < y);
}

static void print_seconds(double s) {
    if (s < NOT_FOUND)
        printf("%7.0f", s);
    else
        printf("%7s", "-");
}

static void print_row(struct bench *b, size_t r) {
    struct found *f = b->found[r];
    int n = b->found_n[r], hit = 0;
    if (n == 0) return;
    for (int k = 0; k < n; k++)
        hit += f[k].delay_s < NOT_FOUND;
    qsort(f, (size_t)n, sizeof *f, by_delay);
    double p50 = f[(n - 1) / 2].delay_s, p90 = f[(n - 1) * 9 / 10].delay_s;
    qsort(f, (size_t)hit, sizeof *f, by_onset);
    printf("%-27s %-16s", rows[r].name, rows[r].goal);
    print_seconds(p50);
    print_seconds(p90);
    printf("%7.1f %%", 100.0 * hit / n);
    if (hit) printf("%8.0f%7.0f", f[hit / 10].onset_error_s, f[hit / 2].onset_error_s);
    printf("%6d\n", n);
}

static void print_null(const struct bench *b, int w) {
    const struct null_year *y = &b->null[w];
    if (y->years <= 0) return;
    const char *goal = w >= NULL_WORLDS ? "" : worlds[w].harsh ? "1.5" : "1";
    printf("G10 %-23s %-16s%7.2f%7.2f%9.0f%8.0f\n", worlds[w].name, goal, y->alarms / y->years,
           y->alarms_all / y->years, y->prealarms / y->years, y->years);
}

static void print(struct bench *b) {
    printf("\n%-27s %-16s%7s%7s%9s%8s%7s%6s\n", "case", "goal p50/p90 s", "p50", "p90", "in 1 h",
           "onset10", "50", "n");
    for (size_t r = 0; r < ROWS; r++)
        print_row(b, r);
    printf("\n%-27s %-16s%7s%7s%9s%8s\n", "incidents a year, no outage", "goal", "all", "global",
           "pre", "years");
    for (int w = 0; w < WORLDS; w++)
        print_null(b, w);
    for (int w = EVENTS; w <= ERRORS; w++)
        if (b->pair[w].years > 0)
            printf("G10 base reports and %-7s %-16s%7.2f%24.0f\n", worlds[w].name, "",
                   b->pair[w].alarms / b->pair[w].years, b->pair[w].years);
}

static bool option(int argc, char **argv, int *k, const char *name, const char **out) {
    if (strcmp(argv[*k], name) != 0 || *k + 1 >= argc) return false;
    *out = argv[++*k];
    return true;
}

static bool read_options(struct bench *b, int argc, char **argv) {
    const char *value;
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--quick") == 0)
            b->null_years = 1, b->outages = 60;
        else if (option(argc, argv, &k, "--null-years", &value))
            b->null_years = atoi(value);
        else if (option(argc, argv, &k, "--outages", &value))
            b->outages = atoi(value);
        else if (option(argc, argv, &k, "--threads", &value))
            b->threads = atoi(value);
        else if (strcmp(argv[k], "--trace") == 0)
            b->trace = true;
        else if (!option(argc, argv, &k, "--only", &b->only))
            return false;
    }
    return b->null_years >= 0 && b->null_years <= 40 && b->outages >= 0 &&
           b->outages <= OUTAGES_MAX && b->threads >= 1 && b->threads <= 16;
}

int main(int argc, char **argv) {
    struct bench *b = calloc(1, sizeof *b);
    if (!b) return 1;
    b->null_years = 10;
    b->outages = 280;
    b->threads = 2;
    if (!read_options(b, argc, argv)) {
        fprintf(stderr, "health [--quick] [--null-years N] [--outages N] [--only WORLD] "
                        "[--threads N] [--trace]\n");
        return 2;
    }
    pthread_mutex_init(&b->lock, NULL);
    plan(b);
    pthread_t threads[16];
    for (int k = 0; k < b->threads; k++)
        if (pthread_create(&threads[k], NULL, work, b) != 0) return 1;
    for (int k = 0; k < b->threads; k++)
        pthread_join(threads[k], NULL);
    print(b);
    free(b);
    return 0;
}
