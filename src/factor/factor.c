/* The collection of factors: made, filled, checked, cited. */
#include "factor/factor.h"

#include "base/array.h"
#include "base/distribution.h"
#include "factor/factor_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SET_CEILING    1000
#define STRING_CEILING 1000000

enum jb_code jb_factors_make(struct jb_error *error, struct jb_factors **ret_factors) {
    struct jb_factors *factors = calloc(1, sizeof *factors);
    if (!factors)
        return jb_error_set(error, JB_MEMORY, "no memory for the factors");
    enum jb_code code = jb_strings_make(STRING_CEILING, error, &factors->strings);
    if (code) {
        free(factors);
        return code;
    }
    *ret_factors = factors;
    return JB_OK;
}

void jb_factors_free(struct jb_factors *factors) {
    if (!factors)
        return;
    for (size_t i = 0; i < factors->set_count; i++)
        free(factors->files[i]);
    free(factors->files);
    free(factors->sets);
    free(factors->items);
    free(factors->findings);
    free(factors->slots);
    jb_buffer_free(&factors->keys);
    free(factors->spans);
    jb_strings_free(factors->strings);
    free(factors);
}

void jb_factor_find_fault(struct jb_factors *factors, bool is_error, const char *file, uint32_t line,
                          const char *field, const char *format, ...) {
    if (jb_array_reserve(&factors->findings, &factors->finding_capacity, factors->finding_count + 1,
                         JB_FACTOR_FINDING_CEILING, "findings", NULL))
        return; /* a thousand are enough to know the table by */
    struct jb_factor_finding *finding = &factors->findings[factors->finding_count++];
    struct jb_error clean;
    char text[sizeof finding->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length = strlen(file), size = sizeof finding->file;
    *finding = (struct jb_factor_finding){.is_error = is_error, .line = line};
    /* jb_error_set makes texts from outside safe to show. */
    jb_error_set(&clean, JB_INPUT, "%s", length < size ? file : file + length - size + 1);
    snprintf(finding->file, size, "%.*s", (int)size - 1, clean.message);
    jb_error_set(&clean, JB_INPUT, "%s", field);
    snprintf(finding->field, sizeof finding->field, "%.*s", (int)sizeof finding->field - 1, clean.message);
    jb_error_set(&clean, JB_INPUT, "%s", text);
    snprintf(finding->message, sizeof finding->message, "%.*s", (int)sizeof finding->message - 1,
             clean.message);
}

enum jb_code jb_factors_add(struct jb_factors *factors, const struct jb_factor_set *set, const char *text,
                            size_t length, const char *file, bool is_ini, struct jb_error *error) {
    assert(!factors->slots);
    enum jb_code code = jb_array_reserve(&factors->sets, &factors->set_capacity, factors->set_count + 1,
                                         SET_CEILING, "factor tables", error);
    if (!code)
        code = jb_array_reserve(&factors->files, &factors->file_capacity, factors->set_count + 1, SET_CEILING,
                                "factor tables", error);
    if (code)
        return code;
    char *copy = strdup(file);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for the factors");
    uint32_t index = (uint32_t)factors->set_count++;
    factors->files[index] = copy;
    factors->sets[index] = *set;
    factors->sets[index].factor_count = 0;
    jb_sha256(text, length, factors->sets[index].sha256);
    return is_ini ? jb_factor_ini_read(factors, index, file, text, length, error)
                  : jb_factor_csv_read(factors, index, file, text, length, error);
}

size_t jb_factors_findings(const struct jb_factors *factors, const struct jb_factor_finding **ret_findings) {
    *ret_findings = factors->findings;
    return factors->finding_count;
}

enum jb_code jb_factors_check(const struct jb_factors *factors, struct jb_error *error) {
    const struct jb_factor_finding *first = NULL;
    size_t more = 0;
    char rest[96] = "", line[24] = "";
    for (size_t i = 0; i < factors->finding_count; i++) {
        if (!factors->findings[i].is_error)
            continue;
        more += first != NULL;
        first = first ? first : &factors->findings[i];
    }
    if (!first)
        return JB_OK;
    if (more)
        snprintf(rest, sizeof rest, " (and %zu more; `joulebook factors check FILE` lists them)", more);
    if (first->line)
        snprintf(line, sizeof line, ", line %" PRIu32, first->line);
    return jb_error_set(error, JB_INPUT, "%s%s%s%s: %s%s", first->file, line,
                        first->field[0] ? ", field " : "", first->field, first->message, rest);
}

size_t jb_factors_sets(const struct jb_factors *factors, const struct jb_factor_set **ret_sets) {
    *ret_sets = factors->sets;
    return factors->set_count;
}

const char *jb_factors_file(const struct jb_factors *factors, uint32_t set) {
    assert(set < factors->set_count);
    return factors->files[set];
}

size_t jb_factors_all(const struct jb_factors *factors, const struct jb_factor **ret_factors) {
    *ret_factors = factors->items;
    return factors->count;
}

char *jb_factors_sha256(const struct jb_factors *factors, char ret[static JB_SHA256_SIZE]) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    for (size_t i = 0; i < factors->set_count; i++)
        jb_buffer_printf(&text, "%s %s %s\n", factors->sets[i].name, factors->sets[i].version,
                         factors->sets[i].sha256);
    return jb_sha256(text.bytes, text.length, ret);
}

char *jb_factor_id(const struct jb_factor *factor, char ret[static JB_FACTOR_ID_SIZE]) {
    const char *parts[] = {factor->provider, factor->region, factor->subject};
    size_t length = (size_t)snprintf(ret, JB_FACTOR_ID_SIZE, "%s", jb_quantity_info(factor->quantity)->name);
    for (size_t i = 0; i < JB_COUNT(parts); i++) {
        if (*parts[i])
            length += (size_t)snprintf(ret + length, JB_FACTOR_ID_SIZE - length, "/%s", parts[i]);
        assert(length < JB_FACTOR_ID_SIZE);
    }
    return ret;
}

bool jb_factor_interval(const struct jb_factor *factor, double *ret_low, double *ret_high) {
    const struct jb_quantity_info *info = jb_quantity_info(factor->quantity);
    if (isnan(factor->uncertainty))
        return false;
    jb_interval_95(factor->value, fabs(factor->value) * factor->uncertainty, ret_low, ret_high);
    *ret_low = fmax(info->low, *ret_low);
    *ret_high = fmin(info->high, *ret_high);
    return true;
}
