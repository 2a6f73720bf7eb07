/* trial.c: the limits of test projects. They have the crowd rule switched off, so they must not
 * grow into real ones: at most 100 people and 30 days of data.
 *
 * People are counted while the process runs. After a restart those are let in that were there
 * before (in a test project every distinct_id is readable, so the crowd's set knows them), and up
 * to 100 others.
 */
#include <stdlib.h>

#include "intake/record.h"

#define TRIAL_PEOPLE 100
#define TRIAL_US (30 * US_PER_DAY)
#define MAX_TRIALS 1000 /* test projects in use at once; beyond it they are refused */

struct intake_trial {
    uint64_t project;
    size_t n;
    struct id128 people[TRIAL_PEOPLE];
};

static struct intake_trial *trial_of(struct intake *in, uint64_t project) {
    for (size_t i = 0; i < in->n_trials; i++) {
        if (in->trials[i].project == project) return &in->trials[i];
    }
    if (in->n_trials == MAX_TRIALS) return NULL;
    struct intake_trial *more = realloc(in->trials, (in->n_trials + 1) * sizeof *more);
    if (!more) return NULL;
    in->trials = more;
    more[in->n_trials] = (struct intake_trial){.project = project};
    return &more[in->n_trials++];
}

static bool admits(struct intake_door *d, struct id128 person) {
    struct intake_trial *t = trial_of(d->in, d->project->id);
    if (!t) return false;
    for (size_t i = 0; i < t->n; i++) {
        if (id128_eq(t->people[i], person)) return true;
    }
    if (d->id.n > 0 && crowd_is_readable(d->crowd, d->id_hash)) return true;
    if (t->n == TRIAL_PEOPLE) return false;
    t->people[t->n++] = person;
    return true;
}

struct intake_fault intake_trial_check(struct intake_door *d, struct id128 person, int64_t time_us,
                                       int64_t now_us) {
    if (!d->project->test) return (struct intake_fault){0};
    if (time_us < now_us - TRIAL_US)
        return (struct intake_fault){"properties.time",
                                     "a test project takes the last 30 days only"};
    if (!admits(d, person))
        return (struct intake_fault){"properties.distinct_id",
                                     "a test project takes 100 people at most"};
    return (struct intake_fault){0};
}
