/* The table parsers, the checks between rows, precedence, and the look-up. */
#include "factor/factor.h"

#include "base/random.h"
#include "base/time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct jb_factor_set own = {.name = "own", .version = "own", .is_own = true, .uncertainty = NAN};
static const struct jb_factor_set shipped = {.name = "shipped", .version = "1", .uncertainty = 0.1};

static void add(struct jb_factors *factors, const struct jb_factor_set *set, const char *text, bool is_ini) {
    assert_int_equal(
        jb_factors_add(factors, set, text, strlen(text), is_ini ? "t.ini" : "t.csv", is_ini, NULL), JB_OK);
}

static struct jb_factors *parse(const char *text, bool is_ini) {
    struct jb_factors *factors = NULL;
    assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
    add(factors, &own, text, is_ini);
    assert_int_equal(jb_factors_finish(factors, NULL), JB_OK);
    return factors;
}

/* The text has exactly one finding, on that line and field, whose message holds `words`. */
static void expect(const char *text, bool is_ini, bool is_error, uint32_t line, const char *field,
                   const char *words) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = parse(text, is_ini);
    const struct jb_factor_finding *findings;
    size_t count = jb_factors_findings(factors, &findings);
    if (count != 1)
        fail_msg("%zu findings in: %s", count, text);
    if (findings[0].is_error != is_error || findings[0].line != line ||
        strcmp(findings[0].field, field) != 0 || !strstr(findings[0].message, words))
        fail_msg("line %u, field '%s': %s", findings[0].line, findings[0].field, findings[0].message);
    assert_int_equal(jb_factors_check(factors, NULL), is_error ? JB_INPUT : JB_OK);
}

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.12g is not %.12g", value, expected);
}

#define HEAD "quantity,region,from,until,value,unit,source\n"

static void units_are_converted(void **state) {
    (void)state;
    static const struct {
        const char *row;
        double value;
    } cases[] = {
        {"grid_intensity,KR,,,0.417,kgCO2e/kWh,s", 417},
        {"grid_intensity,KR,,,417,gCO2e/kWh,s", 417},
        {"grid_intensity,KR,,,0.417,t/MWh,s", 417},
        {"grid_intensity,KR,,,0.000417,t/kWh,s", 417},
        {"grid_intensity,KR,,,0,g/kWh,s", 0},
        {"cfe,KR,,,0.56,fraction,s", 56},
        {"grid_water,KR,,,1800,L/MWh,s", 1.8},
        {"memory_power,x,,,0.4,W/GiB,s", 0.4 / 1.073741824},
        {"tdp,x,,,0.7,kW,s", 700},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char text[256];
        const struct jb_factor *all;
        snprintf(text, sizeof text, HEAD "%s\n", cases[i].row);
        _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = parse(text, false);
        assert_int_equal(jb_factors_all(factors, &all), 1);
        assert_near(all[0].value, cases[i].value);
        assert_true(isnan(all[0].uncertainty));
    }
}

static void wrong_fields_are_named(void **state) {
    (void)state;
    expect(HEAD "grid_intensity,KR,,,417,g/MJ,s\n", false, true, 2, "unit",
           "no unit of grid_intensity; write one of");
    expect(HEAD "grid_intensity,KR,,,000077,t/kWh,s\n", false, true, 2, "value", "was a decimal point lost");
    expect(HEAD "grid_intensity,KR,,,77,t/kWh,s\n", false, true, 2, "value", "outside 0 to 2500");
    expect(HEAD "grid_intensity,KR,,,-1,g/kWh,s\n", false, true, 2, "value", "outside");
    expect(HEAD "grid_intensity,KR,,,\"0,4\",kg/kWh,s\n", false, true, 2, "value", "comma");
    expect(HEAD "grid_intensity,KR,,,1e3,g/kWh,s\n", false, true, 2, "value", "no number");
    expect(HEAD "grid_intensity,KR,,,nan,g/kWh,s\n", false, true, 2, "value", "no number");
    expect(HEAD "grid_intensity,KR,,,,g/kWh,s\n", false, true, 2, "value", "no number");
    expect(HEAD "pue,a,,,0.9,1,s\n", false, true, 2, "value", "outside 1 to 5");
    expect(HEAD "watts,a,,,0.9,1,s\n", false, true, 2, "quantity", "no quantity");
    expect(HEAD "pue,,,,1.2,1,s\n", false, true, 2, "", "no region, provider or subject");
    expect(HEAD "pue,a,,,1.2,1,\n", false, true, 2, "source", "is empty");
    expect(HEAD "pue,a,,,1.2,1\n", false, true, 2, "", "6 fields where the heading has 7");
    expect(HEAD "pue, a,,,1.2,1,s\n", false, true, 2, "region", "blanks");
    expect(HEAD "pue,a\xff,,,1.2,1,s\n", false, true, 2, "region", "UTF-8");
    expect("region,year,pue,source\na,24,1.2,s\n", false, true, 2, "year", "no year");
    expect("region,year,pue,source\na,2024,,s\n", false, true, 2, "", "no value");
    expect("region,pue,source,uncertainty\na,1.2,s,50\n", false, true, 2, "uncertainty", "0.05 for 5 %");
}

