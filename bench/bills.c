/* What a row of a bill costs: `import --dry-run` of a FOCUS bill, with all its checks, its estimates and its
 * flows, against the bare loop that reads and marks separators, DuckDB, sqlite3 and Impact Framework, in one
 * run.
 *
 *   bills [--rows N] [--rounds N] [--folder DIR] [--data DIR] [--script FILE] [--only-own]
 *
 * The bill (16,500,000 rows of 12 columns, 2 GB; 200 accounts with 40 pairs of a region and an instance type
 * each) is written into a folder of its own below --folder (default $TMPDIR) and stays in the page cache; all
 * is removed in the end. What a row costs depends on how many rows fall into one group, so a second bill has
 * as many rows of 100 accounts with 10 pairs. Ten times the rows go through a pipe, for the memory that they
 * take: it is that of the groups. Peers do the join and the sums alone:
 * factor by region and by SKU, sums by account. Their costs must add up to ours and the generator's, to the
 * last digit. DuckDB and Impact Framework are fetched by npm into that folder; who is not to be had is left
 * out. sqlite3 gets a tenth of the rows, gzip a quarter, Impact Framework 100,000: ratios are by row. Figures
 * are CPU time, of the least disturbed of the rounds; those of two threads, and of gzip (one unpacks, one
 * scans), are by the clock on the wall. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "bills_table.h"
#include "factor/factor.h"
#include "import/bill_import.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define IMPACT_ROWS 100000
#define PEER_SHARE  10    /* sqlite3 gets one row in so many */
#define PACK_SHARE  4     /* and so does gzip */
#define PIPE_TIMES  10    /* a pipe gets so many times the rows */
#define RSS_LIMIT   256.0 /* MiB, for a bill of any length */

static const struct bills_shape wide = {200, 40}, narrow = {100, 10};

struct options {
    uint64_t row_count;
    unsigned round_count;
    const char *parent, *data_path, *script_path;
    bool is_only_own;
};

struct place {
    char folder[PATH_MAX];
    char bill[PATH_MAX], few[PATH_MAX], sample[PATH_MAX], part[PATH_MAX], packed[PATH_MAX], regions[PATH_MAX],
        skus[PATH_MAX], manifest[PATH_MAX], book[PATH_MAX], out[PATH_MAX], script[PATH_MAX];
};

/* What one run took and found. */
struct outcome {
    double cpu_s, wall_s, rss_mib;
    uint64_t row_count;
    jb_int128 cost_micro;
    bool is_done;
};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bills: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(4);
}

static double wall_s(void) {
    return (double)jb_clock_system.monotonic_ns(&jb_clock_system) / 1e9;
}

