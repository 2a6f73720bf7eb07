/* settings.h: the operator's options: command line over WEIR_* over DIR/weir.conf over defaults.
 *
 * weir.conf: "name = value" lines, '#' comments; the names are the options' without dashes in front
 * ("trust-proxy"). Environment: WEIR_TRUST_PROXY. Depends on: base. Used by: supervise, front,
 * console, cli.
 */
#pragma once

#include "base/base.h"

struct settings {
    char data[4096];       /* --data, default ./weir-data; made absolute */
    char public_addr[128]; /* --public, default 127.0.0.1:8100; port 0: any free one */
    char team_addr[128];   /* --team, default 127.0.0.1:8101 */
    char public_url[512];  /* --public-url, default from the address; empty while its port is 0 */
    char team_url[512];
    char trust_proxy[1024]; /* CIDRs, comma-separated */
    char tls_cert[4096], tls_key[4096];
    char geo[4096];              /* MaxMind-format file */
    char keys_file[4096];        /* --keys: the root key outside the data folder; default
                                    $CREDENTIALS_DIRECTORY/weir-keys if there, else DIR/keys */
    char allow_internal[1024];   /* CIDRs that probes and webhooks may reach though internal */
    char references[1024];       /* --references: host:port, comma-separated: answer while this
                                    machine's own connection is well */
    char smtp[512];              /* the mail server: smtp://, smtps://, smtp+plain://HOST[:PORT] */
    char mail_from[255];         /* the address that notices come from */
    char smtp_credentials[4096]; /* file "user\npassword\n"; default
                                    $CREDENTIALS_DIRECTORY/weir-smtp if there */
    bool no_doors;               /* only the local sockets (commands without a server) */
    int64_t max_events_per_minute; /* per project token, 0: none */
};

/* Reads all sources. argv: options only (others are left to the caller through `rest`, [argc]).
 * ERR_INVALID with the message in fault. */
struct err settings_read(int argc, char **argv, struct settings *out, char **rest, int *out_rest_n,
                         char fault[256]);

/* Paths inside the data folder: out is [4200]. */
void settings_path(const struct settings *s, const char *name, char *out);
