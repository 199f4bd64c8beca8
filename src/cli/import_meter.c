/* Meter readings into the book, and what came of them: meters, gaps, and the PUE that they show. */
#include "cli/import_meter.h"

#include "account/setting.h"
#include "base/clock.h"
#include "base/time.h"
#include "cli/import_input.h"
#include "factor/factor.h"
#include "import/meter.h"
#include "report/number.h"
#include "report/view.h"
#include "report/view_series.h"

#include <math.h>
#include <string.h>

/* ---- what was asked for ---- */

/* The roles from the setting; the grid of a facility that names none is that of its [site]. */
static enum jb_code rules_of_setting(const struct jb_cli *cli, const struct import_meter_options *options,
                                     struct jb_error *error, struct jb_meter_rules *rules) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_SETTING_FILE_CEILING};
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = NULL;
    enum jb_code code = jb_factor_file_read(cli->config, &text, error);
    if (!code)
        code = jb_meter_rules_add_ini(rules, text.bytes, text.length, cli->config, options->site,
                                      options->grid, error);
    if (!code)
        code = jb_setting_load(cli->config, error, &setting);
    for (size_t i = 0; !code && i < rules->count; i++) {
        struct jb_meter_rule *rule = &rules->items[i];
        const struct jb_site *site = jb_setting_site(setting, rule->site);
        if (strcmp(rule->grid, "grid/unknown") == 0 && site && *site->grid)
            snprintf(rule->grid, sizeof rule->grid, "grid/%.100s", site->grid);
    }
    return code;
}

/* Returns −1 to go on. */
static int take_rules(const struct jb_cli *cli, const struct import_meter_options *options,
                      struct jb_meter_rules *rules) {
    struct jb_error error = {0};
    if (options->meters && !options->site)
        return jb_cli_usage(cli, "--meters needs --site, the site that they stand in");
    if (options->meters &&
        jb_meter_rules_add_list(rules, options->meters, options->site, options->grid, &error))
        return jb_cli_usage(cli, "--meters: %s", error.message);
    if (cli->config) {
        enum jb_code code = rules_of_setting(cli, options, &error, rules);
        if (code)
            return jb_cli_fail(cli, code == JB_NO_DATA ? JB_IO : code, &error);
    }
    if (rules->count == 0)
        return jb_cli_usage(cli, "nothing says what the meters stand for; give --meters "
                                 "'main=facility,pdu*=pdu' and --site, or --config FILE with sections "
                                 "[meter NAME]");
    return -1;
}

/* Returns −1 to go on. */
static int take_options(const struct jb_cli *cli, const struct import_meter_options *options,
                        struct jb_zone **zone, struct jb_meter_request *request) {
    static const char *const kinds[] = {"", "interval", "register", "power"};
    struct jb_error error = {0};
    request->unit = options->unit;
    for (int i = 1; options->kind && i < (int)JB_COUNT(kinds); i++) {
        if (strcmp(kinds[i], options->kind) == 0)
            request->kind = (enum jb_meter_kind)i;
    }
    if (options->kind && !request->kind)
        return jb_cli_usage(cli, "--kind: '%.40s' is not interval, register or power", options->kind);
    if (options->times && strcmp(options->times, "end") != 0 && strcmp(options->times, "start") != 0)
        return jb_cli_usage(cli, "--times: '%.40s' is not start or end", options->times);
    request->is_stamped_at_end = options->times && strcmp(options->times, "end") == 0;
    if (options->step && jb_duration_parse(options->step, &error, &request->step_ns))
        return jb_cli_usage(cli, "--step: %s", error.message);
    if (options->dates && !jb_stamp_order_parse(options->dates, &request->style.order))
        return jb_cli_usage(cli, "--dates: '%.40s' is not iso, ymd, dmy, mdy or unix", options->dates);
    if (options->zone) {
        enum jb_code code = jb_zone_load(options->zone, &error, zone);
        if (code)
            return code == JB_INPUT ? jb_cli_usage(cli, "--zone: %s", error.message)
                                    : jb_cli_fail(cli, code, &error);
    }
    request->style.zone = *zone;
    return -1;
}

/* ---- what came of it ---- */

static void add_period(struct jb_table *table, int64_t first_ns, int64_t last_ns) {
    if (first_ns == last_ns) {
        jb_table_null(table, NULL);
        jb_table_null(table, NULL);
        return;
    }
    jb_table_time(table, first_ns, NULL);
    jb_table_time(table, last_ns, NULL);
}

