/* Valuations: the vectors of standards and of other tools, and what must hold for every book and setting. */
#include "account/value.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/time.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* cmocka compares floats; these are doubles. */
#define assert_near(a, b, allowed) assert_true(fabs((double)(a) - (double)(b)) <= (allowed))

#define T0     INT64_C(1782864000000000000) /* 2026-07-01 */
#define KWH_UJ INT64_C(3600000000000)
#define G_UG   1e6

/* A book in memory with what it is valued by. */
struct world {
    struct jb_ledger *ledger;
    struct jb_setting *setting;
    struct jb_factors *factors;
    unsigned batch_count;
};

static void open_world(struct world *world, const char *setting, const char *factors) {
    struct jb_error error = {0};
    *world = (struct world){0};
    if (jb_ledger_open("memory:", JB_STORE_CREATE, &error, &world->ledger) ||
        jb_setting_parse(setting, strlen(setting), "s.ini", &error, &world->setting) ||
        jb_factors_make(&error, &world->factors))
        fail_msg("%s", error.message);
    struct jb_factor_set set = {
        .name = "own", .version = "1", .source = "test", .is_own = true, .uncertainty = NAN};
    assert_int_equal(jb_factors_add(world->factors, &set, factors, strlen(factors), "f.csv", false, &error),
                     JB_OK);
    assert_int_equal(jb_factors_finish(world->factors, &error), JB_OK);
    if (jb_factors_check(world->factors, &error))
        fail_msg("%s", error.message);
}

static void close_world(struct world *world) {
    jb_ledger_close(world->ledger);
    jb_setting_free(world->setting);
    jb_factors_free(world->factors);
}

#define NO_FACTORS "quantity,value,unit,region,source\ngrid_intensity,1,g/kWh,ZZ,x\n"

static jb_account_id account(struct world *world, const char *path) {
    jb_account_id id;
    struct jb_error error = {0};
    if (jb_ledger_account(world->ledger, path, &error, &id))
        fail_msg("%s", error.message);
    return id;
}

static void book_as(struct world *world, const char *from, const char *to, int64_t start_ns, int64_t end_ns,
                    int64_t amount, jb_commodity commodity, uint32_t uncertainty_ppm) {
    char identity[32];
    bool is_new;
    struct jb_error error = {0};
    struct jb_flow flow = {.start_ns = start_ns,
                           .end_ns = end_ns,
                           .from = account(world, from),
                           .to = account(world, to),
                           .amount = amount,
                           .commodity = commodity,
                           .method = JB_MEASURED,
                           .uncertainty_ppm = uncertainty_ppm};
    snprintf(identity, sizeof identity, "b%u", world->batch_count++);
    struct jb_batch batch = {.identity = identity, .flows = &flow, .flow_count = 1};
    if (jb_ledger_append(world->ledger, &batch, &error, &is_new))
        fail_msg("%s", error.message);
}

static void book(struct world *world, const char *from, const char *to, int64_t start_ns, int64_t end_ns,
                 double kwh) {
    book_as(world, from, to, start_ns, end_ns, (int64_t)nearbyint(kwh * (double)KWH_UJ), JB_ENERGY, 0);
}

static void put_series(struct world *world, const char *name, const char *quantity, const char *unit,
                       const struct jb_step *steps, size_t count, double uncertainty) {
    struct jb_store *store = jb_ledger_store(world->ledger);
    struct jb_series series = {.uncertainty = uncertainty};
    struct jb_error error = {0};
    bool changed;
    snprintf(series.name, sizeof series.name, "%s", name);
    snprintf(series.quantity, sizeof series.quantity, "%s", quantity);
    snprintf(series.unit, sizeof series.unit, "%s", unit);
    if (store->ops->series_put(store, &series, steps, count, &error, &changed))
        fail_msg("%s", error.message);
}

