/* What a valuation costs: a year of hours of many accounts, valued by location, by market and by the hour,
 * with scopes, embodied carbon, water, money and their budgets of uncertainty. First the valuation alone, of
 * energy that is handed to it; then the same from a book on disk, reading and all. */
#include "account/value.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define T0      INT64_C(1767225600000000000) /* 2026-01-01 */
#define HOURS   8760
#define HOSTS   20
#define LIMIT_S 1.0

static const char setting_text[] =
    "[site s]\naccounts = host/*\ngrid = XX\nintensity-direct = 300 g/kWh +- 5 %\nresidual-series = "
    "residual\n"
    "pue = 1.3 +- 2 %\nwue = 0.5 L/kWh +- 10 %\ngrid-water = 2 L/kWh +- 20 %\ntariff = t\n"
    "[contract sun]\nkind = ppa\ntechnology = solar\nintensity = 40 g/kWh +- 10 %\nzone = XX\nvintage = "
    "2026\n"
    "volume = 1 GWh +- 1 %\nprofile = series:sun\n"
    "[contract paper]\nkind = certificate\ntechnology = hydro\nintensity = 20 g/kWh +- 10 %\nzone = "
    "XX\nvintage = 2026\n"
    "volume = 300 MWh +- 1 %\n"
    "[tariff t]\ncurrency = EUR\nutc-offset = +01:00\ndaylight-saving = eu\nrate = 0.3 EUR/kWh mon-fri "
    "08:00-20:00\n"
    "rate = 0.2 EUR/kWh\n"
    "[server all]\nhosts = *\nembodied = 1200 kg +- 20 %\nlifetime = 4 years\n";
static const char factor_text[] = "quantity,value,unit,region,source\ngrid_intensity,1,g/kWh,ZZ,none\n";

/* The hourly energy of every account, in place of what a book on disk would have to be read for; the time
 * that handing it over takes is not the valuation's. */
static struct {
    jb_int128 *amounts; /* [account × HOURS + hour] */
    struct jb_sum *sums;
    size_t count;
    double handing_s;
} world;

static double cpu_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static enum jb_code hand_sums(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                              struct jb_sum **ret_sums, size_t *ret_count) {
    (void)store, (void)query, (void)error;
    *ret_sums = malloc(world.count * sizeof *world.sums);
    if (!*ret_sums)
        return JB_MEMORY;
    memcpy(*ret_sums, world.sums, world.count * sizeof *world.sums);
    *ret_count = world.count;
    return JB_OK;
}

static enum jb_code hand_slices(struct jb_store *store, const struct jb_query *query, const int64_t *cuts,
                                size_t slice_count, struct jb_error *error, struct jb_slices *ret_slices) {
    double start_s = cpu_s();
    size_t first = (size_t)((cuts[0] - T0) / JB_HOUR_NS);
    struct jb_slices slices = {.slice_count = slice_count};
    enum jb_code code = hand_sums(store, query, error, &slices.sums, &slices.count);
    slices.amounts = calloc(world.count, sizeof *slices.amounts);
    for (size_t i = 0; i < world.count && slices.amounts; i++) {
        slices.amounts[i] = calloc(slice_count, sizeof **slices.amounts);
        if (slices.amounts[i] && first < HOURS)
            memcpy(slices.amounts[i], &world.amounts[i * HOURS + first],
                   (first + slice_count <= HOURS ? slice_count : HOURS - first) * sizeof **slices.amounts);
    }
    *ret_slices = slices;
    world.handing_s += cpu_s() - start_s;
    return code;
}

static void put_series(struct jb_store *store, const char *name, const char *quantity, const char *unit,
                       struct jb_random *random, double most, bool is_solar) {
    static struct jb_step steps[HOURS];
    struct jb_series series = {.uncertainty = 0.08};
    bool changed;
    for (int h = 0; h < HOURS; h++) {
        double sun = is_solar ? fmax(0, sin(((h % 24) - 6) / 12.0 * 3.14159265)) : 1;
        steps[h] = (struct jb_step){T0 + h * JB_HOUR_NS, T0 + (h + 1) * JB_HOUR_NS,
                                    most * sun * jb_random_unit(random)};
    }
    snprintf(series.name, sizeof series.name, "%s", name);
    snprintf(series.quantity, sizeof series.quantity, "%s", quantity);
    snprintf(series.unit, sizeof series.unit, "%s", unit);
    if (store->ops->series_put(store, &series, steps, HOURS, NULL, &changed))
        abort();
}

