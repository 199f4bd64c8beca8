/* The book against bare SQLite: appending a minute of 100 workloads, bytes on disk, and the sums of a year.
 *
 *   book [--batches N] [--rounds N] [--minutes N] [--dir DIR]
 *
 * (a) The same flows are booked through jb_ledger_append and inserted by one bare prepared statement into a
 * table of the same columns, in transactions of the same size with the same settings, in turns; medians of
 * CPU time. (b) The size of the book that (a) left, over its flows: everything is in it. (c) Minutes are
 * booked as the meter would, folded every six hours, flows kept for a week; then the whole time is summed by
 * workload. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "ledger/ledger.h"

#include <getopt.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define WORKLOADS   100
#define BATCH_FLOWS (2 * WORKLOADS + 5)
/* 2026-01-01T00:00:17.3Z: a meter does not start on the minute, so one batch an hour lies across two hours.
 */
#define START_NS   (INT64_C(1767225617) * JB_SECOND_NS + 300000000)
#define KEEP_NS    (7 * JB_DAY_NS)
#define FOLD_EVERY 360

struct options {
    unsigned batches, rounds, minutes;
    const char *folder;
};

struct work {
    struct jb_flow flows[BATCH_FLOWS];
    struct jb_position positions[WORKLOADS + 1];
    struct jb_random random;
};

struct cost {
    double cpu_s, wall_s;
};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("book: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(4);
}

static struct cost now(void) {
    struct rusage usage;
    struct timespec wall;
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    return (struct cost){.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                  1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
                         .wall_s = (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec};
}

static struct cost since(struct cost start) {
    struct cost end = now();
    return (struct cost){.cpu_s = end.cpu_s - start.cpu_s, .wall_s = end.wall_s - start.wall_s};
}

static void remove_book(const char *path) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char file[PATH_MAX + 8];
    for (size_t i = 0; i < JB_COUNT(suffixes); i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        unlink(file);
    }
}

static double size_of(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? (double)status.st_size : 0;
}

static jb_account_id account(struct jb_ledger *ledger, const char *path) {
    struct jb_error error;
    jb_account_id id = 0;
    if (jb_ledger_account(ledger, path, &error, &id))
        fail("%s", error.message);
    return id;
}

static void set_flow(struct jb_flow *flow, jb_account_id from, jb_account_id to, enum jb_method method) {
    *flow = (struct jb_flow){
        .from = from, .to = to, .commodity = JB_ENERGY, .method = method, .uncertainty_ppm = 20000};
}

/* The routes of a host with 100 workloads, each a cgroup with one process. */
static void set_routes(struct work *work, struct jb_ledger *ledger) {
    jb_account_id host = account(ledger, "host/h1"), cpu = account(ledger, "host/h1/cpu0");
    struct jb_flow *flow = work->flows;
    set_flow(flow++, account(ledger, "grid/KR"), account(ledger, "site/seoul1"), JB_MEASURED);
    set_flow(flow++, account(ledger, "site/seoul1"), host, JB_MEASURED);
    set_flow(flow++, host, cpu, JB_MEASURED);
    set_flow(flow++, cpu, account(ledger, "host/h1/idle"), JB_APPORTIONED);
    set_flow(flow++, cpu, account(ledger, "host/h1/kernel"), JB_APPORTIONED);
    for (unsigned i = 0; i < WORKLOADS; i++) {
        char path[100];
        snprintf(path, sizeof path, "host/h1/cgroup/system.slice/workload-%03u.service", i);
        jb_account_id cgroup = account(ledger, path);
        snprintf(path, sizeof path, "host/h1/cgroup/system.slice/workload-%03u.service/process/worker", i);
        set_flow(flow++, cpu, cgroup, JB_APPORTIONED);
        set_flow(flow++, cgroup, account(ledger, path), JB_APPORTIONED);
        snprintf(work->positions[i].counter, JB_COUNTER_SIZE, "cpu:/system.slice/workload-%03u.service", i);
    }
    snprintf(work->positions[WORKLOADS].counter, JB_COUNTER_SIZE, "energy:rapl/package-0");
}

