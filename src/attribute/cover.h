/* The additive cover: which domains are booked, so that overlapping meters never count a joule twice. */
#ifndef JB_ATTRIBUTE_COVER_H
#define JB_ATTRIBUTE_COVER_H

#include "types/domain.h"

enum jb_cover_place {
    JB_COVER_NONE,      /* not booked: unusable, duplicate, or a lesser way to measure what is covered */
    JB_COVER_AUTHORITY, /* the outermost meter: its figure is the host's total */
    JB_COVER_PART,      /* splits the total (or makes it up, where there is no authority) */
    JB_COVER_INSIDE,    /* lies inside a part (core, uncore): shown, not booked */
};

struct jb_cover_entry {
    const struct jb_domain *domain;
    uint32_t source;           /* which source it came from; parents are within one source */
    int32_t index;             /* its place in that source's list, which parents refer to; -1: gone */
    enum jb_cover_place place; /* set by jb_cover_choose */
    const char *reason;        /* set: why it is not booked; static text, "" when it is */
};

/* Chooses once over the domains of all sources. Pure; the order of entries decides among equals, measured
 * comes before modelled, and of several meters of the same thing the one with the least uncertainty is taken.
 *  - authority: the outermost of facility, node, psys that is usable; none is fine (parts then make the
 * total).
 *  - parts: packages, DRAM, GPUs, accelerators. psys contains package (and DRAM, where it is on the SoC's
 * side), not discrete GPUs: these stand beside a psys authority, but inside a node or facility one.
 *  - core and uncore: inside.
 *  - modelled domains only where no meter says the same: a model of the machine yields to any measured whole
 * or package, a model of the packages or of the memory to a meter of either, but it may split a measured
 * whole. A modelled whole beside metered GPUs is a part, since it knows nothing of them. The dies of one
 * package ("cpu0-die0", "cpu0-die1") are one thing when two sources are compared. */
void jb_cover_choose(struct jb_cover_entry *entries, size_t count);

#endif