static void await(pid_t pid, double start_s, struct outcome *outcome) {
    struct rusage usage;
    int status;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    outcome->wall_s = wall_s() - start_s;
    outcome->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    outcome->rss_mib = (double)usage.ru_maxrss / 1024;
    outcome->is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs a command; what it prints goes to `out`, cut at size. */
static struct outcome run_command(const char *const *arguments, const char *folder, char *out, size_t size) {
    struct outcome outcome = {0};
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        fail("pipe: %s", strerror(errno));
    double start_s = wall_s();
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        if (folder && chdir(folder) != 0)
            _exit(127);
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    close(pipes[1]);
    size_t length = 0;
    char spill[4096];
    for (;;) {
        bool has_room = length + 1 < size;
        ssize_t got =
            read(pipes[0], has_room ? out + length : spill, has_room ? size - length - 1 : sizeof spill);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += has_room ? (size_t)got : 0;
    }
    out[length] = '\0';
    close(pipes[0]);
    await(pid, start_s, &outcome);
    return outcome;
}

/* ---- ours ------------------------------------------------------------------------------------------- */

/* As the verb does it; path "-": standard input. Exits. */
static void import(const struct place *place, const struct options *options, const char *path,
                   unsigned threads, int report) {
    struct jb_error error = {0};
    struct jb_cloud *cloud = NULL;
    struct jb_factors *factors = NULL;
    struct jb_regions *regions = NULL;
    struct jb_bill_result result = {0};
    struct outcome outcome = {.cost_micro = 0};
    struct jb_factor_load load = {.data_path = options->data_path};
    struct jb_stream *standard_input = NULL;
    struct jb_bill_files files = {.paths = &path,
                                  .path_count = 1,
                                  .streams = &standard_input,
                                  .bucket_ns = JB_DAY_NS,
                                  .thread_count = threads};
    enum jb_code code = jb_cloud_load(options->data_path, &error, &cloud);
    if (!code && strcmp(path, "-") == 0)
        code = jb_stream_open(STDIN_FILENO, "standard input", &error, &standard_input);
    if (!code)
        code = jb_factors_load(&load, &error, &factors);
    if (!code)
        code = jb_regions_load(options->data_path, &error, &regions);
    struct jb_bill_request request = {.book = place->book,
                                      .question = {.cloud = cloud,
                                                   .factors = factors,
                                                   .regions = regions,
                                                   .files = &files,
                                                   .utilisation = 0.5,
                                                   .utilisation_uncertainty = 0.25},
                                      .is_dry_run = true};
    if (!code)
        code = jb_bill_import(&request, &error, &result);
    if (code) {
        fprintf(stderr, "bills: %s\n", error.message);
        _exit(4);
    }
    const struct jb_bill_cost *costs;
    size_t count = jb_bill_flows_costs(result.flows, &costs);
    outcome.row_count = result.row_count;
    for (size_t i = 0; i < count; i++)
        outcome.cost_micro += costs[i].total;
    _exit(write(report, &outcome, sizeof outcome) == sizeof outcome ? 0 : 4);
}

/* input: standard input of the import; -1 this program's own. */
static struct outcome run_own_from(const struct place *place, const struct options *options, const char *path,
                                   int input, unsigned threads) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        fail("pipe: %s", strerror(errno));
    double start_s = wall_s();
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0 && input >= 0)
        dup2(input, STDIN_FILENO);
    if (pid == 0)
        import(place, options, path, threads, pipes[1]);
    close(pipes[1]);
    struct outcome outcome = {0};
    bool is_whole = read(pipes[0], &outcome, sizeof outcome) == sizeof outcome;
    close(pipes[0]);
    await(pid, start_s, &outcome);
    if (!is_whole || !outcome.is_done)
        fail("the import of %s failed", path);
    return outcome;
}

static struct outcome run_own(const struct place *place, const struct options *options, const char *path,
                              unsigned threads) {
    return run_own_from(place, options, path, -1, threads);
}

/* A bill that is made while it is read, on no disk. */
static struct outcome run_pipe(const struct place *place, const struct options *options, uint64_t row_count) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        fail("pipe: %s", strerror(errno));
    fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        char path[64];
        struct jb_error error = {0};
        struct bills_totals totals;
        snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[1]);
        close(pipes[0]);
        _exit(bills_table_write(path, options->data_path, wide, row_count, &error, &totals) ? 4 : 0);
    }
    close(pipes[1]);
    struct outcome outcome = run_own_from(place, options, "-", pipes[0], 1), writer;
    close(pipes[0]);
    await(pid, wall_s(), &writer);
    if (!writer.is_done || outcome.row_count != row_count)
        fail("a pipe of %" PRIu64 " rows: %" PRIu64 " were read", row_count, outcome.row_count);
    return outcome;
}

/* ---- the bare loop ---------------------------------------------------------------------------------- */

#ifdef __x86_64__
__attribute__((target("avx2,popcnt"))) static uint64_t count_marks(const char *bytes, size_t length) {
    const __m256i comma = _mm256_set1_epi8(','), newline = _mm256_set1_epi8('\n'),
                  quote = _mm256_set1_epi8('"');
    uint64_t count = 0;
    for (size_t at = 0; at + 32 <= length; at += 32) {
        __m256i text = _mm256_loadu_si256((const __m256i *)(bytes + at));
        count += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(text, comma)));
        count +=
            (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(text, newline)));
        count += (uint64_t)__builtin_popcount((unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(text, quote)));
    }
    return count;
}
#else
static uint64_t count_marks(const char *bytes, size_t length) {
    uint64_t count = 0;
    for (size_t at = 0; at < length; at++)
        count += bytes[at] == ',' || bytes[at] == '\n' || bytes[at] == '"';
    return count;
}
#endif

