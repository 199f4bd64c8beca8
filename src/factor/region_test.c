/* Regions: every row of the table that ships has a grid factor; finding; distances; bad rows. */
#include "factor/factor.h"
#include "factor/region.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *shipped(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    return path;
}

static void every_zone_and_country_has_an_intensity(void **state) {
    (void)state;
    struct jb_error error = {0};
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    if (jb_regions_load(shipped(), &error, &regions) ||
        jb_factors_load(&(struct jb_factor_load){.data_path = shipped()}, &error, &factors))
        fail_msg("%s", error.message);
    const struct jb_region *all;
    size_t count = jb_regions_all(regions, &all);
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        const char *const places[] = {all[i].zone, all[i].country};
        for (size_t k = 0; k < 2; k++) {
            struct jb_factor_answer answer;
            struct jb_factor_query query = {.quantity = JB_GRID_INTENSITY,
                                            .region = places[k],
                                            .at_ns = INT64_C(1735689600000000000),
                                            .allows_earlier = true};
            if (jb_factors_find(factors, &query, &answer))
                fail_msg("%s/%s: no grid_intensity/%s", all[i].provider, all[i].region, places[k]);
        }
        assert_ptr_equal(jb_regions_find(regions, all[i].provider, all[i].region), &all[i]);
    }
    assert_string_equal(jb_regions_find(regions, "GCP", "Europe-West1")->zone, "BE");
    assert_null(jb_regions_find(regions, "gcp", "europe-west99"));
    assert_null(jb_regions_find(regions, "a provider of a name that no table could hold", "x"));
}

/* Seoul to Tokyo 1,152 km; half around the equator; nothing. */
static void distances_are_great_circles(void **state) {
    (void)state;
    assert_true(fabs(jb_great_circle_km(37.57, 126.98, 35.68, 139.69) - 1152) < 5);
    assert_true(fabs(jb_great_circle_km(0, 0, 0, 180) - 6371.0088 * 3.14159265358979) < 0.01);
    assert_true(jb_great_circle_km(12, 34, 12, 34) == 0);
}

static void bad_tables_name_line_and_field(void **state) {
    (void)state;
    static const char heading[] = "provider,region,place,country,zone,latitude,longitude\n";
    static const struct {
        const char *rows, *names;
    } cases[] = {{"gcp,a,Here,KR,KR,91,0\n", "line 2, field latitude"},
                 {"gcp,a,Here,KR,KR,0,nan\n", "line 2, field longitude"},
                 {"gcp,a,Here,KOR,KR,0,0\n", "line 2, field country"},
                 {"gcp,a,Here,KR,KR,0\n", "line 2, field (their number)"},
                 {"gcp,a,Here,KR,KR,0,0\nGCP,A,Here,KR,KR,0,0\n", "stands there twice"}};
    char folder[] = "/tmp/joulebook-region-XXXXXX", below[64], path[96];
    assert_non_null(mkdtemp(folder));
    snprintf(below, sizeof below, "%s/cloud", folder);
    snprintf(path, sizeof path, "%s/regions.csv", below);
    assert_int_equal(mkdir(below, 0700), 0);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_regions *regions = NULL;
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s%s", heading, cases[i].rows);
        fclose(file);
        assert_int_equal(jb_regions_load(folder, &error, &regions), JB_INPUT);
        assert_null(regions);
        assert_non_null(strstr(error.message, cases[i].names));
    }
    unlink(path);
    rmdir(below);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zone_and_country_has_an_intensity),
        cmocka_unit_test(distances_are_great_circles),
        cmocka_unit_test(bad_tables_name_line_and_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