static struct jb_valuation *value_for(struct world *world, int64_t from_ns, int64_t to_ns,
                                      enum jb_group_by by, const char *key, const char *unit) {
    struct jb_valuation *valuation = NULL;
    struct jb_error error = {0};
    struct jb_value_request request = {
        .statement = {.query = {.from_ns = from_ns, .to_ns = to_ns}, .by = by, .label_key = key},
        .setting = world->setting,
        .factors = world->factors,
        .unit = unit};
    if (jb_value_make(world->ledger, &request, &error, &valuation))
        fail_msg("%s", error.message);
    return valuation;
}

static struct jb_valuation *value_of(struct world *world, int64_t from_ns, int64_t to_ns) {
    return value_for(world, from_ns, to_ns, JB_BY_ACCOUNT, NULL, NULL);
}

static double total(const struct jb_valuation *valuation, enum jb_value_column column) {
    const struct jb_figure *figure = jb_valuation_figure(valuation, JB_FIGURE_TOTAL, column);
    return figure ? (double)figure->amount : NAN;
}

/* ---- vectors ---- */

/* One hour of `kwh` on one host of a site that is all declared. */
static double carbon_of(const char *site, double kwh) {
    struct world world;
    char setting[400];
    snprintf(setting, sizeof setting, "[site s]\naccounts = host/h\n%s\n", site);
    open_world(&world, setting, NO_FACTORS);
    book(&world, "host/h", "host/h/idle", T0, T0 + JB_HOUR_NS, kwh);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    double carbon = total(valuation, JB_COLUMN_LOCATION);
    jb_valuation_free(valuation);
    close_world(&world);
    return carbon;
}

static void vectors_of_carbon(void **state) {
    (void)state;
    /* Teads curve: half load of a TDP of 100 W is 0.75 of it; an eighth of the machine for a second at 800
     * g/kWh. */
    double kwh = 100 * 0.75 / 8 / 3.6e6;
    assert_near(kwh, 2.6041667e-6, 5e-14);
    assert_near(carbon_of("intensity = 800 g/kWh\npue = 1", kwh), 0.00208333 * G_UG, 1);
    /* SSD, 1 TB·h at 1.2 W/TB, PUE 1.135: 0.001362 kWh; at 1000 g/kWh the grams are the kWh times 1000. */
    assert_near(carbon_of("intensity = 1000 g/kWh\npue = 1.135", 0.0012), 1.362 * G_UG, 1);
    /* Memory, 90 GB·h at 0.392 W/GB, two replicas, PUE 1.11: 0.0783216 kWh. */
    assert_near(carbon_of("intensity = 1000 g/kWh\npue = 1.11", 90 * 0.392e-3 * 2), 78.3216 * G_UG, 1);
    /* A factor of zero is a value. */
    assert_near(carbon_of("intensity = 0 g/kWh\npue = 1.5", 10), 0, 0);
}

static void embodied_is_shared_by_time(void **state) {
    (void)state;
    struct world world;
    open_world(&world,
               "[site s]\naccounts = host/h\nintensity = 0 g/kWh\n[server r]\nhosts = h\nembodied = 1000 kg "
               "+- 10 %\n"
               "lifetime = 4 years\n",
               NO_FACTORS);
    book(&world, "host/h", "host/h/idle", T0, T0 + JB_HOUR_NS, 0.3);
    book(&world, "host/h", "host/h/kernel", T0, T0 + JB_HOUR_NS, 0.1);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    const struct jb_figure *whole = jb_valuation_figure(valuation, JB_FIGURE_TOTAL, JB_COLUMN_EMBODIED);
    assert_near(whole->amount, 28.5 * G_UG, 0.05 * G_UG);
    assert_near(whole->standard, 0.1 * (double)whole->amount, 2);
    const struct jb_figure *idle =
        jb_valuation_figure(valuation, jb_valuation_find_group(valuation, "host/h/idle"), JB_COLUMN_EMBODIED);
    assert_near(idle->amount, 0.75 * (double)whole->amount, 2);
    /* Carbon that is zero is known to be, and scope 3 is what was embodied. */
    assert_near(total(valuation, JB_COLUMN_LOCATION), 0, 0);
    assert_near(total(valuation, JB_COLUMN_SCOPE3_LOCATION), (double)whole->amount, 2);
    jb_valuation_free(valuation);
    /* Half an hour bears half of it. */
    valuation = value_of(&world, T0, T0 + JB_HOUR_NS / 2);
    assert_near(total(valuation, JB_COLUMN_EMBODIED), 28.54 / 2 * G_UG, 0.01 * G_UG);
    jb_valuation_free(valuation);
    close_world(&world);
}

