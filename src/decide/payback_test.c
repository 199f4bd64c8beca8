/* Paying back, against closed forms, and as a whole. */
#include "decide/payback.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#define assert_near(value, wanted, error) assert_true(fabs((value) - (wanted)) <= (error))

#define HEAD                                                                                                 \
    "[project]\nstart = 2026-01-01\nlife = 2 years\ncurrency = EUR\ngrid_intensity = 0.5 kgCO2e / kWh\n"     \
    "electricity_price = 0.2 EUR / kWh\n"

struct run {
    struct jb_project *project;
    struct jb_payback_model model;
    struct jb_payback payback;
};

static void free_run(struct run *run) {
    jb_payback_free(&run->payback);
    jb_payback_model_free(&run->model);
    jb_project_free(run->project);
}

static enum jb_code try_run(const char *text, uint32_t draws, unsigned threads, struct jb_error *error,
                            struct run *ret_run) {
    struct jb_payback_sources sources = {0};
    struct jb_payback_request request = {.draw_count = draws, .seed = 7, .thread_count = threads};
    *ret_run = (struct run){0};
    enum jb_code code = jb_project_parse(text, strlen(text), "p.ini", NULL, error, &ret_run->project);
    if (!code)
        code = jb_payback_model_make(ret_run->project, &sources, error, &ret_run->model);
    return code ? code : jb_payback_run(&ret_run->model, &request, error, &ret_run->payback);
}

static struct run must_run(const char *text, uint32_t draws, unsigned threads) {
    struct jb_error error = {0};
    struct run run;
    if (try_run(text, draws, threads, &error, &run))
        fail_msg("%s", error.message);
    return run;
}

static double normal_probability(double z) {
    return 0.5 * erfc(-z / sqrt(2));
}

/* Cost N(90, 10), benefit N(100, 20): P(benefit > cost) = Φ(10 / √500). */
static void two_normals_have_their_probability(void **state) {
    (void)state;
    _cleanup_(free_run) struct run run = must_run(
        HEAD "[cost a]\namount = normal(90, 10) MWh\n[benefit b]\namount = normal(100, 20) MWh\n", 100000, 1);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        const struct jb_payback_worth *result = &run.payback.worths[worth];
        double p = normal_probability(10 / sqrt(500));
        assert_true(result->is_known && result->pays);
        assert_true(fabs(result->probability - p) < 4 * sqrt(p * (1 - p) / 100000));
    }
    const struct jb_payback_worth *energy = &run.payback.worths[JB_WORTH_ENERGY];
    assert_near(energy->net.mean, 10000, 4 * 22360 / sqrt(100000));
    assert_near(energy->net.low, 10000 - 1.96 * 22360.7, 500);
    assert_near(energy->cost.median, 90000, 100);
    assert_near(run.payback.worths[JB_WORTH_CARBON].cost.median, 45000, 50);
    assert_near(run.payback.worths[JB_WORTH_MONEY].benefit.median, 20000, 40);
    /* Variances 400 and 100, no interaction. */
    assert_int_equal(energy->leading_count, 2);
    assert_string_equal(run.project->inputs.items[energy->leading[0].input].name, "b: amount");
    assert_near(energy->leading[0].first, 0.8, 0.02);
    assert_near(energy->leading[0].total, 0.8, 0.02);
    assert_near(energy->leading[1].first, 0.2, 0.02);
    /* With the cost as it is, its median 90, the answer flips where b falls below 90; and a above 100. */
    assert_true(energy->leading[0].has_threshold && !energy->leading[0].is_above);
    assert_near(energy->leading[0].threshold, 90, 0.5);
    assert_near(energy->leading[0].probability, normal_probability(-0.5), 0.01);
    assert_true(energy->leading[1].has_threshold && energy->leading[1].is_above);
    assert_near(energy->leading[1].threshold, 100, 0.5);
}

/* A product of independent factors with variation v has Si = vi² / (Π(1+vi²) − 1) and
 * STi = vi² Π(j≠i)(1+vj²) / (Π(1+vi²) − 1). */
static void a_product_has_its_indices(void **state) {
    (void)state;
    _cleanup_(free_run) struct run run = must_run(
        HEAD
        "[cost a]\namount = 1 Wh\n[benefit b]\namount = normal(10, 3) kWh * uniform(0, 1) * normal(5, 1)\n",
        100000, 2);
    const struct jb_payback_worth *energy = &run.payback.worths[JB_WORTH_ENERGY];
    double v[3] = {1.0 / 3, 0.09, 0.04}, whole = 1;
    for (int i = 0; i < 3; i++)
        whole *= 1 + v[i];
    assert_int_equal(energy->leading_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_near(energy->leading[i].first, v[i] / (whole - 1), 0.02);
        assert_near(energy->leading[i].total, v[i] * whole / (1 + v[i]) / (whole - 1), 0.02);
        assert_true(energy->leading[i].total_low <= energy->leading[i].total &&
                    energy->leading[i].total <= energy->leading[i].total_high);
    }
}

