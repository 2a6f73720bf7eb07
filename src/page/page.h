/* page.h: the public status page as bytes: made by console, served by front.
 *
 *   console   status_model -> page_publish -> front/status/pages (every answer, ready made, one
 * file)
 *                                          -> front/status/intake (what the door must know)
 *   front     page_open reads `pages`, page_find and page_render answer; page_door_read reads
 * `intake`
 *
 * All answers of one publishing lie in one file that is replaced by rename, so that a visitor never
 * sees two halves of two states, and a front that starts without console serves what was there
 * last. Both files are parsed as hostile: sizes checked, order checked, checksum at the end.
 *
 * Nothing here knows HTTP: front turns what is found into answers. Strings of people (names, update
 * texts) are escaped where they are put; the policy of the pages forbids what would slip through.
 *
 * Threading: what page_open and page_door_read give is immutable; page_publish belongs to one
 * thread. Depends on: base, json, status (types only), zlib. Used by: front, console, routes.
 */
#pragma once

#include "status/status.h"

#define PAGE_MAX_BYTES ((size_t)64 << 20) /* of `pages` */
#define PAGE_MAX_ENTRIES 20000
#define PAGE_MAX_PROBES 10000  /* further ones are on no badge */
#define PAGE_MAX_PUSHES 10000  /* push tokens that the door knows */
#define PAGE_TYPE_BYTES 64     /* a report type's name at the door, cut at a character */
#define PAGE_COMMENT_BYTES 500 /* of a report's comment; longer ones are cut */

/* ---- publishing ---- */

/* Makes every page, feed and answer of the model and replaces folder/pages and folder/intake (the
 * folder is made). A model whose page.project is 0 publishes nothing: both files become empty ones,
 * and the front answers 404. What did not change since the last publishing keeps its modification
 * time. The caller then raises channel_page.status_generation and wakes the front. ERR_LIMIT: more
 * than PAGE_MAX_BYTES. */
struct err page_publish(const struct status_model *m, const char *folder);

/* ---- reading ---- */

struct page;                                                  /* one publishing in memory */
struct err page_open(const char *folder, struct page **out);  /* ERR_NOTFOUND, ERR_CORRUPT */
struct err page_parse(struct str content, struct page **out); /* the same from memory: copies */
void page_close(struct page *p);                              /* takes NULL */
AUTO_DEFINE(struct page *, page_close);

/* A ready answer. All borrowed until the page is closed. */
struct page_found {
    int status;               /* 200, or 404 for the page that says so */
    const char *content_type; /* literal */
    struct str plain, gzip;   /* gzip is empty where it would not be smaller */
    struct str policy;        /* Content-Security-Policy; empty: none */
    bool by_accept;           /* the answer depends on the Accept header */
    uint64_t etag;            /* of the content */
    int64_t modified_us;
};
/* By path (aliases included). accept: the Accept header, for /metrics. Paths below /status/ and
 * /incidents/ that do not exist give the page that says so (404). False: not a path of this page.
 */
bool page_find(const struct page *p, struct str path, struct str accept, struct page_found *out);
bool page_is_empty(const struct page *p);
/* As HTTP and RSS write a time: "Tue, 02 Dec 2025 20:10:00 GMT". */
void page_http_date(int64_t us, char out[40]);

/* The wishes of a badge's query, by name; [PAGE_WISHES]. Empty: not wished. */
enum page_wish {
    PAGE_LABEL,
    PAGE_LABEL_PREFIX,
    PAGE_LABEL_SUFFIX,
    PAGE_PREFIX,
    PAGE_SUFFIX,
    PAGE_COLOR,
    PAGE_LABEL_COLOR,
    PAGE_STYLE,
    PAGE_UP_LABEL,
    PAGE_DOWN_LABEL,
    PAGE_PENDING_LABEL,
    PAGE_MAINTENANCE_LABEL,
    PAGE_UP_COLOR,
    PAGE_DOWN_COLOR,
    PAGE_PENDING_COLOR,
    PAGE_MAINTENANCE_COLOR,
    PAGE_WARN_COLOR,
    PAGE_WISHES
};
const char *page_wish_name(enum page_wish w); /* as it stands in a query: "upColor" */
struct page_ask {
    struct str path;
    int64_t page, page_size; /* Gatus' statuses; 0: not asked */
    struct str wishes[PAGE_WISHES];
};
/* Answers that depend on their query or are too many to lie ready: Kuma's and Gatus' badges,
 * uptimes and single endpoints. Fills status, content_type and the body (out, as buf_init made it).
 * False: not such a path. */
bool page_render(const struct page *p, const struct page_ask *ask, struct page_found *out,
                 struct buf *body);

/* ---- what the door must know ---- */

struct page_door_component {
    uint32_t number;
    char id[STATUS_ID_BYTES + 1];
    uint32_t n_types;
    char types[STATUS_TYPES_MAX][PAGE_TYPE_BYTES + 1];
};
struct page_door {
    uint64_t project; /* 0: no page is published */
    bool takes_reports, takes_comments;
    uint8_t salt[16];
    struct page_door_component *components; /* [n_components], by number; owned */
    size_t n_components;
    struct page_door_push *pushes; /* [n_pushes], by token_hash; owned */
    size_t n_pushes;
};
struct page_door_push {
    uint32_t probe;
    uint8_t token_hash[32];
    char gatus_key[160]; /* NUL-terminated */
};
struct err page_door_write(const char *path, const struct status_model *m); /* mode 0600 */
struct err page_door_read(const char *path, struct page_door **out); /* ERR_NOTFOUND, ERR_CORRUPT */
struct err page_door_parse(struct str content, struct page_door **out);
void page_door_free(struct page_door *d);
AUTO_DEFINE(struct page_door *, page_door_free);
/* By number ("3") or id; NULL: none. */
const struct page_door_component *page_door_component(const struct page_door *d, struct str which);
/* By index ("2") or name without regard to ASCII case; the last type ("other") when it is neither.
 */
uint32_t page_door_type(const struct page_door_component *c, struct str which);
/* By the hash of the token that was shown. NULL: none. */
const struct page_door_push *page_door_push(const struct page_door *d,
                                            const uint8_t token_hash[32]);
/* Gatus' key of a group and a name: `<group>_<name>`, each of ` / _ , . # + &` and space a '-'. */
void page_gatus_key(struct str group, struct str name, char out[160]);
