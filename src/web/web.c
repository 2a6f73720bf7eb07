#include "web/web.h"

#if __has_include("web_assets.h")
#include "web_assets.h"
#else
#error                                                                                             \
    "the console is not built: run `npm ci` in web/, then `node web/build.mjs <build folder>/web` (./dev build does both)"
#endif

extern const char web_blob[]; /* assets.S */

struct entry {
    const char *path;
    const char *type;
    const char *etag;
    size_t at; /* offset in the blob */
    size_t n;  /* bytes */
    bool immutable;
};

static const struct entry entries[] = {WEB_ENTRIES};
enum { N_ENTRIES = sizeof(entries) / sizeof(entries[0]) };

static struct web_asset asset_of(const struct entry *e) {
    return (struct web_asset){
        .path = str_z(e->path),
        .type = str_z(e->type),
        .etag = str_z(e->etag),
        .gzip = {web_blob + e->at, e->n},
        .immutable = e->immutable,
    };
}

bool web_asset_at(size_t i, struct web_asset *out) {
    if (i >= N_ENTRIES) return false;
    *out = asset_of(&entries[i]);
    return true;
}

/* A dozen files: a walk is as fast as anything cleverer. */
bool web_asset(struct str path, struct web_asset *out) {
    for (size_t i = 0; i < N_ENTRIES; i++) {
        if (!str_is(path, entries[i].path)) continue;
        *out = asset_of(&entries[i]);
        return true;
    }
    return false;
}
