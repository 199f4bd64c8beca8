/* Tables of levels: how long steps are, generation valued by hand, and what is not known stays unknown. */
#include "factor/series.h"

#include "base/clock.h"
#include "base/time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct jb_series_request request_for(const char *region) {
    return (struct jb_series_request){.region = region, .source = "test", .licence = "", .uncertainty = NAN};
}

static enum jb_code read_text(const char *text, const struct jb_series_request *request,
                              struct jb_error *error, struct jb_series_set *ret_set) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    enum jb_code code = jb_series_read_csv(file, "t.csv", request, error, ret_set);
    fclose(file);
    return code;
}

static int64_t time_of(const char *text) {
    int64_t ns = 0;
    assert_int_equal(jb_time_parse(text, NULL, &ns), JB_OK);
    return ns;
}

/* The ends of the steps that the rows' starts lead to. */
static void expect_ends(const char *rows, const struct jb_zone *zone, enum jb_series_step step,
                        int64_t step_ns, const char *const *ends, size_t count) {
    struct jb_series_request request = request_for("ES");
    struct jb_error error = {0};
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    char text[1024];
    snprintf(text, sizeof text, "time,grid_intensity_g_per_kwh\n%s", rows);
    request.style.zone = zone;
    request.step = step;
    request.step_ns = step_ns;
    if (read_text(text, &request, &error, &set))
        fail_msg("%s", error.message);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.items[0].count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(set.items[0].steps[i].end_ns, time_of(ends[i]));
}

static void test_steps(void **state) {
    (void)state;
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *madrid = NULL;
    assert_int_equal(jb_zone_parse_rule("CET-1CEST,M3.5.0,M10.5.0/3", NULL, &madrid), JB_OK);
    expect_ends("2024-01-01T00:00,1\n2024-01-01T00:05,2\n2024-01-01T00:15,3\n", NULL, JB_STEP_FOUND, 0,
                (const char *[]){"2024-01-01T00:05", "2024-01-01T00:10", "2024-01-01T00:20"}, 3);
    /* Newest first. */
    expect_ends("2024-01-01T02:00,1\n2024-01-01T01:00,2\n", NULL, JB_STEP_FOUND, 0,
                (const char *[]){"2024-01-01T02:00", "2024-01-01T03:00"}, 2);
    /* Local days of 23 and of 25 hours. */
    expect_ends("2024-03-30,1\n2024-03-31,2\n2024-04-01,3\n", madrid, JB_STEP_FOUND, 0,
                (const char *[]){"2024-03-30T23:00", "2024-03-31T22:00", "2024-04-01T22:00"}, 3);
    expect_ends("2024-10-27,1\n2024-10-28,2\n", madrid, JB_STEP_FOUND, 0,
                (const char *[]){"2024-10-27T23:00", "2024-10-28T23:00"}, 2);
    expect_ends("2024-01-01,1\n2024-02-01,2\n2024-12-01,3\n", NULL, JB_STEP_FOUND, 0,
                (const char *[]){"2024-02-01", "2024-03-01", "2025-01-01"}, 3);
    expect_ends("2023-01-01,1\n2024-01-01,2\n", NULL, JB_STEP_FOUND, 0,
                (const char *[]){"2024-01-01", "2025-01-01"}, 2);
    expect_ends("2024-02-01,2\n", NULL, JB_STEP_MONTH, 0, (const char *[]){"2024-03-01"}, 1);
    expect_ends("2024-02-01,2\n", NULL, JB_STEP_FIXED, JB_HOUR_NS, (const char *[]){"2024-02-01T01:00"}, 1);
}

static void test_end_column(void **state) {
    (void)state;
    struct jb_series_request request = request_for("ES");
    struct jb_error error = {0};
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    assert_int_equal(read_text("start,end,generation_wind_mwh\n2024-01-01T00:00,2024-01-01T00:30,5\n"
                               "2024-01-01T01:00,2024-01-01T04:00,6\n",
                               &request, &error, &set),
                     JB_OK);
    assert_true(set.items[0].steps[0].value == 10 && set.items[0].steps[1].value == 2); /* MW */
    assert_string_equal(set.items[0].series.name, "generation/ES/wind");
    struct jb_series_set none = {0};
    assert_int_equal(read_text("start,end,generation_wind_mwh\n2024-01-01T00:00,2024-01-01T00:30,5\n"
                               "2024-01-01T00:15,2024-01-01T04:00,6\n",
                               &request, &error, &none),
                     JB_INPUT);
    assert_non_null(strstr(error.message, "line 3"));
    assert_int_equal(read_text("start,end,generation_wind_mwh\n2024-01-01T01:00,2024-01-01T00:30,5\n",
                               &request, &error, &none),
                     JB_INPUT);
    assert_non_null(strstr(error.message, "field 'end'"));
}

