/* The bare mechanisms that a meter of processes is measured against: nothing is kept, named or booked. */
#ifndef JB_BENCH_BARE_H
#define JB_BENCH_BARE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct bare_tick {
    size_t process_count;
    uint64_t checksum; /* over what was read, so that it is read */
};

/* One run of the BPF iterator over all tasks: a record (pid, parent, start, cgroup, CPU time, name) for each
 * process, read into one buffer of `buffer_bytes`. */
struct bare_iter;
enum jb_code bare_iter_open(size_t buffer_bytes, struct jb_error *error, struct bare_iter **ret_iter);
enum jb_code bare_iter_tick(struct bare_iter *iter, struct jb_error *error, struct bare_tick *ret_tick);
void bare_iter_close(struct bare_iter *iter);

/* getdents64 over /proc and clock_gettime with the CPU clock of each process. */
struct bare_clock;
enum jb_code bare_clock_open(struct jb_error *error, struct bare_clock **ret_clock);
enum jb_code bare_clock_tick(struct bare_clock *clock, struct jb_error *error, struct bare_tick *ret_tick);
void bare_clock_close(struct bare_clock *clock);

/* CPU time that this process has used, in the kernel too. */
uint64_t bare_cpu_ns(void);

#endif
