/* rig.h: one project with keys, a crowd and a frame, and a look at what a request left in it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "intake/intake.h"

#define RIG_NOW INT64_C(1795300600000000)
#define RIG_TOKEN "TOKEN0123456789"
#define RIG_SECRET "the-project-secret"
#define RIG_UA                                                                                     \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "     \
    "Safari/537.36"

struct rig {
    struct intake *in;
    struct registry reg;
    struct registry_project project;
    struct team_secret secret;
    struct frame_writer *writer;
    struct crowd *crowd;
    struct arena *arena;
    struct intake_request request; /* the next one; rig_open sets a plain POST /track */
    struct intake_result result;
    struct intake_reply reply;
    char *bytes; /* the finished frame */
    struct frame frame;
    uint8_t frame_key[32];
    bool has_frame, no_writer;
    char *body; /* copy with slack */
};

void rig_open(struct rig *r);
void rig_open_with(struct rig *r, const struct intake_config *c);
void rig_close(struct rig *r);
/* Sends a body of n bytes, answers into r->result and r->reply. The frame goes on until rig_finish.
 */
void rig_send_bytes(struct rig *r, const void *body, size_t n);
void rig_send(struct rig *r, const char *body);
void rig_query(struct rig *r, const char *query);
/* Ends the frame, checks that it parses, commits the crowd, and begins anew; the frame can be
 * looked at until the next finish. */
void rig_finish(struct rig *r);
/* Sends, finishes. */
void rig_take(struct rig *r, const char *body);

/* The text of an index: readable, known ("" cannot be told: gives "known"), or opened. */
struct str rig_text(struct rig *r, uint32_t index);
enum frame_text_state rig_state(const struct rig *r, uint32_t index);
/* The n-th record (0..). Asserts its type. */
struct frame_event rig_event(struct rig *r, unsigned n);
struct frame_profile rig_profile(struct rig *r, unsigned n, enum frame_record_type type);
/* The value of a property of a record; tag 255 if it has none. */
uint8_t rig_find(struct rig *r, struct cursor props, unsigned n_props, const char *name,
                 struct cursor *out_value);
uint8_t rig_event_prop(struct rig *r, unsigned record, const char *name, struct cursor *out_value);
/* Asserts a text value and returns its index. */
uint32_t rig_text_prop(struct rig *r, unsigned record, const char *name, const char *value);
void rig_number_prop(struct rig *r, unsigned record, const char *name, double value);
/* Index of a text in the frame by its bytes and kind, or FRAME_NO_PATH. Looks at opened text. */
uint32_t rig_find_text(struct rig *r, enum text_kind kind, const char *text);
/* Whether the bytes occur anywhere in the finished frame. */
bool rig_frame_holds(const struct rig *r, const char *bytes);
void rig_assert_reply(const struct rig *r, int status, const char *body);
void rig_assert_contains(const struct rig *r, const char *part);
/* gzip of bytes. */
size_t rig_gzip(const void *in, size_t n, void *out, size_t cap);
/* base64 with padding, NUL-terminated; malloc'd. */
char *rig_base64(const void *in, size_t n);
