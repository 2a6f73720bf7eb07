// modules: base json post probe
/* The first line is a monitor's JSON, what follows a DNS message from a stranger. Invariant: what
 * is read is within its ranges, and a message is read within its bytes. */
#include <stdlib.h>

#include "fuzz.h"
#include "probe/inside.h"

static void check_config(const struct probe_config *c) {
    assert(c->kind < PROBE_KINDS_N);
    assert(c->interval_us >= US_PER_S && c->interval_us <= US_PER_DAY);
    assert(c->timeout_us > 0 && c->timeout_us <= 60 * US_PER_S && c->confirm_us > 0);
    assert(c->phase_us >= 0 && c->retries >= 0 && c->retries <= 10);
    assert(c->n_headers <= PROBE_HEADERS_MAX && c->n_answers <= PROBE_ANSWERS_MAX);
    struct probe_slot s;
    probe_slot_init(&s, c, 1000 * US_PER_S);
    assert(s.due_us >= 1000 * US_PER_S && s.due_us < 1000 * US_PER_S + c->interval_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct str rest = {(const char *)bytes, n}, text = str_cut(&rest, '\n');
    char fault[PROBE_FAULT_BYTES];
    struct probe_config c = {.dns_type = 1};
    const struct json *v = NULL;
    if (n > POST_MAX_BYTES) return 0;
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    if (json_parse_copy(p, text, a, &v).code == ERR_OK) {
        struct err e = probe_config_read(v, a, &c, fault);
        assert(e.code == ERR_OK || e.code == ERR_INVALID);
        if (e.code == ERR_OK) check_config(&c);
    }
    unsigned char *exact = malloc(rest.n + 1);
    if (!exact) return 0;
    if (rest.n > 0) memcpy(exact, rest.p, rest.n);
    enum post_fault f = probe_dns_judge(&c, exact, (int)rest.n);
    assert(f < POST_FAULTS_N);
    free(exact);
    return 0;
}
