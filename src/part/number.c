/* number.c: doubles as the unsigned numbers of a stream.
 *
 * Most numbers that people send are integers or have a few decimals (cents): v = i / 10^s exactly,
 * with |i| <= 2^53, so that dividing back gives the same double. Where one value does not fit, the
 * column keeps the bits of the doubles.
 */
#include "part/internal.h"

#include <math.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define MAX_SCALE 6
#define MAX_EXACT 9007199254740992.0 /* 2^53 */

static const double powers[MAX_SCALE + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

static bool exact(double v, unsigned scale) {
    double x = v * powers[scale];
    if (!(fabs(x) <= MAX_EXACT)) return false;
    return (double)llrint(x) / powers[scale] == v;
}

struct part_number_form part_number_form_of(const double *values, size_t n) {
    unsigned scale = 0;
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i])) continue;
        while (scale <= MAX_SCALE && !exact(values[i], scale))
            scale++;
        if (scale > MAX_SCALE) return (struct part_number_form){.kind = PART_RAW};
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    if (-low * powers[scale] > MAX_EXACT || high * powers[scale] > MAX_EXACT)
        return (struct part_number_form){.kind = PART_RAW};
    return (struct part_number_form){
        .kind = PART_INTEGER, .scale = (uint8_t)scale, .base = llrint(low * powers[scale])};
}

struct part_number_form part_number_form_join(struct part_number_form a, struct part_number_form b,
                                              double magnitude) {
    if (a.kind == PART_RAW || b.kind == PART_RAW)
        return (struct part_number_form){.kind = PART_RAW};
    if (a.scale < b.scale) {
        struct part_number_form swap = a;
        a = b;
        b = swap;
    }
    double factor = powers[a.scale - b.scale];
    double base = fmin((double)a.base, (double)b.base * factor);
    if (magnitude * powers[a.scale] > MAX_EXACT || base < -MAX_EXACT)
        return (struct part_number_form){.kind = PART_RAW};
    return (struct part_number_form){.kind = PART_INTEGER, .scale = a.scale, .base = llrint(base)};
}

uint64_t part_number_encode(struct part_number_form f, double v) {
    if (isnan(v)) return 0;
    if (f.kind == PART_INTEGER) return (uint64_t)llrint(v * powers[f.scale]) - (uint64_t)f.base + 1;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits + 1;
}

static void decode_integers(struct part_number_form f, const uint64_t *in, uint32_t n,
                            double *out) {
    uint64_t base = (uint64_t)f.base - 1;
    double divisor = powers[f.scale];
    if (f.scale == 0)
        for (uint32_t i = 0; i < n; i++)
            out[i] = in[i] == 0 ? NAN : (double)(int64_t)(in[i] + base);
    else
        for (uint32_t i = 0; i < n; i++)
            out[i] = in[i] == 0 ? NAN : (double)(int64_t)(in[i] + base) / divisor;
}

void part_numbers_decode(struct part_number_form f, const uint64_t *in, uint32_t n, double *out) {
    if (f.kind == PART_INTEGER) {
        decode_integers(f, in, n, out);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits = in[i] - 1;
        memcpy(&out[i], &bits, sizeof bits);
        if (in[i] == 0 || !isfinite(out[i])) out[i] = NAN;
    }
}
