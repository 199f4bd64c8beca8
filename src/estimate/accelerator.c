/* Reads the table of accelerators and finds one by name. */
#include "estimate/accelerator.h"

#include "estimate/facts.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define FILE_NAME "estimate/accelerators.csv"

enum column {
    NAME,
    ALIASES,
    IDLE_W,
    TDP_W,
    MEMORY_GB,
    MEMORY_GB_PER_S,
    LINK_GB_PER_S,
    EXPONENTIAL_T,
    BF16_TFLOPS,
    FP8_TFLOPS,
    INT8_TOPS,
    FP4_TFLOPS,
    MEASURED,
    SOURCE,
    COLUMN_COUNT,
};
static const char *const columns[COLUMN_COUNT] = {
    "name",          "aliases",       "idle_w",      "tdp_w",      "memory_gb", "memory_gb_per_s",
    "link_gb_per_s", "exponential_t", "bf16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops",
    "measured",      "source"};

struct jb_accelerators {
    struct jb_accelerator *items;
    size_t count;
};

static const struct {
    const char *name;
    enum jb_precision precision;
} precisions[] = {
    {"bf16", JB_BF16},     {"fp8", JB_FP8},     {"int8", JB_INT8},    {"int4", JB_INT4}, {"mxfp4", JB_MXFP4},
    {"bfloat16", JB_BF16}, {"fp16", JB_BF16},   {"float16", JB_BF16}, {"half", JB_BF16}, {"float8", JB_FP8},
    {"fp8_e4m3", JB_FP8},  {"w8a8", JB_INT8},   {"awq", JB_INT4},     {"gptq", JB_INT4}, {"w4a16", JB_INT4},
    {"q4", JB_INT4},       {"nvfp4", JB_MXFP4}, {"fp4", JB_MXFP4},    {"q8", JB_INT8},
};

enum jb_code jb_precision_parse(const char *name, struct jb_error *error, enum jb_precision *ret_precision) {
    for (size_t i = 0; i < JB_COUNT(precisions); i++) {
        if (strcasecmp(name, precisions[i].name) == 0) {
            *ret_precision = precisions[i].precision;
            return JB_OK;
        }
    }
    return jb_error_set(error, JB_USAGE, "no precision '%.40s'; there are bf16, fp8, int8, int4 and mxfp4",
                        name);
}

const char *jb_precision_name(enum jb_precision precision) {
    return precisions[precision].name;
}

double jb_precision_bytes(enum jb_precision precision) {
    /* int4: a scale and a zero point of 16 bits for each 128 weights; mxfp4: a scale of 8 bits for each 32.
     */
    static const double bytes[JB_PRECISION_COUNT] = {2, 1, 1, 0.53125, 0.53125};
    return bytes[precision];
}

void jb_accelerators_free(struct jb_accelerators *accelerators) {
    if (!accelerators)
        return;
    free(accelerators->items);
    free(accelerators);
}

size_t jb_accelerators_count(const struct jb_accelerators *accelerators) {
    return accelerators->count;
}

const struct jb_accelerator *jb_accelerators_item(const struct jb_accelerators *accelerators, size_t index) {
    return index < accelerators->count ? &accelerators->items[index] : NULL;
}

