/* side.c: what the SDKs ask for beside sending events. Weir evaluates no flags and records no
 * sessions: the answers are the empty ones that let every SDK go on. /record must get JSON, or the
 * browser's recorder stalls. */
#include "intake/intake.h"

struct side {
    const char *path; /* without trailing slash */
    bool below;       /* paths under it as well */
    const char *body;
};

static const struct side sides[] = {
    {"/flags/definitions", false, "{\"flags\":[]}"},
    {"/flags", true, "{\"flags\":{},\"pending_first_time_events\":[]}"},
    {"/settings", false, "{\"sdk_config\":{\"config\":{}}}"},
    {"/decide", false, "{\"notifications\":[],\"config\":{\"enable_collect_everything\":false}}"},
    {"/record", false, "{\"code\":200,\"status\":\"OK\"}"},
};

bool intake_side_reply(struct str path, struct intake_reply *out) {
    if (str_ends(path, STR("/"))) path.n--;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct str mine = str_z(sides[i].path);
        bool under =
            sides[i].below && str_starts(path, mine) && path.n > mine.n && path.p[mine.n] == '/';
        if (!str_eq(path, mine) && !under) continue;
        *out = (struct intake_reply){
            .status = 200, .content_type = "application/json", .body = str_z(sides[i].body)};
        return true;
    }
    return false;
}
