/* open.c: from bytes to a part that cannot be read out of bounds.
 *
 * Everything that later code trusts is checked here, without reading rows: the footer's checksum,
 * every section's place and size, every block of every stream, the order of the row starts, the
 * shape of the trees. What remains is numbers that may be out of range (codes, terms, frames);
 * readers clamp those where they use them.
 */
#include "part/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err corrupt(const char *what) {
    return ERR(ERR_CORRUPT, what);
}

static struct err check_sections(const struct part *p, uint64_t end) {
    for (uint32_t i = 0; i < p->file.sections; i++) {
        const struct part_file_section *s = &p->sections[i];
        if (s->at % PART_ALIGN != 0 || s->at < sizeof(struct part_file_header) || s->at > end ||
            s->bytes > end - s->at)
            return corrupt("part: section out of bounds");
        if (s->kind == 0 || s->kind >= SEC_KINDS) return corrupt("part: section kind");
        if (i == 0) continue;
        const struct part_file_section *before = s - 1;
        if (s->kind < before->kind || (s->kind == before->kind && s->index <= before->index))
            return corrupt("part: section order");
    }
    return ERR_NONE;
}

static struct err check_frame_of_file(struct part *p) {
    struct part_file_header h;
    struct part_file_trailer t;
    if (p->n_bytes < sizeof h + sizeof p->file + sizeof t) return corrupt("part: too short");
    memcpy(&h, p->bytes, sizeof h);
    memcpy(&t, p->bytes + p->n_bytes - sizeof t, sizeof t);
    if (memcmp(h.magic, PART_MAGIC, 8) != 0 || memcmp(t.magic, PART_END_MAGIC, 8) != 0)
        return corrupt("part: not a part");
    if (h.version != PART_VERSION || h.header_bytes != sizeof h || h.zero != 0)
        return corrupt("part: version");
    uint64_t end = p->n_bytes - sizeof t;
    if (t.footer_at < sizeof h || t.footer_at > end || t.footer_bytes != end - t.footer_at ||
        t.footer_at % PART_ALIGN != 0 || t.footer_bytes < sizeof p->file)
        return corrupt("part: footer out of bounds");
    memcpy(&p->file, p->bytes + t.footer_at, sizeof p->file);
    if (t.footer_bytes != sizeof p->file + (uint64_t)p->file.sections * sizeof *p->sections)
        return corrupt("part: section table");
    if (p->file.project != h.project) return corrupt("part: project");
    p->sections = (const void *)(p->bytes + t.footer_at + sizeof p->file);
    return check_sections(p, t.footer_at);
}

static struct err check_footer_sum(const struct part *p) {
    struct part_file_trailer t;
    memcpy(&t, p->bytes + p->n_bytes - sizeof t, sizeof t);
    return checksum64(p->bytes + t.footer_at, t.footer_bytes) == t.checksum
               ? ERR_NONE
               : corrupt("part: footer checksum");
}

static bool counts_sane(const struct part_file_info *f) {
    return f->rows > 0 && f->rows <= PART_MAX_ROWS && f->persons > 0 && f->persons <= f->rows &&
           (f->time_unit_us == 1 || f->time_unit_us == 1000) &&
           (f->event_width == 1 || f->event_width == 2 || f->event_width == 4) && f->events > 0 &&
           f->events <= f->terms && f->columns <= PART_MAX_COLUMNS && f->terms <= PART_MAX_TERMS &&
           f->sealed <= f->terms && f->trees <= f->terms && f->min_time_us <= f->max_time_us;
}

static const struct part_file_section *find_section(const struct part *p,
                                                    enum part_section_kind kind, uint32_t index) {
    uint32_t low = 0, high = p->file.sections;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        const struct part_file_section *s = &p->sections[mid];
        if (s->kind < (uint32_t)kind || (s->kind == (uint32_t)kind && s->index < index))
            low = mid + 1;
        else
            high = mid;
    }
    if (low == p->file.sections) return NULL;
    const struct part_file_section *s = &p->sections[low];
    return s->kind == (uint32_t)kind && s->index == index ? s : NULL;
}

static struct str section(const struct part *p, enum part_section_kind kind, uint32_t index) {
    const struct part_file_section *s = find_section(p, kind, index);
    return s ? (struct str){(const char *)p->bytes + s->at, s->bytes}
             : (struct str){(const char *)p->bytes, 0};
}

