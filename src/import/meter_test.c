/* Meter readings: registers, gaps, sites that balance whatever is missing, and nothing booked twice. */
#include "import/meter.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/time.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KWH   ((jb_int128)3600000000000)
#define RULES "main*=facility,pv=generation,pdu*=pdu,rack*=rack,chiller=cooling,tap=water,spare=none"

struct desk {
    char folder[64], book[96], file[96];
    struct jb_ledger *ledger;
};

static void open_desk(struct desk *desk) {
    struct jb_error error = {0};
    snprintf(desk->folder, sizeof desk->folder, "%s/jb-meter-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(desk->folder));
    snprintf(desk->book, sizeof desk->book, "%s/book.db", desk->folder);
    snprintf(desk->file, sizeof desk->file, "%s/m.csv", desk->folder);
    if (jb_ledger_open(desk->book, JB_STORE_CREATE, &error, &desk->ledger))
        fail_msg("%s", error.message);
}

static void close_desk(struct desk *desk) {
    char path[128];
    jb_ledger_close(desk->ledger);
    const char *const names[] = {"book.db", "book.db-wal", "book.db-shm", "m.csv"};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", desk->folder, names[i]);
        unlink(path);
    }
    rmdir(desk->folder);
}

static enum jb_code import_text(struct desk *desk, const char *text, struct jb_meter_request request,
                                struct jb_error *error, struct jb_meter_result *ret_result) {
    struct jb_meter_rules rules = {0};
    const char *path = desk->file;
    FILE *file = fopen(desk->file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    if (jb_meter_rules_add_list(&rules, RULES, "s", "KR", error))
        fail_msg("%s", error->message);
    request.book = desk->book;
    request.paths = &path;
    request.path_count = 1;
    request.rules = &rules;
    enum jb_code code = jb_meter_import(&request, error, ret_result);
    jb_meter_rules_free(&rules);
    return code;
}

static struct jb_meter_result import_good(struct desk *desk, const char *text) {
    struct jb_error error = {0};
    struct jb_meter_result result = {0};
    if (import_text(desk, text, (struct jb_meter_request){0}, &error, &result))
        fail_msg("%s", error.message);
    return result;
}

static void expect_wrong(struct desk *desk, const char *text, const char *says) {
    struct jb_error error = {0};
    struct jb_meter_result result = {0};
    assert_int_equal(import_text(desk, text, (struct jb_meter_request){0}, &error, &result), JB_INPUT);
    if (!strstr(error.message, says))
        fail_msg("'%s' does not say '%s'", error.message, says);
}

static void book(struct desk *desk, const char *from, const char *to, int64_t start_ns, int64_t end_ns,
                 jb_int128 amount) {
    static unsigned number;
    char identity[32];
    struct jb_error error = {0};
    bool is_new;
    snprintf(identity, sizeof identity, "host %u", number++);
    struct jb_flow flow = {.start_ns = start_ns,
                           .end_ns = end_ns,
                           .amount = (int64_t)amount,
                           .commodity = JB_ENERGY,
                           .method = JB_MEASURED,
                           .uncertainty_ppm = 1000};
    assert_int_equal(jb_ledger_account(desk->ledger, from, &error, &flow.from), JB_OK);
    assert_int_equal(jb_ledger_account(desk->ledger, to, &error, &flow.to), JB_OK);
    struct jb_batch batch = {.identity = identity, .flows = &flow, .flow_count = 1};
    assert_int_equal(jb_ledger_append(desk->ledger, &batch, &error, &is_new), JB_OK);
}

/* Sum of what went from one account to another. */
static jb_int128 sum_of(struct desk *desk, const char *from, const char *to, jb_commodity commodity) {
    struct jb_store *store = jb_ledger_store(desk->ledger);
    struct jb_query query = JB_QUERY_ALL;
    struct jb_sum *sums = NULL;
    size_t count = 0;
    jb_int128 total = 0;
    query.commodity = commodity;
    struct jb_error error = {0};
    if (store->ops->sums(store, &query, &error, &sums, &count))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(jb_ledger_path(desk->ledger, sums[i].from), from) == 0 &&
            strcmp(jb_ledger_path(desk->ledger, sums[i].to), to) == 0)
            total += sums[i].amount;
    }
    free(sums);
    return total;
}

