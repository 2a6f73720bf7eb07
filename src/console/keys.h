/* keys.h: the installation's keys; private to src/console. */
#pragma once

#include "seal/seal.h"
#include "settings/settings.h"

struct keys {
    uint8_t root[32];
    struct team_public team;
    struct team_secret secret;
    bool has_secret; /* team.key lies beside the data */
};
/* Reads all three; makes root key and team key pair on the first start (an empty folder).
 * ERR_NOTFOUND: data is there but its root key is not (a moved or lost key file): nothing is made
 * then, since new keys would orphan what is stored. */
struct err keys_open(const struct settings *s, struct keys *out);
void keys_done(struct keys *k);
