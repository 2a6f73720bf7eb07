#include "channel/channel.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static struct err map_page(struct channel *c) {
    c->page_fd = memfd_create("weir-channel", MFD_CLOEXEC);
    if (c->page_fd < 0) return err_os("channel: memory file");
    if (ftruncate(c->page_fd, sizeof *c->page) != 0) return err_os("channel: size");
    void *p = mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE, MAP_SHARED, c->page_fd, 0);
    if (p == MAP_FAILED) return err_os("channel: map");
    c->page = p;
    c->page->version = CHANNEL_VERSION;
    return ERR_NONE;
}

static struct err make_bell(int *out) {
    *out = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return *out >= 0 ? ERR_NONE : err_os("channel: eventfd");
}

static struct err make_all(struct channel *c) {
    TRY(map_page(c));
    TRY(make_bell(&c->wake_console));
    return make_bell(&c->wake_front);
}

struct err channel_make(struct channel *out) {
    struct channel c = {.page_fd = -1, .wake_console = -1, .wake_front = -1};
    struct err e = make_all(&c);
    if (e.code != ERR_OK)
        channel_done(&c);
    else
        *out = c;
    return e;
}

void channel_done(struct channel *c) {
    if (c->page != NULL) (void)munmap(c->page, sizeof *c->page);
    fd_close(c->page_fd);
    fd_close(c->wake_console);
    fd_close(c->wake_front);
    *c = (struct channel){.page_fd = -1, .wake_console = -1, .wake_front = -1};
}

void channel_wake(int eventfd) {
    uint64_t one = 1;
    ssize_t n = write(eventfd, &one, sizeof one); /* EAGAIN: it rings already */
    (void)n;
}

void channel_drain(int eventfd) {
    uint64_t count;
    ssize_t n = read(eventfd, &count, sizeof count);
    (void)n;
}

void channel_count(struct channel *c, enum channel_counter n, uint64_t by) {
    atomic_fetch_add_explicit(&c->page->counters[n], by, memory_order_relaxed);
}

const char *channel_counter_name(enum channel_counter n) {
    switch (n) {
    case COUNT_REQUESTS:
        return "weir_requests_total";
    case COUNT_EVENTS:
        return "weir_events_total";
    case COUNT_PROFILE_OPS:
        return "weir_profile_operations_total";
    case COUNT_FAILED_RECORDS:
        return "weir_failed_records_total";
    case COUNT_UNKNOWN_TOKEN_RECORDS:
        return "weir_unknown_token_records_total";
    case COUNT_QUOTA_REFUSED:
        return "weir_quota_refused_total";
    case COUNT_ORIGIN_REFUSED:
        return "weir_origin_refused_total";
    case COUNT_REFUSED_400:
        return "weir_refused_400_total";
    case COUNT_REFUSED_413:
        return "weir_refused_413_total";
    case COUNT_REFUSED_414:
        return "weir_refused_414_total";
    case COUNT_REFUSED_UNREAD:
        return "weir_refused_unread_total";
    case COUNT_REFUSED_503:
        return "weir_refused_503_total";
    case COUNT_TIMEOUTS:
        return "weir_timeouts_total";
    case COUNT_BYTES_IN:
        return "weir_bytes_in_total";
    case COUNT_FRAMES:
        return "weir_frames_total";
    case COUNT_SYNCS:
        return "weir_syncs_total";
    case COUNT_SYNC_US:
        return "weir_sync_microseconds_total";
    case COUNT_READABLE_TEXTS:
        return "weir_readable_texts_total";
    case COUNT_CANDIDATES:
        return "weir_candidate_texts";
    case COUNTERS_N:
        break;
    }
    return NULL;
}
