/* The bare process clocks: list /proc, ask each clock, add up. */
#include "bare.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

enum { LISTING_BYTES = 64 * 1024 };

struct bare_clock {
    int proc;
    char *listing;
};

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

void bare_clock_close(struct bare_clock *clock) {
    if (!clock)
        return;
    if (clock->proc >= 0)
        close(clock->proc);
    free(clock->listing);
    free(clock);
}

enum jb_code bare_clock_open(struct jb_error *error, struct bare_clock **ret_clock) {
    struct bare_clock *clock = calloc(1, sizeof *clock);
    if (!clock)
        return jb_error_set(error, JB_MEMORY, "no memory");
    clock->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clock->listing = malloc(LISTING_BYTES);
    if (clock->proc < 0 || !clock->listing) {
        enum jb_code code = jb_error_set_errno(error, errno, "/proc");
        bare_clock_close(clock);
        return code;
    }
    *ret_clock = clock;
    return JB_OK;
}

enum jb_code bare_clock_tick(struct bare_clock *clock, struct jb_error *error, struct bare_tick *ret_tick) {
    struct bare_tick tick = {0};
    if (lseek(clock->proc, 0, SEEK_SET) < 0)
        return jb_error_set_errno(error, errno, "/proc");
    long got;
    while ((got = syscall(SYS_getdents64, clock->proc, clock->listing, LISTING_BYTES)) > 0) {
        for (long at = 0; at < got;) {
            struct directory_entry *entry = (struct directory_entry *)(clock->listing + at);
            at += entry->length;
            if (entry->name[0] < '1' || entry->name[0] > '9')
                continue;
            uint32_t pid = 0;
            for (const char *digit = entry->name; *digit; digit++)
                pid = pid * 10 + (uint32_t)(*digit - '0');
            struct timespec time;
            if (clock_gettime((clockid_t)((~pid << 3) | 2U), &time) < 0)
                continue;
            tick.checksum += (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
            tick.process_count++;
        }
    }
    if (got < 0)
        return jb_error_set_errno(error, errno, "/proc");
    *ret_tick = tick;
    return JB_OK;
}

uint64_t bare_cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}
