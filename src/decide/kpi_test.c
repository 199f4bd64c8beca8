/* Key figures of a random book against an obvious recomputation, flow by flow and hour by hour. */
#include "decide/kpi.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOURS     240
#define T0        INT64_C(1735689600000000000) /* 2025-01-01T00:00:00Z */
#define INTENSITY 400.0                        /* g/kWh */
#define VOLUME    900000.0                     /* kWh a year, of the contract */
#define KWH       3.6e12

enum kind { FACILITY, IT1, IT2, OVERHEAD, UNKNOWN, VARIANCE, WATER, KIND_COUNT };
static const char *const ways[KIND_COUNT][2] = {
    {"grid/KR", "site/s"},           {"site/s", "site/s/it/pdu1"},      {"site/s", "host/h1/rest"},
    {"site/s", "site/s/overhead"},   {"site/s", "site/s/unattributed"}, {"site/s/meter-variance", "site/s"},
    {"supply/s/tap", "site/s/water"}};
static const uint32_t ppms[KIND_COUNT] = {5000, 10000, 20000, 0, 0, 0, 30000};

struct book {
    struct jb_ledger *ledger;
    struct jb_flow flows[4096];
    enum kind kinds[4096];
    size_t count;
    bool has_gap[HOURS];
    double free_share[HOURS]; /* of the grid; NaN not known */
    struct jb_setting *setting;
    struct jb_factors *factors;
};

static void add_flow(struct book *book, enum kind kind, int64_t start_ns, int64_t end_ns, uint64_t amount) {
    struct jb_flow *flow = &book->flows[book->count];
    assert_true(book->count < JB_COUNT(book->flows));
    book->kinds[book->count++] = kind;
    *flow = (struct jb_flow){.start_ns = start_ns,
                             .end_ns = end_ns,
                             .amount = (int64_t)amount,
                             .commodity = kind == WATER ? JB_WATER : JB_ENERGY,
                             .method = JB_MEASURED,
                             .uncertainty_ppm = ppms[kind]};
    assert_int_equal(jb_ledger_account(book->ledger, ways[kind][0], NULL, &flow->from), JB_OK);
    assert_int_equal(jb_ledger_account(book->ledger, ways[kind][1], NULL, &flow->to), JB_OK);
}

