/* The verb `plan`: when and where to run a task. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/time.h"
#include "factor/region.h"
#include "factor/series.h"
#include "report/view_plan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { ENERGY, DURATION, WINDOW, INTERRUPTIBLE, REGIONS, FROM, FORECAST, BY, JSON, CSV };

#define PLACE_CEILING   1000
#define WINDOW_LIMIT_NS (400 * JB_DAY_NS)
#define HISTORY_NS      (130 * JB_DAY_NS) /* before the window: what a backtest looks at */
#define STALE_NS        (14 * JB_DAY_NS)  /* how old the last known level may be for a forecast */

struct request {
    const struct jb_cli *cli;
    enum jb_form form;
    const char *regions, *forecast;
    struct jb_plan_report report; /* under way */
    struct jb_plan_place *known;  /* of each option: what is known, history before the window with it */
    struct jb_plan_place *levels; /* and what the plan goes by */
};

static void request_free(struct request *request) {
    for (size_t i = 0; i < request->report.option_count; i++) {
        free((void *)(uintptr_t)request->known[i].steps);
        free((void *)(uintptr_t)request->levels[i].steps);
    }
    free(request->known);
    free(request->levels);
    jb_plan_report_free(&request->report);
}

/* ---- what was asked for ---- */

/* "40kWh", "1.5 MWh", "3e6" is none. */
static bool parse_energy(const char *text, double *ret_kwh) {
    static const struct {
        const char *name;
        double kwh;
    } units[] = {{"Wh", 1e-3},     {"kWh", 1},         {"MWh", 1e3},    {"GWh", 1e6},
                 {"J", 1 / 3.6e6}, {"kJ", 1 / 3600.0}, {"MJ", 1 / 3.6}, {"GJ", 1e3 / 3.6}};
    size_t length = strspn(text, "0123456789.");
    char number[32];
    int64_t scaled;
    if (length == 0 || length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    text += length + strspn(text + length, " ");
    for (size_t i = 0; i < JB_COUNT(units); i++) {
        if (strcmp(units[i].name, text) == 0 && jb_decimal_parse(number, 1000000, NULL, &scaled) == JB_OK) {
            *ret_kwh = (double)scaled / 1e6 * units[i].kwh;
            return scaled > 0;
        }
    }
    return false;
}

/* Returns −1 to go on. */
static int take_options(const struct jb_option *options, struct request *request) {
    struct jb_plan_report *report = &request->report;
    struct jb_plan_task *task = &report->task;
    struct jb_error error = {0};
    int64_t now_ns = jb_clock_system.realtime_ns(&jb_clock_system), window_ns;
    if (!options[ENERGY].value || !options[DURATION].value || !options[WINDOW].value)
        return jb_cli_usage(request->cli, "--energy, --duration and --window are needed: "
                                          "--energy 40kWh --duration 6h --window 48h");
    if (!parse_energy(options[ENERGY].value, &report->energy_kwh))
        return jb_cli_usage(request->cli, "--energy: '%.40s' is no energy such as 40kWh, 1.5MWh or 90MJ",
                            options[ENERGY].value);
    if (jb_duration_parse(options[DURATION].value, &error, &task->duration_ns))
        return jb_cli_usage(request->cli, "--duration: %s", error.message);
    if (jb_duration_parse(options[WINDOW].value, &error, &window_ns))
        return jb_cli_usage(request->cli, "--window: %s", error.message);
    if (window_ns > WINDOW_LIMIT_NS)
        return jb_cli_usage(request->cli, "--window: longer than 400 days");
    if (task->duration_ns > window_ns)
        return jb_cli_usage(request->cli,
                            "the task takes longer than the window is; make --window at least %s",
                            options[DURATION].value);
    task->from_ns = now_ns;
    if (options[FROM].value && jb_time_parse_relative(options[FROM].value, now_ns, &error, &task->from_ns))
        return jb_cli_usage(request->cli, "--from: %s", error.message);
    if (task->from_ns < 0 || task->from_ns > JB_BOOK_LAST_NS - WINDOW_LIMIT_NS)
        return jb_cli_usage(request->cli, "--from: not between 1970 and 2260");
    task->until_ns = task->from_ns + window_ns;
    task->is_interruptible = options[INTERRUPTIBLE].value != NULL;
    if (options[BY].value && strcmp(options[BY].value, "carbon") != 0 &&
        strcmp(options[BY].value, "price") != 0)
        return jb_cli_usage(request->cli, "--by: '%.40s' is not carbon or price", options[BY].value);
    report->is_price = options[BY].value && strcmp(options[BY].value, "price") == 0;
    request->regions = options[REGIONS].value;
    request->forecast = options[FORECAST].value;
    return -1;
}

/* ---- places ---- */

static enum jb_code make_room(struct request *request, size_t count, struct jb_error *error) {
    request->report.options = calloc(count, sizeof *request->report.options);
    request->known = calloc(count, sizeof *request->known);
    request->levels = calloc(count, sizeof *request->levels);
    return request->report.options && request->known && request->levels
               ? JB_OK
               : jb_error_set(error, JB_MEMORY, "no memory for %zu places", count);
}

/* The grid of a region: itself, or that of a cloud's "provider/region". */
static enum jb_code find_zone(const struct jb_regions *regions, const char *name, struct jb_error *error,
                              char ret[static JB_PLAN_NAME_SIZE]) {
    const char *slash = strchr(name, '/');
    if (!slash) {
        snprintf(ret, JB_PLAN_NAME_SIZE, "%s", name);
        return JB_OK;
    }
    char provider[32];
    snprintf(provider, sizeof provider, "%.*s", (int)(slash - name), name);
    const struct jb_region *region = jb_regions_find(regions, provider, slash + 1);
    if (!region)
        return jb_error_set(error, JB_INPUT, "--regions: there is no region '%.80s' of a cloud that is known",
                            name);
    snprintf(ret, JB_PLAN_NAME_SIZE, "%s", region->zone);
    return JB_OK;
}

static enum jb_code name_options(struct request *request, struct jb_error *error) {
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    size_t count = 1;
    for (const char *c = request->regions; *c; c++)
        count += *c == ',';
    if (count > PLACE_CEILING)
        return jb_error_set(error, JB_USAGE, "--regions: over %d places", PLACE_CEILING);
    enum jb_code code = make_room(request, count, error);
    if (!code && strchr(request->regions, '/'))
        code = jb_regions_load(jb_cli_data_path(request->cli), error, &regions);
    for (const char *at = request->regions; !code && count; count--) {
        struct jb_plan_option *option = &request->report.options[request->report.option_count];
        size_t length = strcspn(at, ",");
        char zone[JB_PLAN_NAME_SIZE];
        if (length == 0 || length >= 60)
            return jb_error_set(error, JB_USAGE, "--regions: '%.80s' is not a list of regions",
                                request->regions);
        snprintf(option->name, sizeof option->name, "%.*s", (int)length, at);
        at += length + (at[length] == ',');
        code = find_zone(regions, option->name, error, zone);
        if (!code)
            snprintf(option->series, sizeof option->series, "%s/%.60s",
                     request->report.is_price ? "price" : "grid_intensity", zone);
        request->report.option_count += code == JB_OK;
    }
    return code;
}

/* Without --regions: the only series of the book that there is. */
static enum jb_code find_only_option(struct request *request, struct jb_store *store,
                                     struct jb_error *error) {
    _cleanup_free_ struct jb_series *list = NULL;
    const char *quantity = request->report.is_price ? "price" : "grid_intensity";
    size_t count = 0, found = 0, only = 0;
    enum jb_code code = store->ops->series_list(store, error, &list, &count);
    for (size_t i = 0; !code && i < count; i++) {
        if (strcmp(list[i].quantity, quantity) == 0) {
            found++;
            only = i;
        }
    }
    if (!code && found == 0)
        return jb_error_set(
            error, JB_INPUT,
            "the book has no series of %s; `joulebook factors import FILE --series REGION` adds one",
            quantity);
    if (!code && found > 1)
        return jb_error_set(
            error, JB_USAGE,
            "the book has %zu series of %s; say --regions, first the one where the task would run "
            "at once",
            found, quantity);
    if (!code)
        code = make_room(request, 1, error);
    if (code)
        return code;
    struct jb_plan_option *option = &request->report.options[0];
    request->report.option_count = 1;
    snprintf(option->name, sizeof option->name, "%s", list[only].region);
    snprintf(option->series, sizeof option->series, "%s", list[only].name);
    return JB_OK;
}

/* ---- levels ---- */

static enum jb_code check_unit(struct request *request, const struct jb_series *series,
                               struct jb_error *error) {
    struct jb_plan_report *report = &request->report;
    if (report->unit[0] && strcmp(report->unit, series->unit) != 0)
        return jb_error_set(error, JB_INPUT,
                            "series %s is in %s, another in %s; plan with prices of one currency",
                            series->name, series->unit, report->unit);
    snprintf(report->unit, sizeof report->unit, "%s", series->unit);
    return JB_OK;
}

static enum jb_code read_series(struct request *request, struct jb_store *store, size_t i,
                                struct jb_error *error) {
    struct jb_plan_option *option = &request->report.options[i];
    const struct jb_plan_task *task = &request->report.task;
    struct jb_series series;
    struct jb_step *steps = NULL;
    char last[JB_TIME_SIZE];
    enum jb_code code = store->ops->series_find(store, option->series, error, &series);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT,
                            "the book has no series %s; `joulebook factors import FILE --series %s` adds it",
                            option->series, strchr(option->series, '/') + 1);
    if (!code)
        code = check_unit(request, &series, error);
    if (!code && (series.step_count == 0 || series.last_ns < task->from_ns - STALE_NS))
        return jb_error_set(
            error, JB_INPUT,
            "series %s ends at %s, over 14 days before the window; import newer values, or plan for "
            "an earlier time with --from",
            option->series, jb_time_format(series.last_ns, last));
    if (!code)
        code = store->ops->series_read(store, option->series, task->from_ns - HISTORY_NS, task->until_ns,
                                       error, &steps, &request->known[i].count);
    if (code)
        return code;
    request->known[i].steps = steps;
    option->uncertainty = series.uncertainty;
    option->known_ns = series.last_ns;
    return JB_OK;
}

