/* random.h: the simulator's own generator (xoshiro256++), so that a seed gives the same world on
 * every machine. */
#pragma once

#include <math.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
    double spare; /* second half of a pair of normals */
    int has_spare;
};

static inline uint64_t random_mix(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void random_begin(struct random *r, uint64_t seed) {
    for (int k = 0; k < 4; k++)
        r->s[k] = random_mix(&seed);
    r->has_spare = 0;
}

static inline uint64_t random_turn(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
}

static inline uint64_t random_next(struct random *r) {
    uint64_t *s = r->s, result = random_turn(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_turn(s[3], 45);
    return result;
}

static inline double random_unit(struct random *r) {
    return (double)(random_next(r) >> 11) * 0x1p-53;
}

/* Marsaglia's polar method. */
static inline double random_normal(struct random *r) {
    if (r->has_spare) {
        r->has_spare = 0;
        return r->spare;
    }
    double u, v, q;
    do {
        u = 2 * random_unit(r) - 1;
        v = 2 * random_unit(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    double f = sqrt(-2 * log(q) / q);
    r->spare = v * f;
    r->has_spare = 1;
    return u * f;
}

/* Poisson by inversion; none = exp(-mean), mean below 700. */
static inline uint32_t random_poisson(struct random *r, double mean, double none) {
    double u = random_unit(r), p = none, sum = none;
    uint32_t n = 0;
    while (u > sum && n < 100000) {
        n++;
        p *= mean / n;
        sum += p;
        if (p < 1e-300 && n > mean) break;
    }
    return n;
}
