/* opener.h: opens the `$sealed` lines of an export, offline; private to src/cli. */
#pragma once

#include "seal/seal.h"
#include "json/json.h"

struct opener;
struct opener *opener_new(const struct team_secret *t); /* the secret is copied; NULL: no memory */
void opener_free(struct opener *o);                     /* wipes */
AUTO_DEFINE(struct opener *, opener_free);

/* Takes the value of one "$sealed" member. Damaged or foreign ones are counted, not fatal. */
struct err opener_take(struct opener *o, const struct json *sealed);
/* Opens all that were taken; paths that are sealed themselves come first. Every opened text is held
 * to its handle. */
struct err opener_open(struct opener *o);
/* The JSON value for "sealed:<32 hex>" (a string, or a number where one was sent); p NULL: not
 * opened. */
struct str opener_find(const struct opener *o, struct id128 handle);
size_t opener_opened_n(const struct opener *o);
size_t opener_failed_n(const struct opener *o);