static enum jb_code read_book(struct request *request, struct jb_error *error) {
    struct jb_ledger *ledger = NULL;
    enum jb_code code = jb_ledger_open(request->cli->book, JB_STORE_READ, error, &ledger);
    struct jb_store *store = code ? NULL : jb_ledger_store(ledger);
    if (!code)
        code = request->regions ? name_options(request, error) : find_only_option(request, store, error);
    for (size_t i = 0; !code && i < request->report.option_count; i++)
        code = read_series(request, store, i, error);
    jb_ledger_close(ledger);
    return code;
}

/* "FILE" of the only region, or "REGION=FILE,…". */
static enum jb_code read_forecast(struct request *request, size_t i, struct jb_error *error) {
    struct jb_plan_option *option = &request->report.options[i];
    const char *quantity = request->report.is_price ? "price" : "grid_intensity", *at = request->forecast;
    char path[4096] = "";
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    struct jb_series_request series = {
        .region = option->name, .source = "forecast", .licence = "", .uncertainty = NAN};
    size_t name_length = strlen(option->name);
    if (request->report.option_count == 1 && !strchr(at, '='))
        snprintf(path, sizeof path, "%s", at);
    while (!path[0] && *at) {
        size_t length = strcspn(at, ",");
        if (strncmp(at, option->name, name_length) == 0 && at[name_length] == '=')
            snprintf(path, sizeof path, "%.*s", (int)(length - name_length - 1), at + name_length + 1);
        at += length + (at[length] == ',');
    }
    if (!path[0])
        return jb_error_set(error, JB_USAGE, "--forecast names no file for %s; write %s=FILE", option->name,
                            option->name);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = jb_series_read_csv(file, path, &series, error, &set);
    for (size_t s = 0; !code && s < set.count; s++) {
        if (strcmp(set.items[s].series.quantity, quantity) != 0)
            continue;
        request->known[i] = (struct jb_plan_place){JB_TAKE(set.items[s].steps), set.items[s].count};
        option->uncertainty = NAN;
        option->known_ns = request->report.task.until_ns;
        snprintf(option->series, sizeof option->series, "%.120s", path);
        return check_unit(request, &set.items[s].series, error);
    }
    return code ? code
                : jb_error_set(error, JB_INPUT, "%s: no column of %s (%s)", path, quantity,
                               request->report.is_price ? "price_eur_per_kwh" : "grid_intensity_g_per_kwh");
}