static void dates_have_one_style(void **state) {
    (void)state;
    static const char *const wrong[] = {"31.12.2024", "12/31/2024", "Dec 31 2024",
                                        "2024-13-01", "2024-02-30", "2024"};
    for (size_t i = 0; i < JB_COUNT(wrong); i++) {
        char text[256];
        snprintf(text, sizeof text, HEAD "pue,a,%s,,1.2,1,s\n", wrong[i]);
        expect(text, false, true, 2, "from", "write it as 2024-12-31");
    }
    expect(HEAD "pue,a,2024-01-01,2024-01-01,1.2,1,s\n", false, true, 2, "until", "not after from");
}

static void headings_are_checked(void **state) {
    (void)state;
    expect("", false, true, 1, "", "is empty");
    expect("region,watts\n", false, true, 1, "watts", "no such field");
    expect("region,region,pue\n", false, true, 1, "region", "twice");
    expect("region,pue,pue\n", false, true, 1, "pue", "twice");
    expect("region,source\n", false, true, 1, "quantity", "is missing");
    expect("quantity,region,value\n", false, true, 1, "unit", "is missing");
    expect("quantity,region,pue,value,unit\n", false, true, 1, "quantity", "cannot stand beside");
    expect("pue,source\n", false, true, 1, "region", "is missing");
    expect("region,year,from,pue\n", false, true, 1, "year", "cannot stand beside");
    expect("region,value,pue\n", false, true, 1, "value", "needs a field quantity");
}

static void hostile_bytes_are_refused(void **state) {
    (void)state;
    static const char nul[] = "region,pue,source\na,1.\0002,s\n", wide[] = "\xff\xfer\0e\0g\0",
                      ini[] = "[a]\nx=\0\n";
    static const struct {
        const char *text;
        size_t length;
        bool is_ini;
        uint32_t line;
        const char *words;
    } cases[] = {{nul, sizeof nul - 1, false, 2, "NUL"},
                 {wide, sizeof wide - 1, false, 1, "iconv"},
                 {wide, sizeof wide - 1, true, 1, "iconv"},
                 {ini, sizeof ini - 1, true, 2, "NUL"}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
        const struct jb_factor_finding *findings;
        assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
        assert_int_equal(
            jb_factors_add(factors, &own, cases[i].text, cases[i].length, "t", cases[i].is_ini, NULL), JB_OK);
        assert_int_equal(jb_factors_findings(factors, &findings), 1);
        assert_int_equal(findings[0].line, cases[i].line);
        assert_non_null(strstr(findings[0].message, cases[i].words));
    }
    /* A line of 25 kB. */
    static char text[26000];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "region,pue,source\na,1.2,", 24);
    expect(text, false, true, 2, "source", "shorten it to 1000");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "[a]\nregion = ", 13);
    expect(text, true, true, 2, "", "shorten it to 4096");
}

