/* geo.c: libmaxminddb behind geo.h.
 *
 * Coordinates go the other way round: clients that send $latitude and $longitude get the nearest
 * city and nothing else is kept. The database answers only by address, so its data are read once,
 * at the first such event: every place that has a location and a city goes into a table ordered by
 * latitude; a query walks the stripe of one degree.
 */
#include "intake/geo.h"

#include <arpa/inet.h>
#include <math.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>

#define MAX_SPOTS 400000
#define NEAR_KM 100.0

struct spot {
    float latitude, longitude;
    uint32_t offset; /* of the entry in the data section */
};
struct intake_geo {
    MMDB_s db;
    struct spot *spots; /* [n_spots], by latitude */
    size_t n_spots;
    bool spots_read;
};

struct err intake_geo_open(const char *path, struct intake_geo **out) {
    AUTO(intake_geo_close) struct intake_geo *g = calloc(1, sizeof *g);
    if (!g) return ERR(ERR_NOMEM, "intake: place database");
    int rc = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
    if (rc != MMDB_SUCCESS) {
        g->db = (MMDB_s){0};
        if (rc == MMDB_FILE_OPEN_ERROR) return ERR(ERR_NOTFOUND, "intake: place database");
        return ERR(ERR_CORRUPT, "intake: place database");
    }
    *out = g;
    g = NULL;
    return ERR_NONE;
}

void intake_geo_close(struct intake_geo *g) {
    if (!g) return;
    if (g->db.file_content) MMDB_close(&g->db);
    free(g->spots);
    free(g);
}

static struct str text_at(const MMDB_entry_s *e, const char *const *path) {
    MMDB_entry_s from = *e;
    MMDB_entry_data_s data;
    if (MMDB_aget_value(&from, &data, path) != MMDB_SUCCESS || !data.has_data)
        return (struct str){0};
    if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size > 255) return (struct str){0};
    struct str s = {data.utf8_string, data.data_size};
    return str_utf8_prefix(s) == s.n ? s : (struct str){0};
}

static void place_of(const MMDB_entry_s *e, struct intake_place *out) {
    static const char *const city[] = {"city", "names", "en", NULL};
    static const char *const region[] = {"subdivisions", "0", "names", "en", NULL};
    static const char *const country[] = {"country", "iso_code", NULL};
    static const char *const zone[] = {"location", "time_zone", NULL};
    *out = (struct intake_place){.city = text_at(e, city),
                                 .region = text_at(e, region),
                                 .country = text_at(e, country),
                                 .timezone = text_at(e, zone)};
}

static bool look_up(const struct intake_geo *g, const uint8_t address[16], MMDB_entry_s *out) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = memcmp(address, mapped, 12) == 0;
    if (!is_v4 && g->db.metadata.ip_version == 4) return false;
    memcpy(&v4.sin_addr, address + 12, 4);
    memcpy(&v6.sin6_addr, address, 16);
    int rc = MMDB_SUCCESS;
    MMDB_lookup_result_s r = MMDB_lookup_sockaddr(
        &g->db, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, &rc);
    *out = r.entry;
    return rc == MMDB_SUCCESS && r.found_entry;
}

bool intake_geo_find(const struct intake_geo *g, const uint8_t address[16],
                     struct intake_place *out) {
    MMDB_entry_s entry;
    if (!look_up(g, address, &entry)) return false;
    place_of(&entry, out);
    return out->city.n + out->region.n + out->country.n + out->timezone.n > 0;
}

uint32_t intake_geo_network(const struct intake_geo *g, const uint8_t address[16]) {
    static const char *const plain[] = {"autonomous_system_number", NULL};
    static const char *const nested[] = {"traits", "autonomous_system_number", NULL};
    MMDB_entry_s entry;
    if (!look_up(g, address, &entry)) return 0;
    for (int i = 0; i < 2; i++) {
        MMDB_entry_s from = entry;
        MMDB_entry_data_s data;
        if (MMDB_aget_value(&from, &data, i ? nested : plain) == MMDB_SUCCESS && data.has_data &&
            data.type == MMDB_DATA_TYPE_UINT32)
            return data.uint32;
    }
    return 0;
}

/* ---- coordinates ---- */