static struct outcome run_bare(const char *path) {
    struct outcome outcome = {0};
    double start_s = wall_s();
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        static char block[256 << 10];
        int descriptor = open(path, O_RDONLY | O_CLOEXEC);
        uint64_t count = 0;
        ssize_t length;
        while ((length = read(descriptor, block, sizeof block)) > 0)
            count += count_marks(block, (size_t)length);
        _exit(descriptor < 0 || length < 0 || count == 0 ? 4 : 0);
    }
    await(pid, start_s, &outcome);
    if (!outcome.is_done)
        fail("the bare loop failed");
    return outcome;
}

/* ---- peers ------------------------------------------------------------------------------------------ */

/* "16500000 812345678901234": rows, and millionths. */
static void read_answer(const char *text, struct outcome *outcome) {
    char cost[64];
    if (sscanf(text, "%" SCNu64 " %63s", &outcome->row_count, cost) != 2 ||
        jb_int128_parse(cost, NULL, &outcome->cost_micro))
        outcome->is_done = false;
}

static bool fetch(const struct place *place) {
    static char out[4096];
    const char *const command[] = {"npm",
                                   "install",
                                   "--prefix",
                                   place->folder,
                                   "--no-audit",
                                   "--no-fund",
                                   "--silent",
                                   "@duckdb/node-api@1.5.6-r.1",
                                   "@grnsft/if@1.1.0",
                                   NULL};
    return run_command(command, place->folder, out, sizeof out).is_done;
}

static struct outcome run_duckdb(const struct place *place) {
    static char out[4096];
    const char *const command[] = {"node", place->script, place->bill, place->regions, place->skus, NULL};
    struct outcome outcome = run_command(command, place->folder, out, sizeof out);
    if (outcome.is_done)
        read_answer(out, &outcome);
    return outcome;
}

static struct outcome run_sqlite(const struct place *place) {
    static char out[4096];
    char load[3][PATH_MAX + 64];
    snprintf(load[0], sizeof load[0], ".import --csv '%s' bill", place->sample);
    snprintf(load[1], sizeof load[1], ".import --csv '%s' region", place->regions);
    snprintf(load[2], sizeof load[2], ".import --csv '%s' sku", place->skus);
    /* Costs as whole millionths: their sum is then exact. */
    const char *const command[] = {
        "sqlite3",
        "-separator",
        " ",
        ":memory:",
        load[0],
        load[1],
        load[2],
        "CREATE INDEX r ON region(region); CREATE INDEX s ON sku(sku);"
        "SELECT sum(n), sum(cost) FROM (SELECT count(*) AS n, sum(CAST(replace(BilledCost, '.', '') AS "
        "INTEGER)) AS cost,"
        " sum(ConsumedQuantity * sku.factor * region.factor) AS energy"
        " FROM bill JOIN region ON region = RegionId JOIN sku ON sku = SkuId GROUP BY SubAccountId);",
        NULL};
    struct outcome outcome = run_command(command, place->folder, out, sizeof out);
    if (outcome.is_done)
        read_answer(out, &outcome);
    return outcome;
}

static struct outcome run_impact(const struct place *place) {
    static char out[65536];
    char program[PATH_MAX + 64];
    snprintf(program, sizeof program, "%s/node_modules/.bin/if-run", place->folder);
    const char *const command[] = {program, "-m", place->manifest, "-o", place->out, NULL};
    return run_command(command, place->folder, out, sizeof out);
}

/* ---- all -------------------------------------------------------------------------------------------- */

static void keep_best(struct outcome *best, struct outcome outcome) {
    if (!outcome.is_done)
        return;
    if (!best->is_done || outcome.cpu_s < best->cpu_s) {
        double wall = best->is_done && best->wall_s < outcome.wall_s ? best->wall_s : outcome.wall_s;
        *best = outcome;
        best->wall_s = wall;
    } else if (outcome.wall_s < best->wall_s) {
        best->wall_s = outcome.wall_s;
    }
}

static void check_answer(const char *who, const struct outcome *outcome, uint64_t row_count,
                         jb_int128 cost_micro) {
    char ours[JB_INT128_SIZE], theirs[JB_INT128_SIZE];
    if (outcome->is_done && (outcome->row_count != row_count || outcome->cost_micro != cost_micro))
        fail("%s found %" PRIu64 " rows and %s millionths; there are %" PRIu64 " and %s", who,
             outcome->row_count, jb_int128_format(outcome->cost_micro, theirs), row_count,
             jb_int128_format(cost_micro, ours));
}