static enum jb_code read_files(struct request *request, struct jb_error *error) {
    if (!request->regions)
        request->regions = "here";
    enum jb_code code = name_options(request, error);
    for (size_t i = 0; !code && i < request->report.option_count; i++)
        code = read_forecast(request, i, error);
    request->report.basis = JB_PLAN_FILE;
    return code;
}

/* Day or week: the season that was less wrong on the days before. */
static enum jb_code choose_season(struct request *request, struct jb_error *error) {
    struct jb_plan_report *report = &request->report;
    static const int64_t seasons[] = {7 * JB_DAY_NS, JB_DAY_NS};
    enum jb_code code = JB_OK;
    for (size_t s = 0; !code && s < JB_COUNT(seasons); s++) {
        struct jb_backtest backtest;
        code = jb_plan_backtest(request->known, report->option_count, &report->task, seasons[s], error,
                                &backtest);
        bool is_better =
            s == 0 || isnan(report->backtest.error_mae) || backtest.error_mae < report->backtest.error_mae;
        if (!code && is_better) {
            report->backtest = backtest;
            report->season_ns = seasons[s];
        }
    }
    return code;
}

/* What is known of the window, and behind it the forecast. */
static enum jb_code extend(struct request *request, size_t i, struct jb_error *error) {
    const struct jb_plan_report *report = &request->report;
    const struct jb_plan_place *known = &request->known[i];
    _cleanup_free_ struct jb_step *forecast = NULL;
    size_t forecast_count = 0;
    if (report->options[i].known_ns < report->task.until_ns) {
        enum jb_code code = jb_forecast_make(known, report->options[i].known_ns, report->task.until_ns,
                                             report->season_ns, error, &forecast, &forecast_count);
        if (code)
            return code;
    }
    struct jb_step *steps = calloc(known->count + forecast_count + 1, sizeof *steps);
    if (!steps)
        return jb_error_set(error, JB_MEMORY, "no memory for the steps of %s", report->options[i].name);
    if (known->count)
        memcpy(steps, known->steps, known->count * sizeof *steps);
    if (forecast_count)
        memcpy(steps + known->count, forecast, forecast_count * sizeof *steps);
    request->levels[i] = (struct jb_plan_place){steps, known->count + forecast_count};
    return JB_OK;
}

