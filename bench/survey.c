/* A survey of a million against R's survey package: reading, and means with standard errors by market.
 *
 *   survey [--rows N] [--items N] [--without-r]
 *
 * The same CSV (respondents × items of a five-point scale, 13 markets of 4 strata each, weights) goes through
 * `joulebook index tabulate --by market`, whole: the process, reading and checking the file, the design,
 * means, standard errors, intervals and every pair of markets; and through R: read.csv, svydesign, svyby with
 * svymean. CPU seconds and the largest resident memory are the kernel's. Both have to say the same of the
 * last item. */
#include "base/cleanup.h"
#include "base/random.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MARKETS 13
#define ROUNDS  3

struct options {
    size_t rows, items;
    bool without_r;
};

struct cost {
    double cpu_s, rss_mib;
};

static char folder[64] = "/tmp/joulebook-bench-XXXXXX";

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("survey: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(4);
}

static char *path_of(const char *name, char ret[static PATH_MAX]) {
    (void)snprintf(ret, PATH_MAX, "%s/%s", folder, name);
    return ret;
}

static FILE *create(const char *name) {
    char path[PATH_MAX];
    FILE *file = fopen(path_of(name, path), "w");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    return file;
}

static void write_data(const struct options *options) {
    static const char *const markets[MARKETS] = {"US", "GB", "DE", "FR", "NL", "AE", "SA",
                                                 "IN", "SG", "AU", "JP", "KR", "TW"};
    struct jb_random random = jb_random_make(13);
    FILE *file = create("survey.csv");
    fputs("market,stratum,w", file);
    for (size_t i = 1; i <= options->items; i++)
        fprintf(file, ",q%zu", i);
    fputc('\n', file);
    for (size_t row = 0; row < options->rows; row++) {
        size_t market = jb_random_below(&random, MARKETS);
        fprintf(file, "%s,%zu,%.4f", markets[market], 4 * market + jb_random_below(&random, 4),
                0.3 + 2.7 * jb_random_unit(&random));
        for (size_t i = 0; i < options->items; i++) {
            fputc(',', file);
            fputc("12345"[jb_random_below(&random, 5)], file);
        }
        fputc('\n', file);
    }
    if (fclose(file))
        fail("the data cannot be written: %s", strerror(errno));
}

static void write_plan(const struct options *options) {
    FILE *file = create("survey.ini");
    fputs("[survey]\ndata = survey.csv\nweight = w\nstrata = stratum\n[group market]\n", file);
    for (size_t i = 1; i <= options->items; i++)
        fprintf(file, "[question q%zu]\ntype = scale\ntop = 4, 5\nshow = mean\n", i);
    fclose(file);
}

static void write_script(const struct options *options) {
    FILE *file = create("survey.R");
    fprintf(file,
            "suppressMessages(library(survey))\n"
            "d <- read.csv('survey.csv')\n"
            "design <- svydesign(~1, strata = ~stratum, weights = ~w, data = d)\n"
            "items <- as.formula(paste('~', paste0('q', 1:%zu, collapse = '+')))\n"
            "begin <- proc.time()\n"
            "e <- svyby(items, ~market, design, svymean)\n"
            "cpu <- proc.time() - begin\n"
            "cat(sprintf('%%.6f %%.17g %%.17g\\n', cpu[['user.self']] + cpu[['sys.self']], e['US', 'q%zu'],\n"
            "            SE(e)['US', 'se.q%zu']))\n",
            options->items, options->items, options->items);
    fclose(file);
}

