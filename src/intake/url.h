/* url.h: an http(s) address in its pieces, as the crowd rule judges them. Depends on: base. Used
 * by: the files of intake. */
#pragma once

#include "base/base.h"

struct intake_url {
    struct str host;     /* with port; empty for an address without one ("/a?b=c") */
    struct str path;     /* starts with '/', or empty */
    struct str query;    /* without '?' */
    struct str fragment; /* without '#' */
    bool has_user;       /* user:password@ */
};
/* False: not an address. Without a host only texts count as addresses that have a query or fragment
 * behind a path
 * ("/a?b=c", "?b=c"): a bare "/a/b" is a text like any other. */
bool intake_url_split(struct str text, struct intake_url *out);