static enum jb_code make_levels(struct request *request, struct jb_error *error) {
    struct jb_plan_report *report = &request->report;
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < report->option_count; i++) {
        if (report->options[i].known_ns < report->task.until_ns)
            report->basis = JB_PLAN_FORECAST;
    }
    report->backtest = (struct jb_backtest){0, NAN, NAN, NAN, NAN, NAN};
    if (report->basis == JB_PLAN_FORECAST)
        code = choose_season(request, error);
    for (size_t i = 0; !code && i < report->option_count; i++)
        code = extend(request, i, error);
    return code;
}

/* ---- the plan ---- */

/* The best of all places for a task. JB_NO_DATA: none. */
static enum jb_code find_best(struct request *request, const struct jb_plan_task *task, bool keeps,
                              struct jb_error *error, struct jb_plan_slack *ret_slack) {
    struct jb_plan_report *report = &request->report;
    struct jb_plan_slack best = {.slack_ns = task->until_ns - task->from_ns - task->duration_ns};
    for (size_t i = 0; i < report->option_count; i++) {
        _cleanup_(jb_plan_choice_free) struct jb_plan_choice choice = {0};
        enum jb_code code =
            jb_plan_best(request->levels[i].steps, request->levels[i].count, task, error, &choice);
        if (code == JB_NO_DATA)
            continue;
        if (code)
            return code;
        if (!best.fits || choice.mean < best.mean) {
            best.fits = true;
            best.option = i;
            best.start_ns = choice.runs[0].start_ns;
            best.mean = choice.mean;
        }
        if (keeps) {
            report->options[i].fits = true;
            report->options[i].choice = choice;
            choice = (struct jb_plan_choice){0};
        }
    }
    *ret_slack = best;
    return JB_OK;
}

