/* What a kilowatt-hour costs at a time, by a tariff. */
#ifndef JB_ACCOUNT_TARIFF_H
#define JB_ACCOUNT_TARIFF_H

#include "account/setting.h"

/* The rate that holds at a time, and until when it surely does (no later than the next full hour, UTC). */
const struct jb_rate *jb_tariff_at(const struct jb_tariff *tariff, int64_t at_ns, int64_t *ret_until_ns);
/* Mean price of [from, to), weighted by time; from < to. */
double jb_tariff_mean(const struct jb_tariff *tariff, int64_t from_ns, int64_t to_ns);
/* Minutes that local time is ahead of UTC, daylight saving included: EU directive 2000/84/EC (last Sundays of
 * March and October, 01:00 UTC), US 15 U.S.C. 260a (second Sunday of March, first of November, 02:00 local
 * time). */
int32_t jb_tariff_offset_minutes(const struct jb_tariff *tariff, int64_t at_ns);

#endif
