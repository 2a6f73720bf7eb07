#include "damage.h"

#include <math.h>
#include <stdlib.h>

static uint64_t read_value(struct part_value v, int depth) {
    uint64_t sum = v.hash.b[0] + (uint64_t)v.type;
    struct part_value inner;
    struct id128 key;
    if (depth > 30) abort();
    if (v.type == PV_LIST)
        while (part_list_next(&v.list, &inner))
            sum += read_value(inner, depth + 1);
    if (v.type == PV_OBJECT)
        while (part_object_next(&v.list, &key, &inner))
            sum += read_value(inner, depth + 1);
    return sum;
}

static uint64_t read_column(const struct part *p, int c, uint32_t row, uint32_t n) {
    uint64_t sum = 0;
    struct part_value v;
    if (part_column(p, c)->class == PART_NUMBER) {
        double numbers[512];
        part_numbers(p, c, row, n, numbers);
        for (uint32_t i = 0; i < n; i++)
            sum += isnan(numbers[i]) ? 0u : 1u;
        return sum + (isnan(part_number_at(p, c, row)) ? 0u : 1u);
    }
    uint32_t codes[512];
    part_codes(p, c, row, n, codes);
    for (uint32_t i = 0; i < n; i++) {
        if (codes[i] > part_column(p, c)->dictionary_n) abort();
        part_entry(p, c, codes[i], &v);
        sum += read_value(v, 0);
    }
    for (uint32_t i = 0; i < n; i += 37)
        if (part_code_at(p, c, row + i) > part_column(p, c)->dictionary_n) abort();
    return sum;
}

static uint64_t read_rows(const struct part *p, uint32_t row, uint32_t n) {
    int64_t times[512];
    uint32_t events[512];
    uint64_t inserts[512], sum = 0;
    part_times(p, row, n, times);
    part_event_codes(p, row, n, events);
    part_inserts(p, row, n, inserts);
    for (uint32_t i = 0; i < n; i += 37)
        sum += (uint64_t)part_time_at(p, row + i);
    for (uint32_t i = 0; i < n; i++) {
        if (events[i] > part_info(p)->n_events) abort();
        sum += (uint64_t)times[i] + inserts[i] + part_event_hash(p, events[i]).b[0];
    }
    return sum + part_row_person(p, row).b[0];
}

uint64_t damage_read_all(const struct part *p) {
    uint64_t sum = 0;
    const struct part_info *info = part_info(p);
    for (uint32_t row = 0; row < info->rows && row < 20000; row += 512) {
        uint32_t n = info->rows - row < 512 ? info->rows - row : 512;
        sum += read_rows(p, row, n);
        for (int c = 0; c < (int)info->n_columns; c++)
            sum += read_column(p, c, row, n);
    }
    for (int c = 0; c < (int)info->n_columns; c++)
        for (uint32_t code = 0; part_column(p, c)->class == PART_CODE &&
                                code <= part_column(p, c)->dictionary_n && code < 5000;
             code++) {
            struct part_value v;
            part_entry(p, c, code, &v);
            sum += read_value(v, 0) + part_find_code(p, c, v.hash);
        }
    struct part_sealed s;
    for (size_t at = 0, i = 0; i < 5000 && part_sealed_next(p, &at, &s); i++) {
        for (size_t j = 0; j < s.text.ciphertext.n; j += 16)
            sum += (uint8_t)s.text.ciphertext.p[j];
        sum += s.box[0] + s.box[SEAL_BOX_BYTES - 1] + (part_sealed(p, s.text.hash, &s) ? 1u : 0u);
    }
    return sum + (part_check(p).code == ERR_OK ? 1u : 0u);
}
