// modules: base json seal health journal part registry crowd meta query store status page
/* The file of ready answers. The checksum is put right, else no input would get past it.
 * Invariant: what is accepted is found by its own path, and whatever a query asks of it, the answer
 * is text within its limit. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "page/inside.h"

static void ask(const struct page *p, const char *path, struct str wish) {
    AUTO(buf_done) struct buf body;
    struct page_found found = {0};
    struct page_ask a = {.path = str_z(path), .page = 2, .page_size = 3};
    buf_init(&body, 1u << 20);
    for (int i = 0; i < PAGE_WISHES; i++)
        a.wishes[i] = wish;
    if (page_render(p, &a, &found, &body)) assert(str_utf8_prefix(found.plain) == found.plain.n);
}

static void ask_all(const struct page *p, const struct page_probe *probe) {
    static const char *const of_key[] = {"statuses",
                                         "uptimes/7d",
                                         "response-times/24h",
                                         "health/badge.svg",
                                         "health/badge.shields",
                                         "uptimes/1h/badge.svg",
                                         "response-times/7d/chart.svg",
                                         "response-times/30d/history"};
    static const char *const of_number[] = {"status",   "uptime/720",   "ping/1",
                                            "cert-exp", "avg-response", "response"};
    char path[300];
    for (size_t i = 0; i < sizeof of_key / sizeof *of_key; i++) {
        (void)snprintf(path, sizeof path, "/api/v1/endpoints/%s/%s", probe->key, of_key[i]);
        ask(p, path, probe->name);
    }
    for (size_t i = 0; i < sizeof of_number / sizeof *of_number; i++) {
        (void)snprintf(path, sizeof path, "/api/badge/%u/%s", probe->number, of_number[i]);
        ask(p, path, i % 2 ? probe->group : STR(""));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(page_close) struct page *p = NULL;
    struct page_found found;
    char *content = malloc(n + 8);
    if (!content) return 0;
    memcpy(content, bytes, n);
    uint64_t sum = checksum64(content, n);
    memcpy(content + n, &sum, 8);
    struct err e = page_parse((struct str){content, n + 8}, &p);
    free(content);
    assert(e.code == ERR_OK || (e.code == ERR_CORRUPT && p == NULL));
    for (size_t i = 0; p && i < p->n_entries; i++) {
        assert(page_entry(p, p->entries[i].path) == &p->entries[i]);
        (void)page_find(p, p->entries[i].path, STR("application/openmetrics-text"), &found);
    }
    for (size_t i = 0; p && i < p->n_probes && i < 3; i++)
        ask_all(p, &p->probes[i]);
    return 0;
}
