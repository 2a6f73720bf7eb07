/* address.c: the crowd rule for addresses.
 *
 * An address is as readable as its least readable piece. The pieces are candidates of their own,
 * each under a path that says where it stands, so that "settings" under "/user/4711" and under
 * "/team" are two texts:
 *
 *   $current_url#host              example.com
 *   $current_url#path:/docs        intro            the segment "intro" within "/docs"
 *   $current_url#query:utm_source  news
 *   $current_url#fragment:/docs    install
 *
 * All pieces count at every sight, so that the tenth visitor of /a/b makes the whole readable at
 * once. A piece that its shape seals ends the walk: what stands below a token belongs to the
 * token's owner.
 */
#include <assert.h>
#include <stdio.h>

#include "intake/shapes.h"
#include "intake/text.h"
#include "intake/url.h"

#define PIECE_PATH_BYTES (VALUE_PATH_BYTES + 16 + MAX_ADDRESS_BYTES)
#define MAX_PIECES 24
#define MAX_ADDRESS_BYTES                                                                          \
    1024 /* with the pieces this bounds what one address can put into a frame */

struct walk {
    struct intake_door *door;
    const struct intake_scope *scope;
    const struct intake_path *path;
    struct str base; /* what the pieces' paths start with */
    unsigned pieces;
    bool readable; /* all so far */
    bool sealed;   /* by shape or kind: nothing further is looked at */
};

/* "<base>#<where>:<parent>". */
static struct str piece_path(const struct walk *w, const char *where, struct str parent,
                             char bytes[PIECE_PATH_BYTES]) {
    int n = snprintf(bytes, PIECE_PATH_BYTES, "#%s", where);
    size_t where_n = (size_t)n, at = w->base.n;
    assert(at + where_n + parent.n <= PIECE_PATH_BYTES);
    memmove(bytes + at, bytes, where_n);
    memcpy(bytes, w->base.p, at);
    if (parent.n > 0) memcpy(bytes + at + where_n, parent.p, parent.n);
    return (struct str){bytes, at + where_n + parent.n};
}

/* One piece at "<base>#<where>:<parent>". */
static void piece(struct walk *w, const char *where, struct str parent, struct str value) {
    if (w->sealed || value.n == 0) return;
    if (++w->pieces > MAX_PIECES || intake_shape_sealed(value)) {
        w->sealed = true;
        return;
    }
    char bytes[PIECE_PATH_BYTES];
    struct str path = piece_path(w, where, parent, bytes);
    struct intake_text t = {.kind = w->scope->value_kind == TEXT_GROUP_VALUE ? TEXT_USER_VALUE
                                                                             : w->scope->value_kind,
                            .type = TEXT_STRING,
                            .path = path,
                            .value = value,
                            .needed = intake_needed(w->door, w->path->flags)};
    bool path_readable = w->readable && w->path->flags & NAME_READABLE && !w->scope->group_sealed;
    if (!intake_text_sight(w->door, &t, path_readable)) w->readable = false;
}

static void walk_path(struct walk *w, struct str path) {
    for (size_t i = 0; i < path.n && !w->sealed;) {
        size_t end = i + 1;
        while (end < path.n && path.p[end] != '/')
            end++;
        piece(w, "path:", (struct str){path.p, i}, (struct str){path.p + i + 1, end - i - 1});
        i = end;
    }
}

static void walk_query(struct walk *w, struct str query) {
    while (query.n > 0 && !w->sealed) {
        struct str value = str_cut(&query, '&');
        if (value.n == 0) continue;
        struct str name = str_cut(&value, '=');
        if (intake_campaign_param(name))
            piece(w, "query:", name, value);
        else
            w->sealed = true; /* no crowd makes an unknown parameter readable */
    }
}

enum intake_policy intake_address_policy(struct intake_door *d, const struct intake_scope *s,
                                         const struct intake_path *p, struct str value) {
    struct intake_url u;
    if (d->project->test) return POLICY_ADMIT;
    if (!intake_url_split(value, &u))
        return intake_shape_sealed(value) ? POLICY_SEAL : POLICY_COUNT;
    char bytes[VALUE_PATH_BYTES];
    struct walk w = {
        .door = d, .scope = s, .path = p, .base = intake_value_path(s, p, bytes), .readable = true};
    if (u.has_user || value.n > MAX_ADDRESS_BYTES || d->failed.code != ERR_OK) return POLICY_SEAL;
    piece(&w, "host", STR(""), u.host);
    walk_path(&w, u.path);
    walk_query(&w, u.query);
    if (memchr(u.fragment.p ? u.fragment.p : "", '=', u.fragment.n)) w.sealed = true;
    piece(&w, "fragment:", u.path, u.fragment);
    return w.readable && !w.sealed ? POLICY_ADMIT : POLICY_SEAL;
}
