/* find.c: a request's path -> the ready answer.
 *
 * Aliases are told here, so that each answer lies in the file once: incidents at /incidents/{id}
 * and /status/incidents/{id}, the feeds at the root and under /status, Kuma's read API under any of
 * its usual slugs. What lies below the page's own folders and does not exist gets the page that
 * says so.
 */
#include <stdio.h>

#include "page/inside.h"

#define NOT_FOUND "#404"
#define POLICY "#policy"
#define EMBED_POLICY "#policy-embed"

static const char *const content_types[PAGE_TYPES_N] = {
    [PAGE_HTML] = "text/html; charset=utf-8",
    [PAGE_EMBED] = "text/html; charset=utf-8",
    [PAGE_JSON] = "application/json; charset=utf-8",
    [PAGE_ATOM] = "application/atom+xml; charset=utf-8",
    [PAGE_RSS] = "application/rss+xml; charset=utf-8",
    [PAGE_SVG] = "image/svg+xml",
    [PAGE_SCRIPT] = "text/javascript; charset=utf-8",
    [PAGE_TEXT] = "text/plain; charset=utf-8",
    [PAGE_METRICS] = "text/plain; version=0.0.4; charset=utf-8",
    [PAGE_OPEN_METRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const struct page_entry *page_entry(const struct page *p, struct str path) {
    size_t low = 0, high = p->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(p->entries[middle].path, path);
        if (order == 0) return &p->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool page_is_empty(const struct page *p) {
    return p->n_entries == 0;
}

static const struct page_entry *entry_z(const struct page *p, const char *path) {
    return page_entry(p, str_z(path));
}

/* ---- aliases ---- */

static const struct {
    const char *path, *is;
} same[] = {
    {"/status.atom", "/history.atom"},        {"/status/history.atom", "/history.atom"},
    {"/status/history.rss", "/history.rss"},  {"/status.rss", "/history.rss"},
    {"/status/default/rss", "/history.rss"},  {"/status/status/rss", "/history.rss"},
    {"/status/metrics", "/metrics"},          {"/favicon.ico", "/status/favicon.svg"},
    {"/favicon.svg", "/status/favicon.svg"},  {"/status.svg", "/status/badge.svg"},
    {"/incidents", "/status/history"},        {"/history", "/status/history"},
    {"/status/incidents", "/status/history"},
};

/* "/api/status-page/{slug}…" -> "/api/status-page/status…" for the slugs that exist. */
static struct str without_slug(struct str path, char out[96]) {
    static const char *const folders[] = {"/api/status-page/heartbeat/", "/api/status-page/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct str folder = str_z(folders[i]);
        if (!str_starts(path, folder)) continue;
        struct str rest = str_from(path, folder.n), slug = str_cut(&rest, '/');
        if (!str_is(slug, "default") || rest.n > 32) return path;
        int n =
            snprintf(out, 96, "%sstatus%s" STR_FMT, folders[i], rest.n ? "/" : "", STR_ARG(rest));
        return (struct str){out, (size_t)n};
    }
    return path;
}

static struct str canonical(struct str path, char bytes[96]) {
    if (path.n > 1 && path.p[path.n - 1] == '/') path.n--;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (str_is(path, same[i].path)) return str_z(same[i].is);
    if (str_starts(path, STR("/status/incidents/"))) return str_from(path, 7);
    return without_slug(path, bytes);
}

/* ---- answers ---- */

static bool in_own_folder(struct str path) {
    return str_starts(path, STR("/status/")) || str_starts(path, STR("/incidents/"));
}

static void fill(const struct page *p, const struct page_entry *e, struct page_found *out) {
    const char *policy = e->type == PAGE_HTML    ? POLICY
                         : e->type == PAGE_EMBED ? EMBED_POLICY
                                                 : NULL;
    const struct page_entry *at = policy ? entry_z(p, policy) : NULL;
    *out = (struct page_found){.status = 200,
                               .content_type = content_types[e->type],
                               .plain = e->plain,
                               .gzip = e->gzip,
                               .by_accept = e->type == PAGE_METRICS || e->type == PAGE_OPEN_METRICS,
                               .policy = at ? at->plain : (struct str){0},
                               .etag = e->etag,
                               .modified_us = e->modified_us};
}

bool page_find(const struct page *p, struct str path, struct str accept, struct page_found *out) {
    char bytes[96];
    if (page_is_empty(p) || memchr(path.p, '#', path.n)) return false;
    path = canonical(path, bytes);
    const struct page_entry *e = page_entry(p, path);
    if (e && e->type == PAGE_METRICS && str_contains(accept, STR("application/openmetrics-text")))
        e = entry_z(p, "/metrics#open");
    if (e) {
        fill(p, e, out);
        return true;
    }
    if (!in_own_folder(path) || !(e = entry_z(p, NOT_FOUND))) return false;
    fill(p, e, out);
    out->status = 404;
    return true;
}
