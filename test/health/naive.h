/* naive.h: the detector's formulas written slowly, from histories kept whole, to hold the module
 * to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Upper tail P(X >= c), or lower P(X <= c) if down, of a negative binomial with mean m and variance
 * m + phi m^2, by adding up its terms. */
double naive_tail(double c, double m, double phi, bool down);
/* The standard-normal score whose upper tail is p. */
double naive_score(double p);

/* The baseline as HEALTH.md tells it, over whole quarters given one after another. */
struct naive {
    double count[672 * 20][4]; /* [quarter][series] as learned */
    int quarters_n, series_n;
    double slot[672];
    int slot_n[672];
};
void naive_learn(struct naive *n, const double *counts);
/* Expected of all in tick 0..89 of the next quarter; share of a series. */
double naive_expected(const struct naive *n, int tick);
double naive_share(const struct naive *n, int series);

/* xorshift, for repeatable material */
uint32_t naive_random(uint64_t *state);