/* The amounts of minute `number`: it balances. */
static void set_amounts(struct work *work, unsigned number) {
    int64_t total = 0;
    for (unsigned i = 3; i < BATCH_FLOWS; i += i < 5 ? 1 : 2) {
        /* 0 to 2 W over a minute */
        int64_t amount = (int64_t)jb_random_below(&work->random, 120000000);
        work->flows[i].amount = amount;
        if (i >= 5)
            work->flows[i + 1].amount = amount;
        total += amount;
    }
    for (unsigned i = 0; i < 3; i++)
        work->flows[i].amount = total;
    for (unsigned i = 0; i < BATCH_FLOWS; i++) {
        work->flows[i].start_ns = START_NS + number * JB_MINUTE_NS;
        work->flows[i].end_ns = START_NS + (number + 1) * JB_MINUTE_NS;
    }
    for (unsigned i = 0; i <= WORKLOADS; i++) {
        work->positions[i].value += 1000000000 + i;
        work->positions[i].realtime_ns = START_NS + (number + 1) * JB_MINUTE_NS;
        work->positions[i].boottime_ns = (number + 1) * JB_MINUTE_NS;
    }
}

static void append(struct jb_ledger *ledger, struct work *work, unsigned number, bool with_positions) {
    struct jb_error error;
    char identity[128];
    bool is_new = false;
    snprintf(identity, sizeof identity, "meter h1 9e2f7a7c-2a0b-4c55-8a1e-0d6a2f5b7c11 %lld-%lld",
             (long long)(number * JB_MINUTE_NS), (long long)((number + 1) * JB_MINUTE_NS));
    struct jb_batch batch = {.identity = identity, .flows = work->flows, .flow_count = BATCH_FLOWS};
    if (with_positions) {
        batch.host = "h1";
        batch.boot_id = "9e2f7a7c-2a0b-4c55-8a1e-0d6a2f5b7c11";
        batch.positions = work->positions;
        batch.position_count = WORKLOADS + 1;
        batch.replace_positions = true;
    }
    if (jb_ledger_append(ledger, &batch, &error, &is_new))
        fail("%s", error.message);
    if (!is_new)
        fail("batch %u was there already", number);
}

static struct jb_ledger *open_book(const char *path, enum jb_store_mode mode) {
    struct jb_error error;
    struct jb_ledger *ledger = NULL;
    if (jb_ledger_open(path, mode, &error, &ledger))
        fail("%s", error.message);
    return ledger;
}

static struct cost run_book(const char *path, const struct options *options, bool with_positions) {
    static struct work work;
    remove_book(path);
    struct jb_ledger *ledger = open_book(path, JB_STORE_CREATE);
    work = (struct work){.random = jb_random_make(1)};
    set_routes(&work, ledger);
    struct cost start = now();
    for (unsigned number = 0; number < options->batches; number++) {
        set_amounts(&work, number);
        append(ledger, &work, number, with_positions);
    }
    jb_ledger_close(ledger);
    return since(start);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail("%s", sqlite3_errmsg(db));
    return statement;
}

static void step(sqlite3 *db, sqlite3_stmt *statement) {
    if (sqlite3_step(statement) != SQLITE_DONE)
        fail("%s", sqlite3_errmsg(db));
    sqlite3_reset(statement);
}

