/* geo.h: an address -> a place, from a MaxMind-format database. The address is used and forgotten.
 *
 * Depends on: base, libmaxminddb. Used by: the files of intake.
 */
#pragma once

#include "base/base.h"

struct intake_geo;
struct intake_place {
    struct str city, region, country, timezone; /* empty: not known; point into the database */
};
/* ERR_NOTFOUND, ERR_CORRUPT: not a database of this format. */
struct err intake_geo_open(const char *path, struct intake_geo **out);
void intake_geo_close(struct intake_geo *g);
AUTO_DEFINE(struct intake_geo *, intake_geo_close);
/* address: 16 bytes, v4 as ::ffff:a.b.c.d. False: nothing known. */
bool intake_geo_find(const struct intake_geo *g, const uint8_t address[16],
                     struct intake_place *out);
/* The number of the autonomous system; 0: the database does not say. */
uint32_t intake_geo_network(const struct intake_geo *g, const uint8_t address[16]);
/* The known city nearest to a point, at most 100 km away; the first call reads the whole database
 * once. False: none. */
bool intake_geo_near(struct intake_geo *g, double latitude, double longitude,
                     struct intake_place *out);
/* "203.0.113.7", "2001:db8::1" -> 16 bytes. */
bool intake_geo_address(struct str text, uint8_t out[16]);
