/* The verb `factors`: search, cite and check the factor tables, and add the user's own. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/factors_series.h"
#include "cli/factors_view.h"
#include "report/output.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum {
    AT,
    NAME,
    REPLACE,
    SERIES,
    COLUMNS,
    ZONE,
    DATES,
    STEP,
    SOURCE,
    LICENCE,
    UNCERTAINTY,
    STEPS,
    FROM,
    TO,
    JSON,
    CSV,
};

struct request {
    const struct jb_cli *cli;
    const char *own_path, *name;
    enum jb_form form;
    int64_t at_ns;
    bool replaces;
    struct factors_series_options series; /* region NULL: it is no series that is meant */
    struct jb_query period;               /* of --steps */
    bool wants_steps;
};

/* All tables. Returns -1 to go on, or an exit status. */
static int load(const struct request *request, const char *file, const char *name,
                struct jb_factors **ret_factors) {
    struct jb_error error = {0};
    struct jb_factor_load load = {.data_path = jb_cli_data_path(request->cli),
                                  .own_path = request->own_path,
                                  .without = name,
                                  .extra_file = file,
                                  .extra_name = name};
    enum jb_code code = jb_factors_load(&load, &error, ret_factors);
    return code ? jb_cli_fail(request->cli, code, &error) : -1;
}

/* The same, and good: figures are not cited from tables that are partly wrong. */
static int load_good(const struct request *request, const char *file, const char *name,
                     struct jb_factors **ret_factors) {
    struct jb_error error = {0};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    int status = load(request, file, name, &factors);
    if (status >= 0)
        return status;
    enum jb_code code = jb_factors_check(factors, &error);
    if (code)
        return jb_cli_fail(request->cli, code, &error);
    *ret_factors = JB_TAKE(factors);
    return -1;
}

static int print(const struct request *request, enum jb_code code, const struct jb_buffer *out,
                 const struct jb_error *error) {
    return code ? jb_cli_fail(request->cli, code, error) : jb_cli_print(request->cli, out);
}

static int list_sets(const struct request *request) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    int status = load_good(request, NULL, NULL, &factors);
    if (status >= 0)
        return status;
    status = print(request, factors_view_sets(factors, request->form, &out, &error), &out, &error);
    if (status || request->form != JB_FORM_TEXT)
        return status;
    size_t series_count;
    status = factors_series_list_more(request->cli, NULL, false, &series_count);
    return status < 0 ? 0 : status;
}

/* list: for each id that matches, the row that holds. show: every row of the id. */
static int print_rows(const struct request *request, const char *pattern, bool is_whole) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    const struct jb_factor *all;
    char id[JB_FACTOR_ID_SIZE];
    size_t found = 0;
    bool is_earlier;
    int status = load_good(request, NULL, NULL, &factors);
    if (status >= 0)
        return status;
    size_t count = jb_factors_all(factors, &all);
    _cleanup_free_ const struct jb_factor **rows = calloc(count + 1, sizeof *rows);
    if (!rows)
        return jb_cli_fail(request->cli, jb_error_set(&error, JB_MEMORY, "no memory for the factors"),
                           &error);
    for (size_t i = 0; i < count; i++) {
        jb_factor_id(&all[i], id);
        if (is_whole ? strcmp(pattern, id) == 0
                     : factors_id_matches(pattern, id) &&
                           factors_row_holds(factors, &all[i], request->at_ns, &is_earlier))
            rows[found++] = &all[i];
    }
    if (found) {
        enum jb_code code =
            factors_view_rows(factors, rows, found, request->at_ns, is_whole, request->form, &out, &error);
        status = print(request, code, &out, &error);
        if (status || request->form != JB_FORM_TEXT)
            return status;
    }
    size_t series_count = 0;
    if (request->form == JB_FORM_TEXT)
        status = factors_series_list_more(request->cli, pattern, is_whole, &series_count);
    if (status > 0)
        return status;
    if (found || series_count)
        return 0;
    jb_error_set(&error, JB_NO_DATA,
                 "no factor %s '%.200s'%s; `joulebook factors list` names the tables, "
                 "`joulebook factors list '*/KR*'` searches them",
                 is_whole ? "is called" : "matches", pattern, is_whole ? "" : " at that date");
    return jb_cli_fail(request->cli, JB_INPUT, &error);
}

