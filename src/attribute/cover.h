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
    enum jb_cover_place place; /* set by jb_cover_choose */
    const char *reason;        /* set: why it is not booked; static text, "" when it is */
};

/* Chooses once over the domains of all sources. Pure; the order of entries decides among equals, measured
 * comes before modelled, and of several meters of the same thing the one with the least uncertainty is taken.
 *  - authority: the outermost of facility, node, psys that is usable; none is fine (parts then make the
 * total).
 *  - parts: packages, DRAM, GPUs, accelerators. psys contains package (and DRAM, where it is on the SoC's
 * side), not discrete GPUs: these stand beside a psys authority, but inside a node or facility one.
 *  - core and uncore: inside. Modelled domains only where nothing measured covers them. */
void jb_cover_choose(struct jb_cover_entry *entries, size_t count);

#endif