static void put_all_series(struct jb_store *store, struct jb_random *random) {
    put_series(store, "grid_intensity/XX", "grid_intensity", "g/kWh", random, 800, false);
    put_series(store, "residual", "grid_intensity", "g/kWh", random, 900, false);
    put_series(store, "sun", "generation", "MW", random, 0.3, true);
}

static void make_world(struct jb_ledger *ledger, size_t accounts, struct jb_random *random) {
    world.count = accounts;
    world.amounts = malloc(accounts * HOURS * sizeof *world.amounts);
    world.sums = calloc(accounts, sizeof *world.sums);
    if (!world.amounts || !world.sums)
        abort();
    for (size_t i = 0; i < accounts; i++) {
        char meter[64], path[96];
        snprintf(meter, sizeof meter, "host/h%zu/cpu0", i % HOSTS);
        snprintf(path, sizeof path, "host/h%zu/cgroup/w%zu/process/p", i % HOSTS, i);
        struct jb_sum *sum = &world.sums[i];
        *sum = (struct jb_sum){.commodity = JB_ENERGY,
                               .method = JB_APPORTIONED,
                               .uncertainty_ppm = 20000,
                               .first_ns = T0,
                               .last_ns = T0 + HOURS * JB_HOUR_NS,
                               .flow_count = HOURS};
        if (jb_ledger_account(ledger, meter, NULL, &sum->from) ||
            jb_ledger_account(ledger, path, NULL, &sum->to))
            abort();
        for (size_t h = 0; h < HOURS; h++) {
            world.amounts[i * HOURS + h] = (jb_int128)jb_random_below(random, 360000000000);
            sum->amount += world.amounts[i * HOURS + h];
        }
    }
}

/* Value to a figure of all; the least CPU time of three rounds, without the handing over. */
struct outcome {
    double cpu_s, location_t, market_t, hourly_t;
};

static double total_t(const struct jb_valuation *valuation, enum jb_value_column column) {
    return (double)jb_valuation_figure(valuation, JB_FIGURE_TOTAL, column)->amount / 1e12;
}

static struct outcome value(struct jb_ledger *ledger, const struct jb_value_request *request) {
    struct outcome outcome = {.cpu_s = INFINITY};
    struct jb_error error = {0};
    for (int round = 0; round < 3; round++) {
        struct jb_valuation *valuation;
        world.handing_s = 0;
        double start_s = cpu_s();
        if (jb_value_make(ledger, request, &error, &valuation)) {
            fprintf(stderr, "value: %s\n", error.message);
            exit(4);
        }
        outcome = (struct outcome){
            fmin(outcome.cpu_s, cpu_s() - start_s - world.handing_s), total_t(valuation, JB_COLUMN_LOCATION),
            total_t(valuation, JB_COLUMN_MARKET), total_t(valuation, JB_COLUMN_HOURLY)};
        jb_valuation_free(valuation);
    }
    return outcome;
}

/* ---- a book on disk ---- */

static void remove_book(const char *folder) {
    static const char *const names[] = {"book.db", "book.db-wal", "book.db-shm"};
    char path[128];
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* The world's flows, hour by hour and a batch a day, folded into hours and pruned, as after a year of
 * metering. */
static void write_book(struct jb_ledger *ledger, struct jb_ledger *from) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_flow *flows = calloc(world.count * 24, sizeof *flows);
    struct jb_error error = {0};
    jb_account_id *ids = calloc(world.count * 2, sizeof *ids);
    if (!flows || !ids)
        abort();
    for (size_t i = 0; i < world.count; i++) {
        if (jb_ledger_account(ledger, jb_ledger_path(from, world.sums[i].from), &error, &ids[2 * i]) ||
            jb_ledger_account(ledger, jb_ledger_path(from, world.sums[i].to), &error, &ids[2 * i + 1]))
            abort();
    }
    for (size_t day = 0; day < HOURS / 24; day++) {
        char identity[32];
        bool is_new;
        size_t count = 0;
        snprintf(identity, sizeof identity, "day %zu", day);
        for (size_t h = day * 24; h < day * 24 + 24; h++) {
            for (size_t i = 0; i < world.count; i++)
                flows[count++] = (struct jb_flow){.start_ns = T0 + (int64_t)h * JB_HOUR_NS,
                                                  .end_ns = T0 + (int64_t)(h + 1) * JB_HOUR_NS,
                                                  .from = ids[2 * i],
                                                  .to = ids[2 * i + 1],
                                                  .amount = (int64_t)world.amounts[i * HOURS + h],
                                                  .commodity = JB_ENERGY,
                                                  .method = JB_APPORTIONED,
                                                  .uncertainty_ppm = 20000};
        }
        struct jb_batch batch = {.identity = identity, .flows = flows, .flow_count = count};
        enum jb_code code = jb_ledger_append(ledger, &batch, &error, &is_new);
        if (!code)
            code = store->ops->rollup(store, T0 + (int64_t)day * JB_DAY_NS, &error);
        if (code) {
            fprintf(stderr, "value: %s\n", error.message);
            exit(4);
        }
    }
    free(flows);
    free(ids);
}

