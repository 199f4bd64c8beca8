/* The verb `import`. */
#include "cli/cli.h"

#include "base/json.h"
#include "base/time.h"
#include "cli/import_meter.h"
#include "import/book.h"
#include "report/view.h"

#include <inttypes.h>
#include <string.h>

#define PATH_CEILING 4096

enum { FORMAT, DRY_RUN, METERS, SITE, GRID, UNIT, KIND, TIMES, STEP, ZONE, DATES, JSON, CSV };

static void show_progress(uint64_t booked_flows, uint64_t all_flows) {
    static unsigned shown;
    unsigned per_mille = all_flows ? (unsigned)(booked_flows * 1000 / all_flows) : 1000;
    if (per_mille == shown && booked_flows < all_flows)
        return;
    shown = per_mille;
    fprintf(stderr, "\rbooked %" PRIu64 " of %" PRIu64 " flows (%u %%)%s", booked_flows, all_flows,
            per_mille / 10, booked_flows >= all_flows ? "\033[K\r" : "");
    fflush(stderr);
}

/* The summary, one row. */
static enum jb_code write_machine(const struct jb_import_result *result, bool is_dry_run, enum jb_form form,
                                  struct jb_buffer *out, struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.key = "dry_run"},         {.key = "flow_count"}, {.key = "batch_count"}, {.key = "new_flow_count"},
        {.key = "new_batch_count"}, {.key = "first"},      {.key = "last"},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    if (!table)
        return jb_table_check(table, error);
    jb_table_boolean(table, is_dry_run, NULL);
    jb_table_integer(table, (int64_t)result->flow_count, NULL);
    jb_table_integer(table, (int64_t)result->batch_count, NULL);
    jb_table_integer(table, (int64_t)result->new_flow_count, NULL);
    jb_table_integer(table, (int64_t)result->new_batch_count, NULL);
    if (result->flow_count) {
        jb_table_time(table, result->first_ns, NULL);
        jb_table_time(table, result->last_ns, NULL);
    } else {
        jb_table_null(table, NULL);
        jb_table_null(table, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
        return JB_OK;
    }
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_table_write_json_members(table, 0, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}

static void write_text(const struct jb_import_result *result, bool is_dry_run, struct jb_buffer *out) {
    char period[JB_PERIOD_SIZE];
    if (result->flow_count == 0) {
        jb_buffer_add_string(out, "Nothing to book: there is no flow in it.\n");
        return;
    }
    uint64_t known = result->flow_count - result->new_flow_count;
    if (result->new_flow_count)
        jb_buffer_printf(out, "%s %" PRIu64 " flow%s in %" PRIu64 " batch%s, %s\n",
                         is_dry_run ? "Would book" : "Booked", result->new_flow_count,
                         result->new_flow_count == 1 ? "" : "s", result->new_batch_count,
                         result->new_batch_count == 1 ? "" : "es",
                         jb_period_format(result->first_ns, result->last_ns, period));
    else
        jb_buffer_add_string(out, "Nothing new: every batch is in the book already.\n");
    if (known && result->new_flow_count)
        jb_buffer_printf(out,
                         "%" PRIu64 " flow%s of batches that are in the book already: not booked again.\n",
                         known, known == 1 ? "" : "s");
}

static int import_files(const struct jb_cli *cli, const struct jb_import_request *request,
                        enum jb_form form) {
    struct jb_error error = {0};
    struct jb_import_result result;
    _cleanup_buffer_ struct jb_buffer out = {0};
    enum jb_code code = jb_import_book(request, &error, &result);
    if (code)
        return jb_cli_fail(cli, code, &error);
    if (form == JB_FORM_TEXT)
        write_text(&result, request->is_dry_run, &out);
    else
        code = write_machine(&result, request->is_dry_run, form, &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FORMAT] = {"--format", true, NULL}, [DRY_RUN] = {"--dry-run", false, NULL},
        [METERS] = {"--meters", true, NULL}, [SITE] = {"--site", true, NULL},
        [GRID] = {"--grid", true, NULL},     [UNIT] = {"--unit", true, NULL},
        [KIND] = {"--kind", true, NULL},     [TIMES] = {"--times", true, NULL},
        [STEP] = {"--step", true, NULL},     [ZONE] = {"--zone", true, NULL},
        [DATES] = {"--dates", true, NULL},   [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},      {NULL, false, NULL},
    };
    static const char *paths[PATH_CEILING];
    struct jb_import_request request = {.book = cli->book, .paths = paths};
    enum jb_form form;
    int status = jb_cli_parse(cli, &jb_verb_import, options, paths, PATH_CEILING, &request.path_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status >= 0)
        return status;
    const char *format = options[FORMAT].value;
    bool is_meter = format && strcmp(format, "meter") == 0;
    for (int i = METERS; i <= DATES; i++) {
        if (options[i].value && !is_meter)
            return jb_cli_usage(cli, "%s is for --format meter", options[i].name);
    }
    if (format && !is_meter) {
        request.format = jb_import_find(format);
        if (!request.format)
            return jb_cli_usage(cli, "--format: '%.60s' is no format that is known", format);
    }
    if (request.path_count == 0)
        return jb_cli_usage(cli, "no file is named; - is standard input");
    request.is_dry_run = options[DRY_RUN].value != NULL;
    if (is_meter) {
        struct import_meter_options meter = {.meters = options[METERS].value,
                                             .site = options[SITE].value,
                                             .grid = options[GRID].value,
                                             .unit = options[UNIT].value,
                                             .kind = options[KIND].value,
                                             .times = options[TIMES].value,
                                             .step = options[STEP].value,
                                             .zone = options[ZONE].value,
                                             .dates = options[DATES].value};
        return import_meter(cli, &meter, paths, request.path_count, request.is_dry_run, form);
    }
    if (isatty(STDERR_FILENO))
        request.progress = show_progress;
    return import_files(cli, &request, form);
}

