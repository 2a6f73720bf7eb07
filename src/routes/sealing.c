/* sealing.c: what opens sealed text leaves here: ciphertext and box for a member's browser or `weir
 * open`, never clear text.
 *
 * And `weir seal`, in two calls, so that the members hold the new key before the old one goes:
 *   prepare  makes a key pair and gives its wrapped private half and the recovery code (kept
 * nowhere here) commit   the front seals to the new key from now on; the journal rotates; the tail
 * is flushed; every box of parts and profiles is re-wrapped; team.key is wiped. DIR/team.next marks
 * the way: a start that finds it goes it to the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "routes/call.h"

#define MAX_HANDLES 1000
#define FLUSH_MS 600000
#define ROTATE_MS 10000

/* ---- one sealed text ---- */

static void put_base64(struct jout *j, struct arena *a, const char *key, const void *bytes,
                       size_t n) {
    size_t cap = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(a, cap);
    if (!text) return;
    sodium_bin2base64(text, cap, bytes, n, sodium_base64_VARIANT_ORIGINAL);
    jout_keyz(j, key);
    jout_strz(j, text);
}

static void put_hex(struct jout *j, const char *key, struct id128 id) {
    char hex[32];
    str_to_hex(id.b, 16, hex);
    jout_keyz(j, key);
    jout_str(j, (struct str){hex, sizeof hex});
}

static struct id128 handle_of(const struct store_world *w, struct id128 hash) {
    return seal_handle(store_world_query(w)->keys, HANDLE_TEXT, hash);
}

/* The path that the text was hashed under: clear, or by handle where the name itself is sealed. */
static void put_path(struct jout *j, const struct store_world *w, struct id128 path_hash) {
    const struct query_world *qw = store_world_query(w);
    struct str word = id128_is_zero(path_hash) ? STR("") : qw->word(qw->words_ctx, path_hash);
    jout_keyz(j, "path");
    if (word.p) {
        jout_str(j, word);
        return;
    }
    char sealed[7 + 32];
    memcpy(sealed, "sealed:", 7);
    str_to_hex(handle_of(w, path_hash).b, 16, sealed + 7);
    jout_str(j, (struct str){sealed, sizeof sealed});
}

bool sealing_put(struct jout *j, const struct store_world *w, struct id128 hash, struct arena *a) {
    struct store_sealed s;
    const struct query_world *qw = store_world_query(w);
    if (qw->word(qw->words_ctx, hash).p || !store_world_sealed(w, hash, a, &s)) return false;
    char type[2] = {(char)s.text.type, 0};
    jout_object(j);
    put_hex(j, "handle", handle_of(w, hash));
    put_base64(j, a, "ciphertext", s.text.ciphertext.p, s.text.ciphertext.n);
    put_base64(j, a, "box", s.box, sizeof s.box);
    put_hex(j, "frame", s.text.frame);
    jout_keyz(j, "ordinal");
    jout_i64(j, (int64_t)s.text.ordinal);
    jout_keyz(j, "kind");
    jout_i64(j, s.text.kind);
    jout_keyz(j, "type");
    jout_strz(j, type);
    put_path(j, w, s.path_hash);
    jout_keyz(j, "project");
    jout_i64(j, (int64_t)qw->project);
    jout_object_end(j);
    return true;
}

void sealing_put_check(struct jout *j, const struct store_world *w,
                       const struct team_public *team) {
    uint8_t box[SEAL_CHECK_BYTES];
    char text[SEAL_CHECK_BYTES * 2];
    seal_check_make(store_world_query(w)->keys, team, box);
    sodium_bin2base64(text, sizeof text, box, sizeof box, sodium_base64_VARIANT_ORIGINAL);
    jout_object(j);
    jout_keyz(j, "project");
    jout_i64(j, (int64_t)store_world_query(w)->project);
    jout_keyz(j, "check");
    jout_strz(j, text);
    jout_object_end(j);
}

/* ---- POST /api/v1/sealed ---- */

static void put_by_handle(struct jout *j, const struct store_world *w, struct str text,
                          struct arena *a) {
    struct id128 handle, hash;
    if (str_starts(text, STR("sealed:"))) text = str_from(text, 7);
    if (!str_from_hex(text, handle.b, 16) || !store_world_by_handle(w, handle, &hash)) return;
    sealing_put(j, w, hash, a);
}

