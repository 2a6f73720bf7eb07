/* publish.c: a model -> the two files of front/status. */
#include "page/inside.h"

/* "https://host:port" of the page's own address, its path cut off. */
static void read_base(struct work *w, struct str url) {
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    w->host = STR("localhost");
    if (!scheme) return;
    struct str rest = str_from(url, scheme);
    struct str host = str_cut(&rest, '/');
    if (host.n == 0 || memchr(host.p, '"', host.n)) return;
    w->base = (struct str){url.p, scheme + host.n};
    w->host = str_cut(&host, ':');
}

static void make_policies(struct work *w) {
    static const char *const paths[] = {"#policy", "#policy-embed"};
    for (int i = 0; i < 2; i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 4096);
        page_put_policy(w, &b, i == 1);
        page_bundle_add(w->out, paths[i], PAGE_TEXT, &b);
    }
}

static void make_all(struct work *w) {
    make_policies(w);
    page_make_html(w);
    page_make_incidents(w);
    page_make_small(w);
    page_make_statuspage(w);
    page_make_kuma(w);
    page_make_gatus(w);
    page_make_feeds(w);
    page_make_metrics(w);
    page_make_badges(w);
}

static struct err write_pages(struct work *w, const char *folder) {
    AUTO(page_close) struct page *old = NULL;
    AUTO(buf_done) struct buf file;
    char path[4300];
    buf_init(&file, PAGE_MAX_BYTES);
    struct err e = page_open(folder, &old);
    if (e.code == ERR_NOMEM) return e; /* missing or damaged: times begin anew */
    static const struct status_model none;
    const struct status_model *m = w->m->page.project ? w->m : &none;
    TRY(page_bundle_finish(w->out, m, old, &file));
    path_join(path, sizeof path, folder, "pages");
    return io_replace_file(path, buf_str(&file), 0600);
}

struct err page_publish(const struct status_model *m, const char *folder) {
    AUTO(zone_free) struct zone *zone = NULL;
    AUTO(page_bundle_free) struct bundle_out *out = page_bundle_new();
    char path[4300];
    if (!out) return ERR(ERR_NOMEM, "page: publishing");
    TRY(io_make_folder(folder, 0700));
    struct err e = zone_open(m->page.time_zone, &zone);
    if (e.code == ERR_INVALID) e = zone_open(STR("UTC"), &zone);
    TRY(e);
    struct work w = {.m = m, .zone = zone, .out = out};
    read_base(&w, m->page.url);
    if (m->page.project) make_all(&w);
    TRY(write_pages(&w, folder));
    path_join(path, sizeof path, folder, "intake");
    return page_door_write(path, m);
}
