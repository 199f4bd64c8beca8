/* Times as other people's tables write them: with or without an offset, in local time, day or month first. */
#ifndef JB_BASE_STAMP_H
#define JB_BASE_STAMP_H

#include "base/zone.h"

#include <stdbool.h>

enum jb_stamp_order {
    JB_STAMP_ISO,  /* 2026-11-24T08:00, as jb_time_parse takes them */
    JB_STAMP_YMD,  /* 2026/11/24 8:00 */
    JB_STAMP_DMY,  /* 24.11.2026 08:00, 24/11/2026 */
    JB_STAMP_MDY,  /* 11/24/2026 8:00 AM */
    JB_STAMP_UNIX, /* seconds since 1970, UTC */
};
/* "iso", "ymd", "dmy", "mdy", "unix"; false when it is none of them. */
bool jb_stamp_order_parse(const char *name, enum jb_stamp_order *ret_order);

struct jb_stamp_style {
    enum jb_stamp_order order;
    const struct jb_zone *zone; /* of times without an offset; NULL: UTC */
};

/* Where the reader of one column of times stands. A local time that clocks showed twice is taken for the
 * first of the two until a row repeats or goes back: so both passes of that hour must be there, in order. */
struct jb_stamp_state {
    int64_t previous_ns; /* of the row before */
    int64_t twin_ns;     /* when it was the first of two: the second */
};
#define JB_STAMP_START ((struct jb_stamp_state){INT64_MIN, INT64_MIN})

/* JB_INPUT: another style than said, a time that clocks leapt over, or one that they showed twice and the
 * column has once. With JB_STAMP_ISO and others alike, "24:00" is the end of its day. */
enum jb_code jb_stamp_read(const struct jb_stamp_style *style, const char *text, struct jb_stamp_state *state,
                           struct jb_error *error, int64_t *ret_ns);

/* The same for a text alone, as local time (as if it were UTC); *ret_has_offset: it was UTC. */
enum jb_code jb_stamp_parse(enum jb_stamp_order order, const char *text, struct jb_error *error,
                            int64_t *ret_ns, bool *ret_has_offset);

#endif