static int check(const struct request *request, const char *file) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_buffer_ struct jb_buffer text = {0}, out = {0};
    struct jb_error error = {0};
    enum jb_code code = JB_OK;
    _cleanup_free_ struct jb_factor_finding *more = NULL;
    size_t more_count = 0;
    if (!file) {
        int status = load(request, NULL, NULL, &factors);
        if (status < 0)
            status = factors_series_check(request->cli, &more, &more_count);
        if (status >= 0)
            return status;
    } else {
        /* The file alone, as the user's own. */
        struct jb_factor_set set = {
            .name = "checked", .version = "own", .is_own = true, .uncertainty = __builtin_nan("")};
        code = jb_factor_file_read(file, &text, &error);
        if (!code)
            code = jb_factors_make(&error, &factors);
        if (!code)
            code = jb_factors_add(factors, &set, text.bytes, text.length, file, jb_factor_file_is_ini(file),
                                  &error);
        if (!code)
            code = jb_factors_finish(factors, &error);
        if (code)
            return jb_cli_fail(request->cli, code == JB_NO_DATA ? JB_IO : code, &error);
    }
    code = factors_view_findings(factors, more, more_count, request->form, &out, &error);
    int status = print(request, code, &out, &error);
    bool is_wrong = jb_factors_check(factors, NULL) != JB_OK;
    for (size_t i = 0; i < more_count; i++)
        is_wrong = is_wrong || more[i].is_error;
    return status == 0 && is_wrong ? 3 : status;
}

/* The name a file gets among the user's own: --name, or what its path calls it. Returns -1 to go on. */
static int name_of(const struct request *request, const char *file, char ret[static JB_FACTOR_NAME_SIZE]) {
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t length = strlen(base);
    if (request->name)
        base = request->name, length = strlen(base);
    else if (length > 4 && (strcmp(base + length - 4, ".csv") == 0 || jb_factor_file_is_ini(base)))
        length -= 4;
    snprintf(ret, JB_FACTOR_NAME_SIZE, "%.*s", (int)(length < JB_FACTOR_NAME_SIZE ? length : 0), base);
    if (!jb_factor_name_is_valid(ret))
        return jb_cli_usage(request->cli,
                            "'%.100s' cannot name a table; give --name of 1 to 64 letters, digits, "
                            "'.', '_' and '-'",
                            base);
    return -1;
}

/* Makes the folder of the user's own tables, with those above it; what fails shows when the file is written.
 */
static void make_folder(const char *path) {
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0755);
        *slash = '/';
    }
    mkdir(part, 0755);
}

static enum jb_code write_table(const char *path, struct jb_buffer *text, struct jb_error *error) {
    struct jb_output output;
    enum jb_code code = jb_output_open(path, error, &output);
    if (code)
        return code;
    code = jb_output_write(&output, text, error);
    if (!code)
        code = jb_output_commit(&output, error);
    jb_output_close(&output);
    return code;
}