static void averages_over_time_are_weighted(void **state) {
    (void)state;
    struct world world;
    struct jb_step steps[4];
    for (int i = 0; i < 4; i++)
        steps[i] = (struct jb_step){T0 + i * 5 * JB_MINUTE_NS, T0 + (i + 1) * 5 * JB_MINUTE_NS, 10 * (i + 1)};
    open_world(&world, "[site s]\naccounts = host/h\ngrid = XX\npue = 1\n", NO_FACTORS);
    put_series(&world, "grid_intensity/XX", "grid_intensity", "g/kWh", steps, 4, 0.1);
    book(&world, "host/h", "host/h/idle", T0 + 4 * JB_MINUTE_NS, T0 + 20 * JB_MINUTE_NS, 1);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    assert_near(total(valuation, JB_COLUMN_LOCATION), 28.75 * G_UG, 1);
    jb_valuation_free(valuation);
    /* What the series does not cover is unknown, not zero: the figure is of what it covers, and says so. */
    book(&world, "host/h", "host/h/idle", T0 + JB_HOUR_NS, T0 + 2 * JB_HOUR_NS, 3);
    valuation = value_of(&world, INT64_MIN, INT64_MAX);
    const struct jb_figure *figure = jb_valuation_figure(valuation, JB_FIGURE_TOTAL, JB_COLUMN_LOCATION);
    assert_near(figure->amount, 28.75 * G_UG, 1);
    assert_near(figure->coverage, 0.25, 1e-9);
    jb_valuation_free(valuation);
    close_world(&world);
}

static void sci_is_a_ratio_of_sums(void **state) {
    (void)state;
    struct world world;
    open_world(
        &world,
        "[site s]\naccounts = host/h\nintensity = 100 g/kWh +- 10 %\npue = 1 +- 0 %\n[unit request]\n"
        "amount = 2026-07-01 2026-07-02 1 label:team=a\namount = 2026-07-02 2026-07-03 100 label:team=b\n"
        "[unit nothing]\namount = 2026-07-01 2026-07-03 0\n[unit other]\namount = 2025 2026 7\n",
        NO_FACTORS);
    book(&world, "host/h", "host/h/cgroup/a/process/x", T0, T0 + JB_HOUR_NS, 1);
    book(&world, "host/h", "host/h/cgroup/b/process/x", T0 + JB_DAY_NS, T0 + JB_DAY_NS + JB_HOUR_NS, 1);
    struct jb_store *store = jb_ledger_store(world.ledger);
    static const struct jb_label labels[] = {{"host/h/cgroup/a", "team", "a"},
                                             {"host/h/cgroup/b", "team", "b"}};
    for (size_t i = 0; i < JB_COUNT(labels); i++)
        assert_int_equal(store->ops->label_set(store, &labels[i], NULL), JB_OK);
    struct jb_valuation *valuation =
        value_for(&world, T0, T0 + 2 * JB_DAY_NS, JB_BY_LABEL, "team", "request");
    struct jb_sci whole = jb_valuation_sci(valuation, JB_FIGURE_TOTAL);
    assert_near(whole.value, 200.0 / 101 * G_UG, 1e-6);
    assert_near(whole.high - whole.value, 1.959963984540054 * 0.1 * whole.value, 1e-3);
    assert_near(jb_valuation_sci(valuation, jb_valuation_find_group(valuation, "a")).value, 100 * G_UG, 0);
    assert_near(jb_valuation_sci(valuation, jb_valuation_find_group(valuation, "b")).value, 1 * G_UG, 0);
    jb_valuation_free(valuation);
    /* By process both are one group; by account the same holds as by label. */
    valuation = value_for(&world, T0, T0 + 2 * JB_DAY_NS, JB_BY_PROCESS, NULL, "request");
    assert_near(jb_valuation_sci(valuation, jb_valuation_find_group(valuation, "x")).value,
                200.0 / 101 * G_UG, 1e-6);
    jb_valuation_free(valuation);
    static const struct {
        const char *unit, *message;
    } refused[] = {
        {"nothing", "s.ini, line 8: unit nothing has an amount of 0 in this period, and SCI divides by it "
                    "(ISO/IEC 21031); give its amounts, or another period"},
        {"other", "s.ini, line 10: unit other has no amount in this period, and SCI divides by it (ISO/IEC "
                  "21031); give its amounts, or another period"},
        {"absent", "s.ini has no [unit absent]; add one, or name one that it has"}};
    for (size_t i = 0; i < JB_COUNT(refused); i++) {
        struct jb_error error = {0};
        struct jb_value_request request = {
            .statement = {.query = {.from_ns = T0, .to_ns = T0 + 2 * JB_DAY_NS}},
            .setting = world.setting,
            .factors = world.factors,
            .unit = refused[i].unit};
        assert_int_equal(jb_value_make(world.ledger, &request, &error, &valuation), JB_INPUT);
        assert_string_equal(error.message, refused[i].message);
    }
    close_world(&world);
}

