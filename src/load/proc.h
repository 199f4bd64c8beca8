/* The texts that /proc and cgroup files hold, taken apart: bytes in, numbers out; nothing is opened here. */
#ifndef JB_LOAD_PROC_H
#define JB_LOAD_PROC_H

#include "base/error.h"
#include "types/usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ticks of USER_HZ as ns, exactly (saturates at UINT64_MAX). user_hz: 1 to 10^9. */
uint64_t jb_ticks_ns(uint64_t ticks, uint64_t user_hz);

/* /proc/stat: the times and CPU count of *ret (memory and `present` are left alone). guest is inside user and
 * guest_nice inside nice, so neither is counted again. JB_INPUT without a `cpu` line of at least four
 * numbers; columns that an old kernel lacks are 0. */
enum jb_code jb_proc_stat_parse(const char *text, size_t length, uint64_t user_hz, struct jb_error *error,
                                struct jb_host_usage *ret);

/* /proc/meminfo: total and available bytes. Kernels without MemAvailable: MemFree + Buffers + Cached. */
enum jb_code jb_proc_meminfo_parse(const char *text, size_t length, struct jb_error *error,
                                   uint64_t *ret_total_bytes, uint64_t *ret_available_bytes);

/* /proc/PID/stat. */
struct jb_proc_pid_stat {
    char comm[JB_COMM_SIZE]; /* any bytes, also ") (" */
    int32_t parent_pid;
    uint64_t flags;       /* PF_… of the kernel */
    uint64_t cpu_ticks;   /* utime + stime, all threads */
    uint64_t start_ticks; /* boottime at start */
};
enum jb_code jb_proc_pid_stat_parse(const char *text, size_t length, struct jb_error *error,
                                    struct jb_proc_pid_stat *ret);

#define JB_PROC_KTHREAD UINT64_C(0x00200000) /* PF_KTHREAD */

/* /proc/PID/cgroup: the path within one hierarchy, into ret (NUL-terminated). controller "" is the v2 line
 * ("0::/path"), "cpuacct" the v1 line that lists it. JB_NO_DATA: no such line; JB_LIMIT: path does not fit.
 */
enum jb_code jb_proc_pid_cgroup_parse(const char *text, size_t length, const char *controller, char *ret,
                                      size_t size, struct jb_error *error);

/* cgroup v2 cpu.stat: usage_usec, as ns. */
enum jb_code jb_cgroup_cpu_stat_parse(const char *text, size_t length, struct jb_error *error,
                                      uint64_t *ret_cpu_ns);

/* One mount of /proc/self/mountinfo, with the octal escapes taken out. */
struct jb_mount {
    char root[4096]; /* directory of the file system that is mounted: "/" or below */
    char point[4096];
    char type[32];
    char options[1024]; /* of the super block: names the controllers of a v1 hierarchy */
};
/* Reads the line at *cursor and moves *cursor behind it; false at the end. Lines that make no sense are
 * passed over. */
bool jb_mountinfo_next(const char **cursor, const char *end, struct jb_mount *ret);

/* Whether a comma-separated list has the word. */
bool jb_list_has(const char *list, size_t length, const char *word);

#endif
