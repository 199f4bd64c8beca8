/* The name that a process is booked under: bounded in number, so neither pid nor thread nor CPU is in it. */
#ifndef JB_LOAD_PROCESS_NAME_H
#define JB_LOAD_PROCESS_NAME_H

#include "base/root.h"
#include "types/usage.h"

/* Basename of its executable (also of one that was deleted since), else its comm. Kernel threads: their comm
 * up to the first '/' or ':' and without digits at the end ("kworker/0:1-events" is "kworker", "kswapd0" is
 * "kswapd"). Never empty: "unnamed". Any bytes but NUL. Opens a file: to be called once per new process. */
void jb_process_name(const struct jb_root *root, const struct jb_process_usage *process, char *ret,
                     size_t size);

/* The name of a kernel thread from its comm. Pure. */
void jb_process_name_kernel(const char comm[static JB_COMM_SIZE], char ret[static JB_COMM_SIZE]);

#endif
