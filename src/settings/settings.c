/* settings.c: one table of options, filled from four sources.
 *
 * Later sources win: defaults, DIR/weir.conf, WEIR_*, the command line. The command line is walked
 * twice, since it may name the folder in which the file lies. A message names the option and where
 * it stood, never its value.
 */
#include "settings/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAULT_BYTES 256
#define CONF_MAX_BYTES (64u << 10)
#define PATH_BYTES 4200

struct option {
    const char *name;
    size_t at, bytes; /* where its text goes; bytes 0: the number max_events_per_minute */
};
#define TEXT_OPTION(option_name, field)                                                            \
    { option_name, offsetof(struct settings, field), sizeof(((struct settings *)0)->field) }

static const struct option options[] = {
    TEXT_OPTION("data", data),
    TEXT_OPTION("public", public_addr),
    TEXT_OPTION("team", team_addr),
    TEXT_OPTION("public-url", public_url),
    TEXT_OPTION("team-url", team_url),
    TEXT_OPTION("trust-proxy", trust_proxy),
    TEXT_OPTION("tls-cert", tls_cert),
    TEXT_OPTION("tls-key", tls_key),
    TEXT_OPTION("geo", geo),
    TEXT_OPTION("keys", keys_file),
    TEXT_OPTION("allow-internal", allow_internal),
    TEXT_OPTION("references", references),
    TEXT_OPTION("smtp", smtp),
    TEXT_OPTION("mail-from", mail_from),
    TEXT_OPTION("smtp-credentials", smtp_credentials),
    {"max-events-per-minute", 0, 0},
};
#define OPTIONS_N (sizeof options / sizeof *options)

static const struct option *find_option(struct str name) {
    for (size_t i = 0; i < OPTIONS_N; i++)
        if (str_is(name, options[i].name)) return &options[i];
    return NULL;
}

static struct err fault_at(char *fault, const char *where, const char *name, const char *message) {
    (void)snprintf(fault, FAULT_BYTES, "%s: %s %s", where, name, message);
    return ERR(ERR_INVALID, "settings: an option is wrong");
}

static struct err set_option(struct settings *s, const struct option *o, struct str value,
                             const char *where, char *fault) {
    assert(o);
    if (o->bytes == 0) {
        int64_t n;
        if (!str_to_i64(value, &n) || n < 0 || n > UINT32_MAX)
            return fault_at(fault, where, o->name, "wants a number from 0 to 4294967295");
        s->max_events_per_minute = n;
        return ERR_NONE;
    }
    if (value.n >= o->bytes) return fault_at(fault, where, o->name, "is too long");
    if (value.n > 0 && memchr(value.p, 0, value.n) != NULL)
        return fault_at(fault, where, o->name, "holds a NUL");
    char *to = (char *)s + o->at;
    memset(to, 0, o->bytes);
    memcpy(to, value.p, value.n);
    return ERR_NONE;
}

/* ---- the command line ---- */

/* Is argv[i] an option of ours? Gives its value and how many words it takes; value.p NULL when it
 * is missing. */
static const struct option *match(int argc, char **argv, int i, struct str *value, int *words) {
    struct str word = str_z(argv[i]);
    if (!str_starts(word, STR("--"))) return NULL;
    struct str rest = str_from(word, 2), name = str_cut(&rest, '=');
    const struct option *o = find_option(name);
    if (o == NULL) return NULL;
    bool joined = name.n + 2 < word.n;
    *value = joined ? rest : i + 1 < argc ? str_z(argv[i + 1]) : (struct str){0};
    *words = joined ? 1 : 2;
    return o;
}

static struct err read_line(int argc, char **argv, struct settings *s, char **rest, int *out_n,
                            char *fault) {
    int n = 0;
    for (int i = 0; i < argc;) {
        struct str value;
        int words = 1;
        const struct option *o = match(argc, argv, i, &value, &words);
        if (o == NULL) {
            rest[n++] = argv[i++];
            continue;
        }
        if (value.p == NULL) return fault_at(fault, "command line", o->name, "wants a value");
        TRY(set_option(s, o, value, "command line", fault));
        i += words;
    }
    *out_n = n;
    return ERR_NONE;
}

/* ---- file and environment ---- */

static struct err read_conf_line(struct settings *s, struct str line, char *fault) {
    line = str_trim(line);
    if (line.n == 0 || line.p[0] == '#') return ERR_NONE;
    struct str value = line, name = str_trim(str_cut(&value, '='));
    const struct option *o = find_option(name);
    if (o == NULL || str_is(name, "data")) {
        char shown[41] = {0};
        memcpy(shown, name.p, name.n < 40 ? name.n : 40);
        return fault_at(fault, "weir.conf", shown, "is no option");
    }
    return set_option(s, o, str_trim(value), "weir.conf", fault);
}

