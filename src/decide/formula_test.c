/* Formulas: what they come to, and what is refused; distributions against their moments. */
#include "decide/formula.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#define assert_near(value, wanted, error) assert_true(fabs((value) - (wanted)) <= (error))

struct bench {
    struct jb_measures measures;
    struct jb_names names;
    struct jb_uncertain_list inputs;
};

static struct jb_formula_scope scope_of(struct bench *bench) {
    return (struct jb_formula_scope){
        .measures = &bench->measures, .names = &bench->names, .inputs = &bench->inputs, .input_name = "here"};
}

static struct bench make_bench(void) {
    return (struct bench){.measures = jb_measures_make("EUR")};
}

/* value of a formula without inputs, and its unit */
static double value_of(struct bench *bench, const char *text, char unit[static JB_DIMENSION_SIZE]) {
    struct jb_formula_scope scope = scope_of(bench);
    struct jb_error error = {0};
    struct jb_product product;
    if (jb_formula_parse(text, &scope, &error, &product))
        fail_msg("%s: %s", text, error.message);
    jb_dimension_format(&bench->measures, &product.dimension, unit);
    double medians[16];
    for (size_t i = 0; i < bench->inputs.count && i < 16; i++)
        medians[i] = jb_distribution_median(&bench->inputs.items[i].distribution);
    return jb_product_value(&product, medians);
}

static void units_come_out_right(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
        const char *unit;
    } cases[] = {
        {"5", 5, "1"},
        {"20 %", 0.2, "1"},
        {"1_500.5 Wh", 1.5005, "kWh"},
        {"3.6 MJ", 1, "kWh"},
        {"2 kW", 2, "kWh/h"},
        {"2 million requests / month", 2e6 / 730.5, "request/h"},
        {"2 million requests per month", 2e6 / 730.5, "request/h"},
        {"0.3 Wh / request * 1e3 requests / day", 0.3 / 24, "kWh/h"},
        {"7 l / 100 km * 20000 km / year", 1400 / 8766.0, "l/h"},
        {"-3 % / year", -0.03 / 8766, "1/h"},
        {"12 EUR / gpu-hour", 12, "EUR/gpu-hour"},
        {"3 queries * 2 people", 6, "query * person"},
        {"420 gCO2e / kWh", 0.42, "kgCO2e/kWh"},
        {"400 kWh/MWh", 0.4, "1"},
        {"kWh / h", 1, "kWh/h"},
        {"10 min", 1 / 6.0, "h"},
        {"1 week / 7 days", 1, "1"},
        {"triangular(5 %, 10 %, 15 %)", 0.1, "1"},
        {"normal(2, 0.5) million requests / month * 12", 24e6 / 730.5, "request/h"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char unit[JB_DIMENSION_SIZE];
        struct bench bench = make_bench();
        double value = value_of(&bench, cases[i].text, unit);
        assert_near(value / cases[i].value, 1, 1e-12);
        assert_string_equal(unit, cases[i].unit);
        jb_uncertain_free(&bench.inputs);
    }
}

static void names_stand_for_their_products(void **state) {
    (void)state;
    struct bench bench = make_bench();
    struct jb_formula_scope scope = scope_of(&bench);
    struct jb_product requests, product;
    char unit[JB_DIMENSION_SIZE];
    scope.input_name = "requests";
    scope.source = "the plan";
    assert_int_equal(jb_formula_parse("lognormal(2, 1.3) million requests / month", &scope, NULL, &requests),
                     JB_OK);
    bench.names.items[bench.names.count].name = "requests";
    bench.names.items[bench.names.count++].product = requests;
    assert_string_equal(bench.inputs.items[0].unit, "million requests / month");
    assert_string_equal(bench.inputs.items[0].source, "the plan");
    /* The singular stays the unit; the input is shared, not drawn again. */
    assert_near(value_of(&bench, "0.3 Wh / request * requests", unit), 0.3e-3 * 2e6 / 730.5, 1e-9);
    assert_string_equal(unit, "kWh/h");
    assert_int_equal(bench.inputs.count, 1);
    assert_int_equal(jb_formula_parse("requests / requests", &scope, NULL, &product), JB_OK);
    assert_near(jb_product_value(&product, (double[]){2}), 1, 1e-12);
    assert_true(jb_formula_name_is_free(&bench.measures, "tokens"));
    assert_false(jb_formula_name_is_free(&bench.measures, "token"));
    assert_false(jb_formula_name_is_free(&bench.measures, "hours"));
    assert_false(jb_formula_name_is_free(&bench.measures, "normal"));
    assert_false(jb_formula_name_is_free(&bench.measures, "two words"));
    jb_uncertain_free(&bench.inputs);
}

