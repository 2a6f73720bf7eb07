/* status.c: the status page at the public door.
 *
 * Console publishes two files (page.h); here they lie in memory, and every answer about them comes
 * from memory: so the page is served while console is down and under load, at the price of copying
 * it into the socket. A file that cannot be read leaves the old one in force.
 *
 * Reads are the same for everybody: Access-Control-Allow-Origin is '*', caches may keep them for
 * ten seconds and ask again with the entity tag.
 */
#include <stdio.h>

#include "front/inside.h"

#define CACHE "public, max-age=10"
#define PUSH "/api/push/"
#define ENDPOINTS "/api/v1/endpoints/"

/* ---- the files ---- */

static struct err read_files(struct front *f) {
    char folder[4200], path[4200];
    struct page *page = NULL;
    struct page_door *door = NULL;
    settings_path(f->setup->settings, "front/status", folder);
    settings_path(f->setup->settings, "front/status/intake", path);
    TRY(page_door_read(path, &door));
    struct err e = page_open(folder, &page);
    if (e.code != ERR_OK) {
        page_door_free(door);
        return e;
    }
    page_close(f->page);
    page_door_free(f->door);
    f->page = page;
    f->door = door;
    return ERR_NONE;
}

void front_status_keep_up(struct front *f) {
    struct channel_page *shared = f->channel->page;
    uint64_t wanted = atomic_load_explicit(&shared->status_generation, memory_order_acquire);
    if (wanted == f->status_seen) return;
    struct err e = read_files(f);
    if (e.code != ERR_OK && e.code != ERR_NOTFOUND) log_failure("reading the status page", e);
    f->status_seen = wanted;
    atomic_store_explicit(&shared->status_seen, wanted, memory_order_release);
}

void front_status_free(struct front *f) {
    page_close(f->page);
    page_door_free(f->door);
    front_flood_free(f->flood);
    json_parser_free(f->json);
}

struct str front_status_token(const struct front *f) {
    const struct registry_project *p =
        f->door && f->door->project ? registry_by_id(f->registry, f->door->project) : NULL;
    return p ? str_z(p->token) : (struct str){0};
}

void front_json(struct edge_request *q, struct edge_reply *r, int status, const char *json) {
    (void)q;
    r->status = status;
    r->content_type = "application/json; charset=utf-8";
    r->body = str_z(json);
    r->body_is_static = true;
    edge_reply_header(r, "Cache-Control", STR("no-store"));
}

/* ---- ready answers ---- */

/* Weak comparison (RFC 9110, 13.1.2): tags are of the content, whatever its coding. */
static bool tag_matches(struct str list, struct str tag) {
    while (list.n > 0) {
        struct str one = str_trim(str_cut(&list, ','));
        if (str_starts(one, STR("W/"))) one = str_from(one, 2);
        if (str_is(one, "*") || str_eq(one, str_from(tag, 2))) return true;
    }
    return false;
}

static bool is_unchanged(const struct edge_request *q, struct str tag, const char *modified) {
    struct str tags = edge_header(q, "If-None-Match");
    if (tags.n > 0) return tag_matches(tags, tag);
    return modified[0] && str_is(edge_header(q, "If-Modified-Since"), modified);
}

static void put_head(struct edge_request *q, struct edge_reply *r, const struct page_found *found) {
    struct arena *a = q->arena;
    char modified[40] = "";
    struct str tag = arena_printf(a, "W/\"%016llx\"", (unsigned long long)found->etag);
    if (found->modified_us) page_http_date(found->modified_us, modified);
    r->status = found->status;
    r->content_type = found->content_type;
    r->cors_public = true;
    edge_reply_header(r, "Cache-Control", STR(CACHE));
    edge_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    edge_reply_header(r, "Referrer-Policy", STR("same-origin"));
    if (found->policy.n > 0) {
        edge_reply_header(r, "Content-Security-Policy", arena_str(a, found->policy));
        edge_reply_header(r, "X-Robots-Tag", STR("noarchive"));
    }
    if (found->by_accept) edge_reply_header(r, "Vary", STR("Accept"));
    if (!tag.p || found->status != 200) return;
    edge_reply_header(r, "ETag", tag);
    if (modified[0]) edge_reply_header(r, "Last-Modified", arena_str(a, str_z(modified)));
    if (is_unchanged(q, tag, modified)) r->status = 304;
}

