/* Tariffs: local time, and the first rate that fits it. */
#include "account/tariff.h"

#include "base/clock.h"
#include "base/time.h"

#include <assert.h>

/* Days since 1970 of the n-th (1 …) Sunday of a month, or (0) of its last. 1970-01-01 was a Thursday. */
static int64_t sunday_of(int64_t year, unsigned month, int nth) {
    int64_t first = jb_days_from_civil(year, month, 1);
    int64_t sunday = first + (10 - (first % 7 + 7) % 7) % 7;
    if (nth)
        return sunday + 7 * (nth - 1);
    int64_t next = month == 12 ? jb_days_from_civil(year + 1, 1, 1) : jb_days_from_civil(year, month + 1, 1);
    while (sunday + 7 < next)
        sunday += 7;
    return sunday;
}

int32_t jb_tariff_offset_minutes(const struct jb_tariff *tariff, int64_t at_ns) {
    int64_t year, from_ns = 0, until_ns = 0;
    unsigned month, day;
    jb_civil_from_days(jb_time_floor(at_ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    switch (tariff->daylight_saving) {
    case JB_DAYLIGHT_NONE:
        return tariff->utc_offset_minutes;
    case JB_DAYLIGHT_EU:
        from_ns = sunday_of(year, 3, 0) * JB_DAY_NS + JB_HOUR_NS;
        until_ns = sunday_of(year, 10, 0) * JB_DAY_NS + JB_HOUR_NS;
        break;
    case JB_DAYLIGHT_US: /* it ends at 02:00 of summer time */
        from_ns =
            sunday_of(year, 3, 2) * JB_DAY_NS + 2 * JB_HOUR_NS - tariff->utc_offset_minutes * JB_MINUTE_NS;
        until_ns =
            sunday_of(year, 11, 1) * JB_DAY_NS + JB_HOUR_NS - tariff->utc_offset_minutes * JB_MINUTE_NS;
        break;
    }
    return tariff->utc_offset_minutes + (at_ns >= from_ns && at_ns < until_ns ? 60 : 0);
}

static bool rate_holds(const struct jb_rate *rate, unsigned weekday, unsigned month, int minute) {
    bool is_over_midnight = rate->minute_from >= rate->minute_until;
    bool within = is_over_midnight ? minute >= rate->minute_from || minute < rate->minute_until
                                   : minute >= rate->minute_from && minute < rate->minute_until;
    return within && (rate->weekdays >> weekday & 1) && (rate->months >> (month - 1) & 1);
}

const struct jb_rate *jb_tariff_at(const struct jb_tariff *tariff, int64_t at_ns, int64_t *ret_until_ns) {
    int64_t local_ns = at_ns + jb_tariff_offset_minutes(tariff, at_ns) * JB_MINUTE_NS;
    int64_t days = jb_time_floor(local_ns, JB_DAY_NS) / JB_DAY_NS, year;
    int minute = (int)((local_ns - days * JB_DAY_NS) / JB_MINUTE_NS);
    unsigned month, day, weekday = (unsigned)(((days + 3) % 7 + 7) % 7); /* Monday is 0 */
    jb_civil_from_days(days, &year, &month, &day);
    int64_t until_ns = jb_time_floor(at_ns, JB_HOUR_NS) + JB_HOUR_NS;
    const struct jb_rate *found = NULL;
    assert(tariff->rate_count > 0);
    for (size_t i = 0; i < tariff->rate_count; i++) {
        const struct jb_rate *rate = &tariff->rates[i];
        const int edges[] = {rate->minute_from, rate->minute_until};
        for (size_t e = 0; e < JB_COUNT(edges); e++) {
            int64_t edge_ns = at_ns - local_ns + days * JB_DAY_NS + edges[e] * JB_MINUTE_NS;
            if (edge_ns > at_ns && edge_ns < until_ns)
                until_ns = edge_ns;
        }
        if (!found && rate_holds(rate, weekday, month, minute))
            found = rate;
    }
    /* Midnight of a zone that is half an hour off UTC's hours. */
    int64_t midnight_ns = at_ns - local_ns + (days + 1) * JB_DAY_NS;
    *ret_until_ns = midnight_ns < until_ns ? midnight_ns : until_ns;
    assert(found && *ret_until_ns > at_ns); /* the last rate holds always */
    return found;
}

double jb_tariff_mean(const struct jb_tariff *tariff, int64_t from_ns, int64_t to_ns) {
    double sum = 0;
    assert(from_ns < to_ns);
    for (int64_t at_ns = from_ns, until_ns; at_ns < to_ns; at_ns = until_ns) {
        const struct jb_rate *rate = jb_tariff_at(tariff, at_ns, &until_ns);
        if (until_ns > to_ns)
            until_ns = to_ns;
        sum += rate->price_per_kwh.value * (double)(until_ns - at_ns);
    }
    return sum / (double)(to_ns - from_ns);
}
