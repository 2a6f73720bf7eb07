#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "seal/seal.h"

static void open_notice(struct rig *r) {
    char path[200], front[200];
    snprintf(path, sizeof path, "%s/meta.db", r->folder);
    snprintf(front, sizeof front, "%s/front", r->folder);
    assert_int_equal(meta_open(path, &r->meta).code, ERR_OK);
    assert_int_equal(post_open(r->fds[0], &r->post).code, ERR_OK);
    struct notice_config c = {.meta = r->meta,
                              .root = r->root,
                              .front_folder = front,
                              .public_url = STR("https://status.example"),
                              .mail_from = STR("status@example.com"),
                              .post = r->post};
    assert_int_equal(notice_open(&c, &r->notice).code, ERR_OK);
    assert_int_equal(notice_set_page(r->notice, STR("Acme Status")).code, ERR_OK);
}

static void close_notice(struct rig *r) {
    notice_close(r->notice);
    post_close(r->post);
    meta_close(r->meta);
    r->notice = NULL;
    r->post = NULL;
    r->meta = NULL;
}

static void make_model(struct rig *r) {
    r->components[0] = (struct status_component){
        .number = 1, .id = "aaaaaaaaaaaa", .name = STR("Search"), .state = STATUS_PARTIAL};
    r->components[1] = (struct status_component){
        .number = 2, .id = "bbbbbbbbbbbb", .name = STR("Sign in"), .state = STATUS_OPERATIONAL};
    r->affected[0] = 1;
    r->incident = (struct status_incident){.id = "iiiiiiiiiiii",
                                           .name = STR("Search is slow"),
                                           .phase = STATUS_INVESTIGATING,
                                           .impact = STATUS_IMPACT_MAJOR,
                                           .components = r->affected,
                                           .n_components = 1,
                                           .created_us = time_now_us(),
                                           .people = -1};
    r->model = (struct status_model){.page = {.id = "pppppppppppp", .name = STR("Acme Status")},
                                     .components = r->components,
                                     .n_components = 2,
                                     .incidents = &r->incident,
                                     .n_incidents = 1};
}

void rig_begin(struct rig *r) {
    *r = (struct rig){.folder = "/tmp/weir-notice-XXXXXX"};
    char front[200];
    int room = 4 << 20;
    assert_int_equal(seal_start().code, ERR_OK);
    assert_non_null(mkdtemp(r->folder));
    snprintf(front, sizeof front, "%s/front", r->folder);
    assert_int_equal(io_make_folder(front, 0700).code, ERR_OK);
    random_bytes(r->root, 32);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->fds), 0);
    setsockopt(r->fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    r->arena = arena_new(64u << 20);
    assert_int_equal(post_open(r->fds[1], &r->courier).code, ERR_OK);
    open_notice(r);
    make_model(r);
    r->now_us = time_now_us();
}

static void forget_got(struct rig *r) {
    for (size_t i = 0; i < r->n_got; i++)
        free(r->got[i].data);
    free(r->got);
    r->got = NULL;
    r->n_got = 0;
}

void rig_end(struct rig *r) {
    char command[100];
    forget_got(r);
    close_notice(r);
    post_close(r->courier);
    close(r->fds[0]);
    close(r->fds[1]);
    arena_free(r->arena);
    snprintf(command, sizeof command, "rm -rf %s", r->folder);
    assert_int_equal(system(command), 0);
}

void rig_restart(struct rig *r) {
    close_notice(r);
    open_notice(r);
}

void rig_turn(struct rig *r) {
    assert_int_equal(notice_turn(r->notice, r->now_us).code, ERR_OK);
    while (post_flush(r->post) && r->n_got == 0)
        break;
}

static const char *text(struct rig *r, const struct json *v) {
    assert_non_null(v);
    assert_int_equal(v->type, JSON_STR);
    return arena_str(r->arena, v->s).p;
}

