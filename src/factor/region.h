/* Where the regions of cloud providers are: place, country, grid zone, coordinates. */
#ifndef JB_FACTOR_REGION_H
#define JB_FACTOR_REGION_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>

struct jb_region {
    char provider[32]; /* "gcp": the providers' names as the factor tables write them */
    char region[64];   /* "europe-west1": the provider's own id */
    char place[64];    /* "Saint-Ghislain" */
    char country[3];   /* ISO 3166-1 alpha-2 */
    char zone[32];     /* of the grid, as `region` of the factor tables: "US-CAL-CISO" */
    double latitude_degrees, longitude_degrees; /* of the place, to some 50 km */
};

struct jb_regions; /* opaque */

/* data_path/cloud/regions.csv. JB_INPUT with line, field and mend when a row cannot be. */
enum jb_code jb_regions_load(const char *data_path, struct jb_error *error, struct jb_regions **ret_regions);
void jb_regions_free(struct jb_regions *regions); /* NULL-safe */

/* In order of provider and region. */
size_t jb_regions_all(const struct jb_regions *regions, const struct jb_region **ret_regions);
/* NULL when there is none of that name; case does not matter. */
const struct jb_region *jb_regions_find(const struct jb_regions *regions, const char *provider,
                                        const char *region);
/* Length of the great circle between two places, in km, on a sphere of 6371.0088 km (haversine). */
double jb_great_circle_km(double latitude_1_degrees, double longitude_1_degrees, double latitude_2_degrees,
                          double longitude_2_degrees);

JB_DEFINE_CLEANUP(struct jb_regions, jb_regions_free);

#endif
