/* auth.c: whose project a request writes to.
 *
 * /track, /engage, /groups: the token in each record names it; tokens are public. /import wants the
 * project's secret, as Basic `secret:`, as the password of `user:secret`, or as api_key; or an API
 * key that may send, as Basic `user:secret` (what service accounts send); a token as Basic `token:`
 * opens it as well, since it gives no more than /track does. The operator's socket names the
 * project by its number.
 */
#include "intake/record.h"

/* A key's user is not looked at: its secret alone names it, as at the team door. */
static const struct registry_project *by_password(const struct registry *r, uint64_t id,
                                                  struct str password) {
    const struct registry_project *p = registry_by_secret(r, password);
    return p ? p : registry_by_sender(r, id, password);
}

static const struct registry_project *by_basic(struct intake_job *j, uint64_t id) {
    struct str header = j->request->authorization, pair;
    if (header.n < 6 || !str_ieq((struct str){header.p, 6}, STR("Basic "))) return NULL;
    if (intake_base64(j->in->scratch, str_trim(str_from(header, 6)), &pair).code != ERR_OK)
        return NULL;
    struct str password = pair;
    struct str user = str_cut(&password, ':');
    const struct registry_project *p = NULL;
    if (password.n > 0) return by_password(j->registry, id, password);
    if (user.n > 0) p = registry_by_secret(j->registry, user);
    if (!p && user.n > 0) p = registry_by_token(j->registry, user);
    return p;
}

const struct registry_project *intake_authorise(struct intake_job *j) {
    int64_t id = 0;
    bool named = j->params.project_id.n > 0;
    if (named && (!str_to_i64(j->params.project_id, &id) || id <= 0)) return NULL;
    if (j->request->is_local && named) return registry_by_id(j->registry, (uint64_t)id);
    const struct registry_project *p = by_basic(j, (uint64_t)id);
    if (!p && j->params.api_key.n > 0) p = registry_by_secret(j->registry, j->params.api_key);
    return p && named && p->id != (uint64_t)id ? NULL : p;
}

/* Keeps a few characters of an unknown token, so that an admin sees which client is wrongly set up.
 */
static void mask(struct intake_result *r, struct str token) {
    size_t n = token.n < 12 ? token.n / 3 : 4;
    if (r->unknown_token_masked[0]) return;
    for (size_t i = 0; i < n; i++)
        r->unknown_token_masked[i] = token.p[i] > ' ' && token.p[i] < 0x7f ? token.p[i] : '?';
    memcpy(r->unknown_token_masked + n, "...", 4);
}

static const struct registry_project *project_of(struct intake_job *j, struct str token,
                                                 struct intake_fault *fault) {
    if (j->fixed) return j->fixed;
    if (j->door.project && str_eq(token, j->token)) return j->door.project;
    const struct registry_project *p = token.n > 0 ? registry_by_token(j->registry, token) : NULL;
    if (!p) {
        j->result->unknown_token++;
        mask(j->result, token);
        *fault = token.n > 0 ? (struct intake_fault){"token", "the token is unknown"}
                             : (struct intake_fault){"token", "the token is missing"};
    } else if (j->request->origin.n > 0 && !registry_origin_allowed(p, j->request->origin)) {
        *fault = (struct intake_fault){"token", "this origin may not send to the project"};
        p = NULL;
    }
    return p;
}

/* The key that tells this door's cache entries from those of other projects, key sets and crowds.
 */
static uint64_t door_key(const struct registry_project *p, const struct crowd *c) {
    uint64_t k;
    memcpy(&k, p->keys.hash, sizeof k);
    k ^= p->id * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(uintptr_t)c;
    return k ? k : 1;
}

/* The token of a record that nobody has looked at yet. */
static struct str token_of(const struct intake_job *j, const struct json *v) {
    const struct json *t = NULL;
    if (j->request->endpoint == INTAKE_TRACK)
        t = json_get(json_get(v, "properties"), "token");
    else if (!(t = json_get(v, "$token")))
        t = json_get(v, "token");
    return t && t->type == JSON_STR && t->s.n > 0 ? t->s : j->params.token;
}

bool intake_has_room(struct intake_job *j, const struct json *v, struct str *last) {
    struct str token = token_of(j, v);
    if (j->fixed || token.n == 0 || str_eq(token, *last)) return true;
    const struct registry_project *p = registry_by_token(j->registry, token);
    *last = arena_str(j->in->scratch, token); /* its record may be gone when the next comes */
    bool foreign = p && j->request->origin.n > 0 && !registry_origin_allowed(p, j->request->origin);
    return !p || foreign || j->group->writer(j->group->ctx, p) != NULL;
}

enum intake_taken intake_open_door(struct intake_job *j, struct str token,
                                   struct intake_fault *fault) {
    struct intake_door *d = &j->door;
    const struct registry_project *p = project_of(j, token, fault);
    if (!p) return TAKEN_FAULTY;
    if (p != d->project) {
        *d = (struct intake_door){.in = j->in,
                                  .project = p,
                                  .writer = j->group->writer(j->group->ctx, p),
                                  .crowd = j->group->crowd(j->group->ctx, p),
                                  .arena = j->in->record,
                                  .own = j->request->is_own};
        d->key = door_key(p, d->crowd);
        d->frame = d->writer ? frame_tag(d->writer) : 0;
        j->token =
            arena_str(j->in->scratch, token); /* its record may be gone when the next comes */
    }
    if (!d->writer || !d->crowd) return TAKEN_LATER;
    size_t bytes = frame_bytes(d->writer);
    if (bytes > INTAKE_FULL_BYTES && j->result->accepted == 0) return TAKEN_LATER;
    if (bytes <= INTAKE_CROWDED_BYTES) return TAKEN;
    *fault =
        (struct intake_fault){"", "the request holds too much text: send fewer records at once"};
    return TAKEN_FAULTY;
}