/* ---- overhead, water, money, scopes ---- */

static void overhead_is_never_added_twice(void **state) {
    (void)state;
    struct world world;
    open_world(
        &world,
        "[site s]\nintensity = 100 g/kWh\npue = 1.5\nwue = 2 L/kWh\ngrid-water = 10 L/kWh\ngrid = XX\n"
        "[site d]\nintensity = 100 g/kWh\npue = 1.5\nwue = 2 L/kWh\ngrid-water = 10 L/kWh\ngrid = XX\n",
        NO_FACTORS);
    /* Site s has a facility meter in the second hour; site d has none. */
    for (int hour = 0; hour < 2; hour++) {
        int64_t start_ns = T0 + hour * JB_HOUR_NS, end_ns = start_ns + JB_HOUR_NS;
        book(&world, "site/s", "host/h", start_ns, end_ns, 10);
        book(&world, "host/h", "host/h/idle", start_ns, end_ns, 10);
        book(&world, "site/d", "host/g", start_ns, end_ns, 10);
        book(&world, "host/g", "host/g/idle", start_ns, end_ns, 10);
    }
    book(&world, "site/s", "site/s/overhead", T0 + JB_HOUR_NS, T0 + 2 * JB_HOUR_NS, 4);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    uint32_t idle = jb_valuation_find_group(valuation, "host/h/idle"),
             overhead = jb_valuation_find_group(valuation, "site/s/overhead"),
             other = jb_valuation_find_group(valuation, "host/g/idle");
    assert_near(jb_valuation_figure(valuation, idle, JB_COLUMN_LOCATION)->amount, (1500 + 1000) * G_UG, 1);
    assert_near(jb_valuation_figure(valuation, overhead, JB_COLUMN_LOCATION)->amount, 400 * G_UG, 1);
    assert_near(jb_valuation_figure(valuation, other, JB_COLUMN_LOCATION)->amount, 3000 * G_UG, 1);
    /* Water of the site goes by IT energy, that of the grid by what is drawn. */
    assert_near(jb_valuation_figure(valuation, idle, JB_COLUMN_WATER)->amount, (20 + 150 + 20 + 100) * 1e6,
                1);
    assert_near(jb_valuation_figure(valuation, overhead, JB_COLUMN_WATER)->amount, 40 * 1e6, 1);
    assert_near(jb_valuation_figure(valuation, other, JB_COLUMN_WATER)->amount, (40 + 300) * 1e6, 1);
    assert_near(jb_valuation_energy(valuation, JB_FIGURE_TOTAL).drawn_uj, (15 + 14 + 30) * (double)KWH_UJ,
                1e6);
    jb_valuation_free(valuation);
    close_world(&world);
}

