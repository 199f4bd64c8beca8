/* Plans as text, JSON or CSV. */
#include "report/view_plan.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/time.h"
#include "report/view_series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RUNS_SHOWN  20
#define FIGURE_SIZE (JB_SERIES_TEXT_SIZE + 32)

void jb_plan_report_free(struct jb_plan_report *report) {
    if (!report)
        return;
    for (size_t i = 0; i < report->option_count; i++)
        jb_plan_choice_free(&report->options[i].choice);
    free(report->options);
    free(report->slacks);
    *report = (struct jb_plan_report){0};
}

/* What a level comes to for the task: kg CO2e, or money. */
static double amount_of(const struct jb_plan_report *report, double mean) {
    return mean * report->energy_kwh / (report->is_price ? 1 : 1000);
}

static const char *amount_unit(const struct jb_plan_report *report, char ret[static 16]) {
    snprintf(ret, 16, report->is_price ? "%.3s" : "kg CO2e", report->unit);
    return ret;
}

static char *figure(double value, const char *unit, char ret[static FIGURE_SIZE]) {
    if (isfinite(value))
        snprintf(ret, FIGURE_SIZE, "%.4g%s%s", value, *unit ? " " : "", unit);
    else
        snprintf(ret, FIGURE_SIZE, "unknown");
    return ret;
}

static double saving_part(const struct jb_plan_report *report, double mean) {
    return report->now_mean > 0 ? (report->now_mean - mean) / report->now_mean * 100 : NAN;
}

static void add_saving(struct jb_table *table, const struct jb_plan_report *report, double mean) {
    char text[FIGURE_SIZE];
    double part = saving_part(report, mean);
    jb_table_number(table, amount_of(report, report->now_mean - mean), NULL);
    snprintf(text, sizeof text, "%.1f %%", part);
    jb_table_number(table, part, isfinite(part) ? text : "unknown");
}

/* ---- places ---- */

static struct jb_table *make_option_table(const struct jb_plan_report *report) {
    static const struct jb_column columns[] = {
        {.key = "place", .title = "Place", .is_flexible = true},
        {.key = "series"},
        {.key = "start", .title = "Start"},
        {.key = "end", .title = "End"},
        {.key = "run_count"},
        {.key = "level", .title = "Level", .align = JB_RIGHT},
        {.key = "unit", .title = "Unit"},
        {.key = "amount", .title = "Total", .align = JB_RIGHT},
        {.key = "saving"},
        {.key = "saving_percent", .title = "Saves", .align = JB_RIGHT},
        {.key = "best", .title = ""},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < report->option_count; i++) {
        const struct jb_plan_option *option = &report->options[i];
        const struct jb_plan_choice *choice = &option->choice;
        char text[FIGURE_SIZE], unit[16];
        double mean = option->fits ? choice->mean : NAN;
        jb_table_text(table, option->name, NULL);
        jb_table_text(table, option->series, NULL);
        if (option->fits) {
            jb_table_time(table, choice->runs[0].start_ns, NULL);
            jb_table_time(table, choice->runs[choice->run_count - 1].end_ns, NULL);
        } else {
            jb_table_null(table, "not known");
            jb_table_null(table, NULL);
        }
        jb_table_integer(table, (int64_t)choice->run_count, NULL);
        jb_table_number(table, mean, figure(mean, "", text));
        jb_table_text(table, report->unit, NULL);
        jb_table_number(table, amount_of(report, mean),
                        figure(amount_of(report, mean), amount_unit(report, unit), text));
        add_saving(table, report, mean);
        jb_table_boolean(table, i == report->best && option->fits, i == report->best ? "best" : "");
    }
    return table;
}

/* ---- runs ---- */

static struct jb_table *make_run_table(const struct jb_plan_choice *choice, size_t count) {
    static const struct jb_column columns[] = {
        {.key = "start", .title = "From"},
        {.key = "end", .title = "To"},
        {.title = "Length", .align = JB_RIGHT},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        char length[JB_LENGTH_SIZE];
        jb_table_time(table, choice->runs[i].start_ns, NULL);
        jb_table_time(table, choice->runs[i].end_ns, NULL);
        jb_table_text(table, "", jb_length_format(choice->runs[i].end_ns - choice->runs[i].start_ns, length));
    }
    return table;
}

/* ---- slack ---- */

