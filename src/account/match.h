/* Matching contracted electricity with load: by the hour, and by volume over an accounting period. */
#ifndef JB_ACCOUNT_MATCH_H
#define JB_ACCOUNT_MATCH_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What a contract supplies over the hours of a matching. */
struct jb_supply {
    const double *energy_kwh;     /* by hour, ≥ 0; NULL: it has no hours, and counts by volume alone */
    double volume_kwh;            /* over [first_hour, hour_end), ≥ 0; with hours: their sum */
    size_t first_hour, hour_end;  /* its accounting period */
    const bool *serves_by_hour;   /* by site: deliverable there */
    const bool *serves_by_volume; /* by site; true wherever serves_by_hour is */
};

struct jb_match_input {
    const double *load_kwh; /* [site × hour_count + hour], ≥ 0 */
    size_t site_count, hour_count;
    const struct jb_supply *supplies; /* used up in this order */
    size_t supply_count;
};

/* Parts of 1 of the load of a site in an hour. */
struct jb_match {
    size_t site_count, hour_count, supply_count;
    double *by_hour, *by_volume;           /* [(supply × site_count + site) × hour_count + hour] */
    double *rest_by_hour, *rest_by_volume; /* [site × hour_count + hour]: what no supply covers */
};
#define JB_MATCH_CEILING ((size_t)1 << 26) /* supplies × sites × hours */

/* By the hour, a supply counts in the hour in which it was generated, up to the load of that hour; what is
 * over is lost (EnergyTag, Granular Certificate Scheme Standard v2, 2024; 24/7 Carbon-free Energy:
 * Methodologies and Metrics, Google 2021). By volume, what it did not serve in its own hour carries over to
 * the load that is left in its accounting period (GHG Protocol Scope 2 Guidance, 2015, chapter 7: vintage
 * within the reporting year). So the matched volume by the hour is never more than by volume, for every load,
 * site and supply. Of a supply for several sites each takes in proportion to what is left of its load. */
enum jb_code jb_match_make(const struct jb_match_input *input, struct jb_error *error,
                           struct jb_match *ret_match);
void jb_match_free(struct jb_match *match); /* NULL-safe */

static inline size_t jb_match_at(const struct jb_match *match, size_t supply, size_t site, size_t hour) {
    return (supply * match->site_count + site) * match->hour_count + hour;
}

#endif
