/* seen.h: what the last record of a request looked like. Private. Depends on: base, record.h's
 * shapes. Used by: event.c, props.c, identity.c, take.c.
 *
 * The events of one request are much alike: the same names in the same order, and mostly one
 * person's, whose system, city and session stay the same. So each place of a record remembers the
 * name that stood there with its index in the frame, and the text that was its value with its own:
 * what comes again costs a comparison instead of hashes and look-ups.
 *
 * What is remembered holds under the crowd rule: a text met again from the same sender changes
 * nothing (a person counts once), and one that the frame holds as known is known to all senders.
 * It holds for one frame, which its tag tells, and it is wiped with the request, since it may hold
 * what is sealed.
 */
#pragma once

#include "intake/text.h"

#define SEEN_PLACES 48
#define SEEN_NAME_BYTES 40
#define SEEN_VALUE_BYTES 64 /* no more than the cache of hot texts keeps */

/* Who an id is, by the hash of the id under "distinct_id": no id is kept in the clear. */
struct intake_person {
    uint64_t key; /* of the door; 0: free */
    struct id128 hash, pseudonym;
    uint64_t fingerprint; /* 0: nobody (refused) */
};

/* An index in a frame, and for whose records it stands. */
struct intake_seen_index {
    uint64_t frame;  /* its tag; 0: nothing is remembered */
    uint64_t sender; /* only for this one */
    uint32_t index;
    bool for_all; /* for any sender */
};

/* One place of a record: a member of its properties. */
struct intake_seen {
    struct intake_seen_index name_at, value_at;
    struct intake_path path; /* while name_at holds; its name is `name` */
    uint8_t special;         /* enum intake_special */
    uint8_t name_n, value_n;
    char name[SEEN_NAME_BYTES], value[SEEN_VALUE_BYTES];
};

struct intake_last {
    bool on;  /* the request has more than one record */
    size_t n; /* places in use */
    struct intake_seen places[SEEN_PLACES];
    uint64_t id_key; /* of the door; 0: no id is remembered */
    struct intake_person person;
    uint8_t id_n;
    char id[SEEN_VALUE_BYTES];
};

/* The place, holding this name from now on; NULL: it is not remembered. */
struct intake_seen *intake_seen_place(struct intake_last *l, const struct intake_names *names,
                                      size_t place, struct str name);
/* Whether an index stands for the record in hand. */
static inline bool intake_seen_holds(const struct intake_seen_index *i,
                                     const struct intake_door *d) {
    return i->frame == d->frame && i->frame != 0 && (i->for_all || i->sender == d->sender);
}
void intake_seen_name(struct intake_seen *s, const struct intake_door *d,
                      const struct intake_path *path);
bool intake_seen_has_value(const struct intake_seen *s, const struct intake_door *d,
                           struct str value);
void intake_seen_value(struct intake_seen *s, const struct intake_door *d, struct str value,
                       uint32_t index);
void intake_last_forget(struct intake_last *l);