static void figures_do_not_depend_on_threads(void **state) {
    (void)state;
    static const char text[] = HEAD
        "[input r]\nvalue = lognormal(3, 1.5) kWh / day\n[cost a]\namount = r\nramp = 3 months\n[cost once]\n"
        "amount = uniform(100, 900) kWh\n[benefit b]\namount = r * triangular(0.5, 1, 2)\nrebound = "
        "uniform(0, 0.3)\n";
    _cleanup_(free_run) struct run one = must_run(text, 30500, 1);
    _cleanup_(free_run) struct run again = must_run(text, 30500, 1);
    _cleanup_(free_run) struct run many = must_run(text, 30500, 7);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        assert_memory_equal(&one.payback.worths[worth].net, &many.payback.worths[worth].net,
                            sizeof(struct jb_spread));
        assert_memory_equal(&one.payback.worths[worth].net, &again.payback.worths[worth].net,
                            sizeof(struct jb_spread));
        assert_true(one.payback.worths[worth].even_h == many.payback.worths[worth].even_h);
        for (int i = 0; i < JB_PAYBACK_LEADING; i++) {
            assert_true(one.payback.worths[worth].leading[i].total ==
                        many.payback.worths[worth].leading[i].total);
            assert_true(one.payback.worths[worth].leading[i].threshold ==
                        many.payback.worths[worth].leading[i].threshold);
        }
    }
}

/* 1,000 kWh once against 2 kWh a day: even after 500 days. */
static void break_even_is_where_the_sums_meet(void **state) {
    (void)state;
    _cleanup_(free_run) struct run run =
        must_run(HEAD "[cost a]\namount = 1000 kWh\n[benefit b]\namount = 2 kWh / day\n", 1000, 1);
    assert_near(run.payback.worths[JB_WORTH_ENERGY].even_h, 500 * 24, 1e-6);
    assert_near(run.payback.worths[JB_WORTH_ENERGY].net.median, 2 * 730.5 - 1000, 1e-6);
    assert_true(run.payback.worths[JB_WORTH_ENERGY].probability == 1);
    assert_int_equal(run.payback.worths[JB_WORTH_ENERGY].leading_count, 0);
    _cleanup_(free_run) struct run late =
        must_run(HEAD "[cost a]\namount = 1000 kWh\n[benefit b]\namount = 1 kWh / day\n", 1000, 1);
    assert_true(isinf(late.payback.worths[JB_WORTH_ENERGY].even_h));
    assert_false(late.payback.worths[JB_WORTH_ENERGY].pays);
}

static void profiles_have_their_integrals(void **state) {
    (void)state;
    struct jb_profile profile = {.is_rate = true, .from_h = 1000, .until_h = 11000, .ramp_h = 2000};
    assert_true(jb_profile_until(&profile, 1000) == 0);
    assert_near(jb_profile_until(&profile, 2000), 250, 1e-9);
    assert_near(jb_profile_until(&profile, 3000), 1000, 1e-9);
    assert_near(jb_profile_until(&profile, 5000), 3000, 1e-9);
    assert_near(jb_profile_until(&profile, 50000), 9000, 1e-9);
    profile = (struct jb_profile){
        .is_rate = true, .until_h = 87660, .growth = log(1.07) / 8766, .trend = log(0.95) / 8766};
    double rate = profile.growth + profile.trend;
    assert_near(jb_profile_until(&profile, 87660) / ((exp(rate * 87660) - 1) / rate), 1, 1e-12);
    profile = (struct jb_profile){.from_h = 8766, .until_h = 87660, .trend = log(0.9) / 8766};
    assert_true(jb_profile_until(&profile, 8765) == 0);
    assert_near(jb_profile_until(&profile, 9000), 0.9, 1e-12);
}

