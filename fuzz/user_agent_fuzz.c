// modules: base json seal registry crowd journal intake
/* A User-Agent against uap-core's patterns (or, where they are not installed, three of their kind).
 * Invariants: an answer comes, its words are short, and asking twice gives the same. */
#include <stdlib.h>

#include "fuzz.h"
#include "intake/device.h"

static struct intake_device *open_device(void) {
    static const char few[] =
        "user_agent_parsers:\n  - regex: '(Chrome|Firefox)/(\\d+)'\nos_parsers:\n"
        "  - regex: '(Windows NT) (\\d+)'\n    os_replacement: '$1 $2$9$'\ndevice_parsers:\n"
        "  - regex: '; (\\w{0,200}) Build'\n    regex_flag: 'i'\n";
    struct intake_device *d = NULL;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4u << 20);
    struct str patterns = {few, sizeof few - 1};
    if (io_read_file("/usr/share/uap-core/regexes.yaml", 4u << 20, &b).code == ERR_OK)
        patterns = buf_str(&b);
    struct err e = intake_device_new(patterns, &d);
    assert(e.code == ERR_OK);
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static struct intake_device *d;
    if (!d) d = open_device();
    struct str agent = {(const char *)bytes, n};
    struct intake_agent first = *intake_device_find(d, agent);
    struct intake_agent again = *intake_device_find(d, agent);
    assert(first.os.n <= 64 && first.browser.n <= 64 && first.device.n <= 64);
    assert(str_eq(first.os, again.os) && str_eq(first.browser, again.browser) &&
           str_eq(first.device, again.device));
    return 0;
}
