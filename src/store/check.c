/* check.c: `weir check` for what the store keeps: tables, part files, positions. */
#include <stdio.h>

#include "store/internal.h"

struct tally {
    const char *folder;
    int64_t parts, rows, damaged;
    struct jout *report;
};

static void damaged(struct tally *t, int64_t id, struct err e) {
    t->damaged++;
    jout_object(t->report);
    jout_keyz(t->report, "part");
    jout_i64(t->report, id);
    jout_keyz(t->report, "what");
    jout_strz(t->report, e.what);
    jout_object_end(t->report);
}

static struct err check_file(const struct tally *t, int64_t id, int64_t rows) {
    char path[4200];
    snprintf(path, sizeof path, "%s/parts/%012lld.part", t->folder, (long long)id);
    AUTO(part_unref) struct part *part = NULL;
    TRY(part_open(path, &part));
    if (part_info(part)->rows != rows)
        return ERR(ERR_CORRUPT, "the part's row count is not the table's");
    return part_check(part);
}

static struct err check_parts(struct meta *m, struct tally *t) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(m, &row, "SELECT id, rows FROM part ORDER BY id", ""));
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct err found = check_file(t, meta_i64(row, 0), meta_i64(row, 1));
        t->parts++;
        t->rows += meta_i64(row, 1);
        if (found.code != ERR_OK) damaged(t, meta_i64(row, 0), found);
    }
    return e;
}

static struct err check_all(struct meta *m, struct tally *t) {
    uint64_t applied = 0, covered = 0;
    TRY(store_position_get(m, "applied", &applied));
    TRY(store_position_get(m, "parts", &covered));
    jout_keyz(t->report, "damaged");
    jout_array(t->report);
    struct err e = check_parts(m, t);
    jout_array_end(t->report);
    jout_keyz(t->report, "parts");
    jout_i64(t->report, t->parts);
    jout_keyz(t->report, "rows");
    jout_i64(t->report, t->rows);
    jout_keyz(t->report, "position");
    jout_i64(t->report, (int64_t)covered);
    TRY(e);
    return t->damaged ? ERR(ERR_CORRUPT, "a part is damaged") : ERR_NONE;
}

struct err store_check(const char *data_folder, struct meta *m, struct jout *report) {
    TRY(meta_begin(m));
    struct tally t = {.folder = data_folder, .report = report};
    struct err e = check_all(m, &t);
    meta_rollback(m);
    return e;
}