static void expect_sum(struct desk *desk, const char *from, const char *to, double kwh) {
    jb_int128 sum = sum_of(desk, from, to, JB_ENERGY);
    if (sum != (jb_int128)(kwh * 1000) * KWH / 1000)
        fail_msg("%s → %s: %.6f kWh, not %.6f", from, to, (double)sum / (double)KWH, kwh);
}

static void expect_balance(struct desk *desk) {
    struct jb_query query = JB_QUERY_ALL;
    struct jb_balance balance = {0};
    assert_int_equal(jb_ledger_balance(desk->ledger, &query, NULL, &balance), JB_OK);
    assert_true(jb_balance_is_good(&balance));
    assert_true(balance.energy_supplied_uj == balance.energy_consumed_uj);
    jb_balance_free(&balance);
}

static size_t gap_count(struct desk *desk) {
    struct jb_store *store = jb_ledger_store(desk->ledger);
    struct jb_query query = JB_QUERY_ALL;
    struct jb_gap *gaps = NULL;
    size_t count = 0;
    assert_int_equal(store->ops->gaps(store, &query, NULL, &gaps, &count), JB_OK);
    free(gaps);
    return count;
}

static void test_site(struct desk *desk) {
    static const char text[] = "time,meter,kWh,remark\n"
                               "2024-05-01T00:00,main,100,\n2024-05-01T00:00,pdu1,60,x\n"
                               "2024-05-01T00:00,pdu2,20.5,\n2024-05-01T00:00,chiller,10,\n"
                               "2024-05-01T01:00,main,90,\n2024-05-01T01:00,pdu1,50,\n"
                               "2024-05-01T01:00,pdu2,20,\n2024-05-01T01:00,chiller,9,\n"
                               "2024-05-01T01:00,spare,7,\n";
    struct jb_meter_result result = import_good(desk, text);
    assert_int_equal(result.site_count, 1);
    assert_true(result.sites[0].facility_uj == 190 * KWH);
    assert_true(result.sites[0].it_uj == 301 * KWH / 2);
    assert_int_equal(result.sites[0].known_ns, 2 * JB_HOUR_NS);
    jb_meter_result_free(&result);
    expect_sum(desk, "grid/KR", "site/s", 190);
    expect_sum(desk, "site/s", "site/s/it/pdu1", 110);
    expect_sum(desk, "site/s", "site/s/it/pdu2", 40.5);
    expect_sum(desk, "site/s", "site/s/overhead/chiller", 19);
    expect_sum(desk, "site/s", "site/s/overhead", 20.5);
    expect_balance(desk);
    result = import_good(desk, text);
    assert_int_equal(result.new_flow_count, 0);
    jb_meter_result_free(&result);
    expect_sum(desk, "grid/KR", "site/s", 190);
    /* The file has grown by an hour. */
    char grown[1024];
    snprintf(grown, sizeof grown,
             "%s2024-05-01T02:00,main,80,\n2024-05-01T02:00,pdu1,50,\n"
             "2024-05-01T02:00,pdu2,10,\n2024-05-01T02:00,chiller,20,\n",
             text);
    result = import_good(desk, grown);
    assert_int_equal(result.sites[0].booked_count, 2);
    jb_meter_result_free(&result);
    expect_sum(desk, "grid/KR", "site/s", 270);
    expect_sum(desk, "site/s", "site/s/overhead", 20.5);
    expect_balance(desk);
    struct jb_label *labels = NULL;
    size_t count = 0;
    struct jb_store *store = jb_ledger_store(desk->ledger);
    assert_int_equal(store->ops->labels(store, NULL, &labels, &count), JB_OK);
    assert_int_equal(count, 1);
    assert_string_equal(labels[0].key, "pue-category");
    assert_string_equal(labels[0].value, "2");
    free(labels);
}

