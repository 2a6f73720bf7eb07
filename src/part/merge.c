/* merge.c: parts of one project into one, in four steps (merge.h): rows, marks, terms, columns.
 * Rewriting one part without a person, or one month of it, is a merge of one. */
#include "part/merge.h"

static void source_done(struct part_source *s) {
    for (uint32_t i = 0; s->columns && i < s->p->file.columns; i++)
        free(s->columns[i].seen);
    free(s->columns);
    free(s->event);
    free(s->skip);
    free(s->used);
    free(s->term_out);
    free(s->frame_out);
}

static void done(struct part_merging *x) {
    for (uint32_t i = 0; x->sources && i < x->n; i++)
        source_done(&x->sources[i]);
    free(x->sources);
    free(x->runs);
    free(x->persons);
    free(x->starts);
    free(x->columns);
    part_idmap_done(&x->events);
    part_stream_out_free(x->stream);
    part_out_done(&x->out);
}

static void done_auto(struct part_merging *x) {
    done(x);
}

/* Sources whose rows lie outside the time range are left out at once. */
static struct err begin(struct part_merging *x) {
    const struct part_merge *m = x->m;
    if (m->n_parts > PART_MAX_SOURCES) return ERR(ERR_LIMIT, "part: too many parts in one merge");
    x->sources = calloc(m->n_parts + 1, sizeof *x->sources);
    if (!x->sources) return ERR(ERR_NOMEM, "part: merge");
    part_idmap_init(&x->events);
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct part_file_info *f = &m->parts[i]->file;
        if (i == 0 || f->seq_lo < x->info.seq_lo) x->info.seq_lo = f->seq_lo;
        if (i == 0 || f->seq_hi > x->info.seq_hi) x->info.seq_hi = f->seq_hi;
        if (f->project != m->parts[0]->file.project)
            return ERR(ERR_INVALID, "part: two projects in one merge");
        if (f->min_time_us >= m->to_us || f->max_time_us < m->from_us) continue;
        x->sources[x->n++].p = m->parts[i];
    }
    if (x->n > 0) x->info.project = x->sources[0].p->file.project;
    return ERR_NONE;
}

struct err part_merge(const struct part_merge *m, struct part **out) {
    AUTO(done) struct part_merging x = {.m = m, .out.fd = -1};
    TRY(begin(&x));
    if (x.n > 0) TRY(part_merge_rows(&x));
    if (x.info.rows == 0) {
        *out = NULL;
        return ERR_NONE;
    }
    TRY(part_merge_marks(&x));
    TRY(part_out_open(m->path, x.info.project, &x.out));
    x.stream = part_stream_out_new(&x.out);
    if (!x.stream) return ERR(ERR_NOMEM, "part: merge");
    TRY(part_merge_terms(&x));
    TRY(part_merge_columns(&x));
    return part_out_finish(&x.out, &x.info, out);
}