static void what_is_wrong_is_told(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "is no number"},
        {"5 kwh", "near: kWh"},
        {"5 kWh kWh", "join it by * or /"},
        {"5 kWh +", "join it by * or /"},
        {"5 *", "is no number"},
        {"5 requets / day", "near: request"},
        {"5 USD", "counts in EUR"},
        {"normal(5)", "takes 2 numbers"},
        {"normal(5, 1, 2)", "not closed"},
        {"normal(5, 1", "not closed"},
        {"normal 5", "no ( behind normal"},
        {"normal(5, 0)", "not above 0"},
        {"normal(5 kWh, 1)", "units stand behind the bracket"},
        {"lognormal(5, 1)", "geometric standard deviation above 1"},
        {"triangular(3, 2, 1)", "not in that order"},
        {"uniform(2, 2)", "not in that order"},
        {"data(a.csv, x)", "files cannot be read here"},
        {"5 / normal(5, 1)", "may be 0"},
        {"5 / uniform(0, 1)", "may be 0"},
        {"5 / 0", "division by zero"},
        {"1e400", "is no number"},
        {"1e300 * 1e300", "too large"},
        {"kWh * kWh * kWh * kWh * kWh * kWh * kWh * kWh * kWh", "beyond 8"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct bench bench = make_bench();
        struct jb_formula_scope scope = scope_of(&bench);
        struct jb_error error = {0};
        struct jb_product product = {.constant = 42};
        assert_int_equal(jb_formula_parse(cases[i].text, &scope, &error, &product), JB_INPUT);
        if (!strstr(error.message, cases[i].message))
            fail_msg("'%s': '%s' is not in '%s'", cases[i].text, cases[i].message, error.message);
        assert_true(product.constant == 42);
        jb_uncertain_free(&bench.inputs);
    }
}

/* Mean and variance of 200,000 draws, and that 95 % lie where the interval says. */
static void distributions_have_their_moments(void **state) {
    (void)state;
    double *values = malloc(4 * sizeof *values);
    assert_non_null(values);
    memcpy(values, (double[]){1, 2, 3, 10}, 4 * sizeof *values);
    double sigma = log(1.5);
    const struct {
        struct jb_distribution distribution;
        double mean, variance;
    } cases[] = {
        {{.kind = JB_NORMAL, .a = 5, .b = 2}, 5, 4},
        {{.kind = JB_LOGNORMAL, .a = 3, .b = 1.5},
         3 * exp(sigma * sigma / 2),
         9 * (exp(sigma * sigma) - 1) * exp(sigma * sigma)},
        {{.kind = JB_TRIANGULAR, .a = 1, .b = 2, .c = 6}, 3, (1 + 4 + 36 - 2 - 6 - 12) / 18.0},
        {{.kind = JB_TRIANGULAR, .a = 1, .b = 1, .c = 4}, 2, 0.5},
        {{.kind = JB_UNIFORM, .a = -1, .b = 3}, 1, 16 / 12.0},
        {{.kind = JB_DATA, .values = values, .value_count = 4}, 4, 12.5},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        const struct jb_distribution *d = &cases[i].distribution;
        struct jb_random random = jb_random_make(5);
        double sum = 0, squares = 0, low, high, least, most;
        int count = 200000, inside = 0, below = 0;
        assert_int_equal(jb_distribution_check(d, NULL), JB_OK);
        jb_distribution_interval(d, &low, &high);
        jb_distribution_support(d, &least, &most);
        for (int k = 0; k < count; k++) {
            double x = jb_distribution_draw(d, &random);
            assert_true(x >= least && x <= most);
            sum += x;
            squares += x * x;
            inside += x >= low && x <= high;
            below += x < jb_distribution_median(d);
        }
        double mean = sum / count, variance = squares / count - mean * mean;
        assert_true(fabs(mean - cases[i].mean) < 5 * sqrt(cases[i].variance / count));
        assert_near(variance / cases[i].variance, 1, 0.03);
        if (d->kind != JB_DATA) {
            assert_near((double)inside / count, 0.95, 0.002);
            assert_near((double)below / count, 0.5, 0.005);
        }
    }
    struct jb_distribution known = jb_distribution_of_interval(2, 8);
    double low, high;
    jb_distribution_interval(&known, &low, &high);
    assert_near(low, 2, 1e-9);
    assert_near(high, 8, 1e-9);
    free(values);
}

static void supports_hold_what_is_drawn(void **state) {
    (void)state;
    static const char *const texts[] = {
        "uniform(1, 2) * uniform(-3, 4)",
        "triangular(1, 2, 3) / uniform(2, 5)",
        "uniform(0.1, 0.2) * lognormal(1, 2)",
        "-2 * uniform(1, 2) / triangular(1, 1, 2)",
    };
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        struct bench bench = make_bench();
        struct jb_formula_scope scope = scope_of(&bench);
        struct jb_random random = jb_random_make(i);
        struct jb_product product;
        double low, high, drawn[4];
        assert_int_equal(jb_formula_parse(texts[i], &scope, NULL, &product), JB_OK);
        jb_product_support(&product, &bench.inputs, &low, &high);
        for (int k = 0; k < 2000; k++) {
            for (size_t j = 0; j < bench.inputs.count; j++)
                drawn[j] = jb_distribution_draw(&bench.inputs.items[j].distribution, &random);
            double value = jb_product_value(&product, drawn);
            assert_true(value >= low - 1e-12 && value <= high + 1e-12);
        }
        jb_uncertain_free(&bench.inputs);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_come_out_right),        cmocka_unit_test(names_stand_for_their_products),
        cmocka_unit_test(what_is_wrong_is_told),       cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(supports_hold_what_is_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
