/* Place and device: a small database written here, uap-core's patterns from the system. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "intake/device.h"
#include "intake/geo.h"
#include "rig.h"

/* ---- a writer of the MaxMind format: maps of texts and doubles under IPv4 networks ---- */

struct mmdb {
    unsigned char data[4096];
    size_t n;
    uint32_t nodes[512][2]; /* 0: empty, < 0x80000000: node, else data offset */
    uint32_t n_nodes;
};

static void put_bytes(struct mmdb *m, const void *p, size_t n) {
    assert_true(m->n + n <= sizeof m->data);
    memcpy(m->data + m->n, p, n);
    m->n += n;
}
static void put_control(struct mmdb *m, unsigned type, size_t size) {
    unsigned char c[3] = {(unsigned char)(type > 7 ? 0 : type << 5)};
    size_t n = 1;
    if (type > 7) c[n++] = (unsigned char)(type - 7);
    if (size < 29) {
        c[0] |= (unsigned char)size;
    } else {
        c[0] |= 29;
        c[n++] = (unsigned char)(size - 29);
    }
    put_bytes(m, c, n);
}
static void put_text(struct mmdb *m, const char *z) {
    put_control(m, 2, strlen(z));
    put_bytes(m, z, strlen(z));
}
static void put_map(struct mmdb *m, size_t n) {
    put_control(m, 7, n);
}
static void put_uint(struct mmdb *m, unsigned type, uint64_t v, size_t n) {
    unsigned char b[8];
    for (size_t i = 0; i < n; i++)
        b[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
    put_control(m, type, n);
    put_bytes(m, b, n);
}
static void put_double(struct mmdb *m, double v) {
    uint64_t bits;
    unsigned char b[8];
    memcpy(&bits, &v, 8);
    for (int i = 0; i < 8; i++)
        b[i] = (unsigned char)(bits >> (56 - 8 * i));
    put_control(m, 3, 8);
    put_bytes(m, b, 8);
}

struct spot {
    const char *city, *region, *country, *zone;
    double latitude, longitude;
};

static uint32_t put_spot(struct mmdb *m, const struct spot *s) {
    uint32_t at = (uint32_t)m->n;
    put_map(m, 4);
    put_text(m, "city");
    put_map(m, 1);
    put_text(m, "names");
    put_map(m, 1);
    put_text(m, "en");
    put_text(m, s->city);
    put_text(m, "subdivisions");
    put_control(m, 11, 1);
    put_map(m, 1);
    put_text(m, "names");
    put_map(m, 1);
    put_text(m, "en");
    put_text(m, s->region);
    put_text(m, "country");
    put_map(m, 1);
    put_text(m, "iso_code");
    put_text(m, s->country);
    put_text(m, "location");
    put_map(m, 3);
    put_text(m, "time_zone");
    put_text(m, s->zone);
    put_text(m, "latitude");
    put_double(m, s->latitude);
    put_text(m, "longitude");
    put_double(m, s->longitude);
    return at;
}

static void put_network(struct mmdb *m, uint32_t address, unsigned bits, uint32_t data) {
    uint32_t node = 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned side = address >> (31 - i) & 1;
        if (i + 1 == bits) {
            m->nodes[node][side] = 0x80000000u | data;
            return;
        }
        if (m->nodes[node][side] == 0) {
            assert_true(m->n_nodes < 512);
            m->nodes[node][side] = m->n_nodes++;
        }
        node = m->nodes[node][side];
    }
}

static void write_tree(const struct mmdb *m, FILE *f) {
    for (uint32_t i = 0; i < m->n_nodes; i++) {
        for (int side = 0; side < 2; side++) {
            uint32_t v = m->nodes[i][side];
            if (v == 0)
                v = m->n_nodes;
            else if (v & 0x80000000u)
                v = m->n_nodes + 16 + (v & 0x7fffffff);
            for (int shift = 24; shift >= 0; shift -= 8)
                fputc((int)(v >> shift & 255), f);
        }
    }
}