const struct jb_verb jb_verb_import = {
    .name = "import",
    .summary = "book records from files",
    .help =
        "usage: joulebook import [--format flows] [--dry-run] FILE... | -\n"
        "       joulebook [--config FILE] import --format meter [--meters LIST --site SITE]\n"
        "                 [--grid ZONE] [--unit UNIT] [--kind KIND] [--times WHEN] [--step STEP]\n"
        "                 [--zone ZONE] [--dates STYLE] [--dry-run] FILE... | -\n"
        "\n"
        "Books what files hold. All files are checked first: when anything is wrong, nothing is\n"
        "booked, and the message names file, line, field and the mend. The book is made when there\n"
        "is none. Importing the same again changes nothing; an import that was cut off is completed\n"
        "by running it again.\n"
        "\n"
        "options\n"
        "  --format NAME  flows or meter; default: found by how the file begins (never meter)\n"
        "  --dry-run      check, and say what would be booked\n"
        "  --meters LIST  what the meters stand for, METER=ROLE with commas between; METER may be a\n"
        "                 glob: 'main=facility,pdu*=pdu,chiller=cooling'\n"
        "  --site SITE    the site that they stand in: account site/SITE\n"
        "  --grid ZONE    the grid that feeds it: account grid/ZONE (default unknown)\n"
        "  --unit UNIT    of values whose heading has none: kWh, MWh, W, kW, m3 and the like\n"
        "  --kind KIND    what values are: interval (an amount a step; default), register (what the\n"
        "                 meter's counter shows) or power (the mean of a step)\n"
        "  --times WHEN   whether a time is the start (default) or the end of its step\n"
        "  --step STEP    how long steps are: 15m, 1h; default the shortest distance of two readings\n"
        "  --zone ZONE    of times without an offset: Europe/Madrid, or CET-1CEST,M3.5.0,M10.5.0/3\n"
        "  --dates STYLE  how times are written: iso (default), ymd, dmy, mdy, unix (seconds)\n"
        "  --json, --csv  the summary for machines\n"
        "\n"
        "format flows: as `joulebook export` writes them, CSV with a heading or one JSON object a\n"
        "line. Needed: start, end (ISO 8601), from, to (account paths), amount (a whole number, not\n"
        "negative). May be there: commodity (default energy), unit (default uJ; also J, kJ, MJ, GJ,\n"
        "Wh, kWh, MWh; amount may then have decimals), method (default declared),\n"
        "uncertainty_ppm (relative standard uncertainty; default not known), batch.\n"
        "A batch is booked whole and once, by its name. Flows without one belong to a batch named\n"
        "after the bytes of the file: a file that has grown is another file, so give rows of a\n"
        "growing file a batch of their own.\n"
        "\n"
        "format meter: readings of a site's meters, CSV with a heading: time, perhaps end, then either\n"
        "meter and a value (kWh, register_kWh, kW, or value with a column unit), or one column a\n"
        "meter (main_kWh, 'pdu1 [kW]'). Times, the double hour of clocks put back, and gaps are\n"
        "taken as by `joulebook factors`. Registers may wrap or restart. Roles: facility (all that the\n"
        "grid gives), generation (an own plant), ups, pdu, it or rack (IT, measured at one of these\n"
        "places), overhead, cooling or lighting (parts that are no IT), water, none. They come from\n"
        "--meters, or from sections [meter NAME] of the setting (--config): role, site, grid, kind,\n"
        "unit, modulus, uncertainty. The site balances: grid -> site, site -> its hosts as they book\n"
        "themselves, site/S/it for what no host accounts for, site/S/overhead for the rest; so PUE is\n"
        "measured. Book hosts first; import all meters of a site together. Intervals that the book\n"
        "has are not booked again, so a file that has grown can be imported anew.\n"
        "\n"
        "examples\n"
        "  joulebook import --format flows flows.csv\n"
        "  joulebook import --format meter --site seoul1 --grid KR --meters 'main=facility,pdu*=pdu' "
        "may.csv\n"
        "  joulebook export | joulebook --book copy.db import --format flows -\n"
        "  printf 'start,end,from,to,amount,unit\\n2026-07-01,2026-08-01,grid/KR,site/seoul1,12.5,MWh\\n' |\n"
        "    joulebook import --dry-run -\n"
        "\n"
        "exit status: 0 done, 2 wrong usage, 3 a file is wrong, 4 could not (no file, disk full)\n",
    .run = run,
};
