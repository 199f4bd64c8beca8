/* Bills on the command line of `import`: their options, their tables, and what is printed. */
#include "cli/import_bills.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "cli/bill_view.h"
#include "import/bill_import.h"
#include "report/output.h"

#include <string.h>

#define MAP_CEILING ((size_t)1 << 20)

/* Half load, as Cloud Carbon Footprint takes it. Means that were published lie between some 10 % (Cortez et
 * al., SOSP 2017, most machines of Azure) and 65 % (the same, interactive ones; Shehabi et al., LBNL 2016: 45
 * to 50 % of hyperscale servers): 0.25 is the standard uncertainty of anything from 7 % to 93 %. */
#define USUAL_UTILISATION             0.5
#define USUAL_UTILISATION_UNCERTAINTY 0.25

int import_bills_probe(const struct jb_cli *cli, const struct import_bills *options, bool *ret_is_bill) {
    struct jb_error error = {0};
    struct jb_bill_files files = {.paths = options->paths, .streams = options->streams};
    size_t bill_count = 0, other_count = 0;
    bool is_named = options->format && strcmp(options->format, "auto") != 0;
    *ret_is_bill = options->map || (is_named && jb_bill_format_find(options->format));
    if (*ret_is_bill || is_named)
        return -1;
    for (size_t i = 0; i < options->path_count; i++) {
        struct jb_bill_opening opening;
        enum jb_code code = jb_bill_probe(&files, i, &error, &opening);
        if (code == JB_NO_DATA) /* named twice */
            continue;
        if (code)
            return jb_cli_fail(cli, code, &error);
        bool is_bill = opening.format || opening.is_parquet || opening.is_json_array || opening.is_utf16;
        bill_count += is_bill;
        other_count += !is_bill && !opening.is_empty;
    }
    if (bill_count && other_count)
        return jb_cli_usage(cli, "bills and other files: import them one after the other");
    *ret_is_bill = bill_count > 0;
    return -1;
}

/* "35%", "0.35" */
static int parse_utilisation(const struct jb_cli *cli, const char *text, struct jb_bill_question *question) {
    uint32_t ppm;
    question->utilisation = USUAL_UTILISATION;
    question->utilisation_uncertainty = USUAL_UTILISATION_UNCERTAINTY;
    if (!text)
        return -1;
    if (!jb_share_parse(text, &ppm))
        return jb_cli_usage(cli, "--utilisation: '%.40s' is neither 0%% to 100%% nor 0 to 1", text);
    question->utilisation = (double)ppm / 1e6;
    question->utilisation_uncertainty = 0;
    return -1;
}

/* "team,env": taken apart in place. */
static int parse_labels(const struct jb_cli *cli, char *text, const char **labels, size_t *ret_count) {
    size_t count = 0;
    for (char *rest = text, *label; text && (label = strsep(&rest, ","));) {
        if (!*label || strlen(label) >= sizeof((struct jb_label *)0)->key)
            return jb_cli_usage(cli, "--label: '%.60s' is no key of a tag", label);
        if (count == JB_BILL_LABEL_CEILING)
            return jb_cli_usage(cli, "--label: at most %d keys", JB_BILL_LABEL_CEILING);
        labels[count++] = label;
    }
    *ret_count = count;
    return -1;
}

static int parse_files(const struct jb_cli *cli, const struct import_bills *options,
                       struct jb_bill_files *files) {
    const char *per = options->per ? options->per : "day";
    jb_commodity currency;
    files->bucket_ns = strcmp(per, "hour") == 0 ? JB_HOUR_NS : JB_DAY_NS;
    if (strcmp(per, "hour") != 0 && strcmp(per, "day") != 0)
        return jb_cli_usage(cli, "--per: '%.40s' is neither hour nor day", per);
    if (options->currency &&
        (jb_commodity_parse(options->currency, NULL, &currency) || !jb_commodity_is_money(currency)))
        return jb_cli_usage(cli, "--currency: '%.40s' is no currency such as EUR", options->currency);
    if (options->skip_bad && jb_uint64_parse(options->skip_bad, NULL, &files->bad_ceiling))
        return jb_cli_usage(cli, "--skip-bad: '%.40s' is no number of rows", options->skip_bad);
    if (options->skipped && !options->skip_bad)
        return jb_cli_usage(cli, "--skipped goes with --skip-bad");
    if (options->format && strcmp(options->format, "auto") != 0)
        files->format = jb_bill_format_find(options->format);
    files->currency = options->currency;
    files->paths = options->paths;
    files->path_count = options->path_count;
    files->progress = options->progress;
    return -1;
}

static enum jb_code read_map(const char *path, struct jb_error *error, struct jb_bill_map **ret_map) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = MAP_CEILING};
    enum jb_code code = jb_factor_file_read(path, &text, error);
    return code ? code : jb_bill_map_parse(text.bytes ? text.bytes : "", path, error, ret_map);
}

static enum jb_code write_skipped(struct jb_output *output, const struct jb_bill_result *result,
                                  struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    bill_view_skipped(result, &out);
    enum jb_code code = jb_output_write(output, &out, error);
    return code ? code : jb_output_commit(output, error);
}

static enum jb_code import(const struct jb_cli *cli, const struct import_bills *options,
                           struct jb_bill_question *question, struct jb_bill_files *files,
                           struct jb_buffer *out, struct jb_error *error) {
    const char *data_path = jb_cli_data_path(cli);
    _cleanup_(jb_cloud_free_cleanup) struct jb_cloud *cloud = NULL;
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    __attribute__((cleanup(jb_bill_result_free))) struct jb_bill_result result = {0};
    _cleanup_(jb_output_close) struct jb_output skipped = {.descriptor = -1};
    enum jb_code code = jb_cloud_load(data_path, error, &cloud);
    if (!code)
        code = jb_cli_factors(cli, error, &factors);
    if (!code)
        code = jb_regions_load(data_path, error, &regions);
    if (code)
        return code;
    question->cloud = cloud;
    question->factors = factors;
    question->regions = regions;
    question->files = files;
    struct jb_bill_request request = {.book = cli->book,
                                      .question = *question,
                                      .is_dry_run = options->is_dry_run,
                                      .is_restated = options->is_restated};
    /* What cannot be written is found before anything is booked. */
    if (options->skipped)
        code = jb_output_open(options->skipped, error, &skipped);
    if (!code)
        code = jb_bill_import(&request, error, &result);
    if (!code && options->skipped)
        code = write_skipped(&skipped, &result, error);
    return code ? code : bill_view(&result, options->is_dry_run, options->form, out, error);
}

int import_bills_run(const struct jb_cli *cli, const struct import_bills *options) {
    struct jb_error error = {0};
    _cleanup_(jb_bill_map_free_cleanup) struct jb_bill_map *map = NULL;
    _cleanup_free_ char *label_text = options->labels ? strdup(options->labels) : NULL;
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    const char *labels[JB_BILL_LABEL_CEILING];
    struct jb_bill_files files = {0};
    struct jb_bill_question question = {0};
    int status = parse_files(cli, options, &files);
    if (status < 0)
        status = parse_labels(cli, label_text, labels, &files.label_count);
    if (status < 0)
        status = parse_utilisation(cli, options->utilisation, &question);
    if (status >= 0)
        return status;
    enum jb_code code = options->map ? read_map(options->map, &error, &map) : JB_OK;
    files.labels = labels;
    files.map = map;
    files.streams = options->streams;
    if (!code)
        code = import(cli, options, &question, &files, &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}