static void ini_says_the_same_as_csv(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = parse(
        "\xef\xbb\xbf; ours\r\n[seoul]\r\nquantity = pue\r\nregion=seoul1\nfrom = 2024-01-01\nvalue = 1.18\n"
        "unit = 1\nuncertainty = 0.02\nsource = own meter = A\n\n[KR]\nregion = KR\nyear = 2024\n"
        "grid_intensity_g_per_kwh = 410\nsource = s",
        true);
    const struct jb_factor *all;
    char id[JB_FACTOR_ID_SIZE];
    assert_int_equal(jb_factors_check(factors, NULL), JB_OK);
    assert_int_equal(jb_factors_all(factors, &all), 2);
    assert_string_equal(jb_factor_id(&all[0], id), "grid_intensity/KR");
    assert_string_equal(jb_factor_id(&all[1], id), "pue/seoul1");
    assert_string_equal(all[1].source, "own meter = A");
    assert_int_equal(all[1].line, 2);
    expect("a = 1\n[a]\nregion = a\npue = 1.1\nsource = s\n", true, true, 1, "", "before the first");
    expect("[a\n", true, true, 1, "", "does not close");
    expect("[a]\nregion = a\npue 1.1\n", true, true, 3, "", "no 'name = value'");
    expect("[a]\nregion = a\n\npue = 9\nsource = s\n", true, true, 4, "pue", "outside");
    expect("[a]\nregion = a\npue = 1.1\n", true, true, 1, "source", "is empty");
    expect("; nothing\n", true, true, 1, "", "no [section]");
}

static void duplicates_overlaps_and_gaps_show(void **state) {
    (void)state;
    expect("region,year,pue,source\na,2024,1.2,s\nb,2024,1.2,s\na,2024,1.3,s\n", false, true, 4, "",
           "on line 2");
    expect("region,from,until,pue,source\na,2024-01-01,,1.2,s\na,2024-06-01,,1.2,s\n", false, true, 3, "from",
           "overlaps that on line 2");
    expect("region,year,pue,source\na,2020,1.2,s\na,2022,1.2,s\n", false, false, 3, "",
           "no value from 2021-01-01 to 2022-01-01");
    expect("region,year,share_coal_percent,share_gas_percent,source\na,2024,30,20,s\n", false, false, 2,
           "share_…", "sum to 50.0 %");
    /* End to end is neither. */
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors =
        parse("region,year,pue,source\na,2020,1.2,s\na,2021,1.2,s\n", false);
    const struct jb_factor_finding *findings;
    assert_int_equal(jb_factors_findings(factors, &findings), 0);
}

static enum jb_code find(const struct jb_factors *factors, const char *provider, const char *region,
                         const char *date, bool is_lenient, struct jb_factor_answer *ret) {
    struct jb_factor_query query = {.quantity = JB_PUE,
                                    .provider = provider,
                                    .region = region,
                                    .allows_earlier = is_lenient,
                                    .allows_fleet = is_lenient};
    assert_int_equal(jb_time_parse(date, NULL, &query.at_ns), JB_OK);
    return jb_factors_find(factors, &query, ret);
}

static void own_tables_take_precedence_while_valid(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    struct jb_factor_answer answer = {0};
    assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
    add(factors, &own, "provider,region,year,pue,source\nx,a,2023,1.5,mine\n", false);
    add(factors, &shipped,
        "provider,region,year,pue\nx,a,2022,1.1\nx,a,2023,1.2\nx,a,2024,1.3\nx,,2023,1.4\n", false);
    assert_int_equal(jb_factors_finish(factors, NULL), JB_OK);
    assert_int_equal(find(factors, "x", "a", "2022-12-31T23:59:59.999999999Z", false, &answer), JB_OK);
    assert_near(answer.factor->value, 1.1);
    assert_int_equal(find(factors, "x", "a", "2023-01-01", false, &answer), JB_OK);
    assert_near(answer.factor->value, 1.5);
    assert_string_equal(answer.factor->source, "mine");
    assert_int_equal(find(factors, "x", "a", "2024-01-01", false, &answer), JB_OK);
    assert_near(answer.factor->value, 1.3);
    answer.factor = NULL;
    assert_int_equal(find(factors, "x", "a", "2025-01-01", false, &answer), JB_NO_DATA);
    assert_int_equal(find(factors, "x", "a", "2021-12-31", true, &answer), JB_NO_DATA);
    assert_int_equal(find(factors, "y", "a", "2023-06-01", true, &answer), JB_NO_DATA);
    assert_int_equal(find(factors, "x", "b", "2023-06-01", false, &answer), JB_NO_DATA);
    assert_null(answer.factor);
    /* What stands in says so. */
    assert_int_equal(find(factors, "x", "a", "2026-01-01", true, &answer), JB_OK);
    assert_near(answer.factor->value, 1.3);
    assert_true(answer.is_earlier && !answer.is_fleet);
    assert_int_equal(find(factors, "x", "b", "2023-06-01", true, &answer), JB_OK);
    assert_near(answer.factor->value, 1.4);
    assert_true(answer.is_fleet && !answer.is_earlier);
}

