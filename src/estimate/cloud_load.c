/* Reads the tables of cloud instances, usage, units, names and constants. */
#include "estimate/cloud_internal.h"

#include "base/array.h"
#include "base/csv.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define ROW_CEILING  ((size_t)1 << 20)
#define NAME_CEILING 256

/* One row of a table while it is read. */
struct row {
    const char *path;
    uint64_t line;
    const char *const *columns, *const *fields;
};

void jb_cloud_free(struct jb_cloud *cloud) {
    if (!cloud)
        return;
    jb_strings_free(cloud->texts);
    jb_strings_free(cloud->type_names);
    jb_strings_free(cloud->unit_names);
    jb_strings_free(cloud->region_names);
    jb_strings_free(cloud->constant_names);
    free(cloud->types);
    free(cloud->units);
    free(cloud->regions);
    free(cloud->constants);
    free(cloud->rules);
    free(cloud);
}

char *jb_cloud_lower(const char *text, char *ret, size_t size) {
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++)
        ret[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
    ret[i] = '\0';
    return ret;
}

static enum jb_code wrong(const struct row *row, size_t column, const char *what, struct jb_error *error) {
    return jb_error_set(error, JB_INPUT, "%s, line %llu, %s: %s '%.60s'; install joulebook's data again",
                        row->path, (unsigned long long)row->line, row->columns[column], what,
                        row->fields[column]);
}

/* A number of 0 or more; an empty field is 0. */
static enum jb_code number(const struct row *row, size_t column, struct jb_error *error, double *ret) {
    const char *text = row->fields[column];
    char *end;
    double value = *text ? strtod(text, &end) : 0;
    if (*text && (strspn(text, "0123456789.eE+-") != strlen(text) || *end || !isfinite(value) || value < 0))
        return wrong(row, column, "not a number of 0 or more:", error);
    *ret = value;
    return JB_OK;
}

static enum jb_code keep(struct jb_cloud *cloud, const char *text, struct jb_error *error,
                         const char **ret_kept) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(cloud->texts, text, error, &id);
    if (!code)
        *ret_kept = jb_strings_text(cloud->texts, id);
    return code;
}

/* Adds the key "<first> <second>" (second NULL: first alone); it must be new. */
static enum jb_code add_key(struct jb_strings *keys, const struct row *row, const char *first,
                            const char *second, struct jb_error *error, uint32_t *ret_id) {
    char key[NAME_CEILING];
    size_t known = jb_strings_count(keys);
    int length = snprintf(key, sizeof key, "%s%s%s", first, second ? " " : "", second ? second : "");
    if (length >= (int)sizeof key)
        return wrong(row, 0, "too long:", error);
    enum jb_code code = jb_strings_intern(keys, key, error, ret_id);
    if (!code && *ret_id < known)
        return wrong(row, second ? 1 : 0, "is there twice:", error);
    return code;
}

static const char *const type_columns[] = {"provider",      "type",
                                           "vcpus",         "gib",
                                           "gib_per_vcpu",  "gpus",
                                           "vcpus_per_gpu", "gpu",
                                           "architecture",  "stand_in_uncertainty",
                                           "server_vcpus",  NULL};

static enum jb_code add_type(struct jb_cloud *cloud, const struct row *row, struct jb_error *error) {
    struct jb_cloud_type type = {0};
    double *const numbers[] = {&type.vcpus, &type.memory_gib,           &type.memory_gib_per_vcpu,
                               &type.gpus,  &type.vcpus_per_gpu,        NULL,
                               NULL,        &type.stand_in_uncertainty, &type.server_vcpus};
    uint32_t id;
    enum jb_code code = add_key(cloud->type_names, row, row->fields[0], row->fields[1], error, &id);
    for (size_t i = 0; !code && i < JB_COUNT(numbers); i++) {
        if (numbers[i])
            code = number(row, i + 2, error, numbers[i]);
    }
    if (!code)
        code = keep(cloud, row->fields[7], error, &type.gpu);
    if (!code)
        code = keep(cloud, row->fields[8], error, &type.architecture);
    if (!code)
        code = jb_array_reserve(&cloud->types, &cloud->type_capacity, (size_t)id + 1, ROW_CEILING, "types",
                                error);
    if (!code)
        cloud->types[id] = type;
    return code;
}

static const char *const rule_columns[] = {"provider", "service",  "item", "dimension", "resource",
                                           "amount",   "replicas", "note", NULL};

