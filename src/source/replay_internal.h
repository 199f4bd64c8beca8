/* What the parser of recorded readings and their player share; for replay_script.c and replay_parse.c only.
 */
#ifndef JB_SOURCE_REPLAY_INTERNAL_H
#define JB_SOURCE_REPLAY_INTERNAL_H

#include "base/decimal.h"
#include "source/replay_script.h"

#define REPLAY_NO_BASE SIZE_MAX

struct replay_record {
    int64_t time_ns; /* ascending within a track */
    uint64_t value;  /* meaningless unless has_value */
    uint64_t epoch;
    size_t base; /* index of the last record with a value up to this one, or REPLAY_NO_BASE */
    size_t next; /* of one with a value: index of the next with a value, or REPLAY_NO_BASE */
    enum jb_reading_state state;
    bool has_value;
};

/* What is played for the domain of the same index. */
struct replay_track {
    struct replay_record *records;
    size_t record_count, record_capacity;
    int64_t from_ns, until_ns; /* when it is listed */
    uint64_t rate_uw, start_uj;
    bool has_rate;       /* generated; its records then have states only */
    bool is_linear;      /* counter: between records it grows evenly, else it steps */
    jb_uint128 cycle_uj; /* growth in one turn of the loop */
};

struct jb_replay {
    struct jb_domain *domains;
    size_t domain_count, domain_capacity;
    struct replay_track *tracks;
    size_t track_capacity;
    size_t record_total;
    enum jb_replay_origin origin;
    int64_t origin_ns;
    int64_t loop_ns; /* 0: none */
};

/* Growth in µJ from one record with a value to the next: through a wrap where the counter has one; 0 when it
 * restarted in between. */
uint64_t jb_replay_growth(const struct jb_domain *domain, const struct replay_record *before,
                          const struct replay_record *after);

#endif
