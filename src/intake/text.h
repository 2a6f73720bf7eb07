/* text.h: the crowd rule at work: a text -> its hash, a verdict, and its index in the frame
 * (CROWD.md).
 *
 * Hot texts (known readable) are remembered by their bytes in a small direct-mapped cache, so that
 * most texts of most events cost one comparison instead of a SipHash and a look into the crowd.
 * Only texts that are durably readable are remembered: a dump of this process must not give what is
 * sealed.
 *
 * Depends on: base, json, seal, registry, crowd, journal. Used by: the files of intake.
 */
#pragma once

#include "intake/intake.h"
#include "intake/names.h"

/* One project's place in the open commit group, for the time of one request. */
struct intake_door {
    struct intake *in;
    const struct registry_project *project;
    struct frame_writer *writer;
    struct crowd *crowd;
    struct arena *arena; /* of the record: paths that have to be built */
    bool own;            /* the request is the front's own (intake.h) */
    uint64_t key;    /* tells this project, its keys and its crowd from all others in the caches */
    uint64_t frame;  /* tag of the writer's frame */
    uint64_t sender; /* fingerprint of the person whose record is in hand; 0: nobody */
    struct str id;   /* the distinct_id last looked up, and its hash: it is stored right after */
    struct id128 id_hash;
    struct err failed; /* sticky: memory or a limit; nothing more is entered */
};

/* What names and values of a record are: an event's, a user profile's, a group profile's. */
struct intake_scope {
    enum text_kind name_kind, value_kind;
    struct str group_key;    /* groups only */
    struct id128 group_hash; /* of the TEXT_GROUP_KEY */
    uint32_t group_index;
    bool group_sealed;
};
extern const struct intake_scope intake_event_scope, intake_user_scope;

/* A property's name in the frame, with what the rule says about its values. */
struct intake_path {
    struct str name;   /* canonical; borrowed from the record or its arena */
    struct id128 hash; /* of the name */
    uint32_t index;    /* in the frame */
    uint16_t flags;    /* enum intake_name_flag */
    uint8_t values;    /* enum intake_values */
};

enum intake_policy { POLICY_COUNT, POLICY_SEAL, POLICY_ADMIT };

/* One text to enter. */
struct intake_text {
    enum text_kind kind;
    enum text_type type;
    struct str path;        /* what the hash takes as path */
    struct id128 path_hash; /* of the text that is its path; zero if none */
    uint32_t path_index;    /* its index in the frame, or FRAME_NO_PATH */
    struct str value;
    enum intake_policy policy;
    uint32_t needed; /* people, for POLICY_COUNT */
    uint16_t flags;  /* kept with a name that is remembered */
    uint8_t values;
};

/* An entry of the cache. */
#define KNOWN_BYTES 70 /* makes an entry two cache lines */
struct intake_known {
    uint64_t key;
    uint64_t frame; /* tag of the frame in which it was last entered */
    struct id128 path_hash, hash;
    uint32_t index; /* in that frame */
    uint16_t flags;
    uint8_t kind, type, values, n;
    char bytes[KNOWN_BYTES];
};
_Static_assert(sizeof(struct intake_known) == 128, "two cache lines");

/* The text if it is remembered as readable, entered in the frame; false: ask the rule. out_known
 * may be NULL. */
bool intake_text_known(struct intake_door *d, const struct intake_text *t, uint32_t *out_index,
                       const struct intake_known **out_known);
/* Enters a text by its policy. On failure d->failed is set and the index is 0. Returns whether it
 * is readable. */
bool intake_text_put(struct intake_door *d, const struct intake_text *t, uint32_t *out_index);
/* One piece of an address: counted or admitted like a text, but it goes into the frame only when it
 * becomes readable. */
bool intake_text_sight(struct intake_door *d, const struct intake_text *t, bool path_readable);

/* Asks memory for the cache entry of a string value that will be put soon. */
void intake_value_expect(const struct intake_door *d, const struct intake_scope *s,
                         const struct intake_path *p, struct str value);
/* Enters a property's name. `last`: its last key, by which its values are judged. */
void intake_path_put(struct intake_door *d, const struct intake_scope *s, struct str name,
                     struct str last, struct intake_path *out);
/* An event's name, a group's key. */
uint32_t intake_event_name_put(struct intake_door *d, struct str name);
/* Enters a group's key and makes the scope of its profiles. */
void intake_group_scope(struct intake_door *d, struct str group_key, struct intake_scope *out);
/* A string value. Cuts it at INTAKE_MAX_STRING_BYTES. */
uint32_t intake_value_put(struct intake_door *d, const struct intake_scope *s,
                          const struct intake_path *p, enum text_type type, struct str value);
/* The people that a value under this path needs to be readable. */
uint32_t intake_needed(const struct intake_door *d, uint16_t flags);
/* Hash path of values: the name, for groups the key and the name, written into bytes. */
#define VALUE_PATH_BYTES 2048 /* key and name are 255 and 1024 bytes at most */
struct str intake_value_path(const struct intake_scope *s, const struct intake_path *p,
                             char bytes[VALUE_PATH_BYTES]);
/* Address rule (address.c): counts the pieces, says whether the whole may be readable. */
enum intake_policy intake_address_policy(struct intake_door *d, const struct intake_scope *s,
                                         const struct intake_path *p, struct str value);
