/* Valuations: the vectors of standards and of other tools, and what must hold for every book and setting. */
#include "account/basis.h"
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
#include <unistd.h>

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
    assert_near(whole.high - whole.value, (exp(1.959963984540054 * sqrt(log(1.01))) - 1) * whole.value, 1e-3);
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

/* ---- what must hold for every book and setting ---- */

#define RANDOM_HOURS 60

/* Two sites, three hosts, contracts of every kind, series with gaps, a tariff, servers. */
static void random_world(struct world *world, struct jb_random *random) {
    char setting[2000];
    struct jb_step steps[RANDOM_HOURS], sun[RANDOM_HOURS];
    size_t count = 0;
    snprintf(
        setting, sizeof setting,
        "[site a]\naccounts = host/h1, host/h2\ngrid = AA\npue = 1.%02u +- 2 %%\nwue = 0.%u L/kWh +- 5 %%\n"
        "residual-intensity = %u g/kWh +- 5 %%\ntariff = t\n"
        "[site b]\naccounts = host/h3\ngrid = BB\nintensity = %u g/kWh +- 5 %%\npue = 1.2 +- 1 %%\n"
        "[contract x]\nkind = ppa\nzone = AA\nintensity = %u g/kWh\nprofile = series:sun\n"
        "[contract y]\nkind = certificate\nzone = BB\nmarket = AA, BB\nintensity = 20 g/kWh +- 5 %%\nvolume "
        "= %u kWh\n"
        "vintage = 2026\n"
        "[contract z]\nkind = on-site\nsites = b\nintensity = 40 g/kWh\nvolume = %u kWh\nvintage = 2026\n"
        "profile = flat\n"
        "[tariff t]\ncurrency = EUR\nrate = 0.3 EUR/kWh 08:30-20:00\nrate = 0.2 EUR/kWh\n"
        "[server s]\nhosts = h*\nembodied = 900 kg +- 10 %%\nlifetime = 5 years\n",
        (unsigned)jb_random_below(random, 100), (unsigned)jb_random_below(random, 10),
        (unsigned)jb_random_below(random, 900), (unsigned)jb_random_below(random, 2) * 300,
        (unsigned)jb_random_below(random, 50), (unsigned)jb_random_below(random, 100000),
        (unsigned)jb_random_below(random, 100000));
    open_world(world, setting, NO_FACTORS);
    for (int h = 0; h < RANDOM_HOURS; h++) {
        int64_t start_ns = T0 + h * JB_HOUR_NS;
        sun[h] = (struct jb_step){start_ns, start_ns + JB_HOUR_NS, jb_random_unit(random) * 8};
        if (jb_random_below(random, 10))
            steps[count++] = (struct jb_step){start_ns, start_ns + JB_HOUR_NS, jb_random_unit(random) * 700};
    }
    put_series(world, "grid_intensity/AA", "grid_intensity", "g/kWh", steps, count, 0.1);
    put_series(world, "sun", "generation", "kW", sun, RANDOM_HOURS, 0.1);
    static const char *const accounts[] = {"host/h1/idle", "host/h1/cgroup/x/process/p", "host/h2/idle",
                                           "host/h2/cgroup/y/process/q", "host/h3/kernel"};
    static const char *const meters[] = {"host/h1/cpu0", "host/h1/cpu0", "host/h2/cpu0", "host/h2/gpu0",
                                         "host/h3/cpu0"};
    for (int f = 0; f < 40; f++) {
        size_t which = (size_t)jb_random_below(random, JB_COUNT(accounts));
        int64_t start_ns = T0 + (int64_t)jb_random_below(random, (RANDOM_HOURS - 12) * (uint64_t)JB_HOUR_NS);
        int64_t length_ns = 1 + (int64_t)jb_random_below(random, 12 * (uint64_t)JB_HOUR_NS);
        book_as(world, meters[which], accounts[which], start_ns, start_ns + length_ns,
                (int64_t)(jb_random_unit(random) * 5 * (double)KWH_UJ), JB_ENERGY, 20000);
    }
}