static void write_mmdb(const char *path) {
    static const struct spot bonn = {"Bonn", "North Rhine-Westphalia", "DE", "Europe/Berlin", 50.73,
                                     7.1};
    static const struct spot kyoto = {"Kyoto", "Kyoto Prefecture", "JP", "Asia/Tokyo", 35.01,
                                      135.77};
    static struct mmdb m;
    m = (struct mmdb){.n_nodes = 1};
    put_network(&m, 0xcb007100, 24, put_spot(&m, &bonn));  /* 203.0.113.0/24 */
    put_network(&m, 0xc6336400, 24, put_spot(&m, &kyoto)); /* 198.51.100.0/24 */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    write_tree(&m, f);
    for (int i = 0; i < 16; i++)
        fputc(0, f);
    fwrite(m.data, 1, m.n, f);
    fputs("\xab\xcd\xefMaxMind.com", f);
    m.n = 0;
    put_map(&m, 9);
    put_text(&m, "node_count");
    put_uint(&m, 6, m.n_nodes, 4);
    put_text(&m, "record_size");
    put_uint(&m, 5, 32, 2);
    put_text(&m, "ip_version");
    put_uint(&m, 5, 4, 2);
    put_text(&m, "database_type");
    put_text(&m, "Test-City");
    put_text(&m, "languages");
    put_control(&m, 11, 1);
    put_text(&m, "en");
    put_text(&m, "binary_format_major_version");
    put_uint(&m, 5, 2, 2);
    put_text(&m, "binary_format_minor_version");
    put_uint(&m, 5, 0, 2);
    put_text(&m, "build_epoch");
    put_uint(&m, 9, 1700000000, 8);
    put_text(&m, "description");
    put_map(&m, 1);
    put_text(&m, "en");
    put_text(&m, "test");
    fwrite(m.data, 1, m.n, f);
    assert_int_equal(fclose(f), 0);
}

static void open_geo(struct rig *r) {
    char path[] = "/tmp/weir-geo-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_mmdb(path);
    const struct intake_config c = {.geo_path = path};
    rig_open_with(r, &c);
    unlink(path);
}

#define EVENT(more)                                                                                \
    "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"distinct_id\":\"u\"" more "}}"

static void the_senders_address_gives_the_place_when_asked(void **state) {
    struct rig r;
    struct cursor c;
    open_geo(&r);
    rig_take(&r, EVENT(""));
    assert_int_equal(rig_event_prop(&r, 0, "$city", &c), 255);
    rig_query(&r, "ip=0");
    rig_take(&r, EVENT(""));
    assert_int_equal(rig_event_prop(&r, 0, "$city", &c), 255);
    rig_query(&r, "ip=1");
    rig_take(&r, EVENT(""));
    rig_text_prop(&r, 0, "$city", "Bonn");
    rig_text_prop(&r, 0, "$region", "North Rhine-Westphalia");
    rig_text_prop(&r, 0, "mp_country_code", "DE");
    assert_false(rig_frame_holds(&r, "Bonn")); /* places need five crowds */
    rig_take(&r, EVENT(",\"$city\":\"Elsewhere\""));
    rig_text_prop(&r, 0, "$city", "Elsewhere");
    assert_int_equal(rig_event(&r, 0).n_props, 4);
    rig_close(&r);
}

static void an_address_in_the_event_wins_and_is_not_stored(void **state) {
    struct rig r;
    struct cursor c;
    open_geo(&r);
    rig_query(&r, "ip=1");
    rig_take(&r, EVENT(",\"ip\":\"198.51.100.20\""));
    rig_text_prop(&r, 0, "$city", "Kyoto");
    assert_int_equal(rig_find_text(&r, TEXT_VALUE, "198.51.100.20"), FRAME_NO_PATH);
    rig_take(&r, EVENT(",\"ip\":\"8.8.8.8\""));
    assert_int_equal(rig_event_prop(&r, 0, "$city", &c), 255);
    rig_take(&r, EVENT(",\"ip\":\"rubbish\""));
    assert_int_equal(rig_event_prop(&r, 0, "$city", &c), 255);
    rig_close(&r);
}

static void coordinates_become_the_nearest_city_and_are_dropped(void **state) {
    struct rig r;
    struct cursor c;
    open_geo(&r);
    rig_take(&r, EVENT(",\"$latitude\":50.9,\"$longitude\":7.0"));
    rig_text_prop(&r, 0, "$city", "Bonn");
    assert_int_equal(rig_event_prop(&r, 0, "$latitude", &c), 255);
    rig_take(&r, EVENT(",\"$latitude\":0,\"$longitude\":0"));
    assert_int_equal(rig_event_prop(&r, 0, "$city", &c), 255);
    rig_take(&r, EVENT(",\"$latitude\":1e9,\"$longitude\":\"x\""));
    rig_assert_reply(&r, 200, "1");
    rig_close(&r);
}

static void profiles_get_city_region_country_and_zone(void **state) {
    struct rig r;
    struct cursor c;
    open_geo(&r);
    r.request.endpoint = INTAKE_ENGAGE;
    rig_query(&r, "ip=1");
    rig_take(&r, "{\"$token\":\"" RIG_TOKEN "\",\"$distinct_id\":\"u\",\"$set\":{\"a\":1}}");
    assert_int_equal(r.frame.n_records, 2);
    struct frame_profile p = rig_profile(&r, 1, RECORD_USER);
    assert_int_equal(p.op, PROFILE_SET);
    assert_int_equal(rig_find(&r, p.props, p.n_props, "$timezone", &c), V_TEXT);
    assert_true(str_is(rig_text(&r, cursor_u32(&c)), "Europe/Berlin"));
    assert_int_equal(rig_find(&r, p.props, p.n_props, "$country_code", &c), V_TEXT);
    rig_take(&r, "{\"$token\":\"" RIG_TOKEN
                 "\",\"$distinct_id\":\"u\",\"$set\":{\"a\":1},\"$ip\":\"0\"}");
    assert_int_equal(r.frame.n_records, 1);
    rig_close(&r);
}