static struct jb_factors *make_factors(const char *text) {
    struct jb_factors *factors = NULL;
    struct jb_factor_set set = {.name = "t", .version = "1", .is_own = true, .uncertainty = NAN};
    assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
    assert_int_equal(jb_factors_add(factors, &set, text, strlen(text), "t", false, NULL), JB_OK);
    assert_int_equal(jb_factors_finish(factors, NULL), JB_OK);
    assert_int_equal(jb_factors_check(factors, NULL), JB_OK);
    return factors;
}

static const struct jb_series_data *find(const struct jb_series_set *set, const char *name) {
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].series.name, name) == 0)
            return &set->items[i];
    }
    fail_msg("no series %s", name);
    return NULL;
}

static void test_mix(void **state) {
    (void)state;
    /* The user's own factor for "gas" comes before that of a typical plant; 2025 has another. */
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = make_factors(
        "subject,year,technology_intensity_g_per_kwh,uncertainty,source\n"
        "wind-onshore,2024,10,0.3,s\ngas,2024,400,0.1,s\ngas,2025,500,0.1,s\ngas-ngcc,2024,999,0.1,s\n"
        "nuclear,2024,0,0,s\n");
    struct jb_series_request request = request_for("ES");
    struct jb_error error = {0};
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    assert_int_equal(
        read_text("time,generation_wind_mw,generation_gas_mw,generation_nuclear_mw\n"
                  "2024-12-31T22:00,30,60,10\n"
                  "2024-12-31T23:00,30,,10\n"   /* gas not known: no mix */
                  "2025-01-01T00:00,0,0,0\n"    /* nothing generated: no mix */
                  "2025-01-01T01:00,50,50,0\n", /* wind has no factor of 2025: the last stands in */
                  &request, &error, &set),
        JB_OK);
    if (jb_series_value_mix(&set, &request, factors, &error))
        fail_msg("%s", error.message);
    assert_int_equal(set.count, 6);
    const struct jb_series_data *intensity = find(&set, "grid_intensity/ES"),
                                *renewable = find(&set, "renewable_share/ES"),
                                *carbon_free = find(&set, "carbon_free_share/ES");
    assert_int_equal(intensity->count, 2);
    /* (30·10 + 60·400 + 10·0) / 100; (50·10 + 50·500) / 100 */
    assert_true(fabs(intensity->steps[0].value - 243) < 1e-9);
    assert_true(fabs(intensity->steps[1].value - 255) < 1e-9);
    assert_true(renewable->steps[0].value == 30 && carbon_free->steps[0].value == 40);
    assert_true(renewable->steps[1].value == 50);
    assert_int_equal(intensity->steps[1].start_ns, time_of("2025-01-01T01:00"));
    /* √((800·0.3)² + (49000·0.1)²) / 49800 */
    assert_true(fabs(intensity->series.uncertainty - sqrt(240.0 * 240 + 4900.0 * 4900) / 49800) < 1e-12);
}

static void test_mix_without_factor(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors =
        make_factors("subject,technology_intensity_g_per_kwh,source\nwind,10,s\n");
    struct jb_series_request request = request_for("ES");
    struct jb_error error = {0};
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    assert_int_equal(
        read_text("time,generation_oil_mw\n2024-01-01T00:00,1\n2024-01-01T01:00,1\n", &request, &error, &set),
        JB_OK);
    assert_int_equal(jb_series_value_mix(&set, &request, factors, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "technology_intensity/oil"));
    bool is_renewable, is_carbon_free;
    assert_true(jb_technology_class("hydro-large", &is_renewable, &is_carbon_free) && is_renewable);
    assert_true(jb_technology_class("nuclear", &is_renewable, &is_carbon_free) && !is_renewable &&
                is_carbon_free);
    assert_false(jb_technology_class("magic", &is_renewable, &is_carbon_free));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_end_column),
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_mix_without_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
