/* How far long work has come: told by those who work, on any thread, and read by whoever shows it. */
#ifndef JB_BASE_PROGRESS_H
#define JB_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is work that has not begun. Each field can be read at any time; together they may be a moment
 * apart, which is good enough to be looked at. Those who work take NULL for one that nobody looks at. */
struct jb_progress {
    _Atomic(const char *) phase;       /* "booking"; NULL: reading */
    _Atomic(const char *) unit;        /* of done and total, "flows"; NULL: bytes */
    atomic_uint_least64_t done, total; /* total 0: not known */
    atomic_size_t place;               /* number of the file that is read, from 1; 0: none yet */
};

/* The next phase begins. The texts stay where they are as long as the progress does. */
static inline void jb_progress_begin(struct jb_progress *progress, const char *phase, const char *unit,
                                     uint64_t total) {
    if (!progress)
        return;
    atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->total, total, memory_order_relaxed);
    atomic_store_explicit(&progress->unit, unit, memory_order_relaxed);
    atomic_store_explicit(&progress->phase, phase, memory_order_relaxed);
}

static inline void jb_progress_add(struct jb_progress *progress, uint64_t count) {
    if (progress)
        atomic_fetch_add_explicit(&progress->done, count, memory_order_relaxed);
}

#endif
