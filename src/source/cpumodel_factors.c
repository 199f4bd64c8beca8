/* Finds the power factors of a CPU: TDP by name on bare metal, else watts per vCPU by microarchitecture. */
#include "source/cpumodel.h"

#include "base/cleanup.h"
#include "base/csv.h"
#include "base/decimal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PPM 1000000

/* One table of data/cpu, read row by row. */
struct table {
    FILE *file;
    struct jb_csv_reader *reader;
    size_t column_count;
    char path[4096];
};

static void table_close(struct table *table) {
    jb_csv_reader_free(table->reader);
    if (table->file)
        fclose(table->file);
}

static enum jb_code row_error(const struct table *table, struct jb_error *error, const char *what) {
    return jb_error_set(error, JB_INPUT, "%s, line %llu: %s; install the factor tables anew", table->path,
                        (unsigned long long)jb_csv_line(table->reader), what);
}

/* Next row, which has as many fields as the header; *ret_fields is NULL behind the last. */
static enum jb_code table_next(struct table *table, struct jb_error *error, const char *const **ret_fields) {
    const char *const *fields = NULL;
    size_t count = 0;
    enum jb_code code = jb_csv_read(table->reader, error, &fields, &count);
    if (code && code != JB_NO_DATA)
        return code;
    if (!code && count != table->column_count)
        return row_error(table, error, "wrong number of fields");
    *ret_fields = code == JB_NO_DATA ? NULL : fields;
    return JB_OK;
}

/* Opens data_path/cpu/name and checks that its header is the one that this program knows. */
static enum jb_code table_open(struct table *table, const char *data_path, const char *name,
                               const char *const *columns, size_t column_count, struct jb_error *error) {
    *table = (struct table){.column_count = column_count};
    snprintf(table->path, sizeof table->path, "%s/cpu/%s", data_path, name);
    table->file = fopen(table->path, "re");
    if (!table->file && errno == ENOENT)
        return jb_error_set(error, JB_NO_DATA,
                            "factor table %s is not there; set JOULEBOOK_DATA to the data folder",
                            table->path);
    if (!table->file)
        return jb_error_set_errno(error, errno, "factor table %s", table->path);
    const char *const *fields = NULL;
    enum jb_code code = jb_csv_reader_make(table->file, table->path, error, &table->reader);
    if (!code)
        code = table_next(table, error, &fields);
    if (!code && !fields)
        code = row_error(table, error, "the table is empty");
    for (size_t i = 0; !code && fields && i < column_count; i++) {
        if (strcmp(fields[i], columns[i]) != 0)
            code = row_error(table, error, "the header is not the one that this version knows");
    }
    return code;
}