static struct err view_raw(const struct part *p, enum part_section_kind kind, uint64_t bytes,
                           void *out) {
    struct str s = section(p, kind, 0);
    if (s.n != bytes) return corrupt("part: section size");
    memcpy(out, &s.p, sizeof s.p);
    return ERR_NONE;
}

static struct err view_stream(const struct part *p, enum part_section_kind kind, uint64_t n,
                              struct part_stream *out) {
    struct str s = section(p, kind, 0);
    return part_stream_view((const uint8_t *)s.p, s.n, n, out) ? ERR_NONE : corrupt("part: stream");
}

static struct err view_rows(struct part *p) {
    const struct part_file_info *f = &p->file;
    TRY(view_raw(p, SEC_PERSONS, (uint64_t)f->persons * 16, &p->persons));
    TRY(view_raw(p, SEC_STARTS, ((uint64_t)f->persons + 1) * 4, &p->starts));
    TRY(view_stream(p, SEC_TIMES, f->rows, &p->times));
    TRY(view_raw(p, SEC_EVENT_CODES, (uint64_t)f->rows * f->event_width, &p->event_codes));
    TRY(view_stream(p, SEC_EVENT_TERMS, f->events, &p->event_terms));
    TRY(view_raw(p, SEC_EVENT_ROWS, (uint64_t)f->events * 8, &p->event_rows));
    TRY(view_stream(p, SEC_INSERT_LOW, f->rows, &p->insert_low));
    TRY(view_stream(p, SEC_INSERT_HIGH, f->rows, &p->insert_high));
    if (p->starts[0] != 0 || p->starts[f->persons] != f->rows) return corrupt("part: starts");
    uint32_t bad = 0;
    for (uint32_t i = 0; i < f->persons; i++)
        bad |= p->starts[i + 1] <= p->starts[i];
    return bad ? corrupt("part: starts fall") : ERR_NONE;
}

static struct err view_terms(struct part *p) {
    const struct part_file_info *f = &p->file;
    TRY(view_raw(p, SEC_TERMS, (uint64_t)f->terms * 16, &p->terms));
    TRY(view_stream(p, SEC_TERM_WHAT, f->terms, &p->term_what));
    TRY(view_stream(p, SEC_SEALED_TERM, f->sealed, &p->sealed_term));
    TRY(view_stream(p, SEC_SEALED_FRAME, f->sealed, &p->sealed_frame));
    TRY(view_stream(p, SEC_SEALED_ORDINAL, f->sealed, &p->sealed_ordinal));
    TRY(view_stream(p, SEC_SEALED_PATH, f->sealed, &p->sealed_path));
    TRY(view_stream(p, SEC_SEALED_AT, f->sealed ? (uint64_t)f->sealed + 1 : 0, &p->sealed_at));
    struct str cipher = section(p, SEC_CIPHER, 0);
    p->cipher = (const uint8_t *)cipher.p;
    p->cipher_bytes = cipher.n;
    return view_raw(p, SEC_FRAMES, (uint64_t)f->frames * sizeof *p->frames, &p->frames);
}

static struct err view_trees(struct part *p) {
    const struct part_file_info *f = &p->file;
    TRY(view_stream(p, SEC_TREE_TERM, f->trees, &p->tree_term));
    TRY(view_stream(p, SEC_TREE_AT, f->trees ? (uint64_t)f->trees + 1 : 0, &p->tree_at));
    struct str trees = section(p, SEC_TREES, 0);
    p->trees = (const uint8_t *)trees.p;
    p->trees_bytes = trees.n;
    uint64_t from = 0;
    for (uint64_t i = 0; i < f->trees; i++) {
        uint64_t to = part_stream_at(&p->tree_at, i + 1);
        if (to < from || to > trees.n || !part_tree_valid(p->trees + from, to - from))
            return corrupt("part: tree");
        from = to;
    }
    return ERR_NONE;
}

