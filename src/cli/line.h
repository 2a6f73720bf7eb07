/* line.h: what tells one event of an import from another: a fingerprint of its name, time,
 * distinct_id and $insert_id. Private. Depends on: base, json. Used by: cmd_import.c.
 */
#pragma once

#include "json/json.h"

struct line_reader; /* a parser and its memory, for the lines that the quick way does not take */
struct line_reader *line_reader_new(size_t max_line_bytes);
void line_reader_free(struct line_reader *r);
AUTO_DEFINE(struct line_reader *, line_reader_free);

/* 0: no $insert_id, or no JSON. The same event has the same fingerprint however it is written.
 * JSON_SLACK_BYTES behind the line are readable. */
uint64_t line_fingerprint(struct line_reader *r, struct str line);

/* The quick way alone, for lines without anything unusual in the places that matter. It looks at no
 * more of the grammar than it needs: of a line that is no JSON it may still find one. False: the
 * line has to be parsed. */
bool line_scan(struct str line, uint64_t *out);