/* Hosts have booked their own way from the grid; what they account for is not booked again. */
static void test_hosts(struct desk *desk) {
    int64_t start_ns = 0;
    assert_int_equal(jb_time_parse("2024-05-01T00:00", NULL, &start_ns), JB_OK);
    for (int i = 0; i < 60; i++) {
        book(desk, "grid/KR", "site/s", start_ns + i * JB_MINUTE_NS, start_ns + (i + 1) * JB_MINUTE_NS,
             KWH / 2);
        book(desk, "site/s", "host/h1", start_ns + i * JB_MINUTE_NS, start_ns + (i + 1) * JB_MINUTE_NS,
             KWH / 2);
        book(desk, "host/h1", "host/h1/rest", start_ns + i * JB_MINUTE_NS, start_ns + (i + 1) * JB_MINUTE_NS,
             KWH / 2);
    }
    struct jb_meter_result result =
        import_good(desk, "time,main_kWh,rack1_kWh,rack2_kWh\n2024-05-01T00:00,100,40,20\n"
                          "2024-05-01T01:00,100,40,20\n");
    assert_true(result.sites[0].excess_uj == 0 && result.sites[0].variance_uj == 0);
    jb_meter_result_free(&result);
    expect_sum(desk, "grid/KR", "site/s", 200); /* 30 by the host, 170 by the facility */
    expect_sum(desk, "site/s", "host/h1", 30);
    expect_sum(desk, "site/s", "site/s/it/rack1", 40 + 20); /* ⅔ of the 30 that are left in the first hour */
    expect_sum(desk, "site/s", "site/s/it/rack2", 20 + 10);
    expect_sum(desk, "site/s", "site/s/overhead", 80);
    expect_balance(desk);
}

static void test_hosts_as_it(struct desk *desk) {
    int64_t start_ns = 0;
    assert_int_equal(jb_time_parse("2024-05-01T00:00", NULL, &start_ns), JB_OK);
    book(desk, "grid/KR", "site/s", start_ns, start_ns + JB_HOUR_NS, 50 * KWH);
    book(desk, "site/s", "host/h1", start_ns, start_ns + JB_HOUR_NS, 50 * KWH);
    book(desk, "host/h1", "host/h1/rest", start_ns, start_ns + JB_HOUR_NS, 50 * KWH);
    struct jb_meter_result result =
        import_good(desk, "time,main_kWh\n2024-05-01T00:00,60\n2024-05-01T01:00,70\n2024-05-01T02:00,70\n");
    assert_true(result.sites[0].it_uj == 50 * KWH && result.sites[0].facility_uj == 60 * KWH);
    assert_int_equal(result.sites[0].known_ns, JB_HOUR_NS);
    jb_meter_result_free(&result);
    expect_sum(desk, "site/s", "site/s/overhead", 10);
    expect_sum(desk, "site/s", "site/s/unattributed", 140); /* nothing says what IT took */
    expect_balance(desk);
}

static void test_parts_exceed(struct desk *desk) {
    struct jb_meter_result result =
        import_good(desk, "time,main_kWh,pdu1_kWh\n2024-05-01T00:00,100,105\n2024-05-01T01:00,100,90\n");
    assert_true(result.sites[0].variance_uj == 5 * KWH);
    jb_meter_result_free(&result);
    expect_sum(desk, "site/s/meter-variance", "site/s", 5);
    expect_sum(desk, "site/s", "site/s/it/pdu1", 195);
    expect_sum(desk, "site/s", "site/s/overhead", 10);
    expect_balance(desk);
}

static void test_what_is_missing(struct desk *desk) {
    struct jb_meter_result result =
        import_good(desk, "time,main_kWh,pdu1_kWh,pv_kWh,chiller_kWh\n"
                          "2024-05-01T00:00,100,60,10,5\n"
                          "2024-05-01T01:00,100,,10,5\n" /* IT not known */
                          "2024-05-01T02:00,,60,10,5\n"  /* facility not known */
                          "2024-05-01T04:00,100,60,,5\n" /* an hour with no reading */
                          "2024-05-01T05:00,0,0,0,0\n");
    assert_int_equal(result.sites[0].known_ns, 2 * JB_HOUR_NS);
    assert_int_equal(result.sites[0].period_ns, 6 * JB_HOUR_NS);
    assert_true(result.sites[0].facility_uj == 110 * KWH);
    jb_meter_result_free(&result);
    expect_sum(desk, "supply/s/pv", "site/s", 30);
    expect_sum(desk, "site/s", "site/s/overhead", 45);
    /* 100 + 10 − 5; 100 − 60 − 5 where the plant is not known */
    expect_sum(desk, "site/s", "site/s/unattributed", 105 + 35);
    /* 60 + 5 − 10 where the facility is not known */
    expect_sum(desk, "grid/KR", "site/s", 300 + 55);
    expect_balance(desk);
    size_t gaps = gap_count(desk);
    assert_int_equal(gaps, 3); /* IT; the facility for two hours on end; the plant */
    result = import_good(desk,
                         "time,main_kWh,pdu1_kWh,pv_kWh,chiller_kWh\n"
                         "2024-05-01T02:00,,60,10,5\n2024-05-01T04:00,100,60,,5\n2024-05-01T05:00,0,0,0,0\n");
    assert_int_equal(result.new_flow_count, 0);
    jb_meter_result_free(&result);
    assert_int_equal(gap_count(desk), gaps);
}

