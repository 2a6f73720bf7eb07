/* device.c: uap-core's three lists, in the order of the file, first match wins.
 *
 * Compiling all thousand patterns takes a good part of a second, so each is compiled when the
 * search first comes by, with PCRE2's JIT where the process may have it. A hostile agent cannot
 * make a pattern run away: agents are cut at 512 bytes and matches have a step limit. Answers are
 * kept in a direct-mapped table under SipHash with a key of this process.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "intake/device.h"

#include <pcre2.h>
#include <stdlib.h>

#include "intake/patterns.h"
#include "seal/seal.h"

#define AGENT_SLOTS 4096
#define AGENT_BYTES 512
#define WORD_BYTES 64
#define MATCH_STEPS 50000

struct cached {
    struct id128 hash;
    struct intake_agent agent; /* points into the words below */
    char words[3][WORD_BYTES];
};
struct intake_device {
    struct intake_patterns patterns;
    struct cached *cache; /* [AGENT_SLOTS] */
    struct seal_keys key; /* of this process: only the cache's hashes use it */
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

struct err intake_device_new(struct str patterns, struct intake_device **out) {
    AUTO(intake_device_free) struct intake_device *d = calloc(1, sizeof *d);
    if (!d) return ERR(ERR_NOMEM, "intake: device table");
    d->cache = calloc(AGENT_SLOTS, sizeof *d->cache);
    d->limits = pcre2_match_context_create(NULL);
    d->match = pcre2_match_data_create(10, NULL);
    if (!d->cache || !d->limits || !d->match) return ERR(ERR_NOMEM, "intake: device table");
    pcre2_set_match_limit(d->limits, MATCH_STEPS);
    random_bytes(d->key.hash, sizeof d->key.hash);
    TRY(intake_patterns_read(patterns, &d->patterns));
    *out = d;
    d = NULL;
    return ERR_NONE;
}

void intake_device_free(struct intake_device *d) {
    if (!d) return;
    intake_patterns_done(&d->patterns);
    pcre2_match_context_free(d->limits);
    pcre2_match_data_free(d->match);
    free(d->cache);
    free(d);
}

size_t intake_device_patterns(const struct intake_device *d) {
    return d->patterns.n[PATTERN_BROWSER] + d->patterns.n[PATTERN_OS] +
           d->patterns.n[PATTERN_DEVICE];
}

static void compile(struct intake_pattern *p) {
    int fault;
    PCRE2_SIZE at;
    p->tried = true;
    p->code = pcre2_compile((PCRE2_SPTR)p->regex.p, p->regex.n,
                            p->without_case ? PCRE2_CASELESS : 0, &fault, &at, NULL);
    if (p->code) (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
}

/* Group `g` of the last match; empty if it took no part. */
static struct str group(const struct intake_device *d, struct str agent, unsigned g) {
    if (g >= pcre2_get_ovector_count(d->match)) return (struct str){0};
    const PCRE2_SIZE *o = pcre2_get_ovector_pointer(d->match) + 2 * (size_t)g;
    if (o[0] == PCRE2_UNSET || o[0] > o[1] || o[1] > agent.n) return (struct str){0};
    return (struct str){agent.p + o[0], o[1] - o[0]};
}

/* The replacement with $1..$9 filled in, or the first group. */
static struct str fill(const struct intake_device *d, const struct intake_pattern *p,
                       struct str agent, char out[WORD_BYTES]) {
    struct str from = p->replacement.n > 0 ? p->replacement : group(d, agent, 1);
    bool template = p->replacement.n > 0;
    size_t n = 0;
    for (size_t i = 0; i < from.n && n < WORD_BYTES; i++) {
        struct str piece = {from.p + i, 1};
        if (template && from.p[i] == '$' && i + 1 < from.n && from.p[i + 1] >= '1' &&
            from.p[i + 1] <= '9')
            piece = group(d, agent, (unsigned)(from.p[++i] - '0'));
        if (piece.n > WORD_BYTES - n) piece.n = WORD_BYTES - n;
        if (piece.n > 0) memcpy(out + n, piece.p, piece.n);
        n += piece.n;
    }
    return str_trim((struct str){out, n});
}

static struct str search(struct intake_device *d, enum intake_pattern_list list, struct str agent,
                         char out[WORD_BYTES]) {
    for (size_t i = 0; i < d->patterns.n[list]; i++) {
        struct intake_pattern *p = &d->patterns.list[list][i];
        if (!p->tried) compile(p);
        if (!p->code) continue;
        int rc = pcre2_match(p->code, (PCRE2_SPTR)agent.p, agent.n, 0, 0, d->match, d->limits);
        if (rc < 0) continue;
        struct str word = fill(d, p, agent, out);
        return str_is(word, "Other") ? (struct str){0} : word;
    }
    return (struct str){0};
}

/* uap-core's words as the trackers say them. */
static struct str say(struct str word) {
    static const struct {
        const char *theirs, *ours;
    } words[] = {
        {"Chrome Mobile", "Chrome"},
        {"Chrome Mobile iOS", "Chrome iOS"},
        {"Firefox Mobile", "Firefox"},
        {"Edge", "Microsoft Edge"},
        {"Edge Mobile", "Microsoft Edge"},
        {"IE", "Internet Explorer"},
        {"IE Mobile", "Internet Explorer Mobile"},
        {"Chrome Mobile WebView", "Chrome"},
        {"HeadlessChrome", "Headless Chrome"},
        {"Mobile Safari UI/WKWebView", "Mobile Safari"},
        {"Ubuntu", "Linux"},
        {"Fedora", "Linux"},
        {"Debian", "Linux"},
        {"macOS", "Mac OS X"},
        {"Opera Mobile", "Opera"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_is(word, words[i].theirs)) return str_z(words[i].ours);
    }
    return word;
}

const struct intake_agent *intake_device_find(struct intake_device *d, struct str agent) {
    if (agent.n > AGENT_BYTES) agent.n = AGENT_BYTES;
    struct id128 h = seal_hash(&d->key, TEXT_VALUE, TEXT_STRING, STR(""), agent);
    uint32_t at;
    memcpy(&at, h.b, sizeof at);
    struct cached *c = &d->cache[at % AGENT_SLOTS];
    if (id128_eq(c->hash, h)) return &c->agent;
    c->hash = h;
    c->agent.browser = say(search(d, PATTERN_BROWSER, agent, c->words[0]));
    c->agent.os = say(search(d, PATTERN_OS, agent, c->words[1]));
    c->agent.device = search(d, PATTERN_DEVICE, agent, c->words[2]);
    return &c->agent;
}
