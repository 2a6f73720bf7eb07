/* device.h: a User-Agent -> operating system, browser, device, by uap-core's patterns
 * (regexes.yaml). For browsers whose events do not say it themselves. The raw header is used and
 * forgotten: answers are remembered by a keyed hash of it.
 *
 * Depends on: base, seal, libyaml, PCRE2. Used by: the files of intake.
 */
#pragma once

#include "base/base.h"

struct intake_device;
/* What an agent says, in the words of the trackers ("Mac OS X", "Chrome", "iPhone"); empty: not
 * known. Borrowed until the device table is freed or some thousand other agents were asked for. */
struct intake_agent {
    struct str os, browser, device;
};
/* Reads the patterns (they compile when first needed). ERR_CORRUPT: not the file that is meant;
 * ERR_NOMEM. */
struct err intake_device_new(struct str patterns, struct intake_device **out);
void intake_device_free(struct intake_device *d);
AUTO_DEFINE(struct intake_device *, intake_device_free);
const struct intake_agent *intake_device_find(struct intake_device *d, struct str user_agent);
size_t intake_device_patterns(const struct intake_device *d);
