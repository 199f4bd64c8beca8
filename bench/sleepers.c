/* Processes that only sleep. */
#include "sleepers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) sleep_on(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) /* else it ended before the line above */
        for (;;)
            pause();
    _exit(0);
}

enum jb_code sleepers_start(size_t count, struct jb_error *error, struct sleepers *ret_sleepers) {
    if (count > SLEEPERS_MAX)
        return jb_error_set(error, JB_USAGE, "at most %d sleeping processes", SLEEPERS_MAX);
    struct sleepers sleepers = {.pids = calloc(count + 1, sizeof *sleepers.pids)};
    if (!sleepers.pids)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu pids", count);
    pid_t parent = getpid();
    for (; sleepers.count < count; sleepers.count++) {
        pid_t pid = fork();
        if (pid == 0)
            sleep_on(parent);
        if (pid < 0) {
            enum jb_code code =
                jb_error_set(error, JB_LIMIT, "only %zu of %zu processes could be started: %s",
                             sleepers.count, count, strerror(errno));
            sleepers_stop(&sleepers);
            return code;
        }
        sleepers.pids[sleepers.count] = pid;
    }
    *ret_sleepers = sleepers;
    return JB_OK;
}

void sleepers_stop(struct sleepers *sleepers) {
    for (size_t i = 0; i < sleepers->count; i++)
        kill(sleepers->pids[i], SIGKILL);
    for (size_t i = 0; i < sleepers->count; i++)
        waitpid(sleepers->pids[i], NULL, 0);
    free(sleepers->pids);
    *sleepers = (struct sleepers){0};
}