static void keep(struct rig *r, const struct json *v) {
    r->got = realloc(r->got, (r->n_got + 1) * sizeof *r->got);
    struct sent *s = &r->got[r->n_got++];
    *s = (struct sent){.id = json_get(v, "id")->i, .mail = json_is_str(json_get(v, "by"), "mail")};
    snprintf(s->to, sizeof s->to, "%s", text(r, json_get(v, s->mail ? "to" : "url")));
    s->data = strdup(text(r, json_get(v, s->mail ? "data" : "body")));
    const struct json *h = json_get(v, "headers");
    for (const struct json *x = h ? json_first(h) : NULL; h && x != json_end(h); x = json_next(x)) {
        strncat(s->headers, text(r, x), sizeof s->headers - strlen(s->headers) - 2);
        strcat(s->headers, "\n");
    }
}

void rig_courier(struct rig *r) {
    forget_got(r);
    arena_reset(r->arena);
    for (;;) {
        struct post_message m;
        struct err e = post_next(r->courier, r->arena, &m);
        if (e.code == ERR_NOTFOUND) {
            if (!post_flush(r->post)) {
                e = post_next(r->courier, r->arena, &m);
                if (e.code == ERR_NOTFOUND) break;
            } else
                continue;
        }
        assert_int_equal(e.code, ERR_OK);
        if (m.kind == POST_SEND) keep(r, m.body);
    }
}

void rig_answer(struct rig *r, int64_t id, const char *result, const char *class, int code) {
    char line[300];
    int n =
        snprintf(line, sizeof line,
                 "{\"kind\":\"sent\",\"id\":%lld,\"result\":\"%s\",\"class\":\"%s\",\"code\":%d}",
                 (long long)id, result, class, code);
    assert_int_equal(post_send(r->courier, (struct str){line, (size_t)n}).code, ERR_OK);
}

void rig_hello(struct rig *r) {
    assert_int_equal(post_send(r->courier, STR("{\"kind\":\"hello\"}")).code, ERR_OK);
    rig_deliver(r);
}

void rig_deliver(struct rig *r) {
    struct arena *a = arena_new(8u << 20);
    struct post_message m;
    (void)post_flush(r->courier);
    while (post_next(r->post, a, &m).code == ERR_OK) {
        notice_post(r->notice, &m);
        arena_reset(a);
    }
    arena_free(a);
}

static int64_t add(struct rig *r, const struct notice_new *how) {
    char secret[NOTICE_SECRET_CHARS];
    int64_t id = 0;
    assert_int_equal(notice_add(r->notice, how, &id, secret).code, ERR_OK);
    return id;
}

int64_t rig_add_mail(struct rig *r, const char *address) {
    return add(r,
               &(struct notice_new){.kind = NOTICE_MAIL, .to = str_z(address), .confirmed = true});
}

int64_t rig_add_hook(struct rig *r, enum notice_kind k, const char *url) {
    return add(r, &(struct notice_new){.kind = k, .to = str_z(url)});
}

void rig_update(struct rig *r, enum status_phase phase, const char *body) {
    r->now_us = time_now_us() > r->now_us ? time_now_us() : r->now_us;
    r->update = (struct status_update){
        .phase = phase, .body = str_z(body), .created_us = r->now_us, .notify = true};
    random_word(r->update.id, STATUS_ID_BYTES);
    r->incident.phase = phase;
    r->incident.updates = &r->update;
    r->incident.n_updates = 1;
    assert_int_equal(notice_incident(r->notice, &r->model, &r->incident, &r->update).code, ERR_OK);
    if (time_now_us() > r->now_us) r->now_us = time_now_us(); /* rows are due when they were made */
}

int64_t rig_count(struct rig *r, const char *sql) {
    struct meta_row *row = NULL;
    struct err e;
    assert_int_equal(meta_begin(r->meta).code, ERR_OK);
    assert_int_equal(meta_query(r->meta, &row, sql, "").code, ERR_OK);
    int64_t n = meta_next(row, &e) ? meta_i64(row, 0) : -1;
    meta_end(row);
    meta_rollback(r->meta);
    return n;
}