/* Each meter keeps its own steps; the rest is known by the coarsest. */
static void test_other_steps(struct desk *desk) {
    struct jb_meter_result result = import_good(desk, "start,end,meter,value,unit\n"
                                                      "2024-05-01,2024-05-02,main,1.2,MWh\n"
                                                      "2024-05-01,2024-05-01T12:00,pdu1,30,kW\n"
                                                      "2024-05-01T12:00,2024-05-02,pdu1,50000,W\n"
                                                      "2024-05-01,2024-05-02,tap,2.5,m3\n"
                                                      "2024-05-02,2024-05-03,tap,1500,l\n");
    jb_meter_result_free(&result);
    expect_sum(desk, "site/s", "site/s/it/pdu1", 960);
    expect_sum(desk, "site/s", "site/s/overhead", 240);
    expect_balance(desk);
    assert_true(sum_of(desk, "supply/s/tap", "site/s/water", JB_WATER) == 4000000000);
    result = import_good(desk, "start,end,meter,value,unit\n2024-05-01,2024-05-02,tap,2.5,m3\n"
                               "2024-05-02,2024-05-03,tap,1500,l\n2024-05-03,2024-05-04,tap,1000,l\n");
    jb_meter_result_free(&result);
    assert_true(sum_of(desk, "supply/s/tap", "site/s/water", JB_WATER) == 5000000000);
}

static void test_registers(struct desk *desk) {
    /* Past 99999 and on; set back to 3, which loses what ran between; two readings left out: nothing is lost.
     */
    struct jb_meter_result result =
        import_good(desk, "time,meter,register_kWh\n"
                          "2024-05-01T00:00,main,99980\n2024-05-01T01:00,main,99990\n"
                          "2024-05-01T02:00,main,00003.5\n2024-05-01T03:00,main,13.5\n"
                          "2024-05-01T06:00,main,43.5\n2024-05-01T07:00,main,3\n"
                          "2024-05-01T08:00,main,10\n");
    assert_int_equal(result.meters[0].wrap_count, 1);
    assert_int_equal(result.meters[0].restart_count, 1);
    assert_int_equal(result.meters[0].gap_count, 1);
    assert_true(result.meters[0].amount == (10 + 13 + 10 + 30 + 7) * KWH + KWH / 2);
    jb_meter_result_free(&result);
    expect_balance(desk);
    assert_int_equal(gap_count(desk), 1);
}

