/* Forks, executes and waits for the command of `run`. */
#include "meter/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* What is passed on when somebody sends it to this process. Signals that the kernel sends for a terminal go
 * to the command's process group, that is to both, and are not sent twice. */
static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM};

static void restore_signals(const sigset_t *mask, bool restore_pipe) {
    if (restore_pipe)
        signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The child's part; only async-signal-safe calls. */
static _Noreturn void run_child(char *const argv[], const struct jb_run_group *group, const sigset_t *mask,
                                bool restore_pipe, int ready, int go, int fail) {
    unsigned char entered = group && jb_run_group_enter(group);
    char word;
    if (write(ready, &entered, 1) != 1 || read(go, &word, 1) != 1)
        _exit(127); /* the parent is gone */
    restore_signals(mask, restore_pipe);
    execvp(argv[0], argv);
    int errnum = errno;
    (void)!write(fail, &errnum, sizeof errnum);
    _exit(errnum == ENOENT ? 127 : 126);
}

static void close_pipe(int ends[2]) {
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

static int take_end(int *end) {
    int descriptor = *end;
    *end = -1;
    return descriptor;
}

enum jb_code jb_run_child_start(char *const argv[], struct jb_run_group **group, bool restore_pipe,
                                struct jb_error *error, struct jb_run_child *ret_child) {
    struct jb_run_child child = {.signal_descriptor = -1, .fail_descriptor = -1, .go_descriptor = -1};
    int ready[2] = {-1, -1}, go[2] = {-1, -1}, fail[2] = {-1, -1};
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    for (size_t i = 0; i < JB_COUNT(passed_on); i++)
        sigaddset(&taken, passed_on[i]);
    if (!*group && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)
        child.reaps_orphans = true;
    /* An ignored SIGCHLD (inherited) would keep the exit status from us. */
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &taken, &child.mask_before);
    child.signal_descriptor = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    bool ok = child.signal_descriptor >= 0 && pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0 &&
              pipe2(fail, O_CLOEXEC) == 0;
    if (ok)
        child.pid = fork();
    if (ok && child.pid == 0) {
        close(go[1]); /* else the child would keep its own pipe open when the parent dies */
        run_child(argv, *group, &child.mask_before, restore_pipe, ready[1], go[0], fail[1]);
    }
    if (!ok || child.pid < 0) {
        int errnum = errno;
        close_pipe(ready);
        close_pipe(go);
        close_pipe(fail);
        jb_run_child_close(&child);
        sigprocmask(SIG_SETMASK, &child.mask_before, NULL);
        return jb_error_set_errno(error, errnum, "cannot start a process");
    }
    child.go_descriptor = take_end(&go[1]);
    child.fail_descriptor = take_end(&fail[0]);
    close(take_end(&ready[1]));
    unsigned char entered = 0;
    (void)!read(ready[0], &entered, 1);
    close_pipe(ready);
    close_pipe(go);
    close_pipe(fail);
    if (*group && !entered) {
        jb_run_group_free(*group);
        *group = NULL;
        child.reaps_orphans = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
    }
    *ret_child = child;
    return JB_OK;
}

enum jb_code jb_run_child_go(struct jb_run_child *child, const char *name, struct jb_error *error) {
    int errnum = 0;
    ssize_t got = 0;
    if (write(child->go_descriptor, "", 1) == 1) {
        do
            got = read(child->fail_descriptor, &errnum, sizeof errnum);
        while (got < 0 && errno == EINTR);
    }
    close(take_end(&child->go_descriptor));
    close(take_end(&child->fail_descriptor));
    if (got != (ssize_t)sizeof errnum)
        return JB_OK; /* closed by exec */
    while (waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR)
        continue;
    child->ended = true;
    if (errnum == ENOENT)
        return jb_error_set(error, JB_NO_DATA, "%s: no such command", name);
    return jb_error_set(error, JB_PERMISSION, "%s: cannot be executed: %s", name, strerror(errnum));
}

static void reap(struct jb_run_child *child) {
    for (;;) {
        int status;
        pid_t pid = waitpid(child->reaps_orphans ? -1 : child->pid, &status, WNOHANG);
        if (pid <= 0)
            break;
        if (pid == child->pid) {
            child->ended = true;
            child->wait_status = status;
            if (!child->reaps_orphans)
                break;
        }
    }
    getrusage(RUSAGE_CHILDREN, &child->usage);
}

void jb_run_child_wait(struct jb_run_child *child, int timeout_ms) {
    struct pollfd wake = {.fd = child->signal_descriptor, .events = POLLIN};
    if (poll(&wake, 1, timeout_ms) <= 0)
        return;
    struct signalfd_siginfo info;
    while (read(child->signal_descriptor, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        if (child->ended)
            child->asked_to_end = child->asked_to_end || info.ssi_signo != SIGWINCH;
        else if (info.ssi_code != SI_KERNEL)
            kill(child->pid, (int)info.ssi_signo);
    }
    reap(child);
}

bool jb_run_child_has_more(struct jb_run_child *child) {
    reap(child);
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int jb_run_child_status(const struct jb_run_child *child) {
    return WIFSIGNALED(child->wait_status) ? 128 + WTERMSIG(child->wait_status)
                                           : WEXITSTATUS(child->wait_status);
}

void jb_run_child_die_alike(const struct jb_run_child *child) {
    if (!WIFSIGNALED(child->wait_status))
        return;
    int signal_number = WTERMSIG(child->wait_status);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0); /* a core pattern that pipes does not heed the limit */
    signal(signal_number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    raise(signal_number);
}

void jb_run_child_close(struct jb_run_child *child) {
    if (child->go_descriptor >= 0)
        close(take_end(&child->go_descriptor));
    if (child->fail_descriptor >= 0)
        close(take_end(&child->fail_descriptor));
    if (child->signal_descriptor < 0)
        return;
    struct signalfd_siginfo info;
    while (read(child->signal_descriptor, &info, sizeof info) == (ssize_t)sizeof info)
        continue;
    close(take_end(&child->signal_descriptor));
    sigprocmask(SIG_SETMASK, &child->mask_before, NULL);
}
