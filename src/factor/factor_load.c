/* Factor tables from their files: those that ship, listed in sets.csv, and the user's own folder. */
#include "factor/factor.h"

#include "base/csv.h"
#include "base/decimal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SET_FIELD_COUNT 6

enum jb_code jb_factor_file_read(const char *path, struct jb_buffer *text, struct jb_error *error) {
    char chunk[65536];
    jb_buffer_clear(text);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    errno = 0;
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;)
        jb_buffer_add(text, chunk, got);
    if (ferror(file))
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = jb_buffer_check(text, error);
    if (code)
        jb_error_prefix(error, "%s", path);
    return code;
}

bool jb_factor_name_is_valid(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length < JB_FACTOR_NAME_SIZE && name[0] != '.' && strspn(name, letters) == length;
}

bool jb_factor_file_is_ini(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".ini") == 0;
}

static bool copy_text(const char *text, char *ret, size_t size) {
    int length = snprintf(ret, size, "%s", text);
    return length >= 0 && (size_t)length < size;
}

/* set,file,version,licence,uncertainty,source */
static enum jb_code read_set(const char *const *fields, size_t count, const char *path, uint64_t line,
                             struct jb_error *error, struct jb_factor_set *ret_set) {
    struct jb_factor_set set = {.uncertainty = NAN};
    int64_t ppm;
    if (count != SET_FIELD_COUNT || !jb_factor_name_is_valid(fields[0]) || !*fields[1] ||
        strlen(fields[1]) > 100 || !copy_text(fields[0], set.name, sizeof set.name) ||
        !copy_text(fields[2], set.version, sizeof set.version) ||
        !copy_text(fields[3], set.licence, sizeof set.licence) ||
        !copy_text(fields[5], set.source, sizeof set.source))
        return jb_error_set(
            error, JB_INPUT,
            "%s, line %llu: not the six fields set, file, version, licence, uncertainty, source of "
            "their lengths; install the data again",
            path, (unsigned long long)line);
    if (*fields[4]) {
        if (jb_decimal_parse(fields[4], 1000000, error, &ppm) || ppm < 0 || ppm > 10000000)
            return jb_error_set(error, JB_INPUT, "%s, line %llu, field uncertainty: '%s' is not 0 to 10",
                                path, (unsigned long long)line, fields[4]);
        set.uncertainty = (double)ppm / 1e6;
    }
    *ret_set = set;
    return JB_OK;
}

static enum jb_code load_shipped(struct jb_factors *factors, const char *data_path, struct jb_error *error) {
    char list[PATH_MAX], path[PATH_MAX + 128];
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    _cleanup_buffer_ struct jb_buffer text = {0};
    if (!copy_text(data_path, path, PATH_MAX - 64))
        return jb_error_set(error, JB_USAGE, "the path of the data folder is too long");
    snprintf(list, sizeof list, "%.*s/factors/sets.csv", PATH_MAX - 64, data_path);
    _cleanup_fclose_ FILE *file = fopen(list, "re");
    if (!file) {
        int errnum = errno;
        jb_error_set_errno(error, errnum, "%s", list);
        return jb_error_set(error, errnum == EACCES ? JB_PERMISSION : JB_IO,
                            "%s cannot be read: %s; install the data, or name its folder by $JOULEBOOK_DATA",
                            list, strerror(errnum));
    }
    enum jb_code code = jb_csv_reader_make(file, list, error, &reader);
    const char *const *fields;
    size_t count;
    bool is_heading = true;
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        struct jb_factor_set set;
        if (is_heading) {
            is_heading = false;
            continue;
        }
        code = read_set(fields, count, list, jb_csv_line(reader), error, &set);
        if (code)
            return code;
        snprintf(path, sizeof path, "%.*s/factors/%.100s", PATH_MAX - 64, data_path, fields[1]);
        code = jb_factor_file_read(path, &text, error);
        if (!code)
            code = jb_factors_add(factors, &set, text.bytes, text.length, path, false, error);
        if (code == JB_NO_DATA)
            code = JB_IO; /* what sets.csv lists must be there */
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

static enum jb_code add_own(struct jb_factors *factors, const char *path, const char *name,
                            struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_factor_set set = {
        .version = "own", .licence = "own", .source = "own table", .is_own = true, .uncertainty = NAN};
    enum jb_code code = jb_factor_file_read(path, &text, error);
    if (code)
        return code == JB_NO_DATA ? JB_IO : code;
    snprintf(set.name, sizeof set.name, "%.*s", (int)sizeof set.name - 1, name);
    return jb_factors_add(factors, &set, text.bytes, text.length, path, jb_factor_file_is_ini(path), error);
}

static int is_table(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 4 && length < JB_FACTOR_NAME_SIZE + 4 && entry->d_name[0] != '.' &&
           (strcmp(entry->d_name + length - 4, ".csv") == 0 || jb_factor_file_is_ini(entry->d_name));
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum jb_code load_own(struct jb_factors *factors, const struct jb_factor_load *load,
                             struct jb_error *error) {
    struct dirent **entries = NULL;
    enum jb_code code = JB_OK;
    int count = scandir(load->own_path, &entries, is_table, by_name);
    if (count < 0)
        return errno == ENOENT ? JB_OK : jb_error_set_errno(error, errno, "%s", load->own_path);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX + 300], name[300];
        snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 1, load->own_path, entries[i]->d_name);
        snprintf(name, sizeof name, "%.*s", (int)strlen(entries[i]->d_name) - 4, entries[i]->d_name);
        if (!code && !(load->without && strcmp(name, load->without) == 0))
            code = add_own(factors, path, name, error);
        free(entries[i]);
    }
    free(entries);
    return code;
}

enum jb_code jb_factors_load(const struct jb_factor_load *load, struct jb_error *error,
                             struct jb_factors **ret_factors) {
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    enum jb_code code = jb_factors_make(error, &factors);
    if (!code && load->extra_file)
        code = add_own(factors, load->extra_file, load->extra_name, error);
    if (!code && load->own_path)
        code = load_own(factors, load, error);
    if (!code)
        code = load_shipped(factors, load->data_path, error);
    if (!code)
        code = jb_factors_finish(factors, error);
    if (!code)
        *ret_factors = JB_TAKE(factors);
    return code;
}