/* "vcpu", "gpu:NAME", "machine:TYPE" … */
static enum jb_code read_resource(struct jb_cloud *cloud, const struct row *row, struct jb_error *error,
                                  struct jb_cloud_rule *rule) {
    static const struct {
        const char *name;
        enum jb_cloud_resource resource;
        bool is_host, is_idle;
    } resources[] = {{"machine", JB_CLOUD_MACHINE, false, false},
                     {"host", JB_CLOUD_MACHINE, true, false},
                     {"idle", JB_CLOUD_MACHINE, false, true},
                     {"own", JB_CLOUD_MACHINE, false, false},
                     {"vcpu", JB_CLOUD_VCPU, false, false},
                     {"core", JB_CLOUD_CORE, false, false},
                     {"memory", JB_CLOUD_MEMORY, false, false},
                     {"ssd", JB_CLOUD_SSD, false, false},
                     {"hdd", JB_CLOUD_HDD, false, false},
                     {"network", JB_CLOUD_NETWORK, false, false},
                     {"serverless", JB_CLOUD_SERVERLESS, false, false},
                     {"gpu", JB_CLOUD_GPU, false, false},
                     {"included", JB_CLOUD_INCLUDED, false, false}};
    const char *text = row->fields[4];
    size_t length = strcspn(text, ":"), i = 0;
    const char *name = text[length] ? text + length + 1 : "";
    while (i < JB_COUNT(resources) &&
           (strlen(resources[i].name) != length || strncmp(text, resources[i].name, length) != 0))
        i++;
    if (i == JB_COUNT(resources))
        return wrong(row, 4, "no resource:", error);
    rule->resource = resources[i].resource;
    rule->is_host = resources[i].is_host;
    rule->is_idle = resources[i].is_idle;
    bool is_gpu = rule->resource == JB_CLOUD_GPU, is_machine = rule->resource == JB_CLOUD_MACHINE,
         is_own = strcmp(resources[i].name, "own") == 0;
    if (is_gpu || is_own ? !*name : *name && !is_machine)
        return wrong(row, 4, "no resource:", error);
    return keep(cloud, name, error, is_gpu ? &rule->gpu : is_own ? &rule->own : &rule->machine);
}

static enum jb_code add_rule(struct jb_cloud *cloud, const struct row *row, struct jb_error *error) {
    struct jb_cloud_rule rule = {.gpu = "", .machine = "", .own = ""};
    const char **const texts[] = {&rule.provider, &rule.service, &rule.item, &rule.dimension};
    double replicas;
    enum jb_code code = number(row, 5, error, &rule.amount);
    if (!code)
        code = number(row, 6, error, &replicas);
    for (size_t i = 0; !code && i < JB_COUNT(texts); i++)
        code = keep(cloud, row->fields[i], error, texts[i]);
    if (code)
        return code;
    rule.amount *= replicas;
    code = read_resource(cloud, row, error, &rule);
    if (!code)
        code = jb_array_reserve(&cloud->rules, &cloud->rule_capacity, cloud->rule_count + 1, ROW_CEILING,
                                "rules", error);
    if (!code)
        cloud->rules[cloud->rule_count++] = rule;
    return code;
}

static const char *const unit_columns[] = {"unit", "dimension", "multiplier", NULL};

static enum jb_code add_unit(struct jb_cloud *cloud, const struct row *row, struct jb_error *error) {
    struct jb_cloud_unit unit;
    uint32_t id;
    enum jb_code code = add_key(cloud->unit_names, row, row->fields[0], NULL, error, &id);
    if (!code)
        code = keep(cloud, row->fields[1], error, &unit.dimension);
    if (!code)
        code = number(row, 2, error, &unit.multiplier);
    if (!code)
        code = jb_array_reserve(&cloud->units, &cloud->unit_capacity, (size_t)id + 1, ROW_CEILING, "units",
                                error);
    if (!code)
        cloud->units[id] = unit;
    return code;
}

static const char *const name_columns[] = {"provider", "name", "region", NULL};

static enum jb_code add_name(struct jb_cloud *cloud, const struct row *row, struct jb_error *error) {
    const char *region;
    uint32_t id;
    enum jb_code code = add_key(cloud->region_names, row, row->fields[0], row->fields[1], error, &id);
    if (!code)
        code = keep(cloud, row->fields[2], error, &region);
    if (!code)
        code = jb_array_reserve(&cloud->regions, &cloud->region_capacity, (size_t)id + 1, ROW_CEILING,
                                "regions", error);
    if (!code)
        cloud->regions[id] = region;
    return code;
}

static const char *const constant_columns[] = {
    "constant", "provider", "value", "relative_standard_uncertainty", "source", NULL};

static enum jb_code add_constant(struct jb_cloud *cloud, const struct row *row, struct jb_error *error) {
    struct jb_cloud_constant constant;
    uint32_t id;
    enum jb_code code = add_key(cloud->constant_names, row, row->fields[0], row->fields[1], error, &id);
    if (!code)
        code = number(row, 2, error, &constant.value);
    if (!code)
        code = number(row, 3, error, &constant.uncertainty);
    if (!code)
        code = jb_array_reserve(&cloud->constants, &cloud->constant_capacity, (size_t)id + 1, ROW_CEILING,
                                "constants", error);
    if (!code)
        cloud->constants[id] = constant;
    return code;
}

