// modules: base seal journal part
/* A part file with its checksums put right. Invariant: what opens is read wholly without leaving
 * its bytes (the sanitizer's part), and no code or value that a caller would index with is out of
 * its range; a merge of it opens again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "part/internal.h"

#define PIECE 256u

static void mend(uint8_t *bytes, size_t n) {
    struct part_file_trailer t;
    struct part_file_info info;
    if (n < sizeof(struct part_file_header) + sizeof info + sizeof t) return;
    memcpy(&t, bytes + n - sizeof t, sizeof t);
    if (t.footer_at > n - sizeof t || n - sizeof t - t.footer_at < sizeof info) return;
    t.footer_bytes = n - sizeof t - t.footer_at;
    memcpy(&info, bytes + t.footer_at, sizeof info);
    for (uint64_t i = 0; i < info.sections && (i + 1) * 32 + sizeof info <= t.footer_bytes; i++) {
        struct part_file_section s;
        uint8_t *entry = bytes + t.footer_at + sizeof info + i * sizeof s;
        memcpy(&s, entry, sizeof s);
        if (s.at > n || s.bytes > n - s.at) continue;
        s.checksum = checksum64(bytes + s.at, s.bytes);
        memcpy(entry, &s, sizeof s);
    }
    t.checksum = checksum64(bytes + t.footer_at, t.footer_bytes);
    memcpy(bytes + n - sizeof t, &t, sizeof t);
}

static void read_value(struct part_value v, int depth) {
    struct part_value inner;
    struct id128 key;
    assert(depth <= PART_MAX_DEPTH);
    if (v.type == PV_LIST)
        while (part_list_next(&v.list, &inner))
            read_value(inner, depth + 1);
    if (v.type == PV_OBJECT)
        while (part_object_next(&v.list, &key, &inner))
            read_value(inner, depth + 1);
}

static void read_column(const struct part *p, int c, uint32_t row, uint32_t n) {
    uint32_t codes[PIECE];
    double numbers[PIECE];
    struct part_value v;
    if (part_column(p, c)->class == PART_NUMBER) {
        part_numbers(p, c, row, n, numbers);
        for (uint32_t i = 0; i < n; i++)
            assert(isnan(numbers[i]) || isfinite(numbers[i]));
        return;
    }
    part_codes(p, c, row, n, codes);
    for (uint32_t i = 0; i < n; i++) {
        assert(codes[i] <= part_column(p, c)->dictionary_n);
        part_entry(p, c, codes[i], &v);
        read_value(v, 0);
        part_find_code(p, c, v.hash);
    }
}

static void read_rows(const struct part *p, uint32_t row, uint32_t n) {
    int64_t times[PIECE];
    uint32_t events[PIECE];
    uint64_t inserts[PIECE];
    part_times(p, row, n, times);
    part_inserts(p, row, n, inserts);
    part_event_codes(p, row, n, events);
    for (uint32_t i = 0; i < n; i++) {
        assert(events[i] <= part_info(p)->n_events);
        part_find_event(p, part_event_hash(p, events[i]));
    }
    for (size_t c = 0; c < part_info(p)->n_columns; c++)
        read_column(p, (int)c, row, n);
    part_find_person(p, part_row_person(p, row));
}

static void merge(struct part *p) {
    struct part *one[1] = {p}, *out = NULL;
    struct part_info const *i = part_info(p);
    struct part_merge m = {
        .parts = one, .n_parts = 1, .from_us = i->min_time_us + 1, .to_us = INT64_MAX};
    if (part_merge(&m, &out).code == ERR_OK) part_unref(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    uint8_t *copy = malloc(n + 1);
    struct part *p = NULL;
    if (copy == NULL) return 0;
    memcpy(copy, bytes, n);
    mend(copy, n);
    if (part_from_memory(copy, n, &p).code != ERR_OK) {
        free(copy);
        return 0;
    }
    for (uint32_t row = 0; row < part_info(p)->rows && row < 64 * PIECE; row += PIECE)
        read_rows(p, row, part_info(p)->rows - row < PIECE ? part_info(p)->rows - row : PIECE);
    struct part_sealed s;
    for (size_t at = 0; part_sealed_next(p, &at, &s);)
        assert(s.text.ciphertext.n % 16 == 0 && s.box != NULL);
    if (part_info(p)->rows < 100000) {
        (void)!part_check(p).code;
        merge(p);
    }
    part_unref(p);
    return 0;
}