static struct err read_conf(struct settings *s, char *fault) {
    char path[PATH_BYTES];
    settings_path(s, "weir.conf", path);
    AUTO(buf_done) struct buf text;
    buf_init(&text, CONF_MAX_BYTES + 1);
    struct err e = io_read_file(path, CONF_MAX_BYTES, &text);
    if (e.code == ERR_NOTFOUND || e.os == ENOTDIR) return ERR_NONE;
    if (e.code != ERR_OK) return fault_at(fault, "weir.conf", "", "cannot be read");
    struct str rest = buf_str(&text);
    while (rest.n > 0)
        TRY(read_conf_line(s, str_cut(&rest, '\n'), fault));
    return ERR_NONE;
}

static struct err read_environment(struct settings *s, char *fault) {
    for (size_t i = 0; i < OPTIONS_N; i++) {
        char name[64];
        int n = snprintf(name, sizeof name, "WEIR_%s", options[i].name);
        for (int k = 0; k < n; k++)
            name[k] = name[k] == '-' ? '_' : (char)toupper((unsigned char)name[k]);
        const char *value = getenv(name);
        if (value != NULL) TRY(set_option(s, &options[i], str_z(value), "environment", fault));
    }
    return ERR_NONE;
}

/* ---- what follows from the rest ---- */

static struct err make_absolute(struct settings *s, char *fault) {
    char folder[sizeof s->data], whole[2 * sizeof s->data];
    if (s->data[0] == '/') return ERR_NONE;
    if (getcwd(folder, sizeof folder) == NULL) return err_os("settings: working folder");
    int n = snprintf(whole, sizeof whole, "%s/%s", folder, s->data);
    if (n < 0 || (size_t)n >= sizeof s->data)
        return fault_at(fault, "settings", "data", "is too long");
    memcpy(s->data, whole, (size_t)n + 1);
    return ERR_NONE;
}

static bool has_port(const char *address) {
    const char *colon = strrchr(address, ':');
    return colon != NULL && strcmp(colon, ":0") != 0;
}

static void default_url(const struct settings *s, const char *address, char *url, size_t bytes) {
    if (url[0] != 0 || !has_port(address)) return;
    (void)snprintf(url, bytes, "%s://%s", s->tls_cert[0] != 0 ? "https" : "http", address);
}

static void default_keys(struct settings *s) {
    char path[PATH_BYTES];
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (s->keys_file[0] != 0) return;
    settings_path(s, "keys", path);
    if (credentials != NULL && strlen(credentials) < 4000) {
        char placed[PATH_BYTES];
        path_join(placed, sizeof placed, credentials, "weir-keys");
        if (access(placed, R_OK) == 0) memcpy(path, placed, sizeof path);
    }
    (void)snprintf(s->keys_file, sizeof s->keys_file, "%.4095s", path);
}

static void default_smtp_credentials(struct settings *s) {
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char placed[PATH_BYTES];
    if (s->smtp_credentials[0] != 0 || credentials == NULL || strlen(credentials) >= 4000) return;
    path_join(placed, sizeof placed, credentials, "weir-smtp");
    if (access(placed, R_OK) == 0)
        (void)snprintf(s->smtp_credentials, sizeof s->smtp_credentials, "%.4095s", placed);
}

static struct err read_sources(int argc, char **argv, struct settings *s, char **rest,
                               int *out_rest_n, char *fault) {
    const char *folder = getenv("WEIR_DATA");
    if (folder != NULL)
        TRY(set_option(s, find_option(STR("data")), str_z(folder), "environment", fault));
    struct settings first = *s;
    TRY(read_line(argc, argv, &first, rest, out_rest_n, fault));
    TRY(set_option(s, find_option(STR("data")), str_z(first.data), "command line", fault));
    TRY(make_absolute(s, fault));
    TRY(read_conf(s, fault));
    TRY(read_environment(s, fault));
    TRY(read_line(argc, argv, s, rest, out_rest_n, fault));
    return make_absolute(s, fault);
}

struct err settings_read(int argc, char **argv, struct settings *out, char **rest, int *out_rest_n,
                         char fault[256]) {
    struct settings *s = calloc(1, sizeof *s); /* half built, and too large for small stacks */
    if (s == NULL) return ERR(ERR_NOMEM, "settings: memory");
    *s = (struct settings){
        .data = "./weir-data", .public_addr = "127.0.0.1:8100", .team_addr = "127.0.0.1:8101"};
    fault[0] = 0;
    struct err e = read_sources(argc, argv, s, rest, out_rest_n, fault);
    if (e.code == ERR_OK && (s->tls_cert[0] == 0) != (s->tls_key[0] == 0))
        e = fault_at(fault, "settings", "tls-cert", "and tls-key belong together");
    if (e.code == ERR_OK) {
        default_url(s, s->public_addr, s->public_url, sizeof s->public_url);
        default_url(s, s->team_addr, s->team_url, sizeof s->team_url);
        default_keys(s);
        default_smtp_credentials(s);
        *out = *s;
    }
    free(s);
    return e;
}

void settings_path(const struct settings *s, const char *name, char *out) {
    path_join(out, PATH_BYTES, s->data, name);
}
