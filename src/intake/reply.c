/* reply.c: the answers, byte for byte as the SDKs compare them (doc/mixpanel.md).
 *
 * Plain success is the one byte "1" and nothing else: node compares the string, Swift reads it as a
 * number.
 */
#include "intake/intake.h"

#define MAX_CALLBACK_BYTES 128
#define MAX_REDIRECT_BYTES 2048

static struct str json_of(const struct intake_request *q, struct buf *b) {
    struct str s = buf_err(b).code == ERR_OK ? arena_str(q->arena, buf_str(b)) : (struct str){0};
    return s.p ? s : STR("{\"error\":\"out of memory\",\"status\":0}");
}

static const char *status_word(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 401:
        return "Unauthorized";
    case 413:
        return "Request Entity Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Bad Request";
    }
}

static void put_failures(struct jout *j, const struct intake_result *r) {
    jout_keyz(j, "failed_records");
    jout_array(j);
    for (size_t i = 0; i < r->n_failures; i++) {
        const struct intake_failure *f = &r->failures[i];
        jout_object(j);
        jout_keyz(j, "index");
        jout_i64(j, f->index);
        jout_keyz(j, "insert_id"); /* the API's key, and the one a page of its manual shows */
        jout_str(j, f->insert_id);
        jout_keyz(j, "$insert_id");
        jout_str(j, f->insert_id);
        jout_keyz(j, "field");
        jout_strz(j, f->field);
        jout_keyz(j, "message");
        jout_strz(j, f->message);
        jout_object_end(j);
    }
    jout_array_end(j);
}

/* {"code":200,"num_records_imported":2000,"status":"OK"} and its failures. */
static struct str import_json(const struct intake_request *q, const struct intake_result *r) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, 4u << 20);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "code");
    jout_i64(&j, r->status);
    if (r->failed > 0) {
        jout_keyz(&j, "error");
        jout_strz(&j, "some data points in the request failed validation");
        put_failures(&j, r);
    } else if (r->error) {
        jout_keyz(&j, "error");
        jout_strz(&j, r->error);
    }
    if (r->status == 200 || r->failed > 0) {
        jout_keyz(&j, "num_records_imported");
        jout_i64(&j, r->accepted);
    }
    jout_keyz(&j, "status");
    jout_strz(&j, status_word(r->status));
    jout_object_end(&j);
    return json_of(q, &b);
}

/* {"error":null,"status":1}; with strict=1 on /engage and /groups what failed, too. */
static struct str verbose_json(const struct intake_request *q, const struct intake_result *r,
                               bool good) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    bool details = r->strict && r->failed > 0;
    buf_init(&b, 4u << 20);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "error");
    jout_strz(&j, good && !details ? NULL : r->error);
    if (details) {
        put_failures(&j, r);
        jout_keyz(&j, "num_records_imported");
        jout_i64(&j, r->accepted);
    }
    jout_keyz(&j, "status");
    jout_i64(&j, good && !details);
    jout_object_end(&j);
    return json_of(q, &b);
}

static bool callback_ok(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_' || c == '$' || c == '.';
        if (!ok) return false;
    }
    return s.n > 0 && s.n <= MAX_CALLBACK_BYTES;
}

/* Only to http(s), and without a byte that could end the header. */
static bool redirect_ok(struct str s) {
    if (!str_starts(s, STR("https://")) && !str_starts(s, STR("http://"))) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f) return false;
    }
    return s.n <= MAX_REDIRECT_BYTES;
}

static const char gif[] =
    "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

void intake_reply(const struct intake_request *q, const struct intake_result *r,
                  struct intake_reply *out) {
    bool good = r->outcome == INTAKE_OK;
    bool refused = q->endpoint == INTAKE_IMPORT && r->status >= 400;
    *out = (struct intake_reply){.status = r->status, .content_type = "application/json"};
    if (r->json_reply || refused) {
        out->body = import_json(q, r);
    } else if (r->verbose || (r->strict && r->failed > 0)) {
        out->body = verbose_json(q, r, good);
    } else {
        out->content_type = "text/plain";
        out->body = good ? STR("1") : STR("0");
    }
    if (r->status >= 400) return;
    if (r->img) {
        out->content_type = "image/gif";
        out->body = (struct str){gif, sizeof gif - 1};
    } else if (callback_ok(r->callback)) {
        struct str script = arena_printf(q->arena, "/**/" STR_FMT "(" STR_FMT ");",
                                         STR_ARG(r->callback), STR_ARG(out->body));
        if (!script.p) return;
        out->content_type = "text/javascript";
        out->body = script;
    } else if (redirect_ok(r->redirect)) {
        out->status = 302;
        out->location = r->redirect;
    }
}