static void show(const char *who, const struct outcome *outcome, uint64_t row_count, double bytes_per_row) {
    if (!outcome->is_done) {
        printf("%-26s not to be had here\n", who);
        return;
    }
    double ns = outcome->cpu_s * 1e9 / (double)row_count;
    printf("%-26s %9.1f ns of CPU a row %8.3f GB/s %9.2f s wall %7.0f MiB\n", who, ns, bytes_per_row / ns,
           outcome->wall_s, outcome->rss_mib);
    fflush(stdout);
}

static void print_ratio(const char *name, const struct outcome *theirs, uint64_t their_rows, double own_ns) {
    if (theirs->is_done)
        printf(" %s=%.1f", name, theirs->cpu_s * 1e9 / (double)their_rows / own_ns);
    else
        printf(" %s=none", name);
}

static void set_up(struct place *place, const struct options *options, struct bills_totals *totals,
                   struct bills_totals *few_totals) {
    struct jb_error error = {0};
    snprintf(place->folder, sizeof place->folder, "%s/joulebook-bills-XXXXXX", options->parent);
    if (!mkdtemp(place->folder))
        fail("%s: %s", place->folder, strerror(errno));
    const struct {
        char *path;
        const char *name;
    } names[] = {{place->bill, "bill.csv"},      {place->few, "few.csv"},
                 {place->sample, "sample.csv"},  {place->part, "part.csv"},
                 {place->packed, "part.csv.gz"}, {place->regions, "regions.csv"},
                 {place->skus, "skus.csv"},      {place->manifest, "manifest.yml"},
                 {place->book, "none.db"},       {place->out, "out"}};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        if (snprintf(names[i].path, PATH_MAX, "%s/%s", place->folder, names[i].name) >= PATH_MAX)
            fail("%s: too long", options->parent);
    }
    if (bills_table_write(place->bill, options->data_path, wide, options->row_count, &error, totals) ||
        bills_table_write(place->few, options->data_path, narrow, options->row_count, &error, few_totals) ||
        bills_factors_write(place->regions, place->skus, options->data_path, &error) ||
        bills_table_cut(place->bill, place->sample, options->row_count / PEER_SHARE, &error) ||
        bills_table_cut(place->bill, place->part, options->row_count / PACK_SHARE, &error) ||
        bills_manifest_write(place->bill, place->manifest, place->regions, place->skus, IMPACT_ROWS, &error))
        fail("%s", error.message);
    if (!realpath(options->script_path, place->script))
        fail("%s: %s", options->script_path, strerror(errno));
    char modules[PATH_MAX + 32];
    snprintf(modules, sizeof modules, "%s/node_modules", place->folder);
    setenv("NODE_PATH", modules, 1); /* where the script finds what npm fetched */
    static char out[4096];
    const char *const pack[] = {"gzip", place->part, NULL};
    if (!run_command(pack, place->folder, out, sizeof out).is_done)
        fail("gzip failed");
}

