/* err.h: one way to fail.
 *
 * A function that the world can make fail returns `struct err` by value. `code` is branched on,
 * `os` is the errno that came with it (0 if none), `what` is a string literal for the log: it names
 * the step that failed and never holds a value that a client sent. Programmer errors are asserted,
 * never returned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum err_code {
    ERR_OK = 0,
    ERR_IO,       /* a system call failed; `os` says how */
    ERR_FULL,     /* no space, quota, or a read-only file system: worth trying again later */
    ERR_NOMEM,    /* an allocation, or an arena's limit */
    ERR_CORRUPT,  /* stored bytes that do not check */
    ERR_INVALID,  /* input that breaks a rule of its format */
    ERR_NOTFOUND, /* what was asked for is not there */
    ERR_EXISTS,   /* it is there already */
    ERR_DENIED,   /* the asker may not */
    ERR_LIMIT,    /* a stated maximum was reached */
    ERR_BUSY,     /* held by another, worth trying again */
    ERR_TIMEOUT,  /* a stated time limit passed */
    ERR_CANCELLED /* the asker went away */
};

/* clang refuses an ignored error; gcc knows the attribute on functions only. */
#ifdef __clang__
#define ERR_MUST_USE __attribute__((warn_unused_result))
#else
#define ERR_MUST_USE
#endif

/* 16 bytes, passed in registers. A zero `code` is success. */
struct ERR_MUST_USE err {
    int32_t code;     /* enum err_code */
    int32_t os;       /* errno or 0 */
    const char *what; /* literal, NULL on success */
};

#define ERR_NONE ((struct err){0, 0, NULL})
#define ERR(c, w) ((struct err){(c), 0, (w)})

/* From the current errno: ENOSPC, EDQUOT and EROFS give ERR_FULL, ENOENT ERR_NOTFOUND, EEXIST
 * ERR_EXISTS, EACCES and EPERM ERR_DENIED, ENOMEM ERR_NOMEM, all others ERR_IO. */
struct err err_os(const char *what);

/* The stable lower-case word for a code ("io", "full", ...), as API answers carry it. */
const char *err_name(int32_t code);

/* Passes an error up. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        struct err try_err_ = (call);                                                              \
        if (try_err_.code != ERR_OK) return try_err_;                                              \
    } while (0)

/* `AUTO(buf_free) struct buf *b = NULL;` calls buf_free(b) on every way out of the scope; setting b
 * to NULL is the move. AUTO_DEFINE stands once beside the release function's declaration. */
#define AUTO_DEFINE(type, release)                                                                 \
    static inline void release##_auto(type *held_) {                                               \
        release(*held_);                                                                           \
    }                                                                                              \
    struct auto_define_needs_a_semicolon
#define AUTO(release) __attribute__((cleanup(release##_auto)))
