#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

static enum err_code code_of_errno(int e) {
    switch (e) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
        return ERR_FULL;
    case ENOENT:
        return ERR_NOTFOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

struct err err_os(const char *what) {
    int e = errno;
    return (struct err){.code = (int32_t)code_of_errno(e), .os = e, .what = what};
}

const char *err_name(int32_t code) {
    switch ((enum err_code)code) {
    case ERR_OK:
        return "ok";
    case ERR_IO:
        return "io";
    case ERR_FULL:
        return "full";
    case ERR_NOMEM:
        return "no_memory";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_INVALID:
        return "invalid";
    case ERR_NOTFOUND:
        return "not_found";
    case ERR_EXISTS:
        return "exists";
    case ERR_DENIED:
        return "denied";
    case ERR_LIMIT:
        return "limit";
    case ERR_BUSY:
        return "busy";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_CANCELLED:
        return "cancelled";
    }
    assert(0 && "a code that enum err_code does not know");
    return "io";
}