static void scopes_follow_combustion_and_operator(void **state) {
    (void)state;
    struct world world;
    open_world(&world,
               "[site s]\naccounts = host/h\nintensity = 500 g/kWh\nintensity-direct = 400 g/kWh\n"
               "residual-intensity = 600 g/kWh\npue = 2\n"
               "[site p]\naccounts = cloud/x\nintensity = 500 g/kWh\nintensity-direct = 400 g/kWh\npue = 2\n"
               "operator = provider\n",
               NO_FACTORS);
    book(&world, "host/h", "host/h/idle", T0, T0 + JB_HOUR_NS, 1);
    book(&world, "supply/x", "cloud/x", T0, T0 + JB_HOUR_NS, 1);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    uint32_t own = jb_valuation_find_group(valuation, "host/h/idle"),
             cloud = jb_valuation_find_group(valuation, "cloud/x");
    static const struct {
        enum jb_value_column column;
        double own, cloud;
    } cases[] = {{JB_COLUMN_LOCATION, 1000, 1000},       {JB_COLUMN_SCOPE2_LOCATION, 800, 0},
                 {JB_COLUMN_SCOPE3_LOCATION, 200, 1000}, {JB_COLUMN_MARKET, 1200, 1000},
                 {JB_COLUMN_SCOPE2_MARKET, 1200, 0},     {JB_COLUMN_SCOPE3_MARKET, 0, 1000},
                 {JB_COLUMN_HOURLY, 1200, 1000}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_near(jb_valuation_figure(valuation, own, cases[i].column)->amount, cases[i].own * G_UG, 1);
        assert_near(jb_valuation_figure(valuation, cloud, cases[i].column)->amount, cases[i].cloud * G_UG, 1);
    }
    jb_valuation_free(valuation);
    close_world(&world);
}

static void money_by_tariff_or_bill(void **state) {
    (void)state;
    struct world world;
    open_world(&world,
               "[site s]\naccounts = host/h\nintensity = 1 g/kWh\npue = 1.5 +- 0 %\ntariff = t\n[site b]\n"
               "accounts = cloud/b\nintensity = 1 g/kWh\ntariff = t\n[tariff t]\ncurrency = EUR\n"
               "rate = 0.4 EUR/kWh 00:00-00:30\nrate = 0.2 EUR/kWh\n",
               NO_FACTORS);
    book(&world, "host/h", "host/h/idle", T0, T0 + JB_HOUR_NS, 10);
    book(&world, "supply/b", "cloud/b", T0, T0 + JB_HOUR_NS, 10);
    book_as(&world, "supply/b", "cloud/b", T0, T0 + JB_HOUR_NS, 7000000, 'E' << 16 | 'U' << 8 | 'R', 0);
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    const struct jb_figure *own =
        jb_valuation_figure(valuation, jb_valuation_find_group(valuation, "host/h/idle"), JB_COLUMN_MONEY);
    assert_near(own->amount, 10 * 1.5 * 0.3 * 1e6, 1);
    assert_near(own->high - own->low, 0, 1e-6); /* prices are exact */
    assert_near(jb_valuation_figure(valuation, jb_valuation_find_group(valuation, "cloud/b"), JB_COLUMN_MONEY)
                    ->amount,
                7e6, 0);
    jb_valuation_free(valuation);
    close_world(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_carbon),
        cmocka_unit_test(embodied_is_shared_by_time),
        cmocka_unit_test(averages_over_time_are_weighted),
        cmocka_unit_test(sci_is_a_ratio_of_sums),
        cmocka_unit_test(overhead_is_never_added_twice),
        cmocka_unit_test(scopes_follow_combustion_and_operator),
        cmocka_unit_test(money_by_tariff_or_bill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