static void put_all(struct call *c, const struct store_world *w, const struct json *handles) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "sealed");
    jout_array(&j);
    for (const struct json *h = json_first(handles); h != json_end(handles); h = json_next(h))
        if (h->type == JSON_STR) put_by_handle(&j, w, h->s, c->q->arena);
    jout_array_end(&j);
    jout_object_end(&j);
    answer_json(c, &out);
}

void sealing_texts(struct call *c) {
    static const char *const fields[] = {"project", "handles"};
    int64_t project = 0;
    if (!call_body(c) || !call_only(c, fields, 2) || !call_number(c, "project", 0, &project))
        return;
    const struct json *handles = json_get(c->body, "handles");
    if (!handles || handles->type != JSON_ARRAY || handles->n > MAX_HANDLES) {
        answer_error(c, 400, "invalid", "a list of at most 1000 handles", "handles");
        return;
    }
    if (!call_project(c, (uint64_t)project)) return;
    struct err e = trust_log(c->routes->config.trust, &c->actor, (uint64_t)project, "sealed texts",
                             STR("handles"));
    if (e.code != ERR_OK) {
        answer_failure(c, "logging a reveal", e);
        return;
    }
    struct query_rights rights;
    AUTO(store_world_free) struct store_world *w = call_world(c, (uint64_t)project, &rights);
    if (w) put_all(c, w, handles);
}

/* ---- weir seal ---- */

static bool still_open(struct call *c) {
    pthread_rwlock_rdlock(&c->routes->team_lock);
    bool yes = c->routes->has_secret;
    pthread_rwlock_unlock(&c->routes->team_lock);
    if (!yes) answer_error(c, 409, "sealed", "the team key is not on this server any more", NULL);
    return yes;
}

static void answer_prepared(struct call *c, struct str wrapped, const char *recovery) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 20);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "wrapped");
    jout_str(&j, wrapped);
    jout_keyz(&j, "recovery_code");
    jout_strz(&j, recovery);
    jout_object_end(&j);
    answer_json(c, &out);
    buf_wipe_done(&out);
}

void sealing_prepare(struct call *c) {
    struct routes *r = c->routes;
    struct str passphrase;
    char recovery[RECOVERY_CODE_CHARS];
    if (!call_body(c) || !call_string(c, "passphrase", &passphrase) || !still_open(c)) return;
    if (passphrase.n < 8) {
        answer_error(c, 400, "invalid", "at least 8 characters", "passphrase");
        return;
    }
    AUTO(buf_done) struct buf wrapped;
    buf_init(&wrapped, 1u << 16);
    pthread_mutex_lock(&r->seal_lock);
    team_generate(&r->next);
    struct err e = team_secret_wrap(&r->next, passphrase, recovery, &wrapped);
    r->has_next = e.code == ERR_OK;
    secret_wipe(r->next.key, sizeof r->next.key);
    pthread_mutex_unlock(&r->seal_lock);
    if (e.code != ERR_OK)
        answer_failure(c, "wrapping the team key", e);
    else
        answer_prepared(c, buf_str(&wrapped), recovery);
    secret_wipe(recovery, sizeof recovery);
}

