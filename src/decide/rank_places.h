/* The places that can be ranked, and what the factors and the user's own file say of them. */
#ifndef JB_DECIDE_RANK_PLACES_H
#define JB_DECIDE_RANK_PLACES_H

#include "decide/rank.h"
#include "factor/factor.h"
#include "factor/region.h"

#include <stdio.h>

struct jb_rank_places; /* opaque: candidates, and the texts they point to */

struct jb_rank_origin {
    int64_t at_ns; /* factors that hold then; else the last before */
    bool is_near;  /* latency from these coordinates, where it is not given */
    double latitude_degrees, longitude_degrees;
};

/* Every region of the table; regions NULL: none, so that only what is added is there. Evidence, in order of
 * preference:
 * renewable   cfe of the region (hourly matched), the provider's clean_share (declared, by volume),
 *             carbon_free_share of the zone, of the country (grid average)
 * efficiency  pue of the region, of the provider's fleet
 * carbon      grid_intensity of the zone, of the country; the provider's own grid_intensity, its
 *             grid_intensity_direct (combustion only)
 * water       wue + pue × grid_water of the country, all three known (ISO/IEC 30134-9 category 2)
 * latency     3 × 2 d / c, ± 35 %: pings take about three times what light takes there and back in the median
 *             (Bozkurt et al., Why Is the Internet so Slow?!, PAM 2017) */
enum jb_code jb_rank_places_make(const struct jb_factors *factors, const struct jb_regions *regions,
                                 const struct jb_rank_origin *origin, struct jb_error *error,
                                 struct jb_rank_places **ret_places);
void jb_rank_places_free(struct jb_rank_places *places); /* NULL-safe */

/* The user's own evidence from CSV with the columns provider, region, criterion, value, unit, and if they are
 * there uncertainty (relative standard), source, country; it takes precedence, and places that the table does
 * not have are added. JB_INPUT with line, field and mend; then nothing was taken. file is read to its end. */
enum jb_code jb_rank_places_add(struct jb_rank_places *places, FILE *file, const char *name,
                                struct jb_error *error);
/* The unit in which prices were given: "" when none was. */
const char *jb_rank_places_price_unit(const struct jb_rank_places *places);

/* Lists are names or globs between commas, NULL: all; case does not matter. */
struct jb_rank_filter {
    const char *providers, *regions, *countries;
    double latency_limit_ms; /* NaN: none. A place of unknown latency does not pass. */
    bool by_provider;        /* a provider's places are averaged */
};
/* Those that pass, into an array of the caller's to free(); what they point to lives as long as places.
 * JB_USAGE names an entry of a list that no place matches; JB_NO_DATA: no place passes all of them. */
enum jb_code jb_rank_places_select(const struct jb_rank_places *places, const struct jb_rank_filter *filter,
                                   struct jb_error *error, struct jb_candidate **ret_candidates,
                                   size_t *ret_count);

JB_DEFINE_CLEANUP(struct jb_rank_places, jb_rank_places_free);

#endif
