/* The system's clocks and a stand-in for tests. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ns(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * JB_SECOND_NS + now.tv_nsec;
}

static int64_t system_realtime_ns(const struct jb_clock *clock) {
    (void)clock;
    return read_ns(CLOCK_REALTIME);
}

static int64_t system_monotonic_ns(const struct jb_clock *clock) {
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t system_boottime_ns(const struct jb_clock *clock) {
    (void)clock;
    return read_ns(CLOCK_BOOTTIME);
}

const struct jb_clock jb_clock_system = {
    .realtime_ns = system_realtime_ns,
    .monotonic_ns = system_monotonic_ns,
    .boottime_ns = system_boottime_ns,
};

static const struct jb_clock_fake *fake_of(const struct jb_clock *clock) {
    return (const struct jb_clock_fake *)((const char *)clock - offsetof(struct jb_clock_fake, clock));
}

static int64_t fake_realtime_ns(const struct jb_clock *clock) {
    return fake_of(clock)->realtime_ns;
}

static int64_t fake_monotonic_ns(const struct jb_clock *clock) {
    return fake_of(clock)->monotonic_ns;
}

static int64_t fake_boottime_ns(const struct jb_clock *clock) {
    return fake_of(clock)->boottime_ns;
}

struct jb_clock_fake jb_clock_fake_make(int64_t realtime_ns, int64_t boottime_ns) {
    return (struct jb_clock_fake){
        .clock = {.realtime_ns = fake_realtime_ns,
                  .monotonic_ns = fake_monotonic_ns,
                  .boottime_ns = fake_boottime_ns},
        .realtime_ns = realtime_ns,
        .monotonic_ns = boottime_ns,
        .boottime_ns = boottime_ns,
    };
}

void jb_clock_fake_advance(struct jb_clock_fake *fake, int64_t elapsed_ns) {
    fake->realtime_ns += elapsed_ns;
    fake->monotonic_ns += elapsed_ns;
    fake->boottime_ns += elapsed_ns;
}

void jb_clock_fake_suspend(struct jb_clock_fake *fake, int64_t suspended_ns) {
    fake->realtime_ns += suspended_ns;
    fake->boottime_ns += suspended_ns;
}

void jb_clock_fake_step_realtime(struct jb_clock_fake *fake, int64_t difference_ns) {
    fake->realtime_ns += difference_ns;
}