static int import(const struct request *request, const char *file) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_error error = {0};
    char name[JB_FACTOR_NAME_SIZE], path[PATH_MAX + 80], other[PATH_MAX + 80];
    bool is_ini = jb_factor_file_is_ini(file);
    int status = name_of(request, file, name);
    if (status >= 0)
        return status;
    snprintf(path, sizeof path, "%s/%s.%s", request->own_path, name, is_ini ? "ini" : "csv");
    snprintf(other, sizeof other, "%s/%s.%s", request->own_path, name, is_ini ? "csv" : "ini");
    if (!request->replaces && (access(path, F_OK) == 0 || access(other, F_OK) == 0))
        return jb_cli_usage(request->cli, "there is a table '%s' already; give --replace, or another --name",
                            name);
    status = load_good(request, file, name, &factors);
    if (status >= 0)
        return status;
    const struct jb_factor_set *sets;
    char sha256[JB_SHA256_SIZE];
    jb_factors_sets(factors, &sets);
    enum jb_code code = jb_factor_file_read(file, &text, &error);
    if (!code && strcmp(jb_sha256(text.bytes, text.length, sha256), sets[0].sha256) != 0)
        code = jb_error_set(&error, JB_IO, "%s changed while it was read; try again", file);
    if (code)
        return jb_cli_fail(request->cli, code, &error);
    make_folder(request->own_path);
    code = write_table(path, &text, &error);
    if (!code && unlink(other) != 0 && errno != ENOENT)
        code = jb_error_set_errno(&error, errno, "%s", other);
    if (code)
        return jb_cli_fail(request->cli, code, &error);
    printf("%u factors in table '%s', which takes precedence: %s\n", sets[0].factor_count, name, path);
    return fflush(stdout) == 0 ? 0 : 4;
}

/* Which options an action takes besides --json and --csv; returns −1 to go on. */
static int check_options(const struct request *request, const struct jb_option *options, const char *action) {
    bool is_import = strcmp(action, "import") == 0, is_check = strcmp(action, "check") == 0;
    bool is_series = strcmp(action, "series") == 0;
    for (int i = SERIES; i <= UNCERTAINTY; i++) {
        if (options[i].value && !((is_import || is_check) && request->series.region))
            return jb_cli_usage(request->cli, "%s is for import and check of a table --series REGION",
                                options[i].name);
    }
    for (int i = STEPS; i <= TO; i++) {
        if (options[i].value && !(is_series && request->wants_steps))
            return jb_cli_usage(request->cli, "%s is for `series NAME --steps`", options[i].name);
    }
    if (request->replaces && (!is_import || request->series.region))
        return jb_cli_usage(request->cli, "--replace is for import of a table of factors");
    if (request->name && !is_import && !(is_check && request->series.region))
        return jb_cli_usage(request->cli, "--name and --replace are for import");
    return -1;
}

static int take_series(const struct request *request, const char *file, bool is_dry_run) {
    struct jb_factor_load load = {.data_path = jb_cli_data_path(request->cli), .own_path = request->own_path};
    return factors_series_import(request->cli, request->form, file, &request->series, is_dry_run, &load);
}

static int show_series(const struct request *request, const char *name) {
    if (!request->wants_steps)
        return factors_series_list(request->cli, request->form, name);
    if (!name)
        return jb_cli_usage(request->cli, "--steps needs the NAME of a series");
    return factors_series_steps(request->cli, request->form, name, request->period.from_ns,
                                request->period.to_ns);
}