/* Amounts by hand: what each key does to what is counted. */
static void keys_do_what_they_say(void **state) {
    (void)state;
    static const struct {
        const char *item;
        double energy, carbon, money;
    } cases[] = {
        {"amount = 730.5 kWh / year", 1461, 730.5, 292.2},
        {"amount = 100 kWh", 100, 50, 20},
        {"amount = 100 kWh\nshare = 0.5\nattribution = 0.2", 10, 5, 2},
        {"amount = 100 kWh\nrebound = 0.25", 75, 37.5, 15},
        {"amount = 100 kWh\namortised = 4 years", 50, 25, 10},
        {"amount = 1 W\nfrom = 1 year", 8.766, 4.383, 1.7532},
        {"amount = 1 W\nfrom = 2026-07-02T15:00:00Z", 17.532 - 4.383, (17.532 - 4.383) / 2,
         (17.532 - 4.383) / 5},
        {"amount = 1 W\nuntil = 1 year", 8.766, 4.383, 1.7532},
        {"amount = 1 W\nramp = 2 years", 8.766, 4.383, 1.7532},
        {"amount = 100 kWh\nenergy = none\ncarbon = 1 kgCO2e / MWh\nmoney = 2 EUR / kWh", 0, 0.1, 200},
        {"amount = 10 EUR / month\nenergy = none\ncarbon = none", 0, 0, 240},
        {"amount = 5 kgCO2e\nenergy = none\nmoney = none", 0, 5, 0},
        {"amount = 1000 requests\nwhat = electricity\nenergy = 3 Wh / request", 3, 1.5, 0.6},
        {"amount = 10 person-hours / year\nenergy = none\ncarbon = none\nmoney = 40 EUR / person-hour", 0, 0,
         800},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%s[cost a]\namount = 1 mWh\n[benefit b]\n%s\n", HEAD,
                       cases[i].item);
        _cleanup_(free_run) struct run run = must_run(text, 1000, 1);
        const double wanted[] = {cases[i].energy, cases[i].carbon, cases[i].money};
        for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
            if (fabs(run.payback.item_means[JB_WORTH_COUNT + worth] - wanted[worth]) >
                1e-9 * (1 + wanted[worth]))
                fail_msg("%s: %s is %.12g, not %.12g", cases[i].item, jb_worth_name((enum jb_worth)worth),
                         run.payback.item_means[JB_WORTH_COUNT + worth], wanted[worth]);
        }
    }
}

static void discount_and_trend_change_their_worth_only(void **state) {
    (void)state;
    _cleanup_(free_run) struct run run = must_run(
        "[project]\nstart = 2026-01-01\nlife = 10 years\ncurrency = EUR\ngrid_intensity = 0.5 kgCO2e / kWh\n"
        "electricity_price = 0.2 EUR / kWh\ndiscount = 5 % / year\ngrid_trend = -4 % / year\n"
        "[cost a]\namount = 1 mWh\n[benefit b]\namount = 1 kW\n",
        1000, 1);
    double years = 10, hours = 8766;
    double discounted = (1 - pow(1.05, -years)) / log(1.05), cleaner = (pow(0.96, years) - 1) / log(0.96);
    assert_near(run.payback.item_means[3] / (hours * years), 1, 1e-9);
    assert_near(run.payback.item_means[4] / (0.5 * hours * cleaner), 1, 1e-9);
    assert_near(run.payback.item_means[5] / (0.2 * hours * discounted), 1, 1e-9);
}

static void unknown_is_not_zero(void **state) {
    (void)state;
    char verdict[JB_VERDICT_SIZE];
    _cleanup_(free_run) struct run run = must_run(
        HEAD "[cost a]\namount = 10 kWh\n[cost licence]\namount = 9 EUR / month\ncarbon = none\n[benefit b]\n"
             "amount = 20 kWh\n",
        1000, 1);
    assert_false(run.payback.worths[JB_WORTH_ENERGY].is_known);
    assert_non_null(strstr(run.model.unknown[JB_WORTH_ENERGY], "[cost licence] does not say: energy ="));
    assert_true(isnan(run.payback.item_means[3]));
    assert_string_equal(
        jb_payback_verdict(&run.payback, verdict),
        "Pays back in carbon with probability >0.99; not in money (<0.01); not known in energy.");
}

