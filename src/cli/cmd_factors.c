/* The verb `factors`: search, cite and check the factor tables, and add the user's own. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/factors_view.h"
#include "report/output.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { AT, NAME, REPLACE, JSON, CSV };

struct request {
    const struct jb_cli *cli;
    const char *own_path, *name;
    enum jb_form form;
    int64_t at_ns;
    bool replaces;
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
    return print(request, factors_view_sets(factors, request->form, &out, &error), &out, &error);
}

/* A pattern without a glob's characters is looked for anywhere in the id. */
static bool id_matches(const char *pattern, const char *id) {
    return strpbrk(pattern, "*?[\\") ? jb_text_matches(pattern, id) : strstr(id, pattern) != NULL;
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
        if (is_whole
                ? strcmp(pattern, id) == 0
                : id_matches(pattern, id) && factors_row_holds(factors, &all[i], request->at_ns, &is_earlier))
            rows[found++] = &all[i];
    }
    if (found == 0) {
        jb_error_set(&error, JB_NO_DATA,
                     "no factor %s '%.200s'%s; `joulebook factors list` names the tables, "
                     "`joulebook factors list '*/KR*'` searches them",
                     is_whole ? "is called" : "matches", pattern, is_whole ? "" : " at that date");
        return jb_cli_fail(request->cli, JB_INPUT, &error);
    }
    enum jb_code code =
        factors_view_rows(factors, rows, found, request->at_ns, is_whole, request->form, &out, &error);
    return print(request, code, &out, &error);
}

static int check(const struct request *request, const char *file) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_buffer_ struct jb_buffer text = {0}, out = {0};
    struct jb_error error = {0};
    enum jb_code code = JB_OK;
    if (!file) {
        int status = load(request, NULL, NULL, &factors);
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
    int status = print(request, factors_view_findings(factors, request->form, &out, &error), &out, &error);
    return status == 0 && jb_factors_check(factors, NULL) ? 3 : status;
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

static int dispatch(const struct request *request, const char *const *operands, size_t count) {
    const char *action = count ? operands[0] : "list", *operand = count > 1 ? operands[1] : NULL;
    bool imports = strcmp(action, "import") == 0;
    if ((request->name || request->replaces) && !imports)
        return jb_cli_usage(request->cli, "--name and --replace are for import");
    if (strcmp(action, "list") == 0)
        return operand ? print_rows(request, operand, false) : list_sets(request);
    if (strcmp(action, "check") == 0)
        return check(request, operand);
    if (strcmp(action, "show") != 0 && !imports)
        return jb_cli_usage(request->cli, "'%.100s' is not list, show, check or import", action);
    if (!operand)
        return jb_cli_usage(request->cli, "%s needs %s", action, imports ? "a FILE" : "the ID of a factor");
    if (imports && request->form != JB_FORM_TEXT)
        return jb_cli_usage(request->cli, "import prints no --json or --csv");
    return imports ? import(request, operand) : print_rows(request, operand, true);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [AT] = {"--at", true, NULL},
        [NAME] = {"--name", true, NULL},
        [REPLACE] = {"--replace", false, NULL},
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
    if (status >= 0)
        return status;
    request.at_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    if (options[AT].value && jb_time_parse(options[AT].value, &error, &request.at_ns))
        return jb_cli_usage(cli, "--at: %s", error.message);
    if (jb_cli_own_factors_path(&error, own_path))
        return jb_cli_fail(cli, error.code, &error);
    request.name = options[NAME].value;
    request.replaces = options[REPLACE].value != NULL;
    return dispatch(&request, operands, count);
}

const struct jb_verb jb_verb_factors = {
    .name = "factors",
    .summary = "search, cite and check the factors, and add your own",
    .help = "usage: joulebook factors [list] [--json | --csv]\n"
            "       joulebook factors list PATTERN [--at DATE] [--json | --csv]\n"
            "       joulebook factors show ID [--at DATE] [--json | --csv]\n"
            "       joulebook factors check [FILE] [--json | --csv]\n"
            "       joulebook factors import FILE [--name NAME] [--replace]\n"
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
            "options\n"
            "  --at DATE      which rows hold: at this date; default now\n"
            "  --name NAME    what the table is to be called; default the file's name\n"
            "  --replace      a table of that name is replaced\n"
            "  --json, --csv  for machines\n"
            "\n"
            "examples\n"
            "  joulebook factors list 'grid_intensity/K*'\n"
            "  joulebook factors show pue/alibaba --at 2023-10-01\n"
            "  joulebook factors check our-sites.csv\n"
            "\n"
            "exit status: 0 done (check: no errors), 2 wrong usage, 3 a table is wrong or nothing\n"
            "matches, 4 could not\n",
    .run = run,
};