static enum jb_code read_row(const struct jb_facts *table, size_t row, struct jb_error *error,
                             struct jb_accelerator *ret) {
    double tera[JB_PRECISION_COUNT] = {0}, fp4 = 0, measured = 0;
    const struct {
        enum column column;
        double scale, empty;
        double *target;
    } numbers[] = {
        {IDLE_W, 1, NAN, &ret->idle_w},
        {TDP_W, 1, NAN, &ret->tdp_w},
        {MEMORY_GB, 1e9, NAN, &ret->memory_bytes},
        {MEMORY_GB_PER_S, 1e9, NAN, &ret->bytes_per_s},
        {LINK_GB_PER_S, 1e9, NAN, &ret->link_bytes_per_s},
        {EXPONENTIAL_T, 1e12, 0, &ret->exponentials_per_s},
        {BF16_TFLOPS, 1e12, NAN, &tera[JB_BF16]},
        {FP8_TFLOPS, 1e12, 0, &tera[JB_FP8]},
        {INT8_TOPS, 1e12, 0, &tera[JB_INT8]},
        {FP4_TFLOPS, 1e12, 0, &fp4},
        {MEASURED, 1, 0, &measured},
    };
    enum jb_code code = jb_facts_copy(table, row, NAME, sizeof ret->name, error, ret->name);
    if (!code && *jb_facts_text(table, row, ALIASES))
        code = jb_facts_copy(table, row, ALIASES, sizeof ret->aliases, error, ret->aliases);
    for (size_t i = 0; !code && i < JB_COUNT(numbers); i++) {
        code =
            jb_facts_number(table, row, numbers[i].column, 1e-3, numbers[i].empty, error, numbers[i].target);
        if (!code)
            *numbers[i].target *= numbers[i].scale;
    }
    if (!code && ret->idle_w >= ret->tdp_w)
        code = jb_facts_fault(table, row, IDLE_W, "is not below the power limit", error);
    if (!(ret->exponentials_per_s > 0))
        ret->exponentials_per_s = tera[JB_BF16] / 250; /* as an H100 has them */
    ret->is_measured = measured > 0;
    /* Weights in a format that the arithmetic does not have are unpacked to bf16 first. Where there is
     * arithmetic on fp4, activations stay in eight bits. */
    for (size_t i = 0; i < JB_PRECISION_COUNT; i++)
        ret->operations_per_s[i] = tera[i] > 0 ? tera[i] : tera[JB_BF16];
    if (fp4 > 0)
        ret->operations_per_s[JB_MXFP4] = ret->operations_per_s[JB_FP8];
    return code;
}

enum jb_code jb_accelerators_read(const char *data_path, struct jb_error *error,
                                  struct jb_accelerators **ret_accelerators) {
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *table = NULL;
    enum jb_code code = jb_facts_read(data_path, FILE_NAME, columns, COLUMN_COUNT, error, &table);
    if (code)
        return code;
    _cleanup_(jb_accelerators_free_cleanup) struct jb_accelerators *made = calloc(1, sizeof *made);
    if (made)
        made->items = calloc(jb_facts_count(table) + 1, sizeof *made->items);
    if (!made || !made->items)
        return jb_error_set(error, JB_MEMORY, "no memory for the accelerators");
    for (; !code && made->count < jb_facts_count(table); made->count++)
        code = read_row(table, made->count, error, &made->items[made->count]);
    if (!code)
        *ret_accelerators = JB_TAKE(made);
    return code;
}

/* Letters in lower case, signs and blanks left out. Returns false when it does not fit. */
static bool plain(const char *text, size_t length, size_t size, char *ret) {
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == ' ' || c == '-' || c == '_')
            continue;
        if (at + 1 >= size)
            return false;
        ret[at++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    ret[at] = '\0';
    return true;
}

static bool is_one_of(const char *wanted, const char *names) {
    char name[160];
    while (*names) {
        size_t length = strcspn(names, "|");
        if (plain(names, length, sizeof name, name) && strcmp(wanted, name) == 0)
            return true;
        names += length + (names[length] == '|');
    }
    return false;
}

enum jb_code jb_accelerators_find(const struct jb_accelerators *accelerators, const char *name,
                                  struct jb_error *error, const struct jb_accelerator **ret_accelerator) {
    static const char *const makers[] = {"nvidia", "amd", "tesla"};
    char plain_name[160], names[768] = "";
    if (plain(name, strlen(name), sizeof plain_name, plain_name)) {
        const char *wanted = plain_name;
        for (size_t i = 0; i < JB_COUNT(makers); i++) {
            if (strncmp(wanted, makers[i], strlen(makers[i])) == 0)
                wanted += strlen(makers[i]);
        }
        for (size_t i = 0; i < accelerators->count; i++) {
            const struct jb_accelerator *item = &accelerators->items[i];
            if (is_one_of(wanted, item->name) || is_one_of(wanted, item->aliases)) {
                *ret_accelerator = item;
                return JB_OK;
            }
        }
    }
    for (size_t i = 0, at = 0; i < accelerators->count && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               accelerators->items[i].name);
    return jb_error_set(error, JB_USAGE, "no accelerator '%.40s'; there are %s", name, names);
}