static void test_wrong(struct desk *desk) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"time,meter,kWh\n2024-05-01T00:00,main,1\n2024-05-01T01:00,main,1\n2024-05-01T01:00,main,1\n",
         "line 4: meter 'main' has 2024-05-01T01:00:00Z on line 3"},
        {"time,meter,kWh\n2024-05-01T00:00,main,-1\n", "line 2, field 'kWh': '-1' is negative"},
        {"time,meter,value,unit\n2024-05-01T00:00,main,1,kWs\n", "line 2, field 'unit': 'kWs' is no unit"},
        {"time,meter,value,unit\n2024-05-01T00:00,main,1,m3\n", "is no unit of meter 'main'"},
        {"time,meter,value,unit\n2024-05-01T00:00,tap,1,kWh\n", "is no unit of meter 'tap'"},
        {"time,meter,value\n2024-05-01T00:00,main,1\n", "has no unit"},
        {"time,meter,kWh\n2024-05-01T00:00,mian,1\n", "meter 'mian' has no role"},
        {"time,meter,kWh\n2024-05-01T00:00,main,\"1,5\"\n", "has a comma"},
        {"time,meter,kWh\n2024-05-01T00:00,main,1e3\n", "is no number"},
        {"time,meter,kWh\n2024-05-01T00:00,main,99000000\n2024-05-01T01:00,main,1\n", "over 10 GW"},
        {"time,meter,kWh\n2024-05-01T00:00,main,1\n", "does not say how long its steps are"},
        {"time,meter,kWh\n2024-05-01T00:00,main,1\n2024-05-01T02:00,main,1\n2024-05-01T00:00,pdu1,1\n"
         "2024-05-01T01:00,pdu1,1\n2024-05-01T02:00,pdu1,1\n",
         "the 2 readings of meter 'main' do not say"},
        {"time,meter,kWh\n2024-05-01T00:00,main,1\n2024-05-01T01:00,main,1\n2024-05-01T02:20,main,1\n",
         "steps have 3600 s"},
        {"time,meter,kWh\n2024-05-01T00:00,main,1\n1.5.2024 01:00,main,1\n05/01/2024 02:00,main,1\n",
         "line 3, field 'time': '1.5.2024 01:00'"},
        {"start,end,meter,kWh\n2024-05-01T01:00,2024-05-01T00:00,main,1\n", "is not after the start"},
        {"start,end,meter,kWh\n2024-05-01T00:00,2024-05-01T02:00,main,1\n2024-05-01T01:00,2024-05-01T03:00,"
         "main,1\n",
         "before the one before it has ended"},
        {"time,meter,kWh\n2024-05-01T00:00,pdu1,1\n2024-05-01T01:00,pdu1,1\n2024-05-01T00:00,rack1,1\n"
         "2024-05-01T01:00,rack1,1\n",
         "one holds the other"},
        {"meter,kWh\nmain,1\n", "no column of times"},
        {"time,meter\n2024-05-01T00:00,main\n", "no column of values"},
        {"time,meter,kWh,kW\n2024-05-01T00:00,main,1,1\n", "a second column of values"},
        {"time,meter,kWh\n2024-05-01T00:00,main\n", "line 2: 2 fields, but the heading has 3"},
        {"time,meter,kWh\n", "no reading"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++)
        expect_wrong(desk, cases[i].text, cases[i].says);
    struct jb_store *store = jb_ledger_store(desk->ledger);
    assert_int_equal(gap_count(desk), 0);
    assert_int_equal(store->ops->account_count(store), 0);
}

/* Whatever is missing and whoever has booked what: the site balances, and nothing of what was read is lost.
 */
static void test_always_balances(struct desk *desk) {
    struct jb_random random = jb_random_make(11);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    jb_int128 it = 0, plant = 0;
    int64_t start_ns = 0;
    assert_int_equal(jb_time_parse("2024-05-01", NULL, &start_ns), JB_OK);
    fputs("time,meter,Wh\n", out);
    for (int64_t quarter = 0; quarter < 300; quarter++) {
        static const struct {
            const char *name;
            int quarters;
            uint64_t ceiling;
        } meters[] = {
            {"main", 4, 4000}, {"pdu1", 1, 400}, {"pdu2", 2, 700}, {"chiller", 1, 100}, {"pv", 2, 300}};
        char time[JB_TIME_SIZE];
        jb_time_format(start_ns + quarter * 15 * JB_MINUTE_NS, time);
        for (size_t m = 0; m < JB_COUNT(meters); m++) {
            uint64_t value = jb_random_below(&random, meters[m].ceiling);
            if (quarter % meters[m].quarters != 0 || (jb_random_below(&random, 12) == 0 && quarter > 8))
                continue;
            fprintf(out, "%s,%s,%llu\n", time, meters[m].name, (unsigned long long)value);
            it += strncmp(meters[m].name, "pdu", 3) == 0 ? (jb_int128)value * KWH / 1000 : 0;
            plant += strcmp(meters[m].name, "pv") == 0 ? (jb_int128)value * KWH / 1000 : 0;
        }
        if (jb_random_below(&random, 3) == 0) {
            int64_t at_ns =
                start_ns + quarter * 15 * JB_MINUTE_NS + (int64_t)jb_random_below(&random, 100000);
            jb_int128 amount = (jb_int128)jb_random_below(&random, 300000000);
            book(desk, "grid/KR", "site/s", at_ns, at_ns + 7 * JB_MINUTE_NS, amount);
            book(desk, "site/s", "host/h1", at_ns, at_ns + 7 * JB_MINUTE_NS, amount);
            book(desk, "host/h1", "host/h1/rest", at_ns, at_ns + 7 * JB_MINUTE_NS, amount);
        }
    }
    fclose(out);
    struct jb_meter_result result = import_good(desk, text);
    assert_true(result.sites[0].known_ns > 0 && result.sites[0].known_ns < result.sites[0].period_ns);
    jb_meter_result_free(&result);
    expect_balance(desk);
    assert_true(sum_of(desk, "supply/s/pv", "site/s", JB_ENERGY) == plant);
    /* All that IT meters read is with IT or with the host. */
    jb_int128 with_it = sum_of(desk, "site/s", "site/s/it/pdu1", JB_ENERGY) +
                        sum_of(desk, "site/s", "site/s/it/pdu2", JB_ENERGY),
              with_host = sum_of(desk, "site/s", "host/h1", JB_ENERGY);
    assert_true(with_it <= it && with_it + with_host >= it);
    free(text);
}