static void what_is_wrong_names_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "p.ini: has no [cost NAME]"},
        {"[cost a]\namount = 1 kWh\n", "p.ini, line 1: [cost a]: one [project] comes first"},
        {"[project]\nlife = 1 year\n", "p.ini, line 1: [project]: needs a currency"},
        {"[project]\ncurrency = EUR\n", "needs start = "},
        {HEAD "nmae = x\n", "p.ini, line 7: [project] nmae: is no key of this section; near: name"},
        {HEAD "name =\n", "p.ini, line 7: [project] name: has no value"},
        {HEAD "life = 3 years\n", "p.ini, line 7: [project] life: stands in line 3 already"},
        {HEAD "[cost a]\namuont = 3 kWh\n",
         "p.ini, line 8: [cost a] amuont: is no key of this section; near: amount"},
        {HEAD "[cots a]\n",
         "p.ini, line 7: [cots a]: is none of [project], [input NAME], [cost NAME], [benefit NAME]; "
         "near: cost"},
        {HEAD "[cost a]\nsource = x\n", "p.ini, line 7: [cost a]: needs an amount"},
        {HEAD "[cost]\namount = 3 kWh\n", "has no name; write [cost NAME]"},
        {HEAD "[cost a]\namount = 3 kWh\n[benefit a]\namount = 3 kWh\n", "of that name above"},
        {HEAD "[input r]\nvalue = 3\n[input r]\nvalue = 4\n", "input of that name above"},
        {HEAD "[cost a]\namount = 3 kWh * h\n", "this is in kWh * h; an amount is once, or per time"},
        {HEAD "[cost a]\namount = 3 kWh\nrebound = 0.1\n", "only what is saved rebounds"},
        {HEAD "[benefit a]\namount = 3 kWh\nattribution = normal(0.5, 0.1)\n", "must stay within 0 to 1"},
        {HEAD "[benefit a]\namount = 3 kWh\nattribution = 120 %\n", "must stay within 0 to 1"},
        {HEAD "[benefit a]\namount = 3 kWh\nattribution = 3 kWh\n", "this is in kWh, and must be in 1"},
        {HEAD "[benefit a]\namount = 3 kWh / day\namortised = 3 years\n",
         "amortised goes with an amount that is once"},
        {HEAD "[benefit a]\namount = 3 kWh\nramp = 3 months\n", "go with an amount per time"},
        {HEAD "[benefit a]\namount = 3 kWh\nfrom = 5 years\n", "does not begin before it ends"},
        {HEAD "[benefit a]\namount = 3 kWh\nfrom = 2020-01-01\n", "lies before the project's start"},
        {HEAD "[cost a]\namount = 3 kWh\n[benefit b]\namount = 3 l\nenergy = 3 kWh / km\n",
         "p.ini, line 9: [benefit b]: energy is in kWh/km, and must be in kWh/l"},
        {HEAD "[cost a]\namount = 3 kWh\nscope = it\n[benefit b]\namount = 3 kWh\n",
         "scope = it needs a pue"},
        {HEAD "[cost a]\namount = 3 kWh\nscope = IT\n", "'IT' is neither it"},
        {HEAD "[cost a]\namount = 3 l\nwhat = diesel\n[benefit b]\namount = 3 kWh\n", "no factor tables"},
        {HEAD "[cost a]\namount = 3 requests\nmodel = qwen2.5-7b\nenergy = 1 Wh / request\n",
         "energy follows from account, model or embodied"},
        {HEAD "[cost a]\namount = 3 requests\nmodel = qwen2.5-7b\nenergy = none\n", "take the line out"},
        {HEAD "[cost a]\naccount = host/h1\ncarbon = 1 kgCO2e / kWh\n", "carbon follows from account"},
        {HEAD "[cost a]\namount = 3\nembodied = x\ncarbon = none\n", "no [benefit"},
        {HEAD "[cost a]\namount = 3 kWh\ngpus = 2\n", "but not which; add model"},
        {HEAD "[cost a]\namount = 3 requests\nmodel = qwen2.5-7b\ngpus = many\n",
         "gpus: 'many' is no whole number"},
        {HEAD "[cost a]\naccount = host/h1\n[benefit b]\namount = 3 kWh\n", "there is no book"},
        {HEAD "[cost a]\namount = 3 kWh\n", "has no [benefit NAME]"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct run run;
        assert_int_equal(try_run(cases[i].text, 1000, 1, &error, &run), JB_INPUT);
        if (!strstr(error.message, cases[i].message))
            fail_msg("'%s' is not in '%s'", cases[i].message, error.message);
        free_run(&run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_normals_have_their_probability),
        cmocka_unit_test(a_product_has_its_indices),
        cmocka_unit_test(figures_do_not_depend_on_threads),
        cmocka_unit_test(break_even_is_where_the_sums_meet),
        cmocka_unit_test(profiles_have_their_integrals),
        cmocka_unit_test(keys_do_what_they_say),
        cmocka_unit_test(discount_and_trend_change_their_worth_only),
        cmocka_unit_test(unknown_is_not_zero),
        cmocka_unit_test(what_is_wrong_names_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
