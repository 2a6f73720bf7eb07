/* log.c: one line per call, written with one write(2), so that lines of several processes do not
 * mix.
 *
 * The process's name lives where libc keeps it already (program_invocation_short_name), so that
 * there is no state here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"

#define LINE_MAX_BYTES 1024

void log_open(const char *process_name) {
    program_invocation_short_name = (char *)(uintptr_t)process_name;
}

/* Control characters would let a message forge a line. */
static void blank_controls(char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7F) p[i] = ' ';
}

static void put_line(const char *level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void put_line(const char *level, const char *format, va_list args) {
    char line[LINE_MAX_BYTES];
    time_t now = (time_t)(time_now_us() / US_PER_S);
    struct tm tm;
    gmtime_r(&now, &tm);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ", &tm);
    n += (size_t)snprintf(line + n, 64, " %.40s %s ", program_invocation_short_name, level);
    size_t room = sizeof line - n - 1; /* the last byte is the line's end */
    int m = vsnprintf(line + n, room, format, args);
    size_t wrote = m < 0 ? 0 : (size_t)m < room ? (size_t)m : room - 1;
    blank_controls(line, n + wrote);
    line[n + wrote] = '\n';
    struct err ignored =
        io_write_all(STDERR_FILENO, line, n + wrote + 1); /* nowhere left to tell */
    (void)ignored;
}

void log_info(const char *format, ...) {
    va_list args;
    va_start(args, format);
    put_line("info", format, args);
    va_end(args);
}

void log_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    put_line("error", format, args);
    va_end(args);
}

void log_failure(const char *doing, struct err e) {
    char text[128];
    const char *what = e.what != NULL ? e.what : err_name(e.code);
    if (e.os != 0)
        log_error("%s: %s (%s)", doing, what, strerror_r(e.os, text, sizeof text));
    else
        log_error("%s: %s", doing, what);
}