static struct err view_column(const struct part *p, uint32_t index,
                              const struct part_file_column *f, struct part_column *out) {
    if (f->class > PART_NUMBER || f->layout > PART_SPARSE_ROWS || f->number_kind > PART_RAW ||
        f->scale > 6 || f->property_term >= p->file.terms || f->present == 0 ||
        f->present > p->file.rows || f->dictionary > p->file.terms ||
        (f->class == PART_CODE) != (f->dictionary > 0))
        return corrupt("part: column");
    *out = (struct part_column){
        .info = {.property = p->terms[f->property_term],
                 .class = (enum part_class)f->class,
                 .dictionary_n = f->dictionary,
                 .present_rows = f->present,
                 .min = f->min,
                 .max = f->max},
        .property_term = f->property_term,
        .layout = (enum part_layout)f->layout,
        .form = {.kind = f->number_kind, .scale = f->scale, .base = f->base},
    };
    bool sparse = f->layout == PART_SPARSE_ROWS;
    struct str dictionary = section(p, SEC_COLUMN_DICT, index);
    struct str rows = section(p, SEC_COLUMN_ROWS, index);
    struct str values = section(p, SEC_COLUMN_VALUES, index);
    if (!part_stream_view((const uint8_t *)dictionary.p, dictionary.n, f->dictionary,
                          &out->dictionary) ||
        !part_stream_view((const uint8_t *)rows.p, rows.n, sparse ? f->present : 0, &out->rows) ||
        !part_stream_view((const uint8_t *)values.p, values.n, sparse ? f->present : p->file.rows,
                          &out->values))
        return corrupt("part: column stream");
    return ERR_NONE;
}

static struct err view_columns(struct part *p) {
    const struct part_file_column *records = NULL;
    TRY(view_raw(p, SEC_COLUMNS, (uint64_t)p->file.columns * sizeof *records, &records));
    p->columns = calloc((size_t)p->file.columns + 1, sizeof *p->columns);
    if (!p->columns) return ERR(ERR_NOMEM, "part: columns");
    for (uint32_t i = 0; i < p->file.columns; i++)
        TRY(view_column(p, i, &records[i], &p->columns[i]));
    return ERR_NONE;
}

static struct err view(struct part *p) {
    TRY(check_frame_of_file(p));
    TRY(check_footer_sum(p));
    if (!counts_sane(&p->file)) return corrupt("part: counts");
    TRY(view_rows(p));
    TRY(view_terms(p));
    TRY(view_trees(p));
    TRY(view_columns(p));
    const struct part_file_info *f = &p->file;
    p->info = (struct part_info){.project = f->project,
                                 .seq_lo = f->seq_lo,
                                 .seq_hi = f->seq_hi,
                                 .rows = f->rows,
                                 .persons = f->persons,
                                 .min_time_us = f->min_time_us,
                                 .max_time_us = f->max_time_us,
                                 .bytes = p->n_bytes,
                                 .in_memory = !p->mapped,
                                 .n_columns = f->columns,
                                 .n_events = f->events};
    return ERR_NONE;
}

/* On failure the bytes stay the caller's. */
static struct err from_bytes(const uint8_t *bytes, size_t n, bool mapped, struct part **out) {
    struct part *p = calloc(1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "part: open");
    *p = (struct part){.refs = 1, .bytes = bytes, .n_bytes = n, .mapped = mapped};
    struct err e = view(p);
    if (e.code != ERR_OK) {
        free(p->columns);
        free(p);
        return e;
    }
    *out = p;
    return ERR_NONE;
}

struct err part_from_memory(uint8_t *bytes, size_t n, struct part **out) {
    return from_bytes(bytes, n, false, out);
}

struct err part_open(const char *path, struct part **out) {
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return err_os("part: open");
    struct stat st;
    if (fstat(fd, &st) != 0) return err_os("part: stat");
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct part_file_header))
        return corrupt("part: too short");
    size_t n = (size_t)st.st_size;
    void *bytes = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) return err_os("part: map");
    char *name = strdup(path);
    struct err e = name ? from_bytes(bytes, n, true, out) : ERR(ERR_NOMEM, "part: open");
    if (e.code == ERR_OK) {
        (*out)->path = name;
        return e;
    }
    free(name);
    munmap(bytes, n);
    return e;
}

const char *part_path(const struct part *p) {
    return p->path;
}

struct err part_write(const struct part *p, const char *path) {
    return io_replace_file(path, (struct str){(const char *)p->bytes, p->n_bytes}, 0600);
}

struct part *part_ref(struct part *p) {
    __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void part_unref(struct part *p) {
    if (!p || __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) != 1) return;
    if (p->mapped)
        munmap((void *)(uintptr_t)p->bytes, p->n_bytes);
    else
        free((void *)(uintptr_t)p->bytes);
    free(p->columns);
    free(p->path);
    free(p);
}