static void two_own_tables_may_not_disagree(void **state) {
    (void)state;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    struct jb_error error = {0};
    assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
    add(factors, &own, "region,year,pue,source\na,2023,1.5,s\n", false);
    add(factors, &own, "region,from,pue,source\na,2023-06-01,1.5,s\n", false);
    assert_int_equal(jb_factors_finish(factors, NULL), JB_OK);
    assert_int_equal(jb_factors_check(factors, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "overlaps that on t.csv, line 2"));
}

static void intervals_stay_in_range(void **state) {
    (void)state;
    struct jb_factor factor = {.quantity = JB_PUE, .value = 1.2, .uncertainty = 0.05};
    double low = 7, high = 7;
    assert_true(jb_factor_interval(&factor, &low, &high));
    assert_near(low, 1.2 * exp(-1.959963984540054 * sqrt(log(1.0025))));
    assert_near(high, 1.2 * exp(1.959963984540054 * sqrt(log(1.0025))));
    factor.uncertainty = 1;
    assert_true(jb_factor_interval(&factor, &low, &high));
    assert_near(low, 1);
    factor.uncertainty = NAN;
    low = 7;
    assert_false(jb_factor_interval(&factor, &low, &high));
    assert_near(low, 7);
}

static void any_change_changes_the_digest(void **state) {
    (void)state;
    char one[JB_SHA256_SIZE], two[JB_SHA256_SIZE], again[JB_SHA256_SIZE];
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *a = parse("region,pue,source\na,1.2,s\n", false);
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *b = parse("region,pue,source\na,1.3,s\n", false);
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *c = parse("region,pue,source\na,1.2,s\n", false);
    const struct jb_factor_set *sets;
    char digest[JB_SHA256_SIZE];
    assert_string_not_equal(jb_factors_sha256(a, one), jb_factors_sha256(b, two));
    assert_string_equal(one, jb_factors_sha256(c, again));
    jb_factors_sets(a, &sets);
    assert_string_equal(sets[0].sha256, jb_sha256("region,pue,source\na,1.2,s\n", 27 - 1, digest));
}

static void every_unit_and_column_leads_back(void **state) {
    (void)state;
    for (unsigned i = 0; i < JB_QUANTITY_COUNT; i++) {
        const struct jb_quantity_info *info = jb_quantity_info((enum jb_quantity)i);
        enum jb_quantity found = JB_QUANTITY_COUNT;
        double multiplier = 0;
        assert_true(jb_quantity_of_name(info->name, &found) && found == i);
        assert_true(jb_quantity_of_column(info->column, &found) && found == i);
        assert_true(jb_quantity_unit(found, info->unit, &multiplier));
        assert_near(multiplier, 1);
        assert_true(info->low < info->high && info->meaning[0]);
        assert_false(jb_quantity_unit(found, "furlong", &multiplier));
    }
}

/* ---- the look-up against an obvious search ---- */

#define PERIODS 14 /* of 97 days: an odd length, as years are not all of one */

static int64_t time_of(uint64_t period) {
    return 1500000000000000000 + (int64_t)period * 97 * 86400 * 1000000000;
}

static const char *const providers[] = {"", "gcp", "aws-with-a-long-name"},
                         *const regions[] = {"", "K", "KRX", "europe-w", "us-east-1-local-zone", "KR"};

