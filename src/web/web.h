/* web.h: the console's files, embedded in the binary.
 *
 * `web/build.mjs` bundles them, compresses them with gzip at level 9 and lays them end to end in
 * one file, which assets.S takes in by .incbin; the table of paths is generated beside it. Names of
 * scripts and styles carry the hash of their content, so they never change under one name; the page
 * itself is asked for anew each time.
 *
 * Threading: constant data; any thread.
 * Depends on: base. Used by: routes, console.
 */
#pragma once

#include "base/base.h"

/* The Content-Security-Policy that goes out with every asset. The console loads nothing from
 * elsewhere, carries no inline script or style, and cannot be framed. */
#define WEB_CSP                                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

struct web_asset {
    struct str path; /* as requested: "/", "/favicon.svg", "/assets/main-ABCDEFGH.js" */
    struct str type; /* Content-Type */
    struct str etag; /* strong, with its quotes; of the compressed bytes */
    struct str
        gzip; /* the body, always with Content-Encoding: gzip; every client of this door can */
    bool immutable; /* true: Cache-Control "public, max-age=31536000, immutable"; false: "no-cache"
                     */
};

/* Finds the file that answers GET path (no query string). All strings of out are constant, never
 * freed. False, with out untouched, when there is none. */
bool web_asset(struct str path, struct web_asset *out);

/* The i-th file, in order of path, for a manifest; false behind the last. */
bool web_asset_at(size_t i, struct web_asset *out);