static bool number_at(const MMDB_entry_s *e, const char *name, double *out) {
    const char *const path[] = {"location", name, NULL};
    MMDB_entry_s from = *e;
    MMDB_entry_data_s data;
    if (MMDB_aget_value(&from, &data, path) != MMDB_SUCCESS || !data.has_data) return false;
    if (data.type != MMDB_DATA_TYPE_DOUBLE) return false;
    *out = data.double_value;
    return isfinite(*out);
}

static int by_offset(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}
static int by_latitude(const void *a, const void *b) {
    const struct spot *x = a, *y = b;
    return (x->latitude > y->latitude) - (x->latitude < y->latitude);
}

/* The offsets of all entries that the tree points at, each once. */
static uint32_t *entries_of(const MMDB_s *db, size_t *out_n) {
    size_t max = (size_t)db->metadata.node_count * 2, n = 0, unique = 0;
    uint32_t *offsets = max > 0 && max < ((size_t)1 << 28) ? malloc(max * sizeof *offsets) : NULL;
    if (!offsets) return NULL;
    for (uint32_t i = 0; i < db->metadata.node_count; i++) {
        MMDB_search_node_s node;
        if (MMDB_read_node(db, i, &node) != MMDB_SUCCESS) continue;
        if (node.left_record_type == MMDB_RECORD_TYPE_DATA)
            offsets[n++] = node.left_record_entry.offset;
        if (node.right_record_type == MMDB_RECORD_TYPE_DATA)
            offsets[n++] = node.right_record_entry.offset;
    }
    qsort(offsets, n, sizeof *offsets, by_offset);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || offsets[i] != offsets[unique - 1]) offsets[unique++] = offsets[i];
    }
    *out_n = unique;
    return offsets;
}

static void read_spots(struct intake_geo *g) {
    g->spots_read = true;
    size_t n = 0;
    uint32_t *offsets = entries_of(&g->db, &n);
    if (n > MAX_SPOTS) n = MAX_SPOTS;
    g->spots = offsets && n > 0 ? malloc(n * sizeof *g->spots) : NULL;
    for (size_t i = 0; g->spots && i < n; i++) {
        MMDB_entry_s e = {.mmdb = &g->db, .offset = offsets[i]};
        struct intake_place place;
        double latitude, longitude;
        if (!number_at(&e, "latitude", &latitude) || !number_at(&e, "longitude", &longitude))
            continue;
        place_of(&e, &place);
        if (place.city.n > 0)
            g->spots[g->n_spots++] = (struct spot){(float)latitude, (float)longitude, offsets[i]};
    }
    free(offsets);
    if (g->spots) qsort(g->spots, g->n_spots, sizeof *g->spots, by_latitude);
}

/* Near enough for cities: the earth as a sphere, small distances as flat. */
static double distance_km(double latitude, double longitude, const struct spot *s) {
    double dy = (latitude - (double)s->latitude) * 111.2;
    double turn = fabs(longitude - (double)s->longitude);
    double dx = (turn > 180 ? 360 - turn : turn) * 111.2 * cos(latitude * 0.017453292519943295);
    return sqrt(dx * dx + dy * dy);
}

bool intake_geo_near(struct intake_geo *g, double latitude, double longitude,
                     struct intake_place *out) {
    if (!(fabs(latitude) <= 90) || !(fabs(longitude) <= 180)) return false;
    if (!g->spots_read) read_spots(g);
    if (!g->spots) return false;
    size_t low = 0, high = g->n_spots;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((double)g->spots[middle].latitude < latitude - 1)
            low = middle + 1;
        else
            high = middle;
    }
    const struct spot *best = NULL;
    double best_km = NEAR_KM;
    for (size_t i = low; i < g->n_spots && (double)g->spots[i].latitude <= latitude + 1; i++) {
        double km = distance_km(latitude, longitude, &g->spots[i]);
        if (km > best_km) continue;
        best_km = km;
        best = &g->spots[i];
    }
    if (!best) return false;
    MMDB_entry_s e = {.mmdb = &g->db, .offset = best->offset};
    place_of(&e, out);
    return true;
}

bool intake_geo_address(struct str text, uint8_t out[16]) {
    char z[INET6_ADDRSTRLEN];
    struct in_addr v4;
    if (text.n == 0 || text.n >= sizeof z) return false;
    memcpy(z, text.p, text.n);
    z[text.n] = 0;
    if (inet_pton(AF_INET, z, &v4) == 1) {
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, z, out) == 1;
}
