/* Reads the table of cloud regions and finds one by name. */
#include "factor/region.h"

#include "base/array.h"
#include "base/csv.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REGION_CEILING 65536

struct jb_regions {
    struct jb_region *items;
    size_t count, capacity;
};

static const char *const columns[] = {"provider", "region",   "place",    "country",
                                      "zone",     "latitude", "longitude"};

void jb_regions_free(struct jb_regions *regions) {
    if (!regions)
        return;
    free(regions->items);
    free(regions);
}

static int compare(const void *left, const void *right) {
    const struct jb_region *a = left, *b = right;
    int order = strcasecmp(a->provider, b->provider);
    return order ? order : strcasecmp(a->region, b->region);
}

static bool degrees_parse(const char *text, double bound, double *ret) {
    char *end;
    if (!*text || strspn(text, "-0123456789.") != strlen(text))
        return false;
    double value = strtod(text, &end);
    if (*end || !isfinite(value) || fabs(value) > bound)
        return false;
    *ret = value;
    return true;
}

/* The name of the field that cannot be; NULL when the row is good. */
static const char *parse_row(const char *const *fields, struct jb_region *ret) {
    struct {
        char *text;
        size_t size;
    } const texts[] = {{ret->provider, sizeof ret->provider},
                       {ret->region, sizeof ret->region},
                       {ret->place, sizeof ret->place},
                       {ret->country, sizeof ret->country},
                       {ret->zone, sizeof ret->zone}};
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        size_t length = strlen(fields[i]);
        if (length == 0 || length >= texts[i].size)
            return columns[i];
        memcpy(texts[i].text, fields[i], length + 1);
    }
    if (!degrees_parse(fields[5], 90, &ret->latitude_degrees))
        return "latitude";
    if (!degrees_parse(fields[6], 180, &ret->longitude_degrees))
        return "longitude";
    return NULL;
}

static enum jb_code read_rows(struct jb_csv_reader *reader, const char *path, struct jb_error *error,
                              struct jb_regions *regions) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader, error, &fields, &count);
    bool is_good = !code && count == JB_COUNT(columns);
    for (size_t i = 0; is_good && i < count; i++)
        is_good = strcmp(fields[i], columns[i]) == 0;
    if (!code && !is_good)
        code = jb_error_set(error, JB_INPUT,
                            "%s, line 1: not the heading provider,region,place,country,zone,latitude,"
                            "longitude; install the data again",
                            path);
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        struct jb_region region;
        const char *field = count == JB_COUNT(columns) ? parse_row(fields, &region) : "(their number)";
        if (field)
            return jb_error_set(error, JB_INPUT, "%s, line %llu, field %s: cannot be; install the data again",
                                path, (unsigned long long)jb_csv_line(reader), field);
        code = jb_array_reserve(&regions->items, &regions->capacity, regions->count + 1, REGION_CEILING,
                                "regions", error);
        if (!code)
            regions->items[regions->count++] = region;
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_regions_load(const char *data_path, struct jb_error *error, struct jb_regions **ret_regions) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/cloud/regions.csv", data_path) >= (int)sizeof path)
        return jb_error_set(error, JB_USAGE, "the path of the data folder is too long");
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = calloc(1, sizeof *regions);
    if (!regions)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", path);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    enum jb_code code = jb_csv_reader_make(file, path, error, &reader);
    if (!code)
        code = read_rows(reader, path, error, regions);
    if (code)
        return code;
    if (regions->count)
        qsort(regions->items, regions->count, sizeof *regions->items, compare);
    for (size_t i = 1; i < regions->count; i++)
        if (compare(&regions->items[i - 1], &regions->items[i]) == 0)
            return jb_error_set(error, JB_INPUT, "%s: %s/%s stands there twice; install the data again", path,
                                regions->items[i].provider, regions->items[i].region);
    *ret_regions = JB_TAKE(regions);
    return JB_OK;
}

size_t jb_regions_all(const struct jb_regions *regions, const struct jb_region **ret_regions) {
    *ret_regions = regions->items;
    return regions->count;
}

const struct jb_region *jb_regions_find(const struct jb_regions *regions, const char *provider,
                                        const char *region) {
    struct jb_region key;
    if (strlen(provider) >= sizeof key.provider || strlen(region) >= sizeof key.region || !regions->count)
        return NULL;
    strcpy(key.provider, provider);
    strcpy(key.region, region);
    return bsearch(&key, regions->items, regions->count, sizeof *regions->items, compare);
}

double jb_great_circle_km(double latitude_1_degrees, double longitude_1_degrees, double latitude_2_degrees,
                          double longitude_2_degrees) {
    const double radius_km = 6371.0088, radian = 3.14159265358979323846 / 180;
    double half_latitude = sin((latitude_2_degrees - latitude_1_degrees) * radian / 2);
    double half_longitude = sin((longitude_2_degrees - longitude_1_degrees) * radian / 2);
    double a = half_latitude * half_latitude + cos(latitude_1_degrees * radian) *
                                                   cos(latitude_2_degrees * radian) * half_longitude *
                                                   half_longitude;
    return 2 * radius_km * asin(fmin(1, sqrt(a)));
}