static int dispatch(const struct request *request, const char *action, const char *operand) {
    bool imports = strcmp(action, "import") == 0;
    if (strcmp(action, "list") == 0)
        return operand ? print_rows(request, operand, false) : list_sets(request);
    if (strcmp(action, "series") == 0)
        return show_series(request, operand);
    if (strcmp(action, "check") == 0 && request->series.region && operand)
        return take_series(request, operand, true);
    if (strcmp(action, "check") == 0)
        return check(request, operand);
    if (strcmp(action, "show") != 0 && strcmp(action, "drop") != 0 && !imports)
        return jb_cli_usage(request->cli, "'%.100s' is not list, show, series, check, import or drop",
                            action);
    if (!operand)
        return jb_cli_usage(request->cli, "%s needs %s", action,
                            imports                       ? "a FILE"
                            : strcmp(action, "drop") == 0 ? "the NAME of a series"
                                                          : "the ID of a factor");
    if (strcmp(action, "drop") == 0)
        return factors_series_drop(request->cli, operand);
    if (imports && request->series.region)
        return take_series(request, operand, false);
    if (imports && request->form != JB_FORM_TEXT)
        return jb_cli_usage(request->cli, "import prints no --json or --csv");
    return imports ? import(request, operand) : print_rows(request, operand, true);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [AT] = {"--at", true, NULL},
        [NAME] = {"--name", true, NULL},
        [REPLACE] = {"--replace", false, NULL},
        [SERIES] = {"--series", true, NULL},
        [COLUMNS] = {"--columns", true, NULL},
        [ZONE] = {"--zone", true, NULL},
        [DATES] = {"--dates", true, NULL},
        [STEP] = {"--step", true, NULL},
        [SOURCE] = {"--source", true, NULL},
        [LICENCE] = {"--licence", true, NULL},
        [UNCERTAINTY] = {"--uncertainty", true, NULL},
        [STEPS] = {"--steps", false, NULL},
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[2];
    size_t count;
    char own_path[PATH_MAX];
    struct jb_error error = {0};
    struct request request = {.cli = cli, .own_path = own_path};
    int status = jb_cli_parse(cli, &jb_verb_factors, options, operands, JB_COUNT(operands), &count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request.period);
    if (status >= 0)
        return status;
    request.at_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    if (options[AT].value && jb_time_parse(options[AT].value, &error, &request.at_ns))
        return jb_cli_usage(cli, "--at: %s", error.message);
    if (jb_cli_own_factors_path(&error, own_path))
        return jb_cli_fail(cli, error.code, &error);
    request.name = options[NAME].value;
    request.replaces = options[REPLACE].value != NULL;
    request.wants_steps = options[STEPS].value != NULL;
    request.series = (struct factors_series_options){
        .region = options[SERIES].value,
        .name = options[NAME].value,
        .columns = options[COLUMNS].value,
        .zone = options[ZONE].value,
        .dates = options[DATES].value,
        .step = options[STEP].value,
        .source = options[SOURCE].value,
        .licence = options[LICENCE].value,
        .uncertainty = options[UNCERTAINTY].value,
    };
    const char *action = count ? operands[0] : "list";
    status = check_options(&request, options, action);
    return status >= 0 ? status : dispatch(&request, action, count > 1 ? operands[1] : NULL);
}

