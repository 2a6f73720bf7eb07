#include "naive.h"

#include <math.h>
#include <string.h>

uint32_t naive_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

static double term(double x, double m, double phi) {
    double k = 1 / phi;
    return exp(lgamma(x + k) - lgamma(k) - lgamma(x + 1) + k * log(k / (k + m)) +
               x * log(m / (k + m)));
}

double naive_tail(double c, double m, double phi, bool down) {
    double sum = 0;
    if (down) {
        for (double x = 0; x <= c; x++)
            sum += term(x, m, phi);
        return sum;
    }
    for (double x = c; x < c + 100000; x++) {
        double t = term(x, m, phi);
        sum += t;
        if (t < sum * 1e-12 && x > m) break;
    }
    return sum;
}

/* By halving: erfc falls. */
double naive_score(double p) {
    double low = -5, high = 38;
    for (int k = 0; k < 200; k++) {
        double mid = (low + high) / 2;
        if (erfc(mid / sqrt(2)) / 2 > p)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static double within(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

static double around(const struct naive *n, int slot) {
    static const int weights[7] = {1, 2, 3, 4, 3, 2, 1};
    double sum = 0, all = 0;
    for (int k = 0; k < 7; k++) {
        int s = (slot + k - 3 + 672) % 672;
        if (n->slot_n[s] == 0) continue;
        sum += weights[k] * n->slot[s];
        all += weights[k];
    }
    if (all == 0) return -1;
    return sum / all < 0.01 ? 0.01 : sum / all;
}

/* Level and slots from the beginning of time, each time anew. */
static double replay(struct naive *n, int quarters) {
    double y_sum = 0, b_sum = 0;
    memset(n->slot, 0, sizeof n->slot);
    memset(n->slot_n, 0, sizeof n->slot_n);
    for (int q = 0; q < quarters; q++) {
        int slot = q % 672;
        double y = n->count[q][0], b = around(n, slot);
        if (n->slot_n[slot] > 0) {
            double e = b * (b_sum > 0 ? within(y_sum / b_sum, 0.3, 3) : 1);
            y = within(y, (e - 10) / 2.5, 2.5 * e + 10);
            y_sum = 0.97 * y_sum + y;
            b_sum = 0.97 * b_sum + b;
        }
        if (n->slot_n[slot] < 6) n->slot_n[slot]++;
        n->slot[slot] += (y - n->slot[slot]) / n->slot_n[slot];
    }
    return b_sum > 0 ? within(y_sum / b_sum, 0.3, 3) : 1;
}

void naive_learn(struct naive *n, const double *counts) {
    for (int i = 0; i < n->series_n; i++)
        n->count[n->quarters_n][i] = counts[i];
    n->quarters_n++;
}

static double slot_expected(struct naive *n, int quarter) {
    double level = replay(n, n->quarters_n);
    return level * around(n, quarter % 672) / 90;
}

static double day_mean(const struct naive *n) {
    double sum = 1;
    int from = n->quarters_n < 96 ? 0 : n->quarters_n - 96;
    for (int q = from; q < n->quarters_n; q++)
        sum += n->count[q][0];
    return sum / (n->quarters_n - from) / 90;
}

double naive_expected(const struct naive *n, int tick) {
    static struct naive copy;
    if (n->quarters_n < 1344) return day_mean(n);
    memcpy(&copy, n, sizeof copy);
    double at = (tick + 0.5) / 90 - 0.5;
    double here = slot_expected(&copy, n->quarters_n);
    double other = slot_expected(&copy, n->quarters_n + (at < 0 ? -1 : 1));
    return (1 - fabs(at)) * here + fabs(at) * other;
}

double naive_share(const struct naive *n, int series) {
    double mean[4] = {0};
    int age[4] = {0};
    for (int q = 0; q < n->quarters_n; q++) {
        for (int i = 0; i < n->series_n; i++) {
            double c = n->count[q][i];
            if (age[i] == 0 && c == 0) continue;
            age[i]++;
            double a = age[i] < 1344 ? 1.0 / age[i] : 1.0 / 1344;
            mean[i] = (1 - a) * mean[i] + a * c;
        }
    }
    return (mean[series] + 0.01) / (mean[0] + 0.01);
}
