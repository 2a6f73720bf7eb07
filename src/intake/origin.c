/* origin.c: what is kept of a problem report's sender besides the prefix that front hashes. */
#include "intake/state.h"

void intake_origin_of(struct intake *in, const uint8_t address[16], struct str user_agent,
                      struct intake_origin *out) {
    struct intake_place place = {0};
    *out = (struct intake_origin){0};
    if (in->geo && intake_geo_find(in->geo, address, &place) && place.country.n == 2)
        memcpy(out->country, place.country.p, 2);
    if (in->geo) out->network = intake_geo_network(in->geo, address);
    if (!in->device || user_agent.n == 0) return;
    const struct intake_agent *a = intake_device_find(in->device, user_agent);
    if (a)
        out->agent = checksum64(a->os.p, a->os.n) ^ (checksum64(a->browser.p, a->browser.n) << 1);
}