static enum jb_code vary_slack(struct request *request, struct jb_error *error) {
    static const int hours[] = {0, 1, 2, 4, 8, 12, 24, 48, 96, 168, 336, 720, 2160, 4320, 8760};
    struct jb_plan_report *report = &request->report;
    int64_t most_ns = report->task.until_ns - report->task.from_ns - report->task.duration_ns;
    report->slacks = calloc(JB_COUNT(hours) + 1, sizeof *report->slacks);
    if (!report->slacks)
        return jb_error_set(error, JB_MEMORY, "no memory for the table of slack");
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i <= JB_COUNT(hours); i++) {
        int64_t slack_ns = i < JB_COUNT(hours) ? hours[i] * JB_HOUR_NS : most_ns;
        if (i < JB_COUNT(hours) && slack_ns >= most_ns)
            slack_ns = most_ns;
        struct jb_plan_task task = report->task;
        task.until_ns = task.from_ns + task.duration_ns + slack_ns;
        code = find_best(request, &task, false, error, &report->slacks[report->slack_count]);
        report->slack_count += code == JB_OK;
        if (slack_ns == most_ns)
            break;
    }
    return code;
}

/* 95 % interval of the saving: of a forecast by its backtest, of what is known by the uncertainty of the
 * series, which is common to both times of one series and independent between two (JCGM 100:2008, 5). */
static void judge_saving(struct jb_plan_report *report) {
    const struct jb_plan_option *now = &report->options[0], *best = &report->options[report->best];
    double saving = report->now_mean - best->choice.mean, half;
    report->saving_low = report->saving_high = NAN;
    if (report->basis == JB_PLAN_FORECAST) {
        report->saving_low = saving + report->backtest.saving_low;
        report->saving_high = saving + report->backtest.saving_high;
        return;
    }
    if (strcmp(now->series, best->series) == 0)
        half = 1.959964 * fabs(saving) * now->uncertainty;
    else
        half = 1.959964 * hypot(report->now_mean * now->uncertainty, best->choice.mean * best->uncertainty);
    report->saving_low = saving - half;
    report->saving_high = saving + half;
}