static struct outcome value_book(struct jb_ledger *from, struct jb_random *random,
                                 const struct jb_value_request *request) {
    char folder[64] = "/tmp/jb-value-XXXXXX", path[96];
    struct jb_error error = {0};
    struct jb_ledger *ledger;
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/book.db", folder);
    if (jb_ledger_open(path, JB_STORE_CREATE, &error, &ledger)) {
        fprintf(stderr, "value: %s\n", error.message);
        exit(4);
    }
    put_all_series(jb_ledger_store(ledger), random);
    write_book(ledger, from);
    struct outcome outcome = value(ledger, request);
    jb_ledger_close(ledger);
    remove_book(folder);
    return outcome;
}

int main(int argc, char **argv) {
    uint64_t accounts = 1000;
    struct jb_error error = {0};
    struct jb_random random = jb_random_make(1);
    struct jb_ledger *ledger;
    struct jb_setting *setting;
    struct jb_factors *factors;
    struct jb_factor_set set = {.name = "bench", .version = "1", .is_own = true, .uncertainty = NAN};
    if (argc > 2 && strcmp(argv[1], "--accounts") == 0 &&
        (jb_uint64_parse(argv[2], &error, &accounts) || !accounts)) {
        fprintf(stderr, "value: --accounts: %s\n", error.message);
        return 2;
    }
    if (jb_ledger_open("memory:", JB_STORE_CREATE, &error, &ledger) ||
        jb_setting_parse(setting_text, strlen(setting_text), "bench.ini", &error, &setting) ||
        jb_factors_make(&error, &factors) ||
        jb_factors_add(factors, &set, factor_text, strlen(factor_text), "bench.csv", false, &error) ||
        jb_factors_finish(factors, &error)) {
        fprintf(stderr, "value: %s\n", error.message);
        return 4;
    }
    struct jb_store *store = jb_ledger_store(ledger);
    put_all_series(store, &random);
    random = jb_random_make(2);
    make_world(ledger, (size_t)accounts, &random);
    struct jb_store_ops ops = *store->ops;
    const struct jb_store_ops *own = store->ops;
    ops.sums = hand_sums;
    ops.slices = hand_slices;
    store->ops = &ops;
    struct jb_value_request request = {
        .statement = {.query = JB_QUERY_ALL, .by = JB_BY_ACCOUNT}, .setting = setting, .factors = factors};
    struct outcome alone = value(ledger, &request);
    store->ops = own;
    random = jb_random_make(1);
    struct outcome whole = value_book(ledger, &random, &request);
    printf("%llu accounts × %d hours: location %.2f t, market %.2f t, hourly %.2f t CO2e\n",
           (unsigned long long)accounts, HOURS, alone.location_t, alone.market_t, alone.hourly_t);
    printf("value: cpu_s=%.3f limit_s=%.1f ratio=%.2f ns_per_account_hour=%.1f book_cpu_s=%.3f "
           "book_ratio=%.2f\n",
           alone.cpu_s, LIMIT_S, alone.cpu_s / LIMIT_S, alone.cpu_s * 1e9 / (double)accounts / HOURS,
           whole.cpu_s, whole.cpu_s / LIMIT_S);
    bool is_same = fabs(alone.hourly_t - whole.hourly_t) < 1e-9 * alone.hourly_t;
    free(world.amounts);
    free(world.sums);
    jb_factors_free(factors);
    jb_setting_free(setting);
    jb_ledger_close(ledger);
    return alone.hourly_t < alone.location_t && alone.hourly_t > 0 && is_same ? 0 : 1;
}
