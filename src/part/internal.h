/* internal.h: an opened part, as the files of src/part see it. */
#pragma once

#include "part/idmap.h"
#include "part/stream.h"

struct part_column {
    struct part_column_info info;
    uint32_t property_term;
    enum part_layout layout;
    struct part_number_form form;
    struct part_stream dictionary; /* PART_CODE: terms */
    struct part_stream rows;       /* sparse only */
    struct part_stream values;
};

struct part {
    uint32_t refs; /* atomic */
    const uint8_t *bytes;
    size_t n_bytes;
    bool mapped;
    char *path; /* owned; NULL: in memory */
    struct part_info info;
    struct part_file_info file;
    const struct part_file_section *sections;

    const struct id128 *persons;
    const uint32_t *starts;
    struct part_stream times, insert_low, insert_high;
    const uint8_t *event_codes;
    struct part_stream event_terms;
    const uint64_t *event_rows;

    const struct id128 *terms;
    struct part_stream term_what;
    struct part_stream sealed_term, sealed_frame, sealed_ordinal, sealed_path, sealed_at;
    const uint8_t *cipher;
    uint64_t cipher_bytes;
    const struct part_file_frame *frames;
    struct part_stream tree_term, tree_at;
    const uint8_t *trees;
    uint64_t trees_bytes;

    struct part_column *columns; /* [file.columns], owned */
};

/* Takes over bytes (malloc'd) on success. */
struct err part_from_memory(uint8_t *bytes, size_t n, struct part **out);

/* ---- numbers (number.c) ---- */
/* The form that holds all n values exactly in the fewest bits. */
struct part_number_form part_number_form_of(const double *values, size_t n);
/* A form that holds everything that either holds, given the largest magnitude among all values. */
struct part_number_form part_number_form_join(struct part_number_form a, struct part_number_form b,
                                              double magnitude);
/* 0 for NaN. Exact when the form was made for v. */
uint64_t part_number_encode(struct part_number_form f, double v);
void part_numbers_decode(struct part_number_form f, const uint64_t *in, uint32_t n, double *out);

/* ---- trees (tree.c) ---- */
/* Calls leaf for every text and key of the elements in bytes; `sealed` of a text's tag may be
 * rewritten through *tag (NULL for keys). */
typedef bool part_tree_leaf(void *ctx, struct id128 hash, uint8_t *tag);
/* false: malformed, or leaf said false. */
bool part_tree_walk(uint8_t *bytes, size_t n, part_tree_leaf *leaf, void *ctx);
bool part_tree_valid(const uint8_t *bytes, size_t n);
/* Hash of the elements; bytes must have their sealed bits clear. */
struct id128 part_tree_hash(const uint8_t *bytes, size_t n);

/* ---- terms ---- */
uint32_t part_find_term(const struct part *p, struct id128 hash); /* UINT32_MAX: none */
bool part_sealed_at(const struct part *p, uint64_t i, struct part_sealed *out);
/* The elements of a list term. */
struct str part_tree_of(const struct part *p, uint32_t term);
