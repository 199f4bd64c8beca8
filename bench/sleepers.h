/* Processes that only sleep, for measuring what it costs to look at them. */
#ifndef JB_BENCH_SLEEPERS_H
#define JB_BENCH_SLEEPERS_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

enum { SLEEPERS_MAX = 20000 };

struct sleepers {
    pid_t *pids;
    size_t count;
};

/* Forks `count` (at most SLEEPERS_MAX) children that sleep until sleepers_stop, or until this process ends.
 * JB_LIMIT when the system gives no more of them: none is left then. */
enum jb_code sleepers_start(size_t count, struct jb_error *error, struct sleepers *ret_sleepers);
void sleepers_stop(struct sleepers *sleepers);

#endif