/* Blocks of 10 to 100 minutes, each balanced; some with a part that is not known, some without a reading. */
static void fill(struct book *book, struct jb_random *random) {
    static const char setting[] =
        "[site s]\ngrid = KR\naccounts = site/s, host/*\nintensity = 400 g/kWh +- 10 %\n"
        "reused-energy = 100 MWh +- 5 %\n[contract c]\nkind = ppa\ntechnology = "
        "wind-onshore\nintensity = 0 g/kWh\nzone = KR\nvintage = 2025\n"
        "volume = 900 MWh +- 2 %\nprofile = flat\n";
    struct jb_series share = {.name = "carbon_free_share/KR",
                              .quantity = "carbon_free_share",
                              .unit = "%",
                              .region = "KR",
                              .uncertainty = 0.1};
    struct jb_step steps[HOURS];
    struct jb_gap gaps[HOURS];
    struct jb_error error = {0};
    size_t step_count = 0, gap_count = 0;
    bool is_new;
    const int64_t end_ns = T0 + HOURS * JB_HOUR_NS;
    assert_int_equal(jb_factors_make(NULL, &book->factors), JB_OK);
    assert_int_equal(jb_factors_finish(book->factors, NULL), JB_OK);
    if (jb_setting_parse(setting, strlen(setting), "j.ini", &error, &book->setting))
        fail_msg("%s", error.message);
    assert_int_equal(jb_ledger_open("memory:", JB_STORE_CREATE, NULL, &book->ledger), JB_OK);
    for (int64_t at_ns = T0, until_ns; at_ns < end_ns; at_ns = until_ns) {
        until_ns = at_ns + (10 + (int64_t)jb_random_below(random, 90)) * JB_MINUTE_NS;
        until_ns = until_ns < end_ns ? until_ns : end_ns;
        uint64_t it1 = jb_random_below(random, 300000000000000),
                 it2 = jb_random_below(random, 100000000000000),
                 rest = jb_random_below(random, 80000000000000),
                 more = jb_random_below(random, 20) ? 0 : 1000000;
        if (jb_random_below(random, 15) == 0)
            continue;
        add_flow(book, FACILITY, at_ns, until_ns, it1 + it2 + rest - more);
        add_flow(book, IT1, at_ns, until_ns, it1);
        add_flow(book, IT2, at_ns, until_ns, it2);
        add_flow(book, jb_random_below(random, 12) ? OVERHEAD : UNKNOWN, at_ns, until_ns, rest);
        if (more)
            add_flow(book, VARIANCE, at_ns, until_ns, more);
        if (jb_random_below(random, 3))
            add_flow(book, WATER, at_ns, until_ns, jb_random_below(random, 2) * 5000000);
    }
    for (size_t h = 0; h < HOURS; h++) {
        int64_t hour_ns = T0 + (int64_t)h * JB_HOUR_NS;
        book->has_gap[h] = jb_random_below(random, 25) == 0;
        book->free_share[h] = jb_random_below(random, 10) ? (double)jb_random_below(random, 101) / 100 : NAN;
        if (book->has_gap[h])
            gaps[gap_count++] = (struct jb_gap){
                .start_ns = hour_ns + 5, .end_ns = hour_ns + 6, .account = book->flows[0].to, .reason = "x"};
        if (!isnan(book->free_share[h]))
            steps[step_count++] = (struct jb_step){hour_ns, hour_ns + JB_HOUR_NS, book->free_share[h] * 100};
    }
    struct jb_batch batch = {.identity = "b",
                             .flows = book->flows,
                             .flow_count = book->count,
                             .gaps = gaps,
                             .gap_count = gap_count};
    if (jb_ledger_append(book->ledger, &batch, &error, &is_new))
        fail_msg("%s", error.message);
    struct jb_store *store = jb_ledger_store(book->ledger);
    assert_int_equal(store->ops->series_put(store, &share, steps, step_count, NULL, &is_new), JB_OK);
}

static void empty(struct book *book) {
    jb_setting_free(book->setting);
    jb_factors_free(book->factors);
    jb_ledger_close(book->ledger);
}

/* What the figures have to be. */
struct expected {
    double value[JB_KPI_COUNT], coverage[JB_KPI_COUNT], sigma_pue;
};

/* All of a kind in an hour; water: whether it is read from its beginning to its end. */
static double amount_of(const struct book *book, enum kind kind, int64_t from_ns, int64_t to_ns,
                        int64_t *ret_covered_ns) {
    double sum = 0;
    *ret_covered_ns = 0;
    for (size_t i = 0; i < book->count; i++) {
        const struct jb_flow *flow = &book->flows[i];
        int64_t start_ns = flow->start_ns > from_ns ? flow->start_ns : from_ns,
                end_ns = flow->end_ns < to_ns ? flow->end_ns : to_ns;
        if (book->kinds[i] != kind || start_ns >= end_ns)
            continue;
        sum += (double)jb_amount_part(flow->amount, flow->start_ns, flow->end_ns, from_ns, to_ns);
        *ret_covered_ns += end_ns - start_ns;
    }
    return sum;
}

