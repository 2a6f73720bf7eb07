/* postman.h: the thread that looks at the page for updates of which nobody was told yet, and has
 * their notices queued. Private to src/console.
 *
 * Threading: postman_look from any thread; the rest from the console's.
 */
#pragma once

#include "notice/notice.h"
#include "status/status.h"

struct postman;
struct err postman_open(struct postman **out);
/* Both borrowed until postman_stop. Looks at once, when asked, and each minute. */
struct err postman_start(struct postman *p, struct status *status, struct notice *notice);
void postman_look(struct postman *p); /* an update was published. Quick */
/* Stops the thread, which asks status; the bell may be rung until postman_close. Both take NULL. */
void postman_stop(struct postman *p);
void postman_close(struct postman *p);