static jb_int128 amount_of(const struct jb_valuation *valuation, const struct jb_figure *like) {
    const struct jb_figure *totals;
    size_t count = jb_valuation_totals(valuation, &totals);
    for (size_t i = 0; i < count; i++) {
        if (totals[i].column == like->column && totals[i].commodity == like->commodity)
            return totals[i].amount;
    }
    return 0;
}

static void rows_sum_to_the_total_however_they_are_grouped(void **state) {
    (void)state;
    static const enum jb_group_by ways[] = {JB_BY_ACCOUNT, JB_BY_HOST, JB_BY_PROCESS, JB_BY_CGROUP};
    struct jb_random random = jb_random_make(7);
    for (int round = 0; round < 25; round++) {
        struct world world;
        random_world(&world, &random);
        struct jb_valuation *first = value_of(&world, INT64_MIN, INT64_MAX);
        const struct jb_figure *totals, *figures, *own;
        size_t count = jb_valuation_totals(first, &totals);
        assert_true(count >= 10);
        for (size_t w = 0; w < JB_COUNT(ways); w++) {
            struct jb_valuation *valuation = value_for(&world, INT64_MIN, INT64_MAX, ways[w], NULL, NULL);
            size_t groups = jb_valuation_groups(valuation);
            assert_int_equal(jb_valuation_totals(valuation, &own), count);
            jb_valuation_figures(valuation, &figures);
            for (size_t i = 0; i < count; i++) {
                jb_int128 sum = 0, by_method = 0;
                for (size_t g = 0; g < groups; g++)
                    sum += figures[i * groups + g].amount;
                for (int m = 0; m < JB_METHOD_COUNT; m++)
                    by_method += own[i].by_method[m];
                assert_true(sum == own[i].amount && by_method == sum);
                assert_true(own[i].amount == totals[i].amount);
                assert_true((isnan(own[i].standard) && isnan(totals[i].standard)) ||
                            fabs(own[i].standard - totals[i].standard) <= 1e-9 * totals[i].standard + 1e-6);
                assert_true(isnan(own[i].coverage) || (own[i].coverage >= 0 && own[i].coverage <= 1));
            }
            jb_valuation_free(valuation);
        }
        jb_valuation_free(first);
        close_world(&world);
    }
}

static void splitting_a_period_changes_nothing(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(8);
    for (int round = 0; round < 40; round++) {
        struct world world;
        random_world(&world, &random);
        /* Anywhere, also within an hour. */
        int64_t cut_ns = T0 + (int64_t)jb_random_below(&random, RANDOM_HOURS * (uint64_t)JB_HOUR_NS);
        struct jb_valuation *whole = value_of(&world, T0, T0 + RANDOM_HOURS * JB_HOUR_NS),
                            *left = value_of(&world, T0, cut_ns),
                            *right = value_of(&world, cut_ns, T0 + RANDOM_HOURS * JB_HOUR_NS);
        /* Loads that the whole has read need not be read again. */
        struct jb_value_request request = {.statement = {.query = {.from_ns = T0, .to_ns = cut_ns}},
                                           .setting = world.setting,
                                           .factors = world.factors,
                                           .whole = whole};
        struct jb_valuation *again;
        assert_int_equal(jb_value_make(world.ledger, &request, NULL, &again), JB_OK);
        const struct jb_figure *totals;
        size_t count = jb_valuation_totals(whole, &totals);
        for (size_t i = 0; i < count; i++) {
            assert_true(amount_of(again, &totals[i]) == amount_of(left, &totals[i]));
            double parts = (double)(amount_of(left, &totals[i]) + amount_of(right, &totals[i]));
            /* Each route is rounded to a microgram. */
            assert_near(parts, totals[i].amount, 20 + 1e-9 * fabs(parts));
        }
        jb_valuation_free(again);
        jb_valuation_free(whole);
        jb_valuation_free(left);
        jb_valuation_free(right);
        close_world(&world);
    }
}