static void measure(const struct place *place, const struct options *options,
                    const struct bills_totals *totals, const struct bills_totals *few_totals) {
    struct outcome bare = {0}, one = {0}, two = {0}, few = {0}, packed = {0}, sample = {0}, duckdb = {0},
                   sqlite = {0}, impact = {0};
    uint64_t rows = options->row_count, sample_rows = rows / PEER_SHARE, packed_rows = rows / PACK_SHARE;
    uint64_t impact_rows = rows < IMPACT_ROWS ? rows : IMPACT_ROWS;
    double bytes_per_row = (double)totals->byte_count / (double)rows;
    bool has_packages = !options->is_only_own && fetch(place);
    for (unsigned round = 0; round < options->round_count; round++) {
        keep_best(&bare, run_bare(place->bill));
        keep_best(&one, run_own(place, options, place->bill, 1));
        keep_best(&few, run_own(place, options, place->few, 1));
        keep_best(&two, run_own(place, options, place->bill, 2));
        keep_best(&packed, run_own(place, options, place->packed, 1));
        check_answer("one thread", &one, rows, totals->cost_micro);
        check_answer("fewer groups", &few, rows, few_totals->cost_micro);
        check_answer("two threads", &two, rows, totals->cost_micro);
        if (options->is_only_own)
            continue;
        if (has_packages)
            keep_best(&duckdb, run_duckdb(place));
        if (round == 0) {
            keep_best(&sample, run_own(place, options, place->sample, 1));
            keep_best(&sqlite, run_sqlite(place));
            if (has_packages)
                keep_best(&impact, run_impact(place));
        }
    }
    struct outcome piped = run_pipe(place, options, PIPE_TIMES * rows);
    check_answer("DuckDB", &duckdb, rows, totals->cost_micro);
    check_answer("sqlite3", &sqlite, sample_rows, sample.cost_micro);
    show("bare loop", &bare, rows, bytes_per_row);
    show("joulebook, 1 thread", &one, rows, bytes_per_row);
    show("joulebook, fewer groups", &few, rows, bytes_per_row);
    show("joulebook, 2 threads", &two, rows, bytes_per_row);
    show("joulebook, gzip", &packed, packed_rows, bytes_per_row);
    show("joulebook, pipe", &piped, PIPE_TIMES * rows, bytes_per_row);
    show("DuckDB, 1 thread", &duckdb, rows, bytes_per_row);
    show("sqlite3", &sqlite, sample_rows, bytes_per_row);
    show("Impact Framework", &impact, impact_rows, bytes_per_row);
    double own_ns = one.cpu_s * 1e9 / (double)rows;
    printf("%.0f million rows, %.1f GB: %.0f MiB; %.0f million rows, %.1f GB: %.0f MiB\n", (double)rows / 1e6,
           (double)totals->byte_count / 1e9, one.rss_mib, (double)(PIPE_TIMES * rows) / 1e6,
           bytes_per_row * (double)(PIPE_TIMES * rows) / 1e9, piped.rss_mib);
    printf("bills: ns_per_row=%.1f ns_per_row_fewer_groups=%.1f ns_per_row_2t=%.1f over_limit=%.2f", own_ns,
           few.cpu_s * 1e9 / (double)rows, two.wall_s * 1e9 / (double)rows, one.cpu_s / bare.cpu_s);
    print_ratio("duckdb_over_ours", &duckdb, rows, own_ns);
    print_ratio("sqlite_over_ours", &sqlite, sample_rows, own_ns);
    print_ratio("impact_framework_over_ours", &impact, impact_rows, own_ns);
    printf(" gzip_gb_per_s=%.2f memory_over_limit=%.2f\n",
           bytes_per_row * (double)packed_rows / packed.wall_s / 1e9, piped.rss_mib / RSS_LIMIT);
}

int main(int argc, char **argv) {
    static const struct option longs[] = {{"rows", required_argument, NULL, 'n'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"folder", required_argument, NULL, 'f'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"only-own", no_argument, NULL, 'o'},
                                          {"script", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    const char *temporary = getenv("TMPDIR");
    struct options options = {.row_count = 16500000,
                              .round_count = 3,
                              .parent = temporary && *temporary ? temporary : "/tmp",
                              .data_path = "data",
                              .script_path = "bench/bills_duckdb.js"};
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        uint64_t number = 0;
        if ((option == 'n' || option == 'r') && (jb_uint64_parse(optarg, NULL, &number) || number == 0))
            fail("'%s' is no number", optarg);
        switch (option) {
        case 'n':
            options.row_count = number;
            break;
        case 'r':
            options.round_count = (unsigned)number;
            break;
        case 'f':
            options.parent = optarg;
            break;
        case 'd':
            options.data_path = optarg;
            break;
        case 's':
            options.script_path = optarg;
            break;
        case 'o':
            options.is_only_own = true;
            break;
        default:
            fail("usage: bills [--rows N] [--rounds N] [--folder DIR] [--data DIR] [--script FILE] "
                 "[--only-own]");
        }
    }
    static struct place place;
    struct bills_totals totals, few_totals;
    set_up(&place, &options, &totals, &few_totals);
    measure(&place, &options, &totals, &few_totals);
    static char out[4096];
    const char *const clean[] = {"rm", "-rf", place.folder, NULL};
    run_command(clean, "/", out, sizeof out);
    return 0;
}
