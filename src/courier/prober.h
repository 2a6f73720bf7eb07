/* prober.h: all monitors of one place: when each is due, what it finds, whether the place itself is
 * well. The courier and the agent are this with two ways of hearing and telling. Private to
 * src/courier.
 *
 * Threading: one thread.
 */
#pragma once

#include "probe/probe.h"
#include "settings/settings.h"

#define PROBER_MONITORS_MAX 5000

/* courier.c: own: the folder that may be written, NULL: none. */
struct err courier_close_sandbox(const char *own);

struct prober;
struct prober_config {
    const struct settings *settings; /* allow_internal, references; borrowed for life */
    void (*beat)(void *ctx, const struct post_beat *b);
    void (*tried)(void *ctx, int64_t id, const struct post_beat *b);
    void (*place)(void *ctx, bool offline); /* it changed */
    void *ctx;
};
struct err prober_new(const struct prober_config *c,
                      struct prober **out); /* ERR_INVALID: settings */
void prober_free(struct prober *p);
AUTO_DEFINE(struct prober *, prober_free);

/* The whole list anew: what is not set between begin and end is dropped. What did not change keeps
 * its state. */
void prober_begin(struct prober *p);
struct err prober_set(struct prober *p, const struct json *config); /* ERR_INVALID, ERR_LIMIT */
void prober_end(struct prober *p);
void prober_drop(struct prober *p, uint32_t number);
void prober_hurry(struct prober *p, uint32_t number); /* check it now */
/* One check of what may not be a monitor yet; `tried` tells. */
struct err prober_try(struct prober *p, int64_t id, const struct json *config);

int prober_fd(const struct prober *p); /* readable: turn */
int prober_wait_ms(struct prober *p);
void prober_turn(struct prober *p);
const struct probe_guard *prober_guard(const struct prober *p);
