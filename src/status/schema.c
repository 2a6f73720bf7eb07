/* schema.c: the tables of the status page. Times are microseconds, states and phases the numbers of
 * status.h: never renumber those.
 *
 * status_change is the history of each component's state, from which the days are made: one row
 * where it changed. status_affected is what an update says of components, status_named what an
 * incident says now.
 */
#include "status/internal.h"

static const char *const steps[] = {
    "CREATE TABLE status_page(one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL, name TEXT "
    "NOT NULL, url TEXT NOT NULL, time_zone TEXT NOT NULL, description TEXT NOT NULL, support_url "
    "TEXT NOT NULL, accent TEXT NOT NULL, project INTEGER NOT NULL, takes_reports INTEGER NOT "
    "NULL, takes_comments INTEGER NOT NULL, shared BLOB NOT NULL, updated_us INTEGER NOT NULL, "
    "generation INTEGER NOT "
    "NULL, salt BLOB NOT NULL, salt_day INTEGER NOT NULL);"
    "CREATE TABLE status_component(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL "
    "UNIQUE, grp TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, is_group INTEGER "
    "NOT NULL, showcase INTEGER NOT NULL, only_if_degraded INTEGER NOT NULL, position INTEGER NOT "
    "NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, state INTEGER NOT NULL, types "
    "TEXT NOT NULL, rule INTEGER NOT NULL, harsh INTEGER NOT NULL, events TEXT NOT NULL, errors "
    "TEXT NOT NULL);"
    "CREATE TABLE status_change(component INTEGER NOT NULL, at_us INTEGER NOT NULL, state INTEGER "
    "NOT NULL, PRIMARY KEY(component, at_us)) WITHOUT ROWID;"
    "CREATE TABLE status_incident(id TEXT PRIMARY KEY, name TEXT NOT NULL, maintenance INTEGER NOT "
    "NULL, phase INTEGER NOT NULL, impact INTEGER NOT NULL, created_us INTEGER NOT NULL, "
    "updated_us INTEGER NOT NULL, started_us INTEGER NOT NULL, monitoring_us INTEGER NOT NULL, "
    "resolved_us INTEGER NOT NULL, detected_us INTEGER NOT NULL, for_us INTEGER NOT NULL, until_us "
    "INTEGER NOT NULL, auto_begin INTEGER NOT NULL, auto_end INTEGER NOT NULL, postmortem TEXT NOT "
    "NULL, people INTEGER NOT NULL, merged_into TEXT NOT NULL, touched INTEGER NOT NULL) WITHOUT "
    "ROWID;"
    "CREATE INDEX status_incident_by_time ON status_incident(maintenance, created_us);"
    "CREATE TABLE status_named(incident TEXT NOT NULL, component INTEGER NOT NULL, state INTEGER "
    "NOT NULL, PRIMARY KEY(incident, component)) WITHOUT ROWID;"
    "CREATE TABLE status_update(id TEXT PRIMARY KEY, incident TEXT NOT NULL, phase INTEGER NOT "
    "NULL, body TEXT NOT NULL, created_us INTEGER NOT NULL, display_us INTEGER NOT NULL, notify "
    "INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX status_update_by_incident ON status_update(incident, created_us);"
    "CREATE TABLE status_affected(upd TEXT NOT NULL, component INTEGER NOT NULL, was INTEGER NOT "
    "NULL, state INTEGER NOT NULL, PRIMARY KEY(upd, component)) WITHOUT ROWID;"
    "CREATE TABLE status_evidence(id INTEGER PRIMARY KEY AUTOINCREMENT, incident TEXT NOT NULL, "
    "component INTEGER NOT NULL, source INTEGER NOT NULL, probe INTEGER NOT NULL, detected_us "
    "INTEGER NOT NULL, closed_us INTEGER NOT NULL, fused INTEGER NOT NULL, doc BLOB NOT NULL, "
    "UNIQUE(component, source, "
    "probe, detected_us));"
    "CREATE INDEX status_evidence_by_incident ON status_evidence(incident);"
    "CREATE TABLE status_probe(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, grp "
    "TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, how TEXT NOT NULL, is_public INTEGER "
    "NOT NULL, is_off INTEGER NOT NULL, component INTEGER NOT NULL, every_s INTEGER NOT NULL, "
    "token_hash BLOB NOT NULL);"
    "CREATE TABLE status_beats(probe INTEGER PRIMARY KEY, up INTEGER NOT NULL, cert_days INTEGER "
    "NOT NULL, recent BLOB NOT NULL);"
    "CREATE TABLE status_hour(probe INTEGER NOT NULL, hour INTEGER NOT NULL, up INTEGER NOT NULL, "
    "n INTEGER NOT NULL, ms_sum INTEGER NOT NULL, ms_n INTEGER NOT NULL, PRIMARY KEY(probe, hour)) "
    "WITHOUT ROWID;"
    "CREATE TABLE status_day(probe INTEGER NOT NULL, day INTEGER NOT NULL, up INTEGER NOT NULL, n "
    "INTEGER NOT NULL, PRIMARY KEY(probe, day)) WITHOUT ROWID;",
};

/* The page's row is there from the start; it is published when it has a project. */
static struct err first_row(struct meta *m) {
    char id[STATUS_ID_BYTES + 1], salt[16];
    random_word(id, STATUS_ID_BYTES);
    random_bytes(salt, sizeof salt);
    return meta_exec(m,
                     "INSERT OR IGNORE INTO status_page VALUES(1, ?, 'Status', '', 'UTC', '', '', "
                     "'', 0, 1, 0, x'', 0, 1, ?, 0)",
                     "sb", str_z(id), (struct str){salt, sizeof salt});
}

struct err status_schema(struct meta *m) {
    TRY(meta_schema(m, "status", steps, (int)(sizeof steps / sizeof *steps)));
    TRY(meta_begin(m));
    struct err e = first_row(m);
    if (e.code == ERR_OK) return meta_commit(m);
    meta_rollback(m);
    return e;
}
