/* From two readings of a domain to the energy between them. */
#include "attribute/delta.h"

#include "base/clock.h"
#include "base/decimal.h"

#include <assert.h>

/* Counters are refreshed about each ms, some meters far less often: what was taken before the first reading
 * may only show up in the second. */
#define REFRESH_NS (JB_SECOND_NS / 10)

static uint64_t power_max_uw(const struct jb_domain *domain) {
    return domain->power_max_uw ? domain->power_max_uw : JB_DELTA_POWER_MAX_UW;
}

/* Most energy, in µJ, that the domain can have taken. */
static jb_uint128 energy_ceiling_uj(const struct jb_domain *domain, int64_t elapsed_ns,
                                    int64_t suspended_ns) {
    if (suspended_ns < 0)
        suspended_ns = 0;
    if (suspended_ns > elapsed_ns)
        suspended_ns = elapsed_ns;
    jb_uint128 awake_ns = (jb_uint128)(elapsed_ns - suspended_ns);
    jb_uint128 weighed_ns = awake_ns + (jb_uint128)suspended_ns / JB_DELTA_SUSPEND_SHARE;
    return weighed_ns * power_max_uw(domain) / JB_SECOND_NS;
}

static struct jb_delta unknown(enum jb_delta_state state) {
    return (struct jb_delta){.state = state};
}

static struct jb_delta known(uint64_t energy_uj, bool wrapped) {
    return (struct jb_delta){.state = JB_DELTA_KNOWN, .energy_uj = energy_uj, .wrapped = wrapped};
}

static struct jb_delta delta_counter(const struct jb_domain *domain, const struct jb_reading *previous,
                                     const struct jb_reading *current, int64_t elapsed_ns,
                                     int64_t suspended_ns) {
    const uint64_t modulus_uj = domain->wrap_modulus_uj;
    if (current->epoch != previous->epoch)
        return unknown(JB_DELTA_RESTARTED);
    if (current->value == previous->value)
        return known(0, false);
    if (modulus_uj == 0) {
        if (current->value < previous->value)
            return unknown(JB_DELTA_RESTARTED);
        return known(current->value - previous->value, false);
    }
    if (previous->value >= modulus_uj || current->value >= modulus_uj)
        return unknown(JB_DELTA_IMPLAUSIBLE);
    if (energy_ceiling_uj(domain, elapsed_ns, suspended_ns) >= modulus_uj)
        return unknown(JB_DELTA_WRAP_UNSURE);
    bool wrapped = current->value < previous->value;
    uint64_t energy_uj =
        wrapped ? modulus_uj - previous->value + current->value : current->value - previous->value;
    jb_uint128 plausible_uj = energy_ceiling_uj(domain, elapsed_ns + REFRESH_NS, suspended_ns);
    if (energy_uj > plausible_uj + domain->resolution)
        return unknown(wrapped ? JB_DELTA_RESTARTED : JB_DELTA_IMPLAUSIBLE);
    return known(energy_uj, wrapped);
}

static struct jb_delta delta_gauge(const struct jb_reading *previous, const struct jb_reading *current,
                                   int64_t elapsed_ns, int64_t gap_ceiling_ns) {
    if (elapsed_ns > gap_ceiling_ns)
        return unknown(JB_DELTA_GAP);
    jb_uint128 twice = ((jb_uint128)previous->value + current->value) * (uint64_t)elapsed_ns;
    jb_uint128 energy_uj = (twice + JB_SECOND_NS) / (2 * JB_SECOND_NS);
    return energy_uj > INT64_MAX ? unknown(JB_DELTA_IMPLAUSIBLE) : known((uint64_t)energy_uj, false);
}

struct jb_delta jb_delta(const struct jb_domain *domain, const struct jb_reading *previous,
                         const struct jb_reading *current, int64_t suspended_ns, int64_t gap_ceiling_ns) {
    if (previous->state != JB_READING_OK || current->state != JB_READING_OK)
        return unknown(JB_DELTA_NO_READING);
    int64_t elapsed_ns;
    if (__builtin_sub_overflow(current->boottime_ns, previous->boottime_ns, &elapsed_ns) || elapsed_ns <= 0 ||
        elapsed_ns > INT64_MAX - REFRESH_NS)
        return unknown(JB_DELTA_NO_TIME);
    if (domain->form == JB_GAUGE)
        return delta_gauge(previous, current, elapsed_ns, gap_ceiling_ns);
    struct jb_delta delta = delta_counter(domain, previous, current, elapsed_ns, suspended_ns);
    /* Amounts of the book are int64. */
    if (delta.energy_uj > INT64_MAX)
        return unknown(JB_DELTA_IMPLAUSIBLE);
    assert(delta.state == JB_DELTA_KNOWN || delta.energy_uj == 0);
    return delta;
}

int64_t jb_delta_wrap_ns(const struct jb_domain *domain) {
    if (domain->form != JB_COUNTER || domain->wrap_modulus_uj == 0)
        return 0;
    jb_uint128 wrap_ns = (jb_uint128)domain->wrap_modulus_uj * JB_SECOND_NS / power_max_uw(domain);
    return wrap_ns > INT64_MAX ? INT64_MAX : (int64_t)wrap_ns;
}

const char *jb_delta_reason(enum jb_delta_state state) {
    switch (state) {
    case JB_DELTA_KNOWN:
        return "";
    case JB_DELTA_NO_READING:
        return "the domain could not be read";
    case JB_DELTA_NO_TIME:
        return "no time between the readings";
    case JB_DELTA_RESTARTED:
        return "the counter restarted";
    case JB_DELTA_WRAP_UNSURE:
        return "too long between readings: the counter may have wrapped";
    case JB_DELTA_GAP:
        return "too long between readings of a power gauge";
    case JB_DELTA_IMPLAUSIBLE:
        return "more energy than the domain can take";
    }
    return "?";
}