static void matching_by_the_hour_is_never_more(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(9);
    bool any = false;
    for (int round = 0; round < 40; round++) {
        struct world world;
        random_world(&world, &random);
        struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
        for (uint32_t g = 0; g <= jb_valuation_groups(valuation); g++) {
            struct jb_value_energy energy =
                jb_valuation_energy(valuation, g < jb_valuation_groups(valuation) ? g : JB_FIGURE_TOTAL);
            assert_true(energy.matched_hourly_uj >= 0 &&
                        energy.matched_hourly_uj <= energy.matched_volume_uj * (1 + 1e-12));
            assert_true(energy.matched_volume_uj <= energy.drawn_uj * (1 + 1e-12));
            any = any || energy.matched_hourly_uj < 0.9 * energy.matched_volume_uj;
        }
        jb_valuation_free(valuation);
        close_world(&world);
    }
    assert_true(any);
}

/* ---- intervals against a known truth ---- */

/* What setting and book say, or what is true. */
struct estimate {
    double energy[2], intensity, residual, pue, volume, contract, wue, water, embodied;
};

/* Relative standard uncertainties of a simulation. */
struct spread {
    double energy[2], intensity, residual, pue, volume, contract, wue, water, embodied;
    bool is_normal; /* errors are, else log-normal, whose mean is right */
};
static const struct spread usual = {{0.02, 0.04}, 0.08, 0.06, 0.03, 0.05, 0.2, 0.1, 0.15, 0.1, true},
                           small = {{0.01, 0.01}, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, true},
                           large = {{0.2, 0.3}, 0.3, 0.25, 0.05, 0.1, 0.3, 0.3, 0.3, 0.3, false};

static double about(struct jb_random *random, double value, double uncertainty, bool is_normal) {
    double z = jb_random_normal(random), s = sqrt(log1p(uncertainty * uncertainty));
    return value * (is_normal ? 1 + uncertainty * z : exp(s * z - s * s / 2));
}

static struct estimate all_about(struct jb_random *random, const struct estimate *middle,
                                 const struct spread *spread) {
    bool is_normal = spread->is_normal;
    return (struct estimate){.energy = {about(random, middle->energy[0], spread->energy[0], is_normal),
                                        about(random, middle->energy[1], spread->energy[1], is_normal)},
                             .intensity = about(random, middle->intensity, spread->intensity, is_normal),
                             .residual = about(random, middle->residual, spread->residual, is_normal),
                             .pue = about(random, middle->pue, spread->pue, is_normal),
                             .volume = about(random, middle->volume, spread->volume, is_normal),
                             .contract = about(random, middle->contract, spread->contract, is_normal),
                             .wue = about(random, middle->wue, spread->wue, is_normal),
                             .water = about(random, middle->water, spread->water, is_normal),
                             .embodied = about(random, middle->embodied, spread->embodied, is_normal)};
}