/* Runs a command in the folder, its output into a file there. */
static struct cost run(char *const *command, const char *output) {
    struct rusage usage;
    int status;
    (void)fflush(stdout); /* or the child would print it again */
    pid_t child = fork();
    if (child < 0)
        fail("no process: %s", strerror(errno));
    if (child == 0) {
        char path[PATH_MAX];
        if (chdir(folder) || !freopen(path_of(output, path), "w", stdout))
            _exit(127);
        execvp(command[0], command);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("%s failed", command[0]);
    return (struct cost){.cpu_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                                  1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
                         .rss_mib = (double)usage.ru_maxrss / 1024};
}

static FILE *open_output(const char *name) {
    char path[PATH_MAX];
    FILE *file = fopen(path_of(name, path), "r");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    return file;
}

/* The last item's mean and standard error of the US in our CSV. */
static void read_ours(const struct options *options, double *ret_mean, double *ret_se) {
    _cleanup_fclose_ FILE *file = open_output("ours.csv");
    char line[1024], start[64];
    (void)snprintf(start, sizeof(start), "q%zu,mean,,,US,", options->items);
    while (fgets(line, sizeof(line), file)) {
        char *at = line;
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        for (int comma = 0; comma < 10; comma++)
            at = strchr(at, ',') + 1;
        if (sscanf(at, "%lf,%lf", ret_mean, ret_se) == 2)
            return;
    }
    fail("our output has no line %s", start);
}

static bool has_r(void) {
    char *const command[] = {"Rscript", "-e", "stopifnot(requireNamespace('survey'))", NULL};
    int status;
    (void)fflush(stdout); /* or the child would print it again */
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execvp(command[0], command);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void compare_with_r(const struct options *options, const struct cost *ours) {
    double svyby_s, mean, se, our_mean, our_se;
    char *const command[] = {"Rscript", "survey.R", NULL};
    struct cost whole = run(command, "r.txt");
    _cleanup_fclose_ FILE *file = open_output("r.txt");
    if (fscanf(file, "%lf %lf %lf", &svyby_s, &mean, &se) != 3)
        fail("R printed something else");
    read_ours(options, &our_mean, &our_se);
    if (fabs(our_mean - mean) > 1e-9 * mean || fabs(our_se - se) > 1e-9 * se)
        fail("R says %.17g ± %.17g and we %.17g ± %.17g", mean, se, our_mean, our_se);
    printf("R, svyby alone: %.2f s; whole script: %.2f s, %.0f MiB\n", svyby_s, whole.cpu_s, whole.rss_mib);
    printf("survey: svyby_over_ours=%.1f cpu_s=%.3f rss_mib=%.0f script_over_ours=%.1f\n",
           svyby_s / ours->cpu_s, ours->cpu_s, ours->rss_mib, whole.cpu_s / ours->cpu_s);
}

static void remove_all(void) {
    static const char *const names[] = {"survey.csv", "survey.ini", "survey.R", "ours.csv", "r.txt"};
    char path[PATH_MAX];
    for (size_t i = 0; i < JB_COUNT(names); i++)
        (void)unlink(path_of(names[i], path));
    (void)rmdir(folder);
}

int main(int argc, char **argv) {
    static const struct option names[] = {{"rows", required_argument, NULL, 'r'},
                                          {"items", required_argument, NULL, 'i'},
                                          {"without-r", no_argument, NULL, 'w'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.rows = 1000000, .items = 20};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) >= 0;) {
        if (c == 'r')
            options.rows = strtoul(optarg, NULL, 10);
        else if (c == 'i')
            options.items = strtoul(optarg, NULL, 10);
        else if (c == 'w')
            options.without_r = true;
        else
            return 2;
    }
    char self[PATH_MAX], tool[PATH_MAX + 32];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0 || options.rows < 1000 || options.items < 1 || !mkdtemp(folder))
        fail("rows from 1000, items from 1, and a folder in /tmp are needed");
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    (void)snprintf(tool, sizeof(tool), "%s/../src/cli/joulebook", self);
    atexit(remove_all);
    write_data(&options);
    write_plan(&options);
    write_script(&options);
    char *const command[] = {tool, "index", "tabulate", "survey.ini", "--by", "market", "--csv", NULL};
    struct cost best = {.cpu_s = INFINITY};
    for (int round = 0; round < ROUNDS; round++) {
        struct cost cost = run(command, "ours.csv");
        printf("ours: %.3f s, %.0f MiB\n", cost.cpu_s, cost.rss_mib);
        best.cpu_s = fmin(best.cpu_s, cost.cpu_s);
        best.rss_mib = fmax(best.rss_mib, cost.rss_mib);
    }
    if (!options.without_r && has_r())
        compare_with_r(&options, &best);
    else
        printf("survey: svyby_over_ours=unknown cpu_s=%.3f rss_mib=%.0f\n", best.cpu_s, best.rss_mib);
    return 0;
}
