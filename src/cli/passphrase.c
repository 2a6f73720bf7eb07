/* passphrase.c: from a file, or asked on the terminal without showing it. */
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"

#define MAX_PASSPHRASE_BYTES 1024
#define MIN_PASSPHRASE_BYTES 8

static void trim_line_end(struct buf *b) {
    while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
        b->n--;
}

static struct err ask(int tty, const char *prompt, struct buf *out) {
    struct termios shown, hidden;
    if (tcgetattr(tty, &shown)) return err_os("terminal");
    hidden = shown;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(tty, TCSAFLUSH, &hidden);
    struct err e = io_write_all(tty, prompt, strlen(prompt));
    char c = 0;
    while (e.code == ERR_OK && read(tty, &c, 1) == 1 && c != '\n')
        buf_put_char(out, c);
    tcsetattr(tty, TCSAFLUSH, &shown);
    TRY(io_write_all(tty, "\n", 1));
    TRY(e);
    return buf_err(out);
}

static struct err ask_twice(int tty, bool confirm, struct buf *out) {
    TRY(ask(tty, "Passphrase: ", out));
    if (!confirm) return ERR_NONE;
    struct buf again;
    buf_init(&again, MAX_PASSPHRASE_BYTES);
    struct err e = ask(tty, "The same again: ", &again);
    bool same = str_eq(buf_str(out), buf_str(&again));
    buf_wipe_done(&again);
    TRY(e);
    return same ? ERR_NONE : ERR(ERR_INVALID, "the two passphrases differ");
}

struct err passphrase_read(struct command *c, bool confirm, struct buf *out) {
    const char *file = command_option(c, "--passphrase-file");
    if (file) {
        TRY(io_read_file(file, MAX_PASSPHRASE_BYTES, out));
    } else {
        AUTO(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (tty < 0)
            return ERR(ERR_INVALID,
                       "no terminal to ask for the passphrase; give --passphrase-file FILE");
        TRY(ask_twice(tty, confirm, out));
    }
    trim_line_end(out);
    if (confirm && out->n < MIN_PASSPHRASE_BYTES)
        return ERR(ERR_INVALID, "the passphrase is too short: at least 8 characters");
    return ERR_NONE;
}
