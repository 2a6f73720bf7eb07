/* publisher.h: keeps what the public door shows true: after each change of the status model, and
 * once a minute, the page is made anew and the front is told.
 *
 * A thread of its own, so that no change waits for the making; changes in a burst become one page.
 * Depends on: base, channel, status, page. Used by: console.
 */
#pragma once

#include "channel/channel.h"
#include "status/status.h"

struct publisher;
/* folder: front/status in the data folder, copied. url: of the public door, for a page that has
 * none of its own; borrowed for life. */
struct err publisher_open(struct channel *channel, const char *folder, const char *url,
                          struct publisher **out);
/* From any thread, also before the start: something changed. */
void publisher_wake(struct publisher *p);
/* Begins, with a first publishing at once. status is borrowed until the stop. */
struct err publisher_start(struct publisher *p, struct status *status);
void publisher_stop(struct publisher *p);  /* ends the thread; takes NULL and what never began */
void publisher_close(struct publisher *p); /* frees; stopped before; takes NULL */
