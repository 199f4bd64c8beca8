/* Every row of every table that ships: well formed, in range, without duplicate or overlap, and found again.
 */
#include "base/time.h"
#include "factor/factor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jb_factors *load(void) {
    char path[4096];
    struct jb_factors *factors = NULL;
    struct jb_error error = {0};
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    struct jb_factor_load load = {.data_path = path};
    if (jb_factors_load(&load, &error, &factors))
        fail_msg("%s", error.message);
    return factors;
}

static void every_table_is_free_of_errors(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = load();
    struct jb_error error = {0};
    if (jb_factors_check(factors, &error))
        fail_msg("%s", error.message);
    const struct jb_factor_set *sets;
    size_t count = jb_factors_sets(factors, &sets);
    assert_true(count >= 18);
    for (size_t i = 0; i < count; i++) {
        assert_true(sets[i].factor_count > 0);
        assert_true(sets[i].licence[0] && sets[i].source[0] && sets[i].version[0]);
        assert_false(sets[i].is_own);
    }
}

/* Share-alike data stand in tables of their own, so that the rest stays free of their terms. */
static void provenance_names_every_table_and_licence(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = load();
    _cleanup_buffer_ struct jb_buffer text = {0};
    const struct jb_factor_set *sets;
    char path[4096], heading[128];
    snprintf(path, sizeof path, "%s/data/PROVENANCE.md", getenv("JB_SOURCE_ROOT"));
    assert_int_equal(jb_factor_file_read(path, &text, NULL), JB_OK);
    for (size_t i = 0, count = jb_factors_sets(factors, &sets); i < count; i++) {
        if (strcmp(sets[i].name, "power_vcpu") == 0)
            strcpy(heading, "## cpu/vcpu_power.csv");
        else if (strcmp(sets[i].name, "cpu_tdp") == 0)
            strcpy(heading, "## cpu/tdp.csv");
        else
            snprintf(heading, sizeof heading, "## factors/%s.csv", sets[i].name);
        if (!strstr(text.bytes, heading))
            fail_msg("data/PROVENANCE.md has no section '%s'", heading);
    }
}

static void every_row_is_found_at_its_start_and_not_at_its_end(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = load();
    const struct jb_factor *all;
    const struct jb_factor_set *sets;
    size_t count = jb_factors_all(factors, &all);
    jb_factors_sets(factors, &sets);
    assert_true(count > 30000);
    for (size_t i = 0; i < count; i++) {
        const struct jb_factor *row = &all[i];
        const struct jb_quantity_info *info = jb_quantity_info(row->quantity);
        struct jb_factor_query query = {.quantity = row->quantity,
                                        .provider = row->provider,
                                        .region = row->region,
                                        .subject = row->subject,
                                        .at_ns = row->from_ns == INT64_MIN ? 0 : row->from_ns};
        struct jb_factor_answer answer = {0};
        assert_true(isfinite(row->value) && row->value >= info->low && row->value <= info->high);
        assert_true(isnan(row->uncertainty) || (row->uncertainty >= 0 && row->uncertainty <= 10));
        assert_true(row->from_ns < row->until_ns && row->line > 1);
        assert_int_equal(jb_factors_find(factors, &query, &answer), JB_OK);
        /* Its own row, or that of a table that takes precedence. */
        assert_true(answer.factor == row || answer.factor->set < row->set);
        assert_false(answer.is_earlier || answer.is_fleet);
        if (row->until_ns != INT64_MAX) {
            query.at_ns = row->until_ns;
            assert_true(jb_factors_find(factors, &query, &answer) == JB_NO_DATA || answer.factor != row);
        }
    }
}

static double value_at(const struct jb_factors *factors, enum jb_quantity quantity, const char *provider,
                       const char *region, const char *subject, const char *date) {
    struct jb_factor_query query = {
        .quantity = quantity, .provider = provider, .region = region, .subject = subject};
    struct jb_factor_answer answer = {0};
    assert_int_equal(jb_time_parse(date, NULL, &query.at_ns), JB_OK);
    return jb_factors_find(factors, &query, &answer) ? NAN : answer.factor->value;
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12g is not %.12g", value, expected);
}

static void known_figures_are_there(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = load();
    assert_near(value_at(factors, JB_PUE, "alibaba", NULL, NULL, "2023-03-31T23:59:59Z"), 1.215, 1e-12);
    assert_near(value_at(factors, JB_PUE, "alibaba", NULL, NULL, "2023-04-01"), 1.2, 1e-12);
    assert_near(value_at(factors, JB_CLEAN_SHARE, "alibaba", NULL, NULL, "2024-03-31"), 56, 1e-12);
    assert_true(isnan(value_at(factors, JB_CLEAN_SHARE, "alibaba", NULL, NULL, "2024-04-01")));
    assert_near(value_at(factors, JB_STORAGE_POWER, NULL, NULL, "ssd", "2026-01-01"), 1.2, 1e-12);
    /* 90 GB·h, PUE 1.11, two replicas. */
    assert_near(value_at(factors, JB_MEMORY_POWER, NULL, NULL, "memory", "2026-01-01") * 90 * 1.11 * 2 / 1000,
                0.0783216, 1e-9);
    assert_near(value_at(factors, JB_EMBODIED_FACTOR, "aws", NULL, "a1.medium", "2026-01-01"), 1022.21, 1e-9);
    /* A factor of 0 is a value. */
    assert_near(value_at(factors, JB_TECHNOLOGY_WATER, NULL, NULL, "wind", "2026-01-01"), 0, 0);
    /* The two rows that are broken upstream are not there. */
    assert_true(
        isnan(value_at(factors, JB_GRID_INTENSITY_DIRECT, "azure", "finlandcentral", NULL, "2024-01-01")));
    assert_near(value_at(factors, JB_GRID_INTENSITY_DIRECT, "azure", "swedencentral", NULL, "2024-01-01"), 9,
                1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_free_of_errors),
        cmocka_unit_test(provenance_names_every_table_and_licence),
        cmocka_unit_test(every_row_is_found_at_its_start_and_not_at_its_end),
        cmocka_unit_test(known_figures_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
