/* What the perf PMU of RAPL says of itself in sysfs. Pure parsers. */
#ifndef JB_SOURCE_RAPL_PERF_H
#define JB_SOURCE_RAPL_PERF_H

#include "base/decimal.h"
#include "types/domain.h"

/* "event=0x02" → 2. JB_INPUT for anything else (other fields mean another kind of PMU). */
enum jb_code jb_perf_event_parse(const char *text, struct jb_error *error, uint64_t *ret_config);
/* "2.3283064365386962890625e-10" → 32: the scale must be 2^-bits J, 0 to 63 bits, so that counts turn into µJ
 * exactly. JB_INPUT otherwise. */
enum jb_code jb_perf_scale_parse(const char *text, struct jb_error *error, unsigned *ret_bits);
/* "0,18", "0-3,8" → CPU numbers, at most ceiling of them (JB_LIMIT past it). */
enum jb_code jb_perf_cpumask_parse(const char *text, size_t ceiling, struct jb_error *error, int *ret_cpus,
                                   size_t *ret_count);
/* Kind of "energy-pkg", "energy-ram", …; false for names that are not known. */
bool jb_perf_event_kind(const char *name, enum jb_domain_kind *ret_kind);

/* Whole µJ of a count of 2^-bits J: floor(count × 10^6 / 2^bits), at most UINT64_MAX. */
static inline uint64_t jb_perf_energy_uj(uint64_t count, unsigned bits) {
    jb_uint128 energy_uj = (jb_uint128)count * 1000000 >> bits;
    return energy_uj > UINT64_MAX ? UINT64_MAX : (uint64_t)energy_uj;
}

#endif
