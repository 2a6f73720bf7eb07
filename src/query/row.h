/* row.h: whole rows as JSON: the properties of an event or a profile, nested as they were sent.
 * Private to query. */
#pragma once

#include "query/run.h"

#define ROW_MAX_DEPTH 16

/* A property name, split at its dots; `parts` are unescaped. A sealed name is one part. */
struct row_name {
    struct str parts[ROW_MAX_DEPTH];
    uint32_t n;
    uint32_t index; /* the caller's: which property */
    struct str key; /* the last part as JSON */
};
struct err row_name_of(const struct run *r, struct id128 name, struct arena *a,
                       struct row_name *out);
int row_name_cmp(const void *a, const void *b); /* qsort: nested names lie together */

/* Writes members in the order of row_name_cmp, opening and closing objects between them. */
struct row_nest {
    struct jout *j;
    const struct row_name *open; /* the last name written */
    uint32_t depth;              /* objects open below the first */
};
void row_member(struct row_nest *n, const struct row_name *name); /* then exactly one value */
void row_members_end(struct row_nest *n);

/* Values as they were written before: most rows show what others have shown. Of a small dictionary
 * each entry is kept, of a large one the last. */
#define ROW_MEMO_ENTRIES 65536  /* of a dictionary that is kept whole */
#define ROW_MEMO_BYTES 256      /* of one text that is kept */
#define ROW_MEMO_ALL (8u << 20) /* of all that a reader keeps */
struct row_memo {
    struct str *known; /* [dictionary_n + 1]; NULL: only the last */
    uint32_t code;     /* of the last; 0: none */
    uint32_t n;
    char last[ROW_MEMO_BYTES];
};

/* A part's columns, ready for rows. */
struct row_column {
    struct row_name name;
    int column;
    enum part_class class;
    struct window win;
    bool empty;            /* the window holds no value */
    struct row_memo *memo; /* PART_CODE */
};
struct row_reader {
    const struct run *run;
    const struct part *part;
    struct arena *arena;
    struct row_column *columns; /* [n], in the order of names */
    uint32_t n;
    uint32_t window_rows; /* rows decoded at once */
    size_t kept_bytes;    /* of all memos */
};
struct err row_reader_new(const struct run *r, const struct part *p, uint32_t window_rows,
                          struct arena *a, struct row_reader **out);
/* The members of the properties object; `first` members are already written by the caller. */
struct err row_write(struct row_reader *rr, uint32_t row, struct jout *j);
