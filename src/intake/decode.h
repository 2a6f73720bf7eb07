/* decode.h: a request's bytes -> the text of its records and its parameters. What a body is, is
 * told by its bytes, not by its headers: gzip by its magic, a form by `data=`, JSON by its first
 * character, base64 else.
 *
 * Depends on: base, zlib. Used by: the files of intake.
 */
#pragma once

#include "base/base.h"

#define DECODE_SLACK_BYTES 64 /* readable zero bytes behind every text that is made here */

/* Undoes percent-encoding; a '%' without two hex digits stands for itself. p NULL: no memory. */
struct str intake_percent_decode(struct arena *a, struct str s, bool plus_is_space);
/* base64, both alphabets, padding or not; spaces stand for '+' (a form decoder made them), line
 * breaks are skipped. ERR_INVALID, ERR_NOMEM. */
struct err intake_base64(struct arena *a, struct str s, struct str *out);
/* ERR_INVALID: broken or truncated; ERR_LIMIT: more than max_bytes; ERR_NOMEM. */
struct err intake_gunzip(struct arena *a, struct str in, size_t max_bytes, struct str *out);
/* Text that is not UTF-8 made so: surrogate pairs written as two three-byte sequences (CESU-8) are
 * joined, every other bad byte becomes U+FFFD, and so does the escape of a lone surrogate (\ud83c).
 * p NULL: no memory. */
struct str intake_repair_utf8(struct arena *a, struct str s);

/* What a client may say beside its records, in the query or in a form. */
struct intake_params {
    struct str data, verbose, ip, img, callback, redirect, strict, project_id, api_key, token;
    bool has_data;
};
/* Reads name=value&...; values already there stay (the query wins over the form, `data` is decoded
 * either way). */
struct err intake_params_read(struct arena *a, struct str form, struct intake_params *p);
bool intake_param_on(struct str value); /* "1", "true" */

enum intake_body { BODY_NONE, BODY_FORM, BODY_JSON };
struct intake_decoded {
    enum intake_body from; /* how the records came: BODY_FORM also for GET */
    struct str text;       /* JSON or NDJSON, followed by DECODE_SLACK_BYTES */
};
/* Records out of body (or the query's data=). Parameters of a form are added to p. ERR_INVALID and
 * ERR_LIMIT with words for the client in `what`; ERR_NOTFOUND: there are no data; ERR_NOMEM. */
struct err intake_decode(struct arena *a, struct str body, size_t max_bytes,
                         struct intake_params *p, struct intake_decoded *out);