/* What anybody would write first: one table, one prepared insert. */
static struct cost run_bare(const char *path, const struct options *options, bool with_positions) {
    static struct work work;
    sqlite3 *db = NULL;
    remove_book(path);
    work = (struct work){.random = jb_random_make(1)};
    for (unsigned i = 0; i <= WORKLOADS; i++)
        snprintf(work.positions[i].counter, JB_COUNTER_SIZE, "cpu:/system.slice/workload-%03u.service", i);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(
            db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
            "CREATE TABLE flow (id INTEGER PRIMARY KEY, route INTEGER NOT NULL, amount INTEGER NOT NULL)"
            " STRICT;"
            "CREATE TABLE position (counter TEXT PRIMARY KEY, value INTEGER NOT NULL, realtime_ns INTEGER"
            " NOT NULL, boottime_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            NULL, NULL, NULL) != SQLITE_OK)
        fail("%s", sqlite3_errmsg(db));
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT");
    sqlite3_stmt *insert = prepare(db, "INSERT INTO flow (id, route, amount) VALUES (?1, ?2, ?3)");
    sqlite3_stmt *drop = prepare(db, "DELETE FROM position");
    sqlite3_stmt *place = prepare(db, "INSERT INTO position VALUES (?1, ?2, ?3, ?4)");
    struct cost start = now();
    int64_t id = 1;
    for (unsigned number = 0; number < options->batches; number++) {
        set_amounts(&work, number);
        step(db, begin);
        for (unsigned i = 0; i < BATCH_FLOWS; i++) {
            sqlite3_bind_int64(insert, 1, id++);
            sqlite3_bind_int64(insert, 2, i);
            sqlite3_bind_int64(insert, 3, work.flows[i].amount);
            step(db, insert);
        }
        if (with_positions)
            step(db, drop);
        for (unsigned i = 0; with_positions && i <= WORKLOADS; i++) {
            sqlite3_bind_text(place, 1, work.positions[i].counter, -1, SQLITE_STATIC);
            sqlite3_bind_int64(place, 2, (int64_t)work.positions[i].value);
            sqlite3_bind_int64(place, 3, work.positions[i].realtime_ns);
            sqlite3_bind_int64(place, 4, work.positions[i].boottime_ns);
            step(db, place);
        }
        step(db, commit);
    }
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_finalize(insert);
    sqlite3_finalize(drop);
    sqlite3_finalize(place);
    sqlite3_close(db);
    return since(start);
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Alternates the two; returns the ratio of the medians of CPU time. */
static double compare(const char *path, const char *bare_path, const struct options *options,
                      bool with_positions) {
    enum { ROUND_CEILING = 100 };
    double ours_cpu[ROUND_CEILING], ours_wall[ROUND_CEILING], bare_cpu[ROUND_CEILING],
        bare_wall[ROUND_CEILING];
    size_t rounds = options->rounds < ROUND_CEILING ? options->rounds : ROUND_CEILING;
    double flows = (double)options->batches * BATCH_FLOWS;
    for (size_t i = 0; i < rounds; i++) {
        struct cost bare = run_bare(bare_path, options, with_positions);
        struct cost ours = run_book(path, options, with_positions);
        ours_cpu[i] = ours.cpu_s;
        ours_wall[i] = ours.wall_s;
        bare_cpu[i] = bare.cpu_s;
        bare_wall[i] = bare.wall_s;
    }
    double ours = median(ours_cpu, rounds), bare = median(bare_cpu, rounds);
    printf("%s: book %.0f flows/s of CPU (%.0f wall), bare SQLite %.0f (%.0f wall), %.2f and %.2f us a flow, "
           "ratio %.3f CPU, %.3f wall\n",
           with_positions ? "flows and 101 counter positions a batch" : "flows alone", flows / ours,
           flows / median(ours_wall, rounds), flows / bare, flows / median(bare_wall, rounds),
           1e6 * ours / flows, 1e6 * bare / flows, ours / bare,
           median(ours_wall, rounds) / median(bare_wall, rounds));
    return ours / bare;
}

/* Books minutes, with roll-ups and retention; the total by workload is kept beside, to check the sums by. */
static void book_minutes(const char *path, unsigned minutes, jb_int128 expected[WORKLOADS]) {
    static struct work work;
    struct jb_error error;
    remove_book(path);
    struct jb_ledger *ledger = open_book(path, JB_STORE_CREATE);
    struct jb_store *store = jb_ledger_store(ledger);
    work = (struct work){.random = jb_random_make(2)};
    set_routes(&work, ledger);
    struct cost start = now();
    for (unsigned number = 0; number < minutes; number++) {
        set_amounts(&work, number);
        append(ledger, &work, number, true);
        for (unsigned i = 0; i < WORKLOADS; i++)
            expected[i] += work.flows[5 + 2 * i].amount;
        if ((number + 1) % FOLD_EVERY == 0 &&
            store->ops->rollup(store, work.flows[0].end_ns - KEEP_NS, &error) != JB_OK)
            fail("%s", error.message);
    }
    jb_ledger_close(ledger);
    struct cost cost = since(start);
    printf("%u minutes booked, folded and pruned in %.1f s of CPU (%.1f wall), %.0f us a minute; %.1f MiB on "
           "disk, %.2f bytes a flow booked\n",
           minutes, cost.cpu_s, cost.wall_s, 1e6 * cost.cpu_s / minutes, size_of(path) / 1048576,
           size_of(path) / ((double)minutes * BATCH_FLOWS));
}

/* Opens the book and sums all of its time by workload; wall seconds, opening included. */
static double sum_by_workload(const char *path, unsigned minutes, const jb_int128 expected[WORKLOADS]) {
    struct jb_error error;
    struct cost start = now();
    struct jb_ledger *ledger = open_book(path, JB_STORE_READ);
    struct jb_store *store = jb_ledger_store(ledger);
    struct jb_query query = {.from_ns = START_NS, .to_ns = START_NS + minutes * JB_MINUTE_NS};
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    jb_int128 totals[WORKLOADS] = {0};
    if (store->ops->sums(store, &query, &error, &sums, &count) != JB_OK)
        fail("%s", error.message);
    for (size_t i = 0; i < count; i++) {
        unsigned workload;
        const char *to = jb_ledger_path(ledger, sums[i].to);
        if (sscanf(to, "host/h1/cgroup/system.slice/workload-%3u.service/process/worker", &workload) == 1 &&
            strstr(to, "/process/") && workload < WORKLOADS)
            totals[workload] += sums[i].amount;
    }
    double wall_s = since(start).wall_s;
    for (unsigned i = 0; i < WORKLOADS; i++) {
        if (totals[i] != expected[i])
            fail("the sum of workload %u is wrong", i);
    }
    start = now();
    struct jb_balance balance = {0};
    if (jb_ledger_balance(ledger, &query, &error, &balance) != JB_OK)
        fail("%s", error.message);
    printf("sum by workload: %.3f s, exact; balance: %.2f s, %llu stretches, %llu imbalances\n", wall_s,
           since(start).wall_s, (unsigned long long)balance.stretch_count,
           (unsigned long long)balance.imbalance_total);
    if (!jb_balance_is_good(&balance))
        fail("the book does not balance");
    jb_balance_free(&balance);
    jb_ledger_close(ledger);
    return wall_s;
}

static unsigned parse_count(const char *text) {
    struct jb_error error;
    uint64_t value = 0;
    if (jb_uint64_parse(text, &error, &value) != JB_OK || value == 0 || value > 10000000)
        fail("'%s' is no count from 1 to 10000000", text);
    return (unsigned)value;
}

static struct options parse(int argc, char **argv) {
    static const struct option names[] = {{"batches", required_argument, NULL, 'b'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"minutes", required_argument, NULL, 'm'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {NULL, 0, NULL, 0}};
    /* By default in memory: what is measured is our work and SQLite's, not the disk. */
    struct options options = {.batches = 2000,
                              .rounds = 7,
                              .minutes = 365 * 1440,
                              .folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'b':
            options.batches = parse_count(optarg);
            break;
        case 'r':
            options.rounds = parse_count(optarg);
            break;
        case 'm':
            options.minutes = parse_count(optarg);
            break;
        case 'd':
            options.folder = optarg;
            break;
        default:
            fputs("usage: book [--batches N] [--rounds N] [--minutes N] [--dir DIR]\n", stderr);
            exit(2);
        }
    }
    return options;
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    char folder[PATH_MAX - 100], path[PATH_MAX], bare_path[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s/joulebook-bench-XXXXXX", options.folder) >= (int)sizeof folder ||
        !mkdtemp(folder))
        fail("could not make a folder in %s", options.folder);
    snprintf(path, sizeof path, "%s/book.db", folder);
    snprintf(bare_path, sizeof bare_path, "%s/bare.db", folder);
    setvbuf(stdout, NULL, _IOLBF, 0);

    double over_sqlite = compare(path, bare_path, &options, false);
    double bytes_per_flow = size_of(path) / ((double)options.batches * BATCH_FLOWS);
    compare(path, bare_path, &options, true);
    remove_book(bare_path);
    jb_int128 expected[WORKLOADS] = {0};
    book_minutes(path, options.minutes, expected);
    double year_sum_s = sum_by_workload(path, options.minutes, expected);
    remove_book(path);
    rmdir(folder);
    printf("book: over_sqlite=%.3f bytes_per_flow=%.2f year_sum_s=%.3f\n", over_sqlite, bytes_per_flow,
           year_sum_s);
    return 0;
}
