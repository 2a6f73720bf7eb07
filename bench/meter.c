/* meter.c: exact CPU time and memory of other processes, for run.mjs.
 *
 *   meter                     answers commands on stdin, one line each:
 *     cpu PID...      CPU time of the processes so far, ns, all threads, also those that ended
 *     watch PID...    begins to sample the processes' anonymous memory once a millisecond
 *     peak            ends that: the largest sum seen, KB
 *   meter run OUT COMMAND...  runs a command, writes "CPU_NS PEAK_RSS_KB WALL_NS" to the file OUT
 *
 * /proc/PID/stat counts CPU in hundredths of a second, a question takes a few thousandths; the
 * clock of a process (clock_getcpuclockid) counts nanoseconds. Anonymous memory is what statm calls
 * resident less shared: mapped files, which the kernel takes back at will, are not counted.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PIDS 64

struct watch {
    pthread_t thread;
    pid_t pids[MAX_PIDS];
    size_t n;
    uint64_t peak_kb;
    atomic_bool stop;
};

static uint64_t ns_of(struct timespec t) {
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static size_t read_pids(char *text, pid_t pids[MAX_PIDS]) {
    size_t n = 0;
    char *rest = text;
    for (char *word; n < MAX_PIDS && (word = strtok_r(rest, " \n", &rest));)
        pids[n++] = (pid_t)strtol(word, NULL, 10);
    return n;
}

static uint64_t cpu_ns(const pid_t *pids, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        clockid_t clock;
        struct timespec t;
        if (clock_getcpuclockid(pids[i], &clock) == 0 && clock_gettime(clock, &t) == 0)
            sum += ns_of(t);
    }
    return sum;
}

static uint64_t anonymous_kb(pid_t pid) {
    char name[64];
    unsigned long size, resident = 0, shared = 0;
    snprintf(name, sizeof name, "/proc/%d/statm", pid);
    FILE *f = fopen(name, "r");
    if (!f) return 0;
    if (fscanf(f, "%lu %lu %lu", &size, &resident, &shared) != 3) resident = shared = 0;
    fclose(f);
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void *sample(void *ctx) {
    struct watch *w = ctx;
    do {
        uint64_t sum = 0;
        for (size_t i = 0; i < w->n; i++)
            sum += anonymous_kb(w->pids[i]);
        if (sum > w->peak_kb) w->peak_kb = sum;
        usleep(1000);
    } while (!w->stop);
    return NULL;
}

static void answer(struct watch *w, char *line) {
    if (strncmp(line, "cpu ", 4) == 0) {
        pid_t pids[MAX_PIDS];
        size_t n = read_pids(line + 4, pids);
        printf("%" PRIu64 "\n", cpu_ns(pids, n));
    } else if (strncmp(line, "watch ", 6) == 0) {
        w->n = read_pids(line + 6, w->pids);
        w->peak_kb = 0;
        w->stop = false;
        if (pthread_create(&w->thread, NULL, sample, w) != 0) exit(1);
        puts("watching");
    } else {
        w->stop = true;
        pthread_join(w->thread, NULL);
        printf("%" PRIu64 "\n", w->peak_kb);
    }
    fflush(stdout);
}

static int run(const char *out, char **command) {
    struct timespec begin, end;
    struct rusage used;
    int status = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) < 0) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    FILE *f = fopen(out, "w");
    if (!f) return 1;
    int64_t cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
                     used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    fprintf(f, "%" PRId64 " %ld %" PRIu64 "\n", cpu_us * 1000, used.ru_maxrss,
            ns_of(end) - ns_of(begin));
    fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
    if (argc >= 4 && strcmp(argv[1], "run") == 0) return run(argv[2], argv + 3);
    static char line[4096];
    struct watch w = {.n = 0};
    while (fgets(line, sizeof line, stdin))
        answer(&w, line);
    return 0;
}