/* A whole number, decimal or 0x…, at most UINT32_MAX. */
static bool parse_number(const char *text, uint32_t *ret_value) {
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || *end || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

/* A decimal from 0 to ceiling as millionths: W become µW, shares become ppm. */
static bool parse_micro(const char *text, int64_t ceiling, uint64_t *ret_value) {
    int64_t value = 0;
    if (jb_decimal_parse(text, 1000000, NULL, &value) || value < 0 || value > ceiling * 1000000)
        return false;
    *ret_value = (uint64_t)value;
    return true;
}

/* Independent relative uncertainties combine in quadrature (GUM, JCGM 100, 5.1.6). */
static uint32_t combine_ppm(double a_ppm, double b_ppm) {
    double both_ppm = sqrt(a_ppm * a_ppm + b_ppm * b_ppm);
    return both_ppm >= 2.0 * PPM ? 2 * PPM : (uint32_t)lround(both_ppm);
}

/* What a CPU's microarchitecture is called, and whose coefficients stand for it. */
struct architecture {
    bool found;
    char name[48];
    char coefficients_of[32];
    uint64_t stand_in_ppm;
};

static enum jb_code find_architecture(const char *data_path, const struct jb_cpu_identity *identity,
                                      struct jb_error *error, struct architecture *ret_architecture) {
    static const char *const columns[] = {"vendor",
                                          "family",
                                          "model_first",
                                          "model_last",
                                          "stepping_first",
                                          "stepping_last",
                                          "microarchitecture",
                                          "coefficients_of",
                                          "stand_in_uncertainty",
                                          "source"};
    _cleanup_(table_close) struct table table;
    enum jb_code code =
        table_open(&table, data_path, "microarchitectures.csv", columns, JB_COUNT(columns), error);
    const char *const *fields = NULL;
    while (!code && !(code = table_next(&table, error, &fields)) && fields) {
        uint32_t family, model_first, model_last, stepping_first, stepping_last;
        uint64_t stand_in_ppm;
        if (!parse_number(fields[1], &family) || !parse_number(fields[2], &model_first) ||
            !parse_number(fields[3], &model_last) || !parse_number(fields[4], &stepping_first) ||
            !parse_number(fields[5], &stepping_last) || !parse_micro(fields[8], 1, &stand_in_ppm))
            return row_error(&table, error, "no number, or one out of range");
        if (strcmp(fields[0], identity->vendor) != 0 || family != identity->family ||
            identity->model < model_first || identity->model > model_last ||
            identity->stepping < stepping_first || identity->stepping > stepping_last)
            continue;
        struct architecture found = {.found = true, .stand_in_ppm = stand_in_ppm};
        snprintf(found.name, sizeof found.name, "%s", fields[6]);
        snprintf(found.coefficients_of, sizeof found.coefficients_of, "%s", fields[7]);
        *ret_architecture = found;
        return JB_OK;
    }
    return code;
}

/* Running mean and spread (Welford 1962) of the power per vCPU over all microarchitectures. */
struct spread {
    size_t count;
    double min_uw, max_uw, middle_uw, squares;
};

static void spread_add(struct spread *spread, uint64_t min_uw, uint64_t max_uw) {
    double middle_uw = ((double)min_uw + (double)max_uw) / 2;
    double difference = middle_uw - spread->middle_uw;
    double n = (double)++spread->count;
    spread->middle_uw += difference / n;
    spread->squares += difference * (middle_uw - spread->middle_uw);
    spread->min_uw += ((double)min_uw - spread->min_uw) / n;
    spread->max_uw += ((double)max_uw - spread->max_uw) / n;
}

/* Watts per vCPU of the architecture; of a CPU that no table knows the mean of all, its spread added. */
static enum jb_code find_vcpu_power(const char *data_path, const struct architecture *architecture,
                                    struct jb_error *error, struct jb_cpu_factors *factors) {
    static const char *const columns[] = {"architecture", "min_w_per_vcpu", "max_w_per_vcpu",
                                          "relative_standard_uncertainty", "providers"};
    _cleanup_(table_close) struct table table;
    enum jb_code code = table_open(&table, data_path, "vcpu_power.csv", columns, JB_COUNT(columns), error);
    const char *const *fields = NULL;
    struct spread spread = {0};
    uint64_t widest_ppm = 0;
    while (!code && !(code = table_next(&table, error, &fields)) && fields) {
        uint64_t min_uw, max_uw, uncertainty_ppm;
        if (!parse_micro(fields[1], 1000, &min_uw) || !parse_micro(fields[2], 1000, &max_uw) ||
            !parse_micro(fields[3], 2, &uncertainty_ppm) || min_uw > max_uw || max_uw == 0)
            return row_error(&table, error, "no number, one out of range, or min above max");
        if (architecture->found && strcmp(fields[0], architecture->coefficients_of) == 0) {
            factors->min_uw_per_vcpu = min_uw;
            factors->max_uw_per_vcpu = max_uw;
            factors->uncertainty_ppm =
                combine_ppm((double)uncertainty_ppm, (double)architecture->stand_in_ppm);
            if (architecture->stand_in_ppm > 0)
                snprintf(factors->basis, sizeof factors->basis, "%s taken as %s", architecture->name,
                         architecture->coefficients_of);
            else
                snprintf(factors->basis, sizeof factors->basis, "%s", architecture->name);
            return JB_OK;
        }
        spread_add(&spread, min_uw, max_uw);
        widest_ppm = uncertainty_ppm > widest_ppm ? uncertainty_ppm : widest_ppm;
    }
    if (code)
        return code;
    if (architecture->found || spread.count < 2)
        return row_error(&table, error, "a microarchitecture that microarchitectures.csv names is missing");
    double spread_ppm = sqrt(spread.squares / (double)(spread.count - 1)) / spread.middle_uw * (double)PPM;
    factors->min_uw_per_vcpu = (uint64_t)llround(spread.min_uw);
    factors->max_uw_per_vcpu = (uint64_t)llround(spread.max_uw);
    factors->uncertainty_ppm = combine_ppm((double)widest_ppm, spread_ppm);
    snprintf(factors->basis, sizeof factors->basis, "unknown CPU taken as the mean of %zu kinds",
             spread.count);
    return JB_OK;
}

/* TDP of a CPU by its name. *ret_uw is 0 when the table does not have it. */
static enum jb_code find_tdp(const char *data_path, const char *model_name, struct jb_error *error,
                             uint64_t *ret_uw) {
    static const char *const columns[] = {"name", "tdp_w"};
    char wanted[96], name[96];
    jb_cpu_name_normalise(model_name, wanted, sizeof wanted);
    _cleanup_(table_close) struct table table;
    enum jb_code code = table_open(&table, data_path, "tdp.csv", columns, JB_COUNT(columns), error);
    const char *const *fields = NULL;
    uint64_t found_uw = 0;
    while (!code && found_uw == 0 && !(code = table_next(&table, error, &fields)) && fields) {
        uint64_t uw;
        if (!parse_micro(fields[1], 2000, &uw) || uw == 0)
            return row_error(&table, error, "TDP is not above 0 and up to 2000 W");
        if (strcmp(jb_cpu_name_normalise(fields[0], name, sizeof name), wanted) == 0)
            found_uw = uw;
    }
    if (!code)
        *ret_uw = found_uw;
    return code;
}

/* Power of a package with a given TDP, spread over the CPUs: Teads' shares of TDP at idle and at full load.
 */
static enum jb_code use_tdp(const char *data_path, const struct jb_cpu_identity *identity, uint64_t tdp_uw,
                            uint32_t vcpu_count, struct jb_error *error, struct jb_cpu_factors *factors) {
    static const char *const columns[] = {"idle_share", "full_share", "relative_standard_uncertainty",
                                          "source"};
    _cleanup_(table_close) struct table table;
    enum jb_code code = table_open(&table, data_path, "tdp_model.csv", columns, JB_COUNT(columns), error);
    const char *const *fields = NULL;
    if (!code)
        code = table_next(&table, error, &fields);
    if (code)
        return code;
    uint64_t idle_ppm, full_ppm, uncertainty_ppm;
    if (!fields || !parse_micro(fields[0], 2, &idle_ppm) || !parse_micro(fields[1], 2, &full_ppm) ||
        !parse_micro(fields[2], 2, &uncertainty_ppm) || idle_ppm > full_ppm)
        return row_error(&table, error, "no number, one out of range, or idle above full");
    uint64_t all_mw = tdp_uw * identity->socket_count / 1000; /* ≤ 2·10^6 mW × 4096 sockets */
    factors->min_uw_per_vcpu = all_mw * idle_ppm / 1000 / vcpu_count;
    factors->max_uw_per_vcpu = all_mw * full_ppm / 1000 / vcpu_count;
    factors->uncertainty_ppm = (uint32_t)uncertainty_ppm;
    factors->memory_included_mib_per_vcpu = 0; /* a TDP is of the package alone */
    snprintf(factors->basis, sizeof factors->basis, "%u x TDP %.4g W", identity->socket_count,
             (double)tdp_uw / 1e6);
    return JB_OK;
}

static enum jb_code find_memory(const char *data_path, struct jb_error *error,
                                struct jb_cpu_factors *factors) {
    static const char *const columns[] = {"w_per_gib", "included_gib_per_vcpu",
                                          "relative_standard_uncertainty", "source"};
    _cleanup_(table_close) struct table table;
    enum jb_code code = table_open(&table, data_path, "memory.csv", columns, JB_COUNT(columns), error);
    const char *const *fields = NULL;
    if (!code)
        code = table_next(&table, error, &fields);
    if (code)
        return code;
    uint64_t included_micro_gib, uncertainty_ppm;
    if (!fields || !parse_micro(fields[0], 100, &factors->memory_uw_per_gib) ||
        !parse_micro(fields[1], 1024, &included_micro_gib) || !parse_micro(fields[2], 2, &uncertainty_ppm))
        return row_error(&table, error, "no number, or one out of range");
    factors->memory_included_mib_per_vcpu = included_micro_gib * 1024 / 1000000;
    factors->memory_uncertainty_ppm = (uint32_t)uncertainty_ppm;
    return JB_OK;
}

enum jb_code jb_cpu_factors_load(const char *data_path, const struct jb_cpu_identity *identity,
                                 uint32_t vcpu_count, struct jb_error *error,
                                 struct jb_cpu_factors *ret_factors) {
    assert(vcpu_count > 0 && identity->socket_count > 0);
    if (!data_path)
        return jb_error_set(error, JB_NO_DATA,
                            "no folder of factor tables; set JOULEBOOK_DATA to the data folder");
    struct jb_cpu_factors factors = {0};
    struct architecture architecture = {0};
    uint64_t tdp_uw = 0;
    enum jb_code code = find_memory(data_path, error, &factors);
    /* In a virtual machine the TDP is of a package that others use too. */
    if (!code && !identity->is_virtual && identity->model_name[0])
        code = find_tdp(data_path, identity->model_name, error, &tdp_uw);
    if (!code && tdp_uw > 0) {
        code = use_tdp(data_path, identity, tdp_uw, vcpu_count, error, &factors);
    } else if (!code) {
        code = find_architecture(data_path, identity, error, &architecture);
        if (!code)
            code = find_vcpu_power(data_path, &architecture, error, &factors);
    }
    if (!code)
        *ret_factors = factors;
    return code;
}
