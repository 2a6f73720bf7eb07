/* zone_table.h: private to base: a zone's offsets as a table, and how it is read from the system's
 * database. */
#pragma once

#include "base/sys.h"

#define ZONE_MAX_CHANGES 2048

struct zone {
    size_t n;
    int64_t at_s[ZONE_MAX_CHANGES];         /* [n] seconds since 1970, ascending */
    int32_t offset_s[ZONE_MAX_CHANGES + 1]; /* [n + 1]; offset_s[i] is in force before at_s[i], the
                                               last one after all */
};

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; month 1..12, any day. */
int64_t zone_days(int64_t year, int month, int64_t day);
/* Fills z from a TZif file's bytes (RFC 8536, version 2 up) with its footer's rule spelled out to
 * 2100. ERR_INVALID. */
struct err zone_table_read(struct str file, struct zone *z);
