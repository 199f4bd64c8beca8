/* The part of `factors` that deals with series: tables of levels in, lists and steps out. */
#include "cli/factors_series.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/text.h"
#include "base/time.h"
#include "report/view_series.h"

#include <errno.h>
#include <math.h>
#include <string.h>

bool factors_id_matches(const char *pattern, const char *id) {
    return strpbrk(pattern, "*?[\\") ? jb_text_matches(pattern, id) : strstr(id, pattern) != NULL;
}

/* Series with their steps, as they are shown. */
struct shown {
    struct jb_series_entry *items;
    size_t count;
};
static void shown_free(struct shown *shown) {
    for (size_t i = 0; i < shown->count; i++)
        free((void *)(uintptr_t)shown->items[i].steps);
    free(shown->items);
}

static int print_entries(const struct jb_cli *cli, enum jb_form form, const struct jb_series_entry *entries,
                         size_t count) {
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    struct jb_layout layout = jb_layout_of_stdout();
    enum jb_code code = jb_view_series(form, &layout, entries, count, &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

/* ---- import ---- */

static int take_step(const struct jb_cli *cli, const char *text, struct jb_series_request *request) {
    struct jb_error error = {0};
    static const struct {
        const char *name;
        enum jb_series_step step;
    } names[] = {{"day", JB_STEP_DAY}, {"month", JB_STEP_MONTH}, {"year", JB_STEP_YEAR}};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        if (strcmp(names[i].name, text) == 0) {
            request->step = names[i].step;
            return -1;
        }
    }
    request->step = JB_STEP_FIXED;
    if (jb_duration_parse(text, &error, &request->step_ns))
        return jb_cli_usage(cli, "--step: %s, or day, month or year", error.message);
    return -1;
}

/* Returns −1 to go on. zone: freed by the caller. */
static int make_request(const struct jb_cli *cli, const char *file,
                        const struct factors_series_options *options, struct jb_zone **zone,
                        struct jb_series_request *ret_request) {
    struct jb_error error = {0};
    struct jb_series_request request = {.region = options->region,
                                        .name = options->name,
                                        .columns = options->columns,
                                        .source = options->source ? options->source : file,
                                        .licence = options->licence ? options->licence : "",
                                        .uncertainty = NAN};
    if (!*request.region || strlen(request.region) >= JB_SERIES_TEXT_SIZE)
        return jb_cli_usage(cli, "--series needs the region that the table is of, such as KR");
    if (options->dates && !jb_stamp_order_parse(options->dates, &request.style.order))
        return jb_cli_usage(cli, "--dates: '%.40s' is not iso, ymd, dmy, mdy or unix", options->dates);
    if (options->zone) {
        enum jb_code code = jb_zone_load(options->zone, &error, zone);
        if (code)
            return code == JB_INPUT ? jb_cli_usage(cli, "--zone: %s", error.message)
                                    : jb_cli_fail(cli, code, &error);
    }
    request.style.zone = *zone;
    if (options->uncertainty) {
        uint32_t ppm;
        if (!jb_share_parse(options->uncertainty, &ppm))
            return jb_cli_usage(cli,
                                "--uncertainty: '%.40s' is not a relative standard uncertainty of 0 to 1, or "
                                "0%% to 100%%",
                                options->uncertainty);
        request.uncertainty = (double)ppm / 1e6;
    }
    if (options->step) {
        int status = take_step(cli, options->step, &request);
        if (status >= 0)
            return status;
    }
    *ret_request = request;
    return -1;
}

static enum jb_code read_set(const char *path, const struct jb_series_request *request,
                             const struct jb_factor_load *load, struct jb_error *error,
                             struct jb_series_set *ret_set) {
    _cleanup_fclose_ FILE *file = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
    struct jb_series_set set = {0};
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code =
        jb_series_read_csv(file, strcmp(path, "-") == 0 ? "standard input" : path, request, error, &set);
    bool is_mix = false;
    for (size_t i = 0; !code && i < set.count; i++)
        is_mix = is_mix || strcmp(set.items[i].series.quantity, "generation") == 0;
    if (is_mix) {
        _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
        code = jb_factors_load(load, error, &factors);
        if (!code)
            code = jb_factors_check(factors, error);
        if (!code)
            code = jb_series_value_mix(&set, request, factors, error);
    }
    if (code) {
        jb_series_set_free(&set);
        return code;
    }
    *ret_set = set;
    return JB_OK;
}

/* Whether each series may go into the book as it is there. */
static enum jb_code check_against(struct jb_store *store, const struct jb_series_set *set,
                                  struct jb_error *error) {
    for (size_t i = 0; i < set->count; i++) {
        const struct jb_series *series = &set->items[i].series;
        struct jb_series stored;
        enum jb_code code = store->ops->series_find(store, series->name, error, &stored);
        if (code == JB_NO_DATA)
            continue;
        if (!code && (strcmp(stored.unit, series->unit) != 0 || strcmp(stored.region, series->region) != 0))
            code =
                jb_error_set(error, JB_INPUT,
                             "series %s is in the book already, of region '%s' in %s; give this one another "
                             "--name, or remove that with `joulebook factors drop`",
                             series->name, stored.region, stored.unit);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code put_set(struct jb_store *store, const struct jb_series_set *set,
                            struct jb_series_entry *entries, struct jb_error *error) {
    enum jb_code code = check_against(store, set, error);
    for (size_t i = 0; !code && i < set->count; i++) {
        struct jb_series stored;
        bool changed = false;
        enum jb_code found = store->ops->series_find(store, set->items[i].series.name, NULL, &stored);
        code = store->ops->series_put(store, &set->items[i].series, set->items[i].steps, set->items[i].count,
                                      error, &changed);
        entries[i].change = !changed ? "as it was" : found == JB_NO_DATA ? "new" : "changed";
    }
    return code;
}

int factors_series_import(const struct jb_cli *cli, enum jb_form form, const char *file,
                          const struct factors_series_options *options, bool is_dry_run,
                          const struct jb_factor_load *load) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    struct jb_series_request request;
    struct jb_error error = {0};
    int status = make_request(cli, file, options, &zone, &request);
    if (status >= 0)
        return status;
    enum jb_code code = read_set(file, &request, load, &error, &set);
    if (code)
        return jb_cli_fail(cli, code == JB_NO_DATA ? JB_IO : code, &error);
    _cleanup_free_ struct jb_series_entry *entries = calloc(set.count + 1, sizeof *entries);
    if (!entries)
        return jb_cli_fail(cli, jb_error_set(&error, JB_MEMORY, "no memory for the series"), &error);
    for (size_t i = 0; !code && i < set.count; i++) {
        code = jb_series_describe(set.items[i].steps, set.items[i].count, &error, &set.items[i].series);
        entries[i] = (struct jb_series_entry){
            .series = set.items[i].series, .steps = set.items[i].steps, .count = set.items[i].count};
    }
    struct jb_ledger *ledger = NULL;
    if (!code && !is_dry_run)
        code = jb_ledger_open(cli->book, JB_STORE_CREATE, &error, &ledger);
    if (!code && ledger)
        code = put_set(jb_ledger_store(ledger), &set, entries, &error);
    jb_ledger_close(ledger);
    if (code)
        return jb_cli_fail(cli, code, &error);
    status = print_entries(cli, form, entries, set.count);
    if (status == 0 && form == JB_FORM_TEXT && set.ignored[0]) {
        char shown[sizeof set.ignored];
        printf("\nColumns that were not read: %s\n", jb_text_display(set.ignored, shown, sizeof shown));
    }
    return fflush(stdout) == 0 ? status : 4;
}

/* ---- what the book has ---- */

/* The book for reading; *ret_ledger NULL: there is none. Returns −1 to go on. */
static int open_book(const struct jb_cli *cli, struct jb_ledger **ret_ledger) {
    struct jb_error error = {0};
    *ret_ledger = NULL;
    enum jb_code code = jb_ledger_open(cli->book, JB_STORE_READ, &error, ret_ledger);
    return code && code != JB_NO_DATA ? jb_cli_fail(cli, code, &error) : -1;
}

static enum jb_code read_entry(struct jb_store *store, const struct jb_series *series, int64_t from_ns,
                               int64_t to_ns, struct jb_error *error, struct jb_series_entry *ret_entry) {
    struct jb_step *steps = NULL;
    size_t count = 0;
    enum jb_code code = store->ops->series_read(store, series->name, from_ns, to_ns, error, &steps, &count);
    if (!code)
        *ret_entry = (struct jb_series_entry){.series = *series, .steps = steps, .count = count};
    return code;
}

static enum jb_code read_matching(struct jb_store *store, const char *pattern, bool is_exact,
                                  struct jb_error *error, struct shown *shown) {
    _cleanup_free_ struct jb_series *list = NULL;
    size_t count = 0;
    enum jb_code code = store->ops->series_list(store, error, &list, &count);
    if (code)
        return code;
    shown->items = calloc(count + 1, sizeof *shown->items);
    if (!shown->items)
        return jb_error_set(error, JB_MEMORY, "no memory for the series");
    for (size_t i = 0; !code && i < count; i++) {
        if (pattern &&
            !(is_exact ? strcmp(pattern, list[i].name) == 0 : factors_id_matches(pattern, list[i].name)))
            continue;
        code = read_entry(store, &list[i], INT64_MIN, INT64_MAX, error, &shown->items[shown->count]);
        shown->count += code == JB_OK;
    }
    return code;
}

static int no_series(const struct jb_cli *cli, const char *pattern) {
    struct jb_error error = {0};
    jb_error_set(
        &error, JB_INPUT,
        "no series %s '%.127s'; `joulebook factors series` lists them, `joulebook factors import FILE "
        "--series REGION` adds some",
        "matches", pattern);
    return jb_cli_fail(cli, JB_INPUT, &error);
}

/* Returns −1 to go on. */
static int load_matching(const struct jb_cli *cli, const char *pattern, bool is_exact, struct shown *shown) {
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    int status = open_book(cli, &ledger);
    if (status >= 0 || !ledger)
        return status;
    enum jb_code code = read_matching(jb_ledger_store(ledger), pattern, is_exact, &error, shown);
    jb_ledger_close(ledger);
    return code ? jb_cli_fail(cli, code, &error) : -1;
}

int factors_series_list(const struct jb_cli *cli, enum jb_form form, const char *pattern) {
    _cleanup_(shown_free) struct shown shown = {0};
    int status = load_matching(cli, pattern, false, &shown);
    if (status >= 0)
        return status;
    if (pattern && shown.count == 0)
        return no_series(cli, pattern);
    if (shown.count == 0 && form == JB_FORM_TEXT) {
        puts("The book has no series; `joulebook factors import FILE --series REGION` adds some.");
        return fflush(stdout) == 0 ? 0 : 4;
    }
    return print_entries(cli, form, shown.items, shown.count);
}

int factors_series_list_more(const struct jb_cli *cli, const char *pattern, bool is_exact,
                             size_t *ret_count) {
    _cleanup_(shown_free) struct shown shown = {0};
    int status = load_matching(cli, pattern, is_exact, &shown);
    *ret_count = shown.count;
    if (status >= 0 || shown.count == 0)
        return status;
    puts("\nSeries in the book:");
    status = print_entries(cli, JB_FORM_TEXT, shown.items, shown.count);
    return status ? status : -1;
}

/* What is to be said of one series; false: nothing. */
static bool judge(const struct jb_series_entry *entry, struct jb_factor_finding *ret_finding) {
    const struct jb_series *series = &entry->series;
    struct jb_factor_finding finding = {0};
    double low, high;
    char start[JB_TIME_SIZE], length[JB_LENGTH_SIZE];
    size_t gaps = 0, longest = 0, outside = entry->count;
    bool is_known = jb_series_range(series->quantity, series->unit, &low, &high);
    for (size_t i = 0; i < entry->count; i++) {
        const struct jb_step *step = &entry->steps[i];
        if (is_known && outside == entry->count && !(step->value >= low && step->value <= high))
            outside = i;
        if (i == 0 || step->start_ns == step[-1].end_ns)
            continue;
        const struct jb_step *most = &entry->steps[longest];
        if (gaps++ == 0 || step->start_ns - step[-1].end_ns > most->start_ns - most[-1].end_ns)
            longest = i;
    }
    snprintf(finding.file, sizeof finding.file, "series %.110s", series->name);
    if (!is_known) {
        finding.is_error = true;
        snprintf(finding.message, sizeof finding.message, "%.40s in %.20s is no quantity that is known",
                 series->quantity, series->unit);
    } else if (outside < entry->count) {
        finding.is_error = true;
        snprintf(finding.message, sizeof finding.message,
                 "%.6g %.20s at %s lies outside %.6g to %.6g; import the right values, or drop the series",
                 entry->steps[outside].value, series->unit,
                 jb_time_format(entry->steps[outside].start_ns, start), low, high);
    } else if (gaps) {
        const struct jb_step *step = &entry->steps[longest];
        snprintf(finding.message, sizeof finding.message,
                 "%zu gap%s, the longest of %s from %s; import what is missing", gaps, gaps == 1 ? "" : "s",
                 jb_length_format(step->start_ns - step[-1].end_ns, length),
                 jb_time_format(step[-1].end_ns, start));
    } else {
        return false;
    }
    *ret_finding = finding;
    return true;
}

int factors_series_check(const struct jb_cli *cli, struct jb_factor_finding **ret_findings,
                         size_t *ret_count) {
    _cleanup_(shown_free) struct shown shown = {0};
    struct jb_error error = {0};
    int status = load_matching(cli, NULL, false, &shown);
    if (status >= 0)
        return status;
    struct jb_factor_finding *findings = calloc(shown.count + 1, sizeof *findings);
    if (!findings)
        return jb_cli_fail(cli, jb_error_set(&error, JB_MEMORY, "no memory for the findings"), &error);
    size_t count = 0;
    for (size_t i = 0; i < shown.count; i++)
        count += judge(&shown.items[i], &findings[count]);
    *ret_findings = findings;
    *ret_count = count;
    return -1;
}

int factors_series_steps(const struct jb_cli *cli, enum jb_form form, const char *name, int64_t from_ns,
                         int64_t to_ns) {
    _cleanup_(shown_free) struct shown shown = {.items = calloc(1, sizeof *shown.items)};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 31};
    struct jb_ledger *ledger;
    struct jb_error error = {0};
    struct jb_series series;
    int status = open_book(cli, &ledger);
    if (status >= 0)
        return status;
    if (!ledger)
        return no_series(cli, name);
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = shown.items ? store->ops->series_find(store, name, &error, &series)
                                    : jb_error_set(&error, JB_MEMORY, "no memory for the series");
    if (!code)
        code = read_entry(store, &series, from_ns, to_ns, &error, &shown.items[0]);
    shown.count = code == JB_OK;
    jb_ledger_close(ledger);
    if (code == JB_NO_DATA)
        return no_series(cli, name);
    struct jb_layout layout = jb_layout_of_stdout();
    if (!code)
        code = jb_view_steps(form, &layout, &shown.items[0], &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

int factors_series_drop(const struct jb_cli *cli, const char *name) {
    struct jb_ledger *ledger = NULL;
    struct jb_error error = {0};
    int status = jb_cli_open_book(cli, JB_STORE_WRITE, &ledger);
    if (status >= 0)
        return status;
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = store->ops->series_drop(store, name, &error);
    jb_ledger_close(ledger);
    if (code == JB_NO_DATA)
        return no_series(cli, name);
    return code ? jb_cli_fail(cli, code, &error) : 0;
}