static struct jb_table *make_slack_table(const struct jb_plan_report *report) {
    static const struct jb_column columns[] = {
        {.key = "slack_s", .title = "Slack", .align = JB_RIGHT},
        {.key = "place", .title = "Place", .is_flexible = true},
        {.key = "start", .title = "Start"},
        {.key = "level", .title = "Level", .align = JB_RIGHT},
        {.key = "amount", .title = "Total", .align = JB_RIGHT},
        {.key = "saving"},
        {.key = "saving_percent", .title = "Saves", .align = JB_RIGHT},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < report->slack_count; i++) {
        const struct jb_plan_slack *slack = &report->slacks[i];
        char text[FIGURE_SIZE], unit[16], length[JB_LENGTH_SIZE];
        jb_table_integer(table, slack->slack_ns / JB_SECOND_NS,
                         slack->slack_ns ? jb_length_format(slack->slack_ns, length) : "none");
        if (slack->fits) {
            jb_table_text(table, report->options[slack->option].name, NULL);
            jb_table_time(table, slack->start_ns, NULL);
        } else {
            jb_table_null(table, "not known");
            jb_table_null(table, NULL);
        }
        double mean = slack->fits ? slack->mean : NAN;
        jb_table_number(table, mean, figure(mean, "", text));
        jb_table_number(table, amount_of(report, mean),
                        figure(amount_of(report, mean), amount_unit(report, unit), text));
        add_saving(table, report, mean);
    }
    return table;
}

/* ---- text ---- */

static void write_basis(const struct jb_plan_report *report, struct jb_buffer *out) {
    const struct jb_backtest *backtest = &report->backtest;
    char text[FIGURE_SIZE], season[JB_LENGTH_SIZE];
    if (report->basis == JB_PLAN_KNOWN) {
        jb_buffer_add_string(out, "Levels    as they are known for the whole window\n");
        return;
    }
    if (report->basis == JB_PLAN_FILE) {
        jb_buffer_add_string(out, "Levels    of the forecast file; how wrong it is, is not known\n");
        return;
    }
    jb_buffer_printf(out, "Levels    known, then forecast: as %s before",
                     jb_length_format(report->season_ns, season));
    if (isfinite(backtest->error_mae))
        jb_buffer_printf(out, "; %zu such plan%s of the days before were off by %s (%.0f %%) on average",
                         backtest->origin_count, backtest->origin_count == 1 ? "" : "s",
                         figure(backtest->error_mae, report->unit, text),
                         100 * backtest->error_mae / fabs(backtest->level_mean));
    else
        jb_buffer_add_string(out, "; there is no history to say how wrong that is");
    jb_buffer_add_char(out, '\n');
}

static void write_head(const struct jb_plan_report *report, struct jb_buffer *out) {
    const struct jb_plan_option *best = &report->options[report->best];
    char start[JB_TIME_SIZE], end[JB_TIME_SIZE], length[JB_LENGTH_SIZE], unit[16], text[FIGURE_SIZE],
        low[FIGURE_SIZE];
    amount_unit(report, unit);
    jb_buffer_printf(out, "Task      %.4g kWh over %s%s, between %s and %s\n", report->energy_kwh,
                     jb_length_format(report->task.duration_ns, length),
                     report->task.is_interruptible ? ", in pieces" : "",
                     jb_time_format(report->task.from_ns, start), jb_time_format(report->task.until_ns, end));
    write_basis(report, out);
    jb_buffer_printf(out, "Best      %s from %s: %s\n", best->name,
                     jb_time_format(best->choice.runs[0].start_ns, start),
                     figure(amount_of(report, best->choice.mean), unit, text));
    jb_buffer_printf(out, "At once   %s: %s\n", report->options[0].name,
                     figure(amount_of(report, report->now_mean), unit, text));
    double saving = report->now_mean - best->choice.mean;
    jb_buffer_printf(out, "Saves     %s", figure(amount_of(report, saving), unit, text));
    if (isfinite(saving_part(report, best->choice.mean)))
        jb_buffer_printf(out, " (%.1f %%)", saving_part(report, best->choice.mean));
    if (isfinite(report->saving_low))
        jb_buffer_printf(out, ", 95 %% %s to %s\n", figure(amount_of(report, report->saving_low), "", low),
                         figure(amount_of(report, report->saving_high), unit, text));
    else
        jb_buffer_add_string(out, ", 95 % unknown\n");
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_plan_report *report,
                               const struct jb_table *options, const struct jb_table *slacks,
                               struct jb_buffer *out, struct jb_error *error) {
    const struct jb_plan_choice *best = &report->options[report->best].choice;
    write_head(report, out);
    jb_buffer_add_char(out, '\n');
    jb_table_write_text(options, layout, out);
    if (report->task.is_interruptible) {
        size_t shown = best->run_count < RUNS_SHOWN ? best->run_count : RUNS_SHOWN;
        _cleanup_(jb_table_free_cleanup) struct jb_table *runs = make_run_table(best, shown);
        enum jb_code code = jb_table_check(runs, error);
        if (code)
            return code;
        jb_buffer_add_string(out, "\nRuns of the best\n");
        jb_table_write_text(runs, layout, out);
        if (best->run_count > shown)
            jb_buffer_printf(out, "and %zu more\n", best->run_count - shown);
    }
    jb_buffer_add_string(out, "\nWith less patience\n");
    jb_table_write_text(slacks, layout, out);
    return JB_OK;
}

