/* The verb `import`. */
#include "cli/cli.h"

#include "base/json.h"
#include "base/time.h"
#include "cli/import_bills.h"
#include "cli/import_input.h"
#include "cli/import_meter.h"
#include "cli/progress.h"
#include "import/book.h"
#include "report/view.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define PATH_CEILING 4096

enum {
    FORMAT,
    DRY_RUN,
    JSON,
    CSV,
    MAP,
    PER,
    LABEL,
    UTILISATION,
    CURRENCY,
    SKIP_BAD,
    SKIPPED,
    RESTATED, /* bills */
    METERS,
    SITE,
    GRID,
    UNIT,
    KIND,
    TIMES,
    STEP,
    ZONE,
    DATES, /* meters */
};

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

/* Options of other formats, from first to last. Returns -1 to go on. */
static int refuse_strangers(const struct jb_cli *cli, const struct jb_option *options, unsigned first,
                            unsigned last, const char *whose) {
    for (unsigned i = first; i <= last; i++) {
        if (options[i].value)
            return jb_cli_usage(cli, "%s is for %s", options[i].name, whose);
    }
    return -1;
}

static int import_flows(const struct jb_cli *cli, const struct jb_option *options,
                        const struct import_bills *bills, const struct import_inputs *inputs) {
    int status = refuse_strangers(cli, options, MAP, RESTATED, "bills; these are flows");
    if (status >= 0)
        return status;
    struct jb_import_request request = {.book = cli->book,
                                        .paths = bills->paths,
                                        .path_count = bills->path_count,
                                        .files = inputs->files,
                                        .is_dry_run = bills->is_dry_run,
                                        .progress = bills->progress};
    if (bills->format && strcmp(bills->format, "auto") != 0) {
        request.format = jb_import_find(bills->format);
        if (!request.format)
            return jb_cli_usage(cli, "--format: '%.60s' is no format that is known", bills->format);
    }
    return import_files(cli, &request, bills->form);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [FORMAT] = {"--format", true, NULL},     [DRY_RUN] = {"--dry-run", false, NULL},
        [JSON] = {"--json", false, NULL},        [CSV] = {"--csv", false, NULL},
        [MAP] = {"--map", true, NULL},           [PER] = {"--per", true, NULL},
        [LABEL] = {"--label", true, NULL},       [UTILISATION] = {"--utilisation", true, NULL},
        [CURRENCY] = {"--currency", true, NULL}, [SKIP_BAD] = {"--skip-bad", true, NULL},
        [SKIPPED] = {"--skipped", true, NULL},   [RESTATED] = {"--restated", false, NULL},
        [METERS] = {"--meters", true, NULL},     [SITE] = {"--site", true, NULL},
        [GRID] = {"--grid", true, NULL},         [UNIT] = {"--unit", true, NULL},
        [KIND] = {"--kind", true, NULL},         [TIMES] = {"--times", true, NULL},
        [STEP] = {"--step", true, NULL},         [ZONE] = {"--zone", true, NULL},
        [DATES] = {"--dates", true, NULL},       {NULL, false, NULL},
    };
    static const char *paths[PATH_CEILING];
    static struct jb_progress progress;
    _cleanup_(import_inputs_close) struct import_inputs inputs = {0};
    struct import_bills bills = {.paths = paths, .progress = &progress};
    struct jb_error error = {0};
    bool is_bill = false;
    int status = jb_cli_parse(cli, &jb_verb_import, options, paths, PATH_CEILING, &bills.path_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &bills.form);
    if (status >= 0)
        return status;
    if (bills.path_count == 0)
        return jb_cli_usage(cli, "no file is named; - is standard input");
    bills.format = options[FORMAT].value;
    bills.is_dry_run = options[DRY_RUN].value != NULL;
    bool is_meter = bills.format && strcmp(bills.format, "meter") == 0;
    status = refuse_strangers(cli, options, is_meter ? MAP : METERS, is_meter ? RESTATED : DATES,
                              is_meter ? "bills" : "--format meter");
    if (status >= 0)
        return status;
    signal(SIGXFSZ, SIG_IGN); /* a book as large as may be is an error like a full disk */
    progress_show(&progress, paths, bills.path_count);
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
        return import_meter(cli, &meter, paths, bills.path_count, bills.is_dry_run, bills.form, &progress);
    }
    bills.map = options[MAP].value;
    bills.per = options[PER].value;
    bills.labels = options[LABEL].value;
    bills.utilisation = options[UTILISATION].value;
    bills.currency = options[CURRENCY].value;
    bills.skip_bad = options[SKIP_BAD].value;
    bills.skipped = options[SKIPPED].value;
    bills.is_restated = options[RESTATED].value != NULL;
    enum jb_code code = import_inputs_open(paths, bills.path_count, &progress, &error, &inputs);
    if (code)
        return jb_cli_fail(cli, code, &error);
    bills.streams = inputs.streams;
    status = import_bills_probe(cli, &bills, &is_bill);
    if (status >= 0)
        return status;
    return is_bill ? import_bills_run(cli, &bills) : import_flows(cli, options, &bills, &inputs);
}