static void put_body(struct edge_request *q, struct edge_reply *r, const struct page_found *found) {
    if (r->status == 304) return;
    bool packed = found->gzip.n > 0 && edge_accepts_gzip(q);
    r->body = packed ? found->gzip : found->plain;
    r->precompressed_gzip = packed;
    if (found->gzip.n > 0 && !packed) edge_reply_header(r, "Vary", STR("Accept-Encoding"));
}

static void ask_of(struct edge_request *q, struct page_ask *out) {
    struct str number;
    *out = (struct page_ask){.path = q->path};
    for (int i = 0; i < PAGE_WISHES; i++)
        if (!edge_param(q, page_wish_name((enum page_wish)i), &out->wishes[i]))
            out->wishes[i] = (struct str){0};
    if (edge_param(q, "page", &number)) (void)str_to_i64(number, &out->page);
    if (edge_param(q, "pageSize", &number)) (void)str_to_i64(number, &out->page_size);
}

static bool render(struct front *f, struct edge_request *q, struct edge_reply *r) {
    if (!str_starts(q->path, STR("/api/"))) return false;
    AUTO(buf_done) struct buf body;
    struct page_found found;
    struct page_ask ask;
    buf_init(&body, 1u << 20);
    ask_of(q, &ask);
    if (!page_render(f->page, &ask, &found, &body)) return false;
    found.plain = arena_str(q->arena, found.plain);
    put_head(q, r, &found);
    put_body(q, r, &found);
    return true;
}

static bool read_answer(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct page_found found;
    if (!f->page || page_is_empty(f->page)) return false;
    if (page_find(f->page, q->path, edge_header(q, "Accept"), &found)) {
        put_head(q, r, &found);
        put_body(q, r, &found);
        return true;
    }
    return render(f, q, r);
}

/* ---- the door ---- */

static bool writes(struct front *f, struct edge_request *q, struct edge_reply *r,
                   enum edge_verdict *out) {
    if (!f->door || f->door->project == 0) return false;
    bool post = q->method == EDGE_POST;
    if (str_is(q->path, "/status/report") && post)
        *out = front_report(f, q, r);
    else if (str_starts(q->path, STR(PUSH)))
        *out = front_push_kuma(f, q, r);
    else if (post && str_starts(q->path, STR(ENDPOINTS)) && str_ends(q->path, STR("/external")))
        *out = front_push_gatus(f, q, r);
    else
        return false;
    return true;
}

static void refuse_method(struct edge_request *q, struct edge_reply *r, const char *allow) {
    edge_reply_error(q, r, 405, "method_not_allowed", allow, NULL);
    edge_reply_header(r, "Allow", str_z(allow));
}

/* Who asks for the host alone wants its page. */
static bool is_front_door(const struct edge_request *q) {
    return str_is(q->path, "/") && (q->method == EDGE_GET || q->method == EDGE_HEAD);
}

bool front_status(struct front *f, struct edge_request *q, struct edge_reply *r,
                  enum edge_verdict *out) {
    *out = EDGE_ANSWERED;
    if (writes(f, q, r, out)) return true;
    bool page = f->page && !page_is_empty(f->page);
    if (page && is_front_door(q)) {
        r->status = 302;
        edge_reply_header(r, "Location", STR("/status"));
        edge_reply_header(r, "Cache-Control", STR(CACHE));
        return true;
    }
    if (page && str_is(q->path, "/status/report")) {
        refuse_method(q, r, "POST, OPTIONS");
        return true;
    }
    if (q->method == EDGE_GET || q->method == EDGE_HEAD) return read_answer(f, q, r);
    struct page_found found;
    if (!page || !page_find(f->page, q->path, STR(""), &found)) return false;
    refuse_method(q, r, "GET, HEAD, OPTIONS");
    return true;
}