/* Counts where the intervals hold the truth: of all, and of the first host. */
static void try_intervals(const struct estimate *said, const struct estimate *truth,
                          const struct spread *spread, int hits[2][JB_COLUMN_COUNT]) {
    struct world world;
    char setting[1200];
    snprintf(
        setting, sizeof setting,
        "[site s]\naccounts = host/*\ngrid = XX\nintensity = %.6f g/kWh +- %g %%\n"
        "residual-intensity = %.6f g/kWh +- %g %%\npue = %.6f +- %g %%\nwue = %.6f L/kWh +- %g %%\n"
        "grid-water = %.6f L/kWh +- %g %%\n[contract c]\nkind = ppa\nzone = XX\nintensity = %.6f g/kWh +- "
        "%g %%\nvolume = %.6f kWh +- %g %%\nfrom = 2026-07-01\nuntil = 2026-07-02\nprofile = flat\n"
        "[server r]\nhosts = *\nembodied = %.6f kg +- %g %%\nlifetime = 4 years\n",
        said->intensity, spread->intensity * 100, said->residual, spread->residual * 100, said->pue,
        spread->pue * 100, said->wue, spread->wue * 100, said->water, spread->water * 100, said->contract,
        spread->contract * 100, said->volume, spread->volume * 100, said->embodied, spread->embodied * 100);
    open_world(&world, setting, NO_FACTORS);
    for (int h = 0; h < 2; h++) {
        char meter[40], idle[40];
        snprintf(meter, sizeof meter, "host/h%d/cpu0", h);
        snprintf(idle, sizeof idle, "host/h%d/idle", h);
        book_as(&world, meter, idle, T0, T0 + JB_DAY_NS, (int64_t)nearbyint(said->energy[h] * (double)KWH_UJ),
                JB_ENERGY, (uint32_t)nearbyint(spread->energy[h] * 1e6));
    }
    double all = truth->energy[0] + truth->energy[1], drawn = all * truth->pue;
    double market = (drawn - truth->volume) * truth->residual + truth->volume * truth->contract;
    double embodied = truth->embodied * 1000 / (4 * 365); /* of a host on a day */
    const double truths[2][JB_COLUMN_COUNT] = {
        {[JB_COLUMN_LOCATION] = drawn * truth->intensity,
         [JB_COLUMN_MARKET] = market,
         [JB_COLUMN_HOURLY] = market,
         [JB_COLUMN_EMBODIED] = 2 * embodied,
         [JB_COLUMN_SCI] = drawn * truth->intensity + 2 * embodied,
         [JB_COLUMN_WATER] = all * (truth->wue + truth->pue * truth->water)},
        {[JB_COLUMN_LOCATION] = drawn * truth->intensity * truth->energy[0] / all,
         [JB_COLUMN_MARKET] = market * truth->energy[0] / all,
         [JB_COLUMN_HOURLY] = market * truth->energy[0] / all,
         [JB_COLUMN_EMBODIED] = embodied,
         [JB_COLUMN_SCI] = drawn * truth->intensity * truth->energy[0] / all + embodied,
         [JB_COLUMN_WATER] = truth->energy[0] * (truth->wue + truth->pue * truth->water)}};
    struct jb_valuation *valuation = value_of(&world, INT64_MIN, INT64_MAX);
    uint32_t first = jb_valuation_find_group(valuation, "host/h0/idle");
    for (int g = 0; g < 2; g++) {
        for (int c = 0; c < JB_COLUMN_COUNT; c++) {
            const struct jb_figure *figure =
                jb_valuation_figure(valuation, g ? first : JB_FIGURE_TOTAL, (enum jb_value_column)c);
            double value = truths[g][c] * 1e6;
            if (truths[g][c] != 0)
                hits[g][c] += value >= figure->low && value <= figure->high;
        }
    }
    jb_valuation_free(valuation);
    close_world(&world);
}

/* is_fixed: the truth is, and estimates are drawn about it; else the truth is drawn about what is said (JCGM
 * 101:2008, 6.4.7). */
static void simulate(const struct spread *spread, bool is_fixed, int trials) {
    static const enum jb_value_column columns[] = {JB_COLUMN_LOCATION, JB_COLUMN_MARKET, JB_COLUMN_HOURLY,
                                                   JB_COLUMN_EMBODIED, JB_COLUMN_SCI,    JB_COLUMN_WATER};
    struct jb_random random = jb_random_make(20261124);
    int hits[2][JB_COLUMN_COUNT] = {0};
    for (int trial = 0; trial < trials; trial++) {
        const struct estimate middle = {
            .energy = {30 + 40 * jb_random_unit(&random), 20 + 30 * jb_random_unit(&random)},
            .intensity = 100 + 600 * jb_random_unit(&random),
            .residual = 200 + 600 * jb_random_unit(&random),
            .pue = 1.5 + 0.5 * jb_random_unit(&random),
            .volume = 10 + 20 * jb_random_unit(&random),
            .contract = 20 + 40 * jb_random_unit(&random),
            .wue = 0.5 + jb_random_unit(&random),
            .water = 1 + 2 * jb_random_unit(&random),
            .embodied = 500 + 1000 * jb_random_unit(&random)};
        const struct estimate drawn = all_about(&random, &middle, spread);
        try_intervals(is_fixed ? &drawn : &middle, is_fixed ? &middle : &drawn, spread, hits);
    }
    for (int g = 0; g < 2; g++) {
        for (size_t i = 0; i < JB_COUNT(columns); i++) {
            double part = (double)hits[g][columns[i]] / trials;
            if (part < 0.93 || part > 0.97)
                fail_msg("%s of %s, %s fixed: %.4f", jb_column_info(columns[i])->name, g ? "one host" : "all",
                         is_fixed ? "truth" : "estimate", part);
        }
    }
}