struct err sealing_rotate(struct routes *r) {
    struct channel *ch = r->config.channel;
    uint64_t asked = atomic_fetch_add(&ch->page->rotate_asked, 1) + 1;
    channel_wake(ch->wake_front);
    for (int ms = 0; ms < ROTATE_MS; ms += 5) {
        if (atomic_load_explicit(&ch->page->rotate_done, memory_order_acquire) >= asked)
            return ERR_NONE;
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    return ERR(ERR_TIMEOUT, "the front did not start a new journal file");
}

/* A frame that the front would still seal to the old key after the rotation could never be opened
 * again: so nothing goes on before the front says that the new key is in force. */
struct err sealing_wait_front(struct routes *r) {
    struct channel_page *page = r->config.channel->page;
    uint64_t generation = atomic_load(&page->registry_generation);
    for (int ms = 0; ms < ROTATE_MS; ms += 5) {
        if (atomic_load_explicit(&page->registry_seen, memory_order_acquire) >= generation)
            return ERR_NONE;
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    return ERR(ERR_TIMEOUT, "the front did not read its registry again");
}

static struct err wipe_file(const char *path) {
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct stat st;
    char zeros[4096] = {0};
    if (fd >= 0 && fstat(fd, &st) == 0)
        for (off_t at = 0; at < st.st_size; at += (off_t)sizeof zeros)
            if (pwrite(fd, zeros, sizeof zeros, at) < 0 || fsync(fd)) break;
    return unlink(path) && errno != ENOENT ? err_os("removing the team key") : ERR_NONE;
}

/* team.next goes last: while it is there, a restart does all of this again. */
static struct err forget_secret(struct routes *r) {
    pthread_rwlock_wrlock(&r->team_lock);
    secret_wipe(&r->secret, sizeof r->secret);
    r->has_secret = false;
    pthread_rwlock_unlock(&r->team_lock);
    char path[4200];
    settings_path(r->config.settings, "team.key", path);
    TRY(wipe_file(path));
    TRY(io_sync_folder(r->config.settings->data));
    settings_path(r->config.settings, "team.next", path);
    unlink(path);
    return io_sync_folder(r->config.settings->data);
}

/* What the journal set aside as damaged may hold boxes of the old key, and cannot be re-wrapped. */
static struct err empty_damaged(struct routes *r, size_t *out_n) {
    char path[4200];
    settings_path(r->config.settings, "journal", path);
    TRY(journal_empty_damaged(path, out_n));
    if (*out_n > 0)
        log_info("seal: %zu damaged copies in journal/ are emptied: their texts were sealed to the "
                 "old key and could not be re-wrapped",
                 *out_n);
    return ERR_NONE;
}

/* From "the front seals to the new key" to "nobody here can open": each step may be done again. */
static struct err go(struct routes *r, const struct team_public *next, size_t *out_emptied) {
    char path[4200];
    settings_path(r->config.settings, "team.next", path);
    TRY(team_public_write(path, next));
    settings_path(r->config.settings, "team.pub", path);
    TRY(team_public_write(path, next));
    pthread_rwlock_wrlock(&r->team_lock);
    r->team = *next;
    pthread_rwlock_unlock(&r->team_lock);
    TRY(routes_publish_registry(r));
    TRY(sealing_wait_front(r));
    TRY(sealing_rotate(r));
    uint64_t synced = atomic_load_explicit(&r->config.channel->page->synced, memory_order_acquire);
    TRY(store_flush(r->config.store, synced, FLUSH_MS));
    TRY(store_rewrap(r->config.store, &r->secret, next));
    TRY(empty_damaged(r, out_emptied));
    return forget_secret(r);
}

void sealing_commit(struct call *c) {
    struct routes *r = c->routes;
    if (!call_body(c) || !still_open(c)) return;
    pthread_mutex_lock(&r->seal_lock);
    size_t emptied = 0;
    struct err e =
        r->has_next ? go(r, &r->next.pub, &emptied) : ERR(ERR_INVALID, "nothing was prepared");
    r->has_next = false;
    pthread_mutex_unlock(&r->seal_lock);
    if (e.code == ERR_OK) e = trust_log(r->config.trust, &c->actor, 0, "team key", STR("sealed"));
    if (e.code != ERR_OK) {
        answer_failure(c, "sealing", e);
        return;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 128);
    buf_printf(&out, "{\"ok\":true,\"damaged_emptied\":%zu}", emptied);
    answer_json(c, &out);
}

struct err routes_resume_seal(struct routes *r) {
    char path[4200];
    struct team_public next;
    settings_path(r->config.settings, "team.next", path);
    struct err e = team_public_read(path, &next);
    if (e.code == ERR_NOTFOUND || !r->has_secret) return ERR_NONE;
    TRY(e);
    pthread_mutex_lock(&r->seal_lock);
    size_t emptied = 0;
    e = go(r, &next, &emptied);
    pthread_mutex_unlock(&r->seal_lock);
    return e;
}