static void a_file_that_is_no_database_is_refused(void **state) {
    struct intake_geo *g = NULL;
    assert_int_equal(intake_geo_open("/nonexistent.mmdb", &g).code, ERR_NOTFOUND);
    assert_int_equal(intake_geo_open("/proc/self/exe", &g).code, ERR_CORRUPT);
    assert_null(g);
}

/* ---- device ---- */

static struct str patterns(struct buf *b) {
    buf_init(b, 4u << 20);
    if (io_read_file("/usr/share/uap-core/regexes.yaml", 4u << 20, b).code != ERR_OK)
        fail_msg("uap-core is not installed (apt-get install uap-core)");
    return buf_str(b);
}

static void browsers_are_told_in_the_trackers_words(void **state) {
    static const struct {
        const char *agent, *os, *browser, *device;
    } cases[] = {
        {RIG_UA, "Linux", "Chrome", ""},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
         "Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
         "iOS", "Mobile Safari", "iPhone"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
         "Windows", "Microsoft Edge", ""},
        {"Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/112.0.0.0 Mobile Safari/537.36",
         "Android", "Chrome", "Samsung SM-G991B"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:109.0) Gecko/20100101 Firefox/121.0",
         "Mac OS X", "Firefox", "Mac"},
    };
    struct intake_device *d = NULL;
    AUTO(buf_done) struct buf b;
    assert_int_equal(intake_device_new(patterns(&b), &d).code, ERR_OK);
    assert_true(intake_device_patterns(d) > 1000);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const struct intake_agent *a = intake_device_find(d, str_z(cases[i].agent));
            if (!str_is(a->os, cases[i].os) || !str_is(a->browser, cases[i].browser) ||
                !str_is(a->device, cases[i].device))
                fail_msg("%s: " STR_FMT ", " STR_FMT ", " STR_FMT, cases[i].agent, STR_ARG(a->os),
                         STR_ARG(a->browser), STR_ARG(a->device));
        }
    }
    intake_device_find(d, STR(""));
    intake_device_find(d, STR("\xff\xfe\0\1"));
    intake_device_free(d);
}

static void events_without_system_get_the_browsers_and_others_keep_theirs(void **state) {
    struct rig r;
    struct cursor c;
    AUTO(buf_done) struct buf b;
    const struct intake_config config = {.device_patterns = patterns(&b)};
    rig_open_with(&r, &config);
    r.request.user_agent = STR(RIG_UA);
    rig_take(&r, EVENT(""));
    rig_text_prop(&r, 0, "$os", "Linux");
    rig_text_prop(&r, 0, "$browser", "Chrome");
    assert_false(rig_frame_holds(&r, "Mozilla"));
    rig_take(&r, EVENT(",\"$os\":\"iOS\""));
    assert_int_equal(rig_event_prop(&r, 0, "$browser", &c), 255);
    r.request.user_agent = STR("okhttp/4.9");
    rig_take(&r, EVENT(""));
    assert_int_equal(rig_event_prop(&r, 0, "$os", &c), 255);
    rig_take(&r, EVENT(",\"$user_agent\":\"" RIG_UA "\""));
    rig_text_prop(&r, 0, "$os", "Linux");
    assert_int_equal(rig_event_prop(&r, 0, "$user_agent", &c), 255);
    rig_close(&r);
}

static void patterns_that_are_none_are_refused(void **state) {
    struct intake_device *d = NULL;
    assert_int_equal(intake_device_new(STR("a: [b"), &d).code, ERR_CORRUPT);
    assert_int_equal(intake_device_new(STR("a: b\n"), &d).code, ERR_CORRUPT);
    assert_int_equal(intake_device_new(STR("- - - -\n"), &d).code, ERR_CORRUPT);
    assert_null(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_senders_address_gives_the_place_when_asked),
        cmocka_unit_test(an_address_in_the_event_wins_and_is_not_stored),
        cmocka_unit_test(coordinates_become_the_nearest_city_and_are_dropped),
        cmocka_unit_test(profiles_get_city_region_country_and_zone),
        cmocka_unit_test(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(browsers_are_told_in_the_trackers_words),
        cmocka_unit_test(events_without_system_get_the_browsers_and_others_keep_theirs),
        cmocka_unit_test(patterns_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