/* JB_INTERVAL_TRIALS=20000: that many, for uncertainties from 1 to 30 %. */
static void intervals_hold_the_truth(void **state) {
    (void)state;
    const char *wanted = getenv("JB_INTERVAL_TRIALS");
    int64_t trials = 0;
    if (wanted && jb_int64_parse(wanted, NULL, &trials) == JB_OK && trials > 0) {
        const struct spread *const spreads[] = {&small, &usual, &large};
        for (size_t i = 0; i < JB_COUNT(spreads); i++) {
            simulate(spreads[i], true, (int)trials);
            simulate(spreads[i], false, (int)trials);
        }
        return;
    }
    simulate(&usual, false, 600);
    simulate(&large, true, 600);
}

/* ---- the basis ---- */

static void a_kept_basis_gives_the_same_figures(void **state) {
    (void)state;
    char folder[] = "/tmp/jb-basis-XXXXXX", path[64], factors_path[64];
    struct jb_error error = {0};
    struct world world;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/u.csv", folder);
    snprintf(factors_path, sizeof factors_path, "%s/f.csv", folder);
    static const char text[] = "quantity,value,unit,region,source\ngrid_intensity,250,g/kWh,KR,somebody\n";
    FILE *file = fopen(factors_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    open_world(&world, "[site s]\naccounts = host/h\ngrid = KR\npue = 1.5\n[unit r]\nfile = u.csv\n",
               NO_FACTORS);
    static const char csv[] = "from,until,amount\n2026,2027,1000\n";
    assert_int_equal(jb_setting_take_file(world.setting, 0, csv, strlen(csv), "u.csv", &error), JB_OK);
    jb_factors_free(world.factors);
    struct jb_factor_set set = {.name = "own",
                                .version = "7",
                                .licence = "CC0",
                                .source = "test",
                                .is_own = true,
                                .uncertainty = 0.125};
    assert_int_equal(jb_factors_make(&error, &world.factors), JB_OK);
    assert_int_equal(jb_factors_add(world.factors, &set, text, strlen(text), factors_path, false, &error),
                     JB_OK);
    assert_int_equal(jb_factors_finish(world.factors, &error), JB_OK);
    book(&world, "host/h", "host/h/idle", T0, T0 + JB_HOUR_NS, 1);
    struct jb_valuation *before = value_for(&world, INT64_MIN, INT64_MAX, JB_BY_HOST, NULL, "r");
    struct jb_store *store = jb_ledger_store(world.ledger);
    struct jb_basis basis, again;
    bool is_kept;
    assert_int_equal(jb_basis_make(world.factors, world.setting, &error, &basis), JB_OK);
    assert_int_equal(jb_basis_is_kept(store, &basis, &error, &is_kept), JB_OK);
    assert_false(is_kept);
    if (jb_basis_keep(store, &basis, world.factors, world.setting, &error))
        fail_msg("%s", error.message);
    assert_int_equal(jb_basis_is_kept(store, &basis, &error, &is_kept), JB_OK);
    assert_true(is_kept);
    /* The table moves on; the book keeps what was. */
    unlink(factors_path);
    assert_int_equal(jb_basis_keep(store, &basis, world.factors, world.setting, &error), JB_NO_DATA);
    jb_factors_free(world.factors);
    jb_setting_free(world.setting);
    char prefix[13];
    snprintf(prefix, sizeof prefix, "%.12s", basis.sha256);
    if (jb_basis_restore(store, prefix, &error, &world.factors, &world.setting))
        fail_msg("%s", error.message);
    assert_int_equal(jb_basis_make(world.factors, world.setting, &error, &again), JB_OK);
    assert_string_equal(again.sha256, basis.sha256);
    assert_string_equal(again.setting_sha256, basis.setting_sha256);
    assert_string_equal(again.factors_sha256, basis.factors_sha256);
    struct jb_valuation *after = value_for(&world, INT64_MIN, INT64_MAX, JB_BY_HOST, NULL, "r");
    assert_near(total(after, JB_COLUMN_LOCATION), 375 * G_UG, 0);
    assert_near(total(after, JB_COLUMN_LOCATION), total(before, JB_COLUMN_LOCATION), 0);
    assert_near(jb_valuation_sci(after, JB_FIGURE_TOTAL).value,
                jb_valuation_sci(before, JB_FIGURE_TOTAL).value, 0);
    struct jb_factors *factors;
    struct jb_setting *setting;
    /* A table of the basis is no basis. */
    assert_int_equal(jb_basis_restore(store, basis.sets[0].sha256, &error, &factors, &setting), JB_NO_DATA);
    assert_int_equal(jb_basis_restore(store, "00000000", &error, &factors, &setting), JB_NO_DATA);
    jb_valuation_free(before);
    jb_valuation_free(after);
    jb_basis_free(&basis);
    jb_basis_free(&again);
    close_world(&world);
    rmdir(folder);
}

static void parts_of_an_uncertainty_are_all_of_it(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(10);
    struct world world;
    random_world(&world, &random);
    struct jb_valuation *valuation;
    struct jb_value_request request = {.statement = {.query = JB_QUERY_ALL, .by = JB_BY_HOST},
                                       .setting = world.setting,
                                       .factors = world.factors,
                                       .with_touch = true};
    assert_int_equal(jb_value_make(world.ledger, &request, NULL, &valuation), JB_OK);
    const struct jb_figure *figures;
    const struct jb_input *inputs;
    size_t count = jb_valuation_figures(valuation, &figures);
    jb_valuation_inputs(valuation, &inputs);
    for (size_t i = 0; i < count; i++) {
        struct jb_contribution *parts;
        struct jb_value_account *accounts;
        size_t part_count, account_count;
        double square = 0, metered = 0;
        jb_int128 sum = 0;
        assert_int_equal(jb_valuation_contributions(valuation, &figures[i], NULL, &parts, &part_count),
                         JB_OK);
        assert_int_equal(jb_valuation_accounts(valuation, &figures[i], NULL, &accounts, &account_count),
                         JB_OK);
        for (size_t p = 0; p < part_count; p++) {
            square += parts[p].standard * parts[p].standard;
            assert_true(inputs[parts[p].input].source[0] && inputs[parts[p].input].name[0]);
            metered += inputs[parts[p].input].kind == JB_INPUT_METER;
        }
        for (size_t a = 0; a < account_count; a++)
            sum += accounts[a].amount;
        assert_true((isnan(square) && isnan(figures[i].standard)) ||
                    fabs(sqrt(square) - figures[i].standard) <= 1e-9 * sqrt(square));
        /* Down to the meters, and made of its accounts. */
        assert_true(metered > 0 || figures[i].amount == 0 || figures[i].column == JB_COLUMN_EMBODIED ||
                    figures[i].column == JB_COLUMN_SCOPE3_LOCATION ||
                    figures[i].column == JB_COLUMN_SCOPE3_MARKET);
        assert_true(sum == figures[i].amount);
        free(parts);
        free(accounts);
    }
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
        cmocka_unit_test(rows_sum_to_the_total_however_they_are_grouped),
        cmocka_unit_test(splitting_a_period_changes_nothing),
        cmocka_unit_test(matching_by_the_hour_is_never_more),
        cmocka_unit_test(intervals_hold_the_truth),
        cmocka_unit_test(a_kept_basis_gives_the_same_figures),
        cmocka_unit_test(parts_of_an_uncertainty_are_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