static struct expected recompute(const struct book *book, size_t first, size_t end) {
    double facility = 0, it = 0, it1 = 0, it2 = 0, water = 0, it_of_water = 0, load = 0, clean = 0,
           clean_of = 0;
    size_t known = 0, known_water = 0, loaded = 0;
    for (size_t h = first; h < end; h++) {
        double sums[KIND_COUNT];
        int64_t covered_ns[KIND_COUNT], hour_ns = T0 + (int64_t)h * JB_HOUR_NS;
        for (size_t k = 0; k < KIND_COUNT; k++)
            sums[k] = amount_of(book, (enum kind)k, hour_ns, hour_ns + JB_HOUR_NS, &covered_ns[k]);
        /* Carbon-free by the hour: the contract's part of the hour, then the grid's. */
        double drawn = (sums[IT1] + sums[IT2] + sums[OVERHEAD] + sums[UNKNOWN]) / KWH;
        double by_contract = fmin(drawn, VOLUME / 8760);
        load += drawn;
        loaded += drawn > 0;
        clean += by_contract + (isnan(book->free_share[h]) ? 0 : (drawn - by_contract) * book->free_share[h]);
        clean_of += isnan(book->free_share[h]) ? by_contract : drawn;
        if (!(sums[FACILITY] > 0) || !(sums[OVERHEAD] > 0) || sums[UNKNOWN] > 0 ||
            !(sums[IT1] + sums[IT2] > 0) || book->has_gap[h])
            continue;
        known++;
        facility += sums[FACILITY];
        it += sums[IT1] + sums[IT2];
        it1 += sums[IT1];
        it2 += sums[IT2];
        if (covered_ns[WATER] == JB_HOUR_NS) {
            known_water++;
            water += sums[WATER];
            it_of_water += sums[IT1] + sums[IT2];
        }
    }
    double hours = (double)(end - first), part = (double)known / hours;
    double relative = hypot(0.005, hypot(0.01 * it1, 0.02 * it2) / it);
    return (struct expected){
        .value = {[JB_KPI_PUE] = facility / it,
                  [JB_KPI_CUE] = facility / it * INTENSITY / 1000,
                  [JB_KPI_WUE] = water / 1e6 / (it_of_water / KWH),
                  [JB_KPI_ERF] = 100000.0 * (double)known / (24 * 365.2425) / (facility / KWH),
                  [JB_KPI_REF] = fmin(1, VOLUME / 8760 * (double)HOURS / load),
                  [JB_KPI_CFE] = clean / clean_of},
        .coverage = {[JB_KPI_PUE] = part,
                     [JB_KPI_CUE] = part,
                     [JB_KPI_WUE] = (double)known_water / hours,
                     [JB_KPI_ERF] = part,
                     [JB_KPI_REF] = (double)loaded / hours,
                     [JB_KPI_CFE] = (double)loaded / hours * clean_of / load},
        .sigma_pue = facility / it * relative};
}

static void expect_near(double value, double expected, const char *what, size_t book, size_t period) {
    if (!(fabs(value - expected) <= 1e-9 * fmax(1, fabs(expected))))
        fail_msg("%s of book %zu, period %zu: %.12g, not %.12g", what, book, period, value, expected);
}

static void figures_are_what_the_flows_say(void **state) {
    (void)state;
    static struct book book;
    struct jb_random random = jb_random_make(5);
    for (size_t b = 0; b < 4; b++) {
        /* The whole, a part of it, a day. */
        const size_t ends[][2] = {{0, HOURS}, {30, 150}, {48, 72}};
        memset(&book, 0, sizeof book);
        fill(&book, &random);
        struct jb_valuation *valuation = NULL;
        struct jb_error error = {0};
        if (jb_kpi_value(book.ledger, book.setting, book.factors, T0, T0 + HOURS * JB_HOUR_NS, &error,
                         &valuation))
            fail_msg("%s", error.message);
        for (size_t p = 0; p < JB_COUNT(ends); p++) {
            int64_t cuts[] = {T0 + (int64_t)ends[p][0] * JB_HOUR_NS, T0 + (int64_t)ends[p][1] * JB_HOUR_NS};
            struct jb_kpi_facts facts;
            struct jb_kpi_figure figures[JB_KPI_COUNT];
            if (jb_kpi_make(book.ledger, book.setting, valuation, "s", cuts, 1, &error, &facts))
                fail_msg("%s", error.message);
            jb_kpi_figures(&facts, figures);
            struct expected expected = recompute(&book, ends[p][0], ends[p][1]);
            for (size_t k = 0; k < JB_KPI_COUNT; k++) {
                const char *name = jb_kpi_info((enum jb_kpi)k)->title;
                assert_true(figures[k].is_known);
                if (k == JB_KPI_REF && p > 0) /* by volume over all of the year that the book has */
                    continue;
                expect_near(figures[k].value, expected.value[k], name, b, p);
                expect_near(figures[k].coverage, expected.coverage[k], name, b, p);
                assert_true(figures[k].low <= figures[k].value && figures[k].value <= figures[k].high);
            }
            expect_near(figures[JB_KPI_PUE].sigma, expected.sigma_pue, "sigma of PUE", b, p);
        }
        jb_valuation_free(valuation);
        empty(&book);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_what_the_flows_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