static enum jb_code make_plan(struct request *request, struct jb_error *error) {
    struct jb_plan_report *report = &request->report;
    struct jb_plan_run at_once = {report->task.from_ns, report->task.from_ns + report->task.duration_ns};
    struct jb_plan_slack best;
    enum jb_code code = request->forecast ? read_files(request, error) : read_book(request, error);
    if (!code)
        code = make_levels(request, error);
    if (!code)
        code = find_best(request, &report->task, true, error, &best);
    if (!code && !best.fits)
        code =
            jb_error_set(error, JB_INPUT,
                         "no place is known for as long as the task takes within the window; import what is "
                         "missing (`joulebook factors series` shows the gaps)");
    if (code)
        return code;
    report->best = best.option;
    report->now_mean = jb_plan_mean(request->levels[0].steps, request->levels[0].count, &at_once, 1);
    judge_saving(report);
    return vary_slack(request, error);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [ENERGY] = {"--energy", true, NULL},
        [DURATION] = {"--duration", true, NULL},
        [WINDOW] = {"--window", true, NULL},
        [INTERRUPTIBLE] = {"--interruptible", false, NULL},
        [REGIONS] = {"--regions", true, NULL},
        [FROM] = {"--from", true, NULL},
        [FORECAST] = {"--forecast", true, NULL},
        [BY] = {"--by", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    size_t operand_count;
    struct jb_error error = {0};
    _cleanup_(request_free) struct request request = {.cli = cli};
    _cleanup_buffer_ struct jb_buffer out = {0};
    int status = jb_cli_parse(cli, &jb_verb_plan, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = take_options(options, &request);
    if (status >= 0)
        return status;
    enum jb_code code = make_plan(&request, &error);
    struct jb_layout layout = jb_layout_of_stdout();
    if (!code)
        code = jb_view_plan(request.form, &layout, &request.report, &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

const struct jb_verb jb_verb_plan = {
    .name = "plan",
    .summary = "when and where to run a task, by carbon or price",
    .help =
        "usage: joulebook plan --energy ENERGY --duration DURATION --window DURATION\n"
        "                      [--interruptible] [--regions LIST] [--from TIME] [--by CRITERION]\n"
        "                      [--forecast FILE] [--json | --csv]\n"
        "\n"
        "Finds the time, and the place, at which a task of that energy emits (or costs) least: the\n"
        "exact optimum over every start in the window, not only full hours. Levels are the series\n"
        "grid_intensity/REGION or price/REGION of the book (`joulebook factors series`). What they do\n"
        "not know yet is forecast as the same hour a day or a week before, whichever was less wrong\n"
        "on the days before; how wrong plans by that forecast were gives the 95 % interval of the\n"
        "saving. Time that is not known is never planned for. Printed are the best time of each\n"
        "place, the saving over starting at once in the first, and the same with less slack.\n"
        "\n"
        "options\n"
        "  --energy ENERGY\n"
        "                 that the task takes, evenly over its duration: 40kWh, 1.5MWh\n"
        "  --duration DURATION\n"
        "                 how long it runs: 6h, 90m\n"
        "  --window DURATION\n"
        "                 within which it has to be done, from --from on: 48h, 7d\n"
        "  --interruptible\n"
        "                 it may run in pieces: the cheapest steps are taken\n"
        "  --regions LIST\n"
        "                 places with commas between, first that where it would run at once: ES,FR, or\n"
        "                 regions of clouds (gcp/europe-west1), which lie in a grid; default the only\n"
        "                 series of the book\n"
        "  --from TIME    the earliest start; default now\n"
        "  --by CRITERION\n"
        "                 carbon (default) or price\n"
        "  --forecast FILE\n"
        "                 a table of levels in place of the book, as `joulebook factors import --series`\n"
        "                 takes them; of several regions ES=es.csv,FR=fr.csv\n"
        "  --json, --csv  for machines\n"
        "\n"
        "examples\n"
        "  joulebook plan --energy 40kWh --duration 6h --window 48h --regions ES\n"
        "  joulebook plan --energy 1MWh --duration 20h --window 7d --interruptible --regions ES,US-CAL-CISO\n"
        "\n"
        "exit status: 0 done, 2 wrong usage, 3 levels are wrong or not known, 4 could not\n",
    .run = run,
};