const struct jb_verb jb_verb_import = {
    .name = "import",
    .summary = "book records from files",
    .brief = "usage: joulebook import [OPTIONS] FILE... | -\n"
             "\n"
             "Books what files hold, found by how they begin: bills of clouds (FOCUS, AWS, Azure, Google\n"
             "Cloud, Alibaba Cloud), as they are or packed with gzip or zstd, and flows. Importing the same\n"
             "again changes nothing, a restated bill takes the old one's place, and when anything is wrong,\n"
             "nothing is booked.\n"
             "\n"
             "  joulebook import --dry-run bill.csv.gz                   what would be booked\n"
             "  joulebook import --per hour --label team,env *.csv.gz    by the hour, with labels from tags\n"
             "  joulebook import --map map.ini other.csv                 a table of any other provider\n"
             "  joulebook import --format meter --site s --meters 'main=facility' may.csv   meter readings\n"
             "\n"
             "options\n"
             "  --format NAME      auto (default), flows, focus, aws, azure, gcp, alibaba or meter\n"
             "  --dry-run          check, and say what would be booked\n"
             "  --per, --label     bills: by day or hour; tags that become labels\n"
             "  --map FILE         bills: which column is what, as INI\n"
             "  --utilisation U    bills: mean load of vCPUs and GPUs; default 50%\n"
             "  --skip-bad N       bills: leave out up to N bad rows, which --skipped FILE lists\n"
             "  --currency, --restated                   bills\n"
             "  --meters, --site, --grid, --unit, --kind, --times, --step, --zone, --dates   meters\n"
             "  --json, --csv      the summary for machines\n"
             "\n"
             "`joulebook help import` says all of it.\n",
    .help =
        "usage: joulebook import [OPTIONS] FILE... | -\n"
        "       joulebook [--config FILE] import --format meter [OPTIONS] FILE... | -\n"
        "\n"
        "Books what files hold: flows, and bills of cloud providers. All files are checked first: when\n"
        "anything is wrong, nothing is booked, and the message names file, line or row, field and the\n"
        "mend. The book is made when there is none. Importing the same again changes nothing; an\n"
        "import that was cut off is completed by running it again. On a terminal, one that takes longer\n"
        "than a second says how far it is. Bills may be packed with gzip or\n"
        "zstd.\n"
        "\n"
        "options\n"
        "  --format NAME      auto (default: by how the file begins, never meter), flows, focus, aws,\n"
        "                     azure, gcp, alibaba or meter\n"
        "  --dry-run          check, and say what would be booked\n"
        "  --json, --csv      the summary for machines\n"
        "  --map FILE         bills: the columns of any other table, as INI\n"
        "  --per WHAT         bills: day (default) or hour, how finely they are booked\n"
        "  --label KEYS       bills: tags that become labels, such as team,env; at most 6\n"
        "  --utilisation U    bills: mean load of vCPUs and GPUs, 35% or 0.35; default 50% with a\n"
        "                     standard uncertainty of 25 points\n"
        "  --currency CODE    bills: the currency of those that have no column for it\n"
        "  --skip-bad N       bills: leave out up to N bad rows, and book the rest\n"
        "  --skipped FILE     bills: list the rows that were left out, as CSV\n"
        "  --restated         bills: these are whole months, in the place of whatever the book has of them\n"
        "  --meters LIST      what the meters stand for, METER=ROLE with commas between; METER may be a\n"
        "                     glob: 'main=facility,pdu*=pdu,chiller=cooling'\n"
        "  --site SITE        the site that they stand in: account site/SITE\n"
        "  --grid ZONE        the grid that feeds it: account grid/ZONE (default unknown)\n"
        "  --unit UNIT        of values whose heading has none: kWh, MWh, W, kW, m3 and the like\n"
        "  --kind KIND        what values are: interval (an amount a step; default), register (what the\n"
        "                     meter's counter shows) or power (the mean of a step)\n"
        "  --times WHEN       whether a time is the start (default) or the end of its step\n"
        "  --step STEP        how long steps are: 15m, 1h; default the shortest distance of two readings\n"
        "  --zone ZONE        of times without an offset: Europe/Madrid, or CET-1CEST,M3.5.0,M10.5.0/3\n"
        "  --dates STYLE      how times are written: iso (default), ymd, dmy, mdy, unix (seconds)\n"
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
        "bills: FOCUS 1.0 to 1.2 (focus), AWS Cost and Usage Reports, legacy and CUR 2.0 (aws), Azure\n"
        "cost details of EA and MCA, actual or amortised (azure), Google Cloud's billing export as CSV\n"
        "or JSON lines (gcp), Alibaba Cloud's consumption details (alibaba). Each row is booked as money\n"
        "to cloud/PROVIDER/REGION/SERVICE/ACCOUNT/KIND, and what it used as energy, with what the data\n"
        "centre adds to it (PUE), and as embodied carbon: estimated from instance types, vCPUs, memory,\n"
        "storage and network. What has no estimate is booked as money to .../unestimated, and listed\n"
        "with its share of the cost. Taxes, credits, refunds, support and purchases of reservations\n"
        "carry no energy; capacity that was kept free and not used is a machine at no load. A subscription\n"
        "of Alibaba Cloud is use over its term, if the bill tells it.\n"
        "A bill is what an account is charged for a month: give all files of a month together. A bill\n"
        "that is restated takes the place of its older version; parts with other days are added to it.\n"
        "\n"
        "map: [columns] field = heading, with the fields start and cost and, where the table has them,\n"
        "end, month, provider, payer, account, region, service, sku, machine, unit, charge, status,\n"
        "class, term, term_of, currency, quantity, credits, tags; [table] provider, currency, unit,\n"
        "separator, zone, tag_prefix: the same for all rows; [charges] kind = values of the column charge\n"
        "(globs), with the kinds usage, unestimated, prepaid, purchase, unused, credit, refund, discount,\n"
        "tax, support, fee, adjustment.\n"
        "\n"
        "format meter: readings of a site's meters, CSV with a heading: time, perhaps end, then either\n"
        "meter and a value (kWh, register_kWh, kW, or value with a column unit), or one column a\n"
        "meter (main_kWh, 'pdu1 [kW]'). Times, the double hour of clocks put back, and gaps are\n"
        "taken as by `joulebook factors`. Registers may wrap or restart. Roles: facility (all that the\n"
        "grid gives), generation (an own plant), ups, pdu, it or rack (IT, measured at one of these\n"
        "places), overhead, cooling or lighting (parts that are no IT), water, reused (energy that leaves\n"
        "the site to be used again: kept as a series, for ERF), none. They come from --meters, or from\n"
        "sections [meter NAME] of the setting (--config): role, site, grid, kind, unit, modulus,\n"
        "uncertainty. The site balances: grid -> site, site -> its hosts as they book\n"
        "themselves, site/S/it for what no host accounts for, site/S/overhead for the rest; so PUE is\n"
        "measured. Hosts may be booked before or after; import all meters of a site together. Intervals\n"
        "that the book has are not booked again, so a file that has grown can be imported anew.\n"
        "\n"
        "examples\n"
        "  joulebook import --format flows flows.csv\n"
        "  joulebook import --dry-run focus-2026-07.csv.gz\n"
        "  joulebook import --per hour --label team,env cur-00001.csv.gz cur-00002.csv.gz\n"
        "  joulebook import --format meter --site seoul1 --grid KR --meters 'main=facility,pdu*=pdu' "
        "may.csv\n"
        "  joulebook export | joulebook --book copy.db import --format flows -\n"
        "  printf 'start,end,from,to,amount,unit\\n2026-07-01,2026-08-01,grid/KR,site/seoul1,12.5,MWh\\n' |\n"
        "    joulebook import --dry-run -\n"
        "\n"
        "exit status: 0 done, 2 wrong usage, 3 a file is wrong, 4 could not (no file, disk full)\n",
    .run = run,
};
