/* Clocks as a value that is handed in, so that tests can step, stop and suspend time. */
#ifndef JB_BASE_CLOCK_H
#define JB_BASE_CLOCK_H

#include <stdint.h>

#define JB_SECOND_NS INT64_C(1000000000)
#define JB_MINUTE_NS (60 * JB_SECOND_NS)
#define JB_HOUR_NS   (3600 * JB_SECOND_NS)
#define JB_DAY_NS    (86400 * JB_SECOND_NS)

struct jb_clock {
    /* Wall clock, UTC, ns since 1970; may step in both directions. */
    int64_t (*realtime_ns)(const struct jb_clock *clock);
    /* Since boot without suspend; never steps. */
    int64_t (*monotonic_ns)(const struct jb_clock *clock);
    /* Since boot with suspend; never steps. Intervals of energy are measured with this one. */
    int64_t (*boottime_ns)(const struct jb_clock *clock);
};

extern const struct jb_clock jb_clock_system;

/* A clock that stands still until told otherwise: pass &fake.clock. */
struct jb_clock_fake {
    struct jb_clock clock;
    int64_t realtime_ns, monotonic_ns, boottime_ns;
};
struct jb_clock_fake jb_clock_fake_make(int64_t realtime_ns, int64_t boottime_ns);
void jb_clock_fake_advance(struct jb_clock_fake *fake, int64_t elapsed_ns);          /* all three */
void jb_clock_fake_suspend(struct jb_clock_fake *fake, int64_t suspended_ns);        /* not monotonic */
void jb_clock_fake_step_realtime(struct jb_clock_fake *fake, int64_t difference_ns); /* realtime only */

#endif