/* ---- in whatever order hosts and meters are booked ---- */

#define HOST_COUNT 24

struct host_flow {
    int64_t start_ns, end_ns;
    jb_int128 amount;
    unsigned host;
};

/* The way of a host's joules, as one batch. */
static void book_host(struct desk *desk, const struct host_flow *host, size_t number) {
    char identity[32], path[64], rest[64];
    struct jb_error error = {0};
    bool is_new = false;
    snprintf(identity, sizeof identity, "host late %zu", number);
    snprintf(path, sizeof path, "host/h%u", host->host);
    snprintf(rest, sizeof rest, "host/h%u/rest", host->host);
    const char *const way[] = {"grid/KR", "site/s", path, rest};
    struct jb_flow flows[3];
    for (size_t i = 0; i < JB_COUNT(flows); i++) {
        flows[i] = (struct jb_flow){.start_ns = host->start_ns,
                                    .end_ns = host->end_ns,
                                    .amount = (int64_t)host->amount,
                                    .commodity = JB_ENERGY,
                                    .method = JB_MEASURED,
                                    .uncertainty_ppm = 1000};
        assert_int_equal(jb_ledger_account(desk->ledger, way[i], &error, &flows[i].from), JB_OK);
        assert_int_equal(jb_ledger_account(desk->ledger, way[i + 1], &error, &flows[i].to), JB_OK);
    }
    struct jb_batch batch = {.identity = identity, .flows = flows, .flow_count = JB_COUNT(flows)};
    if (jb_ledger_append(desk->ledger, &batch, &error, &is_new))
        fail_msg("%s", error.message);
    assert_true(is_new);
}

/* Every sum of a book that is not 0, as text. */
static char *statement_of(struct desk *desk) {
    struct jb_store *store = jb_ledger_store(desk->ledger);
    struct jb_query query = JB_QUERY_ALL;
    struct jb_sum *sums = NULL;
    size_t count = 0, size = 0;
    char *text = NULL, *sorted[1000];
    size_t line_count = 0;
    assert_int_equal(store->ops->sums(store, &query, NULL, &sums, &count), JB_OK);
    for (size_t i = 0; i < count; i++) {
        char amount[JB_INT128_SIZE];
        if (sums[i].amount == 0)
            continue;
        assert_true(line_count < JB_COUNT(sorted));
        assert_true(asprintf(&sorted[line_count++], "%s > %s %d %u: %s\n",
                             jb_ledger_path(desk->ledger, sums[i].from),
                             jb_ledger_path(desk->ledger, sums[i].to), (int)sums[i].method,
                             sums[i].uncertainty_ppm, jb_int128_format(sums[i].amount, amount)) > 0);
    }
    free(sums);
    for (size_t i = 1; i < line_count; i++) { /* accounts have other ids in another order */
        for (size_t j = i; j > 0 && strcmp(sorted[j - 1], sorted[j]) > 0; j--) {
            char *line = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = line;
        }
    }
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < line_count; i++) {
        fputs(sorted[i], out);
        free(sorted[i]);
    }
    fclose(out);
    return text;
}