const struct jb_verb jb_verb_factors = {
    .name = "factors",
    .summary = "search, cite and check the factors, and add your own",
    .help = "usage: joulebook factors [list] [--json | --csv]\n"
            "       joulebook factors list PATTERN [--at DATE] [--json | --csv]\n"
            "       joulebook factors show ID [--at DATE] [--json | --csv]\n"
            "       joulebook factors check [FILE] [--json | --csv]\n"
            "       joulebook factors import FILE [--name NAME] [--replace]\n"
            "       joulebook factors import FILE --series REGION [--columns LIST] [--zone ZONE]\n"
            "                         [--dates STYLE] [--step STEP] [--source TEXT] [--licence TEXT]\n"
            "                         [--uncertainty U] [--name NAME] [--json | --csv]\n"
            "       joulebook factors series [PATTERN] [--json | --csv]\n"
            "       joulebook factors series NAME --steps [--from T] [--to T] [--json | --csv]\n"
            "       joulebook factors drop NAME\n"
            "\n"
            "Factors are dated, sourced numbers: grid intensity and mix, PUE and carbon-free share of\n"
            "cloud regions, power per vCPU, GB and TB, embodied carbon, water, TDP. An id is the\n"
            "quantity, provider, region and subject, as far as it has them: grid_intensity/KR,\n"
            "pue/alibaba, embodied/aws/m5.large.\n"
            "\n"
            "  list            the tables, in order of precedence, with version and licence\n"
            "  list PATTERN    the factors whose id holds PATTERN, or matches it as a glob (* ? [a-z]);\n"
            "                  of each the one that holds at the date\n"
            "  show ID         all rows of one factor with source, licence, validity and interval, and\n"
            "                  which of them holds; 'earlier': none is valid then, the last one stands in\n"
            "  check           every table: units, ranges, duplicates, overlaps, gaps\n"
            "  check FILE      one file as import would read it\n"
            "  import FILE     add a table of your own; it takes precedence over those that ship\n"
            "  import FILE --series REGION\n"
            "                  put a table of intensity, price or generation by the hour (or any step\n"
            "                  from minutes to years) into the book; 'check' says what it would\n"
            "  series          the series that the book has, with what they cover and their gaps\n"
            "  series NAME --steps\n"
            "                  the values of one\n"
            "  drop NAME       take a series out of the book\n"
            "\n"
            "FILE is CSV (the first line names the fields) or, when its name ends in .ini, a section\n"
            "for each factor. Fields: quantity, value, unit; provider, region, subject (at least\n"
            "one); from, until (dates; until is not in the period) or year; uncertainty (relative\n"
            "standard, 0.05 for 5 %); source (required), note. In CSV, columns such as pue and\n"
            "grid_intensity_g_per_kwh can stand in place of quantity, value and unit. Nothing is\n"
            "imported when anything is wrong. Own tables are files in joulebook/factors in the user's\n"
            "data folder (root: /var/lib/joulebook/factors), or in $JOULEBOOK_FACTORS; delete one to\n"
            "be rid of it.\n"
            "\n"
            "A table of a series is CSV with a heading: a column time (ISO 8601, UTC unless there is an\n"
            "offset or --zone), perhaps end, and levels: columns such as grid_intensity_g_per_kwh,\n"
            "renewable_share_percent, price_eur_per_mwh or generation_wind_mwh; others are named by\n"
            "--columns. Rows that are missing and empty cells are gaps: reported, never filled.\n"
            "Generation is kept by technology, and valued with technology_intensity: it gives\n"
            "grid_intensity, renewable_share and carbon_free_share of the region. power_mw is what one\n"
            "plant gives, for the profile of a contract; reused_heat_mw what a site gives away. A series\n"
            "is called after its quantity and region (or plant, or site), grid_intensity/KR. Importing\n"
            "again replaces the steps that are in the table and leaves the others; the same table twice\n"
            "changes nothing.\n"
            "\n"
            "options\n"
            "  --at DATE      which rows hold: at this date; default now\n"
            "  --name NAME    what the table is to be called; default the file's name. Of series: what\n"
            "                 stands in their names in place of the region\n"
            "  --replace      a table of that name is replaced\n"
            "  --series REGION\n"
            "                 FILE has series of this region (- is standard input)\n"
            "  --columns LIST\n"
            "                 what columns are, HEADING=QUANTITY[/TECHNOLOGY][:UNIT] with commas\n"
            "                 between: 'Wind [MW]=generation/wind:MW,DA=price:EUR/MWh,Begin=time'\n"
            "  --zone ZONE    of times without an offset: Europe/Madrid, or CET-1CEST,M3.5.0,M10.5.0/3\n"
            "  --dates STYLE  how times are written: iso (default), ymd, dmy, mdy, unix (seconds)\n"
            "  --step STEP    how long a row's step is: 15m, 1h, day, month, year; default by the rows\n"
            "  --source TEXT  who says so; default the file's name\n"
            "  --licence TEXT\n"
            "                 its terms\n"
            "  --uncertainty U\n"
            "                 relative standard uncertainty of the values, 5% or 0.05; default unknown\n"
            "  --steps        print values instead of what the series is\n"
            "  --from T       steps from this time on: a date, a time, or 'last 24h'\n"
            "  --to T         and up to this one\n"
            "  --json, --csv  for machines\n"
            "\n"
            "examples\n"
            "  joulebook factors list 'grid_intensity/K*'\n"
            "  joulebook factors show pue/alibaba --at 2023-10-01\n"
            "  joulebook factors check our-sites.csv\n"
            "  joulebook factors import spain-2023.csv --series ES --source 'Electricity Maps'\n"
            "\n"
            "exit status: 0 done (check: no errors), 2 wrong usage, 3 a table is wrong or nothing\n"
            "matches, 4 could not\n",
    .run = run,
};