/* ---- machines ---- */

static void write_json(const struct jb_plan_report *report, const struct jb_table *options,
                       const struct jb_table *runs, const struct jb_table *slacks, struct jb_buffer *out) {
    static const char *const bases[] = {"known", "forecast", "file"};
    const struct jb_backtest *backtest = &report->backtest;
    struct jb_json json = jb_json_make(out);
    char text[JB_TIME_SIZE], unit[16];
    double saving = report->now_mean - report->options[report->best].choice.mean;
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"energy_kwh", report->energy_kwh},
        {"duration_s", (double)report->task.duration_ns / 1e9},
        {"now_level", report->now_mean},
        {"now_amount", amount_of(report, report->now_mean)},
        {"saving", amount_of(report, saving)},
        {"saving_low", amount_of(report, report->saving_low)},
        {"saving_high", amount_of(report, report->saving_high)},
        {"forecast_season_s", report->basis == JB_PLAN_FORECAST ? (double)report->season_ns / 1e9 : NAN},
        {"forecast_error_mean", backtest->error_mean},
        {"forecast_error_mae", backtest->error_mae},
    };
    jb_json_object(&json);
    jb_json_key(&json, "from");
    jb_json_string(&json, jb_time_format(report->task.from_ns, text));
    jb_json_key(&json, "until");
    jb_json_string(&json, jb_time_format(report->task.until_ns, text));
    jb_json_key(&json, "interruptible");
    jb_json_boolean(&json, report->task.is_interruptible);
    jb_json_key(&json, "basis");
    jb_json_string(&json, bases[report->basis]);
    jb_json_key(&json, "unit");
    jb_json_string(&json, report->unit);
    jb_json_key(&json, "amount_unit");
    jb_json_string(&json, amount_unit(report, unit));
    for (size_t i = 0; i < JB_COUNT(numbers); i++) {
        jb_json_key(&json, numbers[i].key);
        jb_json_number(&json, numbers[i].value);
    }
    jb_json_key(&json, "forecast_origins");
    jb_json_integer(&json, (int64_t)backtest->origin_count);
    jb_json_key(&json, "places");
    jb_table_write_json(options, &json);
    jb_json_key(&json, "runs");
    jb_table_write_json(runs, &json);
    jb_json_key(&json, "slack");
    jb_table_write_json(slacks, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

enum jb_code jb_view_plan(enum jb_form form, const struct jb_layout *layout,
                          const struct jb_plan_report *report, struct jb_buffer *out,
                          struct jb_error *error) {
    const struct jb_plan_choice *best = &report->options[report->best].choice;
    _cleanup_(jb_table_free_cleanup) struct jb_table *options = make_option_table(report);
    _cleanup_(jb_table_free_cleanup) struct jb_table *slacks = make_slack_table(report);
    _cleanup_(jb_table_free_cleanup) struct jb_table *runs = make_run_table(best, best->run_count);
    enum jb_code code = jb_table_check(options, error);
    if (!code)
        code = jb_table_check(slacks, error);
    if (!code)
        code = jb_table_check(runs, error);
    if (code)
        return code;
    if (form == JB_FORM_TEXT)
        return write_text(layout, report, options, slacks, out, error);
    if (form == JB_FORM_CSV)
        jb_table_write_csv(options, out);
    else
        write_json(report, options, runs, slacks, out);
    return JB_OK;
}