/* Three days of a site with 15-minute, hourly and daily meters, some readings missing. */
static char *random_readings(struct jb_random *random, int64_t start_ns) {
    static const struct {
        const char *name;
        int quarters;
        uint64_t ceiling;
    } meters[] = {{"main", 4, 4000}, {"pdu1", 1, 400}, {"pdu2", 1, 300}, {"chiller", 2, 100}, {"pv", 4, 300}};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fputs("start,end,meter,Wh\n", out);
    for (int quarter = 0; quarter < 3 * 96; quarter++) {
        for (size_t m = 0; m < JB_COUNT(meters); m++) {
            char start[JB_TIME_SIZE], end[JB_TIME_SIZE];
            int64_t at_ns = start_ns + quarter * 15 * JB_MINUTE_NS;
            if (quarter % meters[m].quarters || jb_random_below(random, 20) == 0)
                continue;
            fprintf(out, "%s,%s,%s,%llu\n", jb_time_format(at_ns, start),
                    jb_time_format(at_ns + meters[m].quarters * 15 * JB_MINUTE_NS, end), meters[m].name,
                    (unsigned long long)jb_random_below(random, meters[m].ceiling));
        }
    }
    fclose(out);
    return text;
}

/* Hosts before the meters, after them, some on either side, some taken back: the statement is the same to the
 * microjoule, and the book balances. */
static void test_any_order(struct desk *unused) {
    (void)unused;
    struct jb_random random = jb_random_make(7);
    int64_t start_ns = 0;
    assert_int_equal(jb_time_parse("2024-05-01", NULL, &start_ns), JB_OK);
    for (int round = 0; round < 2; round++) {
        struct host_flow hosts[HOST_COUNT];
        char *text = random_readings(&random, start_ns), *expected = NULL;
        for (size_t i = 0; i < HOST_COUNT; i++) {
            int64_t at_ns = start_ns + (int64_t)jb_random_below(&random, 72 * 60) * JB_MINUTE_NS + (int64_t)i;
            hosts[i] = (struct host_flow){.start_ns = at_ns,
                                          .end_ns = at_ns + (1 + (int64_t)jb_random_below(&random, 100)) *
                                                                JB_MINUTE_NS,
                                          .amount = (jb_int128)jb_random_below(&random, 1500000000),
                                          .host = (unsigned)jb_random_below(&random, 3)};
        }
        for (int order = 0; order < 4; order++) {
            struct desk desk = {0};
            struct jb_error error = {0};
            /* All first, all after, and twice any of them on either side; some of them once more and taken
             * back. */
            size_t before = order == 0 ? HOST_COUNT : order == 1 ? 0 : jb_random_below(&random, HOST_COUNT);
            open_desk(&desk);
            for (size_t i = 0; i < before; i++)
                book_host(&desk, &hosts[i], i);
            struct jb_meter_result result = import_good(&desk, text);
            jb_meter_result_free(&result);
            for (size_t i = before; i < HOST_COUNT; i++)
                book_host(&desk, &hosts[i], i);
            for (size_t i = 0; order > 1 && i < 5; i++) {
                bool is_new = false;
                char identity[32];
                snprintf(identity, sizeof identity, "host late %zu", HOST_COUNT + i);
                book_host(&desk, &hosts[i * 4], HOST_COUNT + i);
                assert_int_equal(jb_ledger_reverse(desk.ledger, identity, &error, &is_new), JB_OK);
            }
            expect_balance(&desk);
            result = import_good(&desk, text);
            assert_int_equal(result.new_flow_count, 0);
            jb_meter_result_free(&result);
            char *statement = statement_of(&desk);
            if (!expected)
                expected = statement;
            else {
                assert_string_equal(statement, expected);
                free(statement);
            }
            close_desk(&desk);
        }
        free(expected);
        free(text);
    }
}

/* A period whose single flows the book has dropped cannot be settled any more: nothing is booked. */
static void test_after_roll_up(struct desk *desk) {
    struct jb_error error = {0};
    struct jb_store *store = jb_ledger_store(desk->ledger);
    struct jb_meter_result result = import_good(desk, "time,main_kWh,rack1_kWh\n2024-05-01T00:00,100,40\n"
                                                      "2024-05-01T01:00,100,40\n");
    int64_t start_ns = 0;
    bool is_new = false;
    jb_meter_result_free(&result);
    assert_int_equal(jb_time_parse("2024-05-01", NULL, &start_ns), JB_OK);
    assert_int_equal(store->ops->rollup(store, start_ns + 48 * JB_HOUR_NS, &error), JB_OK);
    struct jb_flow flow = {.start_ns = start_ns,
                           .end_ns = start_ns + JB_MINUTE_NS,
                           .amount = 1000,
                           .commodity = JB_ENERGY,
                           .method = JB_MEASURED};
    assert_int_equal(jb_ledger_account(desk->ledger, "site/s", &error, &flow.from), JB_OK);
    assert_int_equal(jb_ledger_account(desk->ledger, "host/h1", &error, &flow.to), JB_OK);
    struct jb_batch batch = {.identity = "host very late", .flows = &flow, .flow_count = 1};
    assert_int_equal(jb_ledger_append(desk->ledger, &batch, &error, &is_new), JB_UNSUPPORTED);
    assert_non_null(strstr(error.message, "site 's'"));
    expect_sum(desk, "site/s", "host/h1", 0);
    expect_balance(desk);
}

