/* Starts one command in its group, passes signals on to it, and learns how it ended. */
#ifndef JB_METER_RUN_CHILD_H
#define JB_METER_RUN_CHILD_H

#include "meter/run_group.h"

#include <signal.h>
#include <sys/resource.h>

struct jb_run_child {
    pid_t pid;
    int go_descriptor;   /* closing it without a word ends the waiting child */
    int fail_descriptor; /* tells errno when exec failed */
    int signal_descriptor;
    sigset_t mask_before; /* this process's signal mask before start */
    bool reaps_orphans;   /* this process is the sub-reaper of the command's descendants */
    bool asked_to_end;    /* a signal came after the command had ended: stop waiting for others */
    bool ended;
    int wait_status;     /* valid once ended */
    struct rusage usage; /* of all children that were waited for */
};

/* Forks the child, which enters *group (may point to NULL) and waits. Groups that it could not enter are
 * given up; *group is freed and NULL when none is left. From here on this process takes the signals that it
 * passes on through a descriptor; those of the terminal (interrupt, quit) reach the command by themselves,
 * and stop it and us alike. Without a group this process becomes sub-reaper. restore_pipe: the command gets
 * the default SIGPIPE back. */
enum jb_code jb_run_child_start(char *const argv[], struct jb_run_group **group, bool restore_pipe,
                                struct jb_error *error, struct jb_run_child *ret_child);

/* Lets it run. JB_NO_DATA: there is no such command; JB_PERMISSION: it cannot be executed; the message names
 * it. The child is then gone. */
enum jb_code jb_run_child_go(struct jb_run_child *child, const char *name, struct jb_error *error);

/* Waits until something ended, at most timeout_ms, and passes signals on meanwhile. */
void jb_run_child_wait(struct jb_run_child *child, int timeout_ms);

/* Whether this process has children left (as sub-reaper: descendants of the command). */
bool jb_run_child_has_more(struct jb_run_child *child);

/* The exit status of a shell for it: its own, or 128 + signal. */
int jb_run_child_status(const struct jb_run_child *child);

/* Ends this process as the child ended: by the same signal, without a second core dump; returns when the
 * child exited by itself, or the signal does not kill. */
void jb_run_child_die_alike(const struct jb_run_child *child);

/* Gives the signals back: from here on they do to this process what they did before. */
void jb_run_child_close(struct jb_run_child *child);

#endif
