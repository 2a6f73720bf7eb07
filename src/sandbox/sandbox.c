/* sandbox.c: see sandbox.h. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_FILE (LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_FOLDER (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FOLDER                                                                               \
    (READ_FOLDER | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define WRITE_ONLY_FOLDER                                                                          \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define ALL_ABI1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define TRUNCATE (1ULL << 14) /* ABI 3; older headers do not name it */

static int abi(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* What this kernel can be told to forbid. */
static uint64_t handled(int version) {
    uint64_t rights = ALL_ABI1;
    if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3) rights |= TRUNCATE;
    return rights;
}

static struct err allow(int rules, uint64_t known, const struct sandbox_path *p) {
    AUTO(fd_close) int fd = open(p->path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) return ERR_NONE;
    uint64_t rights = p->write ? WRITE_FOLDER | TRUNCATE | LANDLOCK_ACCESS_FS_REFER : READ_FOLDER;
    if (p->write == SANDBOX_WRITE_ONLY) rights = WRITE_ONLY_FOLDER | TRUNCATE;
    if (!S_ISDIR(st.st_mode))
        rights = p->write ? READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE : READ_FILE;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & known, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
        return err_os("sandbox: a path's rule");
    return ERR_NONE;
}

static struct err close_files(const struct sandbox_path *paths, size_t n) {
    int version = abi();
    if (version < 1) {
        log_error("this kernel has no Landlock: files are guarded by their modes alone");
        return ERR_NONE;
    }
    uint64_t known = handled(version);
    struct landlock_ruleset_attr attr = {.handled_access_fs = known};
    AUTO(fd_close) int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) return err_os("sandbox: ruleset");
    for (size_t i = 0; i < n; i++)
        TRY(allow(rules, known, &paths[i]));
    if (syscall(SYS_landlock_restrict_self, rules, 0)) return err_os("sandbox: restricting");
    return ERR_NONE;
}

/* The way out: the courier's alone. */
static const int dialing[] = {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(socketpair)};

/* Calls that no child has a use for, and an intruder would. */
static const int refused[] = {
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(personality),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(pidfd_getfd),
};

/* socket() for streams and datagrams of the two IP families; nothing raw, nothing local. */
static int allow_dialing(scmp_filter_ctx f) {
    const int call = SCMP_SYS(socket);
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    int bad = seccomp_rule_add(f, no, call, 1, SCMP_A0(SCMP_CMP_LT, AF_INET, 0)) |
              seccomp_rule_add(f, no, call, 1, SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));
    for (unsigned family = AF_INET + 1; family < AF_INET6; family++)
        bad |= seccomp_rule_add(f, no, call, 1, SCMP_A0(SCMP_CMP_EQ, family, 0));
    for (unsigned type = SOCK_DGRAM + 1; type < 16; type++)
        bad |= seccomp_rule_add(f, no, call, 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type));
    return bad;
}

static struct err close_calls(bool may_dial) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (!f) return ERR(ERR_NOMEM, "sandbox: filter");
    int bad = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        bad |= seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    for (size_t i = 0; !may_dial && i < sizeof dialing / sizeof *dialing; i++)
        bad |= seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), dialing[i], 0);
    if (may_dial) bad |= allow_dialing(f);
    int loaded = bad ? bad : seccomp_load(f);
    seccomp_release(f);
    if (loaded == 0) return ERR_NONE;
    errno = -loaded;
    return err_os("sandbox: system calls");
}

static struct err close_all(const struct sandbox_path *paths, size_t n, bool may_dial) {
    struct rlimit no_core = {0, 0};
    if (setrlimit(RLIMIT_CORE, &no_core) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return err_os("sandbox: process flags");
    TRY(close_files(paths, n));
    return close_calls(may_dial);
}

struct err sandbox_close(const struct sandbox_path *paths, size_t n) {
    return close_all(paths, n, false);
}

struct err sandbox_close_dialing(const struct sandbox_path *paths, size_t n) {
    return close_all(paths, n, true);
}