/* A random table as CSV: rows of one length and not, gaps, overlaps, open ends. */
static void add_random(struct jb_factors *factors, const struct jb_factor_set *set,
                       struct jb_random *random) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    jb_buffer_add_string(&text, "quantity,provider,region,from,until,value,unit,source\n");
    for (size_t i = 0, count = jb_random_below(random, 40); i < count; i++) {
        char from[JB_TIME_SIZE] = "", until[JB_TIME_SIZE] = "";
        const char *provider = providers[jb_random_below(random, JB_COUNT(providers))];
        const char *region = regions[jb_random_below(random, JB_COUNT(regions))];
        uint64_t start = jb_random_below(random, PERIODS), length = 1 + jb_random_below(random, 8) / 6;
        if (jb_random_below(random, 12))
            snprintf(from, sizeof from, "%.10s", jb_time_format(time_of(start), until));
        if (jb_random_below(random, 12))
            snprintf(until, sizeof until, "%.10s",
                     jb_time_format(time_of(start + length), (char[JB_TIME_SIZE]){0}));
        else
            until[0] = 0;
        jb_buffer_printf(&text, "pue,%s,%s,%s,%s,1.%u,ratio,s\n", provider,
                         *provider || *region ? region : "X", from, until,
                         (unsigned)jb_random_below(random, 1000));
    }
    assert_int_equal(jb_buffer_check(&text, NULL), JB_OK);
    assert_int_equal(jb_factors_add(factors, set, text.bytes, text.length, "r.csv", false, NULL), JB_OK);
}

/* The same answer by walking all rows, which stand by precedence. */
static const struct jb_factor *search(const struct jb_factors *factors, const char *provider,
                                      const char *region, int64_t at_ns, bool allows_earlier,
                                      bool *ret_is_earlier) {
    const struct jb_factor *all, *earlier = NULL;
    size_t count = jb_factors_all(factors, &all);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].provider, provider) != 0 || strcmp(all[i].region, region) != 0)
            continue;
        *ret_is_earlier = false;
        if (all[i].from_ns <= at_ns && at_ns < all[i].until_ns)
            return &all[i];
        if (all[i].until_ns <= at_ns && (!earlier || all[i].until_ns > earlier->until_ns))
            earlier = &all[i];
    }
    *ret_is_earlier = true;
    return allows_earlier ? earlier : NULL;
}

static void the_look_up_is_a_search(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(3);
    for (int table = 0; table < 60; table++) {
        _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
        assert_int_equal(jb_factors_make(NULL, &factors), JB_OK);
        add_random(factors, &own, &random);
        add_random(factors, &shipped, &random);
        add_random(factors, &shipped, &random);
        assert_int_equal(jb_factors_finish(factors, NULL), JB_OK);
        for (int i = 0; i < 300; i++) {
            struct jb_factor_query query = {.quantity = JB_PUE,
                                            .provider =
                                                providers[jb_random_below(&random, JB_COUNT(providers))],
                                            .region = regions[jb_random_below(&random, JB_COUNT(regions))],
                                            .at_ns = time_of(jb_random_below(&random, PERIODS + 4)) -
                                                     (int64_t)jb_random_below(&random, 3) + 1,
                                            .allows_earlier = jb_random_below(&random, 2),
                                            .allows_fleet = jb_random_below(&random, 2)};
            struct jb_factor_answer answer = {0};
            bool is_earlier, is_fleet = false;
            const struct jb_factor *expected =
                search(factors, query.provider, query.region, query.at_ns, query.allows_earlier, &is_earlier);
            if (!expected && query.allows_fleet && *query.provider && *query.region) {
                is_fleet = true;
                expected =
                    search(factors, query.provider, "", query.at_ns, query.allows_earlier, &is_earlier);
            }
            assert_int_equal(jb_factors_find(factors, &query, &answer), expected ? JB_OK : JB_NO_DATA);
            assert_ptr_equal(answer.factor, expected);
            if (expected) {
                assert_int_equal(answer.is_earlier, is_earlier);
                assert_int_equal(answer.is_fleet, is_fleet);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_converted),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(dates_have_one_style),
        cmocka_unit_test(headings_are_checked),
        cmocka_unit_test(hostile_bytes_are_refused),
        cmocka_unit_test(ini_says_the_same_as_csv),
        cmocka_unit_test(duplicates_overlaps_and_gaps_show),
        cmocka_unit_test(own_tables_take_precedence_while_valid),
        cmocka_unit_test(two_own_tables_may_not_disagree),
        cmocka_unit_test(intervals_stay_in_range),
        cmocka_unit_test(any_change_changes_the_digest),
        cmocka_unit_test(every_unit_and_column_leads_back),
        cmocka_unit_test(the_look_up_is_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