static struct jb_table *make_meter_table(const struct jb_meter_result *result) {
    static const struct jb_column columns[] = {
        {.key = "meter", .title = "Meter", .is_flexible = true},
        {.key = "site", .title = "Site"},
        {.key = "role", .title = "Role"},
        {.key = "first", .title = "From"},
        {.key = "last", .title = "To"},
        {.key = "reading_count", .title = "Readings", .align = JB_RIGHT},
        {.key = "unit"},
        {.key = "amount", .title = "Total", .align = JB_RIGHT},
        {.key = "gap_count", .title = "Gaps", .align = JB_RIGHT},
        {.key = "gap_s", .title = "Not known", .align = JB_RIGHT},
        {.key = "wrap_count"},
        {.key = "restart_count"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < result->meter_count; i++) {
        const struct jb_meter_summary *meter = &result->meters[i];
        bool is_water = meter->role == JB_METER_WATER;
        char amount[JB_NUMBER_SIZE], length[JB_LENGTH_SIZE];
        jb_table_text(table, meter->name, NULL);
        jb_table_text(table, meter->site, NULL);
        jb_table_text(table, jb_meter_role_name(meter->role), NULL);
        add_period(table, meter->first_ns, meter->last_ns);
        jb_table_integer(table, (int64_t)meter->reading_count, NULL);
        jb_table_text(table, is_water ? "ul" : "uJ", NULL);
        jb_table_amount(table, meter->amount,
                        jb_amount_alone(is_water ? JB_WATER : JB_ENERGY, meter->amount, NAN, NAN, amount));
        jb_table_integer(table, (int64_t)meter->gap_count, NULL);
        jb_table_integer(table, meter->gap_ns / JB_SECOND_NS,
                         meter->gap_ns ? jb_length_format(meter->gap_ns, length) : "");
        jb_table_integer(table, (int64_t)meter->wrap_count, NULL);
        jb_table_integer(table, (int64_t)meter->restart_count, NULL);
    }
    return table;
}

/* ISO/IEC 30134-2: energy of the facility over that of IT, a ratio of sums; NaN where either is not known. */
static double pue_of(const struct jb_meter_site *site) {
    return site->it_uj > 0 ? (double)site->facility_uj / (double)site->it_uj : NAN;
}

static struct jb_table *make_site_table(const struct jb_meter_result *result) {
    static const struct jb_column columns[] = {
        {.key = "site", .title = "Site"},
        {.key = "interval_count", .title = "Intervals", .align = JB_RIGHT},
        {.key = "booked_count", .title = "Booked before", .align = JB_RIGHT},
        {.key = "facility_uj", .title = "Facility", .align = JB_RIGHT},
        {.key = "it_uj", .title = "IT", .align = JB_RIGHT},
        {.key = "pue", .title = "PUE", .align = JB_RIGHT},
        {.key = "coverage_percent", .title = "Covered", .align = JB_RIGHT},
        {.key = "variance_uj", .title = "Variance", .align = JB_RIGHT},
        {.key = "excess_uj"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < result->site_count; i++) {
        const struct jb_meter_site *site = &result->sites[i];
        double coverage = site->period_ns ? (double)site->known_ns / (double)site->period_ns * 100 : 0;
        char text[JB_NUMBER_SIZE];
        jb_table_text(table, site->name, NULL);
        jb_table_integer(table, (int64_t)site->interval_count, NULL);
        jb_table_integer(table, (int64_t)site->booked_count, NULL);
        jb_table_amount(table, site->facility_uj,
                        jb_amount_alone(JB_ENERGY, site->facility_uj, NAN, NAN, text));
        jb_table_amount(table, site->it_uj, jb_amount_alone(JB_ENERGY, site->it_uj, NAN, NAN, text));
        snprintf(text, sizeof text, "%.3f", pue_of(site));
        jb_table_number(table, pue_of(site), isnan(pue_of(site)) ? "not known" : text);
        snprintf(text, sizeof text, "%.2f %%", floor(coverage * 100) / 100);
        jb_table_number(table, coverage, text);
        jb_table_amount(table, site->variance_uj,
                        site->variance_uj ? jb_amount_alone(JB_ENERGY, site->variance_uj, NAN, NAN, text)
                                          : "");
        jb_table_amount(table, site->excess_uj, NULL);
    }
    return table;
}

static void write_text(const struct jb_meter_result *result, bool is_dry_run, struct jb_buffer *out) {
    char period[JB_PERIOD_SIZE], amount[JB_NUMBER_SIZE];
    for (size_t i = 0; i < result->meter_count; i++) {
        const struct jb_meter_summary *meter = &result->meters[i];
        char name[JB_METER_NAME_SIZE];
        if (meter->wrap_count || meter->restart_count)
            jb_buffer_printf(
                out,
                "\nThe register of %s began anew: %llu time%s past its last digit, %llu set back (what "
                "it counted then is not known).\n",
                jb_text_display(meter->name, name, sizeof name), (unsigned long long)meter->wrap_count,
                meter->wrap_count == 1 ? "" : "s", (unsigned long long)meter->restart_count);
    }
    for (size_t i = 0; i < result->site_count; i++) {
        if (result->sites[i].excess_uj)
            jb_buffer_printf(
                out,
                "\nHosts of site %s have booked %s more than its facility meter shows; check what "
                "the meter feeds.\n",
                result->sites[i].name,
                jb_amount_alone(JB_ENERGY, result->sites[i].excess_uj, NAN, NAN, amount));
    }
    if (result->new_series_count)
        jb_buffer_printf(out, "\n%s %llu series of reused heat; `kpi` makes ERF of it.\n",
                         is_dry_run ? "Would keep" : "Kept", (unsigned long long)result->new_series_count);
    if (result->new_flow_count == 0 && result->new_gap_count == 0 && result->new_series_count > 0)
        return;
    if (result->new_flow_count == 0 && result->new_gap_count == 0)
        jb_buffer_add_string(out, "\nNothing new: the book has these intervals already.\n");
    else
        jb_buffer_printf(out, "\n%s %llu flow%s and %llu gap%s, %s\n", is_dry_run ? "Would book" : "Booked",
                         (unsigned long long)result->new_flow_count, result->new_flow_count == 1 ? "" : "s",
                         (unsigned long long)result->new_gap_count, result->new_gap_count == 1 ? "" : "s",
                         jb_period_format(result->first_ns, result->last_ns, period));
}

static enum jb_code write_result(const struct jb_meter_result *result, bool is_dry_run, enum jb_form form,
                                 struct jb_buffer *out, struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *meters = make_meter_table(result);
    _cleanup_(jb_table_free_cleanup) struct jb_table *sites = make_site_table(result);
    enum jb_code code = jb_table_check(meters, error);
    if (!code)
        code = jb_table_check(sites, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(meters, out);
    } else if (form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(out);
        jb_json_object(&json);
        jb_json_key(&json, "dry_run");
        jb_json_boolean(&json, is_dry_run);
        jb_json_key(&json, "new_flow_count");
        jb_json_integer(&json, (int64_t)result->new_flow_count);
        jb_json_key(&json, "new_gap_count");
        jb_json_integer(&json, (int64_t)result->new_gap_count);
        jb_json_key(&json, "new_series_count");
        jb_json_integer(&json, (int64_t)result->new_series_count);
        jb_json_key(&json, "meters");
        jb_table_write_json(meters, &json);
        jb_json_key(&json, "sites");
        jb_table_write_json(sites, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(out, '\n');
    } else {
        struct jb_layout layout = jb_layout_of_stdout();
        jb_table_write_text(meters, &layout, out);
        jb_buffer_add_char(out, '\n');
        jb_table_write_text(sites, &layout, out);
        write_text(result, is_dry_run, out);
    }
    return JB_OK;
}

int import_meter(const struct jb_cli *cli, const struct import_meter_options *options,
                 const char *const *paths, size_t path_count, bool is_dry_run, enum jb_form form,
                 struct jb_progress *progress) {
    _cleanup_(jb_meter_rules_free) struct jb_meter_rules rules = {0};
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    _cleanup_(import_inputs_close) struct import_inputs inputs = {0};
    _cleanup_(jb_meter_result_free) struct jb_meter_result result = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    struct jb_meter_request request = {.book = cli->book,
                                       .paths = paths,
                                       .path_count = path_count,
                                       .rules = &rules,
                                       .is_dry_run = is_dry_run,
                                       .progress = progress};
    int status = take_rules(cli, options, &rules);
    if (status < 0)
        status = take_options(cli, options, &zone, &request);
    if (status >= 0)
        return status;
    enum jb_code code = import_inputs_open(paths, path_count, progress, &error, &inputs);
    request.files = inputs.files;
    if (!code)
        code = jb_meter_import(&request, &error, &result);
    if (!code)
        code = write_result(&result, is_dry_run, form, &out, &error);
    return code ? jb_cli_fail(cli, code == JB_NO_DATA ? JB_IO : code, &error) : jb_cli_print(cli, &out);
}
