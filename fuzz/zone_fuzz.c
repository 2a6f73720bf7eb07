// modules: base
/* A compiled time zone. Invariant: the table is in order, and every instant's civil time leads back
 * to an instant that reads the same. */
#include <stdlib.h>

#include "base/zone_table.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct zone *z = calloc(1, sizeof *z);
    if (z == NULL) return 0;
    struct err e = zone_table_read((struct str){(const char *)bytes, n}, z);
    for (size_t i = 1; e.code == ERR_OK && i < z->n; i++)
        assert(z->at_s[i - 1] < z->at_s[i]);
    for (int64_t t = 0; e.code == ERR_OK && t < INT64_C(4000000000); t += 97000003) {
        struct civil c, again;
        zone_civil(z, t * US_PER_S, &c);
        zone_civil(z, zone_instant(z, &c), &again);
        assert(c.year == again.year && c.month == again.month && c.day == again.day &&
               c.hour == again.hour && c.minute == again.minute && c.second == again.second &&
               c.weekday == again.weekday);
    }
    free(z);
    return 0;
}