/* Constants that the arithmetic needs, whatever the provider. */
static enum jb_code check_constants(const struct jb_cloud *cloud, struct jb_error *error) {
    static const char *const needed[] = {
        "vcpu_idle_w ",     "vcpu_full_w ",          "vcpu_uncertainty ",   "memory_included_gib_per_vcpu ",
        "gpu_idle_share ",  "gpu_full_share ",       "network_kwh_per_gb ", "serverless_gb_per_vcpu ",
        "server_kgco2e ",   "gpu_kgco2e ",           "server_vcpus ",       "server_lifetime_h ",
        "pue_uncertainty ", "memory_kgco2e_per_gb ", "ssd_kgco2e_per_tb ",  "hdd_kgco2e_per_tb ",
        "ssd_rack_share ",  "hdd_rack_share ",       "drive_lifetime_h "};
    for (size_t i = 0; i < JB_COUNT(needed); i++) {
        uint32_t id = jb_strings_find(cloud->constant_names, needed[i]);
        if (id == JB_STRING_NONE)
            return jb_error_set(error, JB_INPUT,
                                "cloud/constants.csv: there is no %s; install joulebook's data again",
                                needed[i]);
    }
    return JB_OK;
}

typedef enum jb_code add_function(struct jb_cloud *cloud, const struct row *row, struct jb_error *error);

static enum jb_code load_table(struct jb_cloud *cloud, const char *data_path, const char *name,
                               const char *const *columns, add_function *add, struct jb_error *error) {
    char path[PATH_MAX];
    size_t width = 0, count;
    while (columns[width])
        width++;
    if (snprintf(path, sizeof path, "%s/cloud/%s", data_path, name) >= (int)sizeof path)
        return jb_error_set(error, JB_USAGE, "the path of the data folder is too long");
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    struct row row = {.path = path, .columns = columns};
    enum jb_code code = jb_csv_reader_make(file, path, error, &reader);
    for (bool is_heading = true; !code; is_heading = false) {
        code = jb_csv_read(reader, error, &row.fields, &count);
        if (code)
            break;
        row.line = jb_csv_line(reader);
        bool is_good = count == width;
        for (size_t i = 0; is_good && is_heading && i < width; i++)
            is_good = strcmp(row.fields[i], columns[i]) == 0;
        if (!is_good)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %llu: not the columns that this version reads; install "
                                "joulebook's data again",
                                path, (unsigned long long)row.line);
        if (!is_heading)
            code = add(cloud, &row, error);
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_cloud_load(const char *data_path, struct jb_error *error, struct jb_cloud **ret_cloud) {
    _cleanup_(jb_cloud_free_cleanup) struct jb_cloud *cloud = calloc(1, sizeof *cloud);
    if (!cloud)
        return jb_error_set(error, JB_MEMORY, "no memory for the tables of cloud usage");
    struct jb_strings **const strings[] = {&cloud->texts, &cloud->type_names, &cloud->unit_names,
                                           &cloud->region_names, &cloud->constant_names};
    const struct {
        const char *name;
        const char *const *columns;
        add_function *add;
    } tables[] = {{"instances.csv", type_columns, add_type},
                  {"usage.csv", rule_columns, add_rule},
                  {"units.csv", unit_columns, add_unit},
                  {"names.csv", name_columns, add_name},
                  {"constants.csv", constant_columns, add_constant}};
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_COUNT(strings); i++)
        code = jb_strings_make(ROW_CEILING, error, strings[i]);
    for (size_t i = 0; !code && i < JB_COUNT(tables); i++)
        code = load_table(cloud, data_path, tables[i].name, tables[i].columns, tables[i].add, error);
    if (!code)
        code = check_constants(cloud, error);
    if (!code)
        *ret_cloud = JB_TAKE(cloud);
    return code;
}

struct jb_cloud_constant jb_cloud_constant(const struct jb_cloud *cloud, const char *name,
                                           const char *provider) {
    char key[NAME_CEILING];
    snprintf(key, sizeof key, "%s %s", name, provider);
    uint32_t id = jb_strings_find(cloud->constant_names, key);
    if (id == JB_STRING_NONE) {
        snprintf(key, sizeof key, "%s ", name);
        id = jb_strings_find(cloud->constant_names, key);
    }
    return id == JB_STRING_NONE ? (struct jb_cloud_constant){0} : cloud->constants[id];
}

const struct jb_cloud_type *jb_cloud_type_find(const struct jb_cloud *cloud, const char *provider,
                                               const char *name) {
    char key[NAME_CEILING];
    snprintf(key, sizeof key, "%s %s", provider, name);
    uint32_t id = jb_strings_find(cloud->type_names, key);
    return id == JB_STRING_NONE ? NULL : &cloud->types[id];
}

const char *jb_cloud_region_find(const struct jb_cloud *cloud, const char *provider, const char *name) {
    char key[2 * NAME_CEILING], lower[NAME_CEILING];
    snprintf(key, sizeof key, "%.200s %s", provider, jb_cloud_lower(name, lower, sizeof lower));
    uint32_t id = jb_strings_find(cloud->region_names, key);
    return id == JB_STRING_NONE ? NULL : cloud->regions[id];
}
