/* From two readings of a domain to the energy between them: known in whole µJ, or unknown with a reason. */
#ifndef JB_ATTRIBUTE_DELTA_H
#define JB_ATTRIBUTE_DELTA_H

#include "types/domain.h"

enum jb_delta_state {
    JB_DELTA_KNOWN,
    JB_DELTA_NO_READING,  /* one of the two has no value (none, denied, gone) */
    JB_DELTA_NO_TIME,     /* no time lies between them, or it ran backwards */
    JB_DELTA_RESTARTED,   /* the counter began anew in between (driver load, boot) */
    JB_DELTA_WRAP_UNSURE, /* so long apart that the counter may have wrapped more often than can be told */
    JB_DELTA_GAP,         /* a gauge that was not read for too long */
    JB_DELTA_IMPLAUSIBLE, /* more than the domain can take, or a value past the modulus */
};

struct jb_delta {
    enum jb_delta_state state;
    uint64_t energy_uj; /* 0 unless known */
    bool wrapped;       /* the counter went through its modulus */
};

/* Ceiling of power taken for a domain that gives none, by which wraps are judged. */
#define JB_DELTA_POWER_MAX_UW UINT64_C(1000000000)
/* While suspended a domain takes at most this part of its greatest power. */
#define JB_DELTA_SUSPEND_SHARE 16

/* Energy from previous to current, both readings of domain.
 * Counter: the difference; where it wraps, one wrap is taken, and only trusted while elapsed time × greatest
 * power stays below the modulus. A lower value that no wrap explains, or another epoch, is a restart: the
 * energy is unknown then, not zero. A counter that stands still gives a known 0, however long.
 * Gauge: trapezoid (p₀ + p₁)/2 × elapsed, rounded to whole µJ; unknown when they lie more than gap_ceiling_ns
 * apart. suspended_ns: how much of the elapsed boottime the machine slept; 0 when that is not known. Pure. */
struct jb_delta jb_delta(const struct jb_domain *domain, const struct jb_reading *previous,
                         const struct jb_reading *current, int64_t suspended_ns, int64_t gap_ceiling_ns);

/* How long the counter takes to wrap at its greatest power, ns; 0: it does not wrap. */
int64_t jb_delta_wrap_ns(const struct jb_domain *domain);

/* Static text for people: "the counter restarted"; "" when known. */
const char *jb_delta_reason(enum jb_delta_state state);

#endif