static const struct {
    const char *name;
    void (*run)(struct desk *desk);
} tests[] = {
    {"a site balances, once", test_site},
    {"hosts have their own way", test_hosts},
    {"hosts are the IT where no meter is", test_hosts_as_it},
    {"parts exceed the whole", test_parts_exceed},
    {"what is missing is not zero", test_what_is_missing},
    {"steps of other lengths, water", test_other_steps},
    {"registers wrap and restart", test_registers},
    {"wrong files book nothing", test_wrong},
    {"always balances", test_always_balances},
    {"in whatever order", test_any_order},
    {"after a roll-up", test_after_roll_up},
};

static void run_one(void **state) {
    struct desk desk = {0};
    open_desk(&desk);
    tests[(size_t)*state - 1].run(&desk);
    close_desk(&desk);
}

static void test_rules_of_setting(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[meter a]\nsite = s\n", "line 1: [meter a] has no role"},
        {"[meter a]\nrole = it\n", "names no site"},
        {"[meter a]\nrole = chef\nsite = s\n", "line 2, [meter a] role: 'chef' is no role"},
        {"[meter a]\nroel = it\n", "did you mean role"},
        {"[meter a]\nrole = it\nsite = a/b\n", "cannot name a site"},
        {"[meter a]\nrole = it\nsite = s\nmodulus = 0\n", "begins anew"},
        {"[meter a]\nrole = it\nsite = s\nkind = guess\n", "is no kind"},
        {"[meter a]\nrole = it\nsite = s\nuncertainty = 3\n", "relative standard uncertainty"},
    };
    struct jb_error error = {0};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_meter_rules rules = {0};
        assert_int_equal(
            jb_meter_rules_add_ini(&rules, cases[i].text, strlen(cases[i].text), "j.ini", NULL, NULL, &error),
            JB_INPUT);
        if (!strstr(error.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
        jb_meter_rules_free(&rules);
    }
    static const char good[] =
        "[site s]\ngrid = KR\n[meter main]\nrole = facility\nsite = s\ngrid = KR\nmodulus = "
        "1000000\nuncertainty = 0.005\n[meter]\ninterval = 1s\n[meter pdu*]\nrole = pdu\n";
    struct jb_meter_rules rules = {0};
    assert_int_equal(jb_meter_rules_add_ini(&rules, good, strlen(good), "j.ini", "x", "DE", &error), JB_OK);
    assert_int_equal(rules.count, 2);
    assert_string_equal(rules.items[0].grid, "grid/KR");
    assert_int_equal(rules.items[0].uncertainty_ppm, 5000);
    assert_string_equal(rules.items[1].site, "x");
    assert_string_equal(rules.items[1].grid, "grid/DE");
    jb_meter_rules_free(&rules);
    assert_int_equal(jb_meter_rules_add_list(&rules, "a=it,b", "s", NULL, &error), JB_USAGE);
    assert_int_equal(jb_meter_rules_add_list(&rules, "a=chef", "s", NULL, &error), JB_USAGE);
    assert_int_equal(jb_meter_rules_add_list(&rules, "a=it", "s/t", NULL, &error), JB_USAGE);
    jb_meter_rules_free(&rules);
}

int main(void) {
    struct CMUnitTest all[JB_COUNT(tests) + 1];
    for (size_t i = 0; i < JB_COUNT(tests); i++)
        all[i] = (struct CMUnitTest){
            .name = tests[i].name, .test_func = run_one, .initial_state = (void *)(i + 1)};
    all[JB_COUNT(tests)] = (struct CMUnitTest)cmocka_unit_test(test_rules_of_setting);
    return cmocka_run_group_tests(all, NULL, NULL);
}
