/* What the perf PMU of RAPL says of itself in sysfs. */
#include "source/rapl_perf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_end(const char *text) {
    return *text == '\0' || strcmp(text, "\n") == 0;
}

enum jb_code jb_perf_event_parse(const char *text, struct jb_error *error, uint64_t *ret_config) {
    static const char prefix[] = "event=0x";
    char *end;
    size_t digits = 0;
    if (strncmp(text, prefix, sizeof prefix - 1) == 0)
        digits = strspn(text + sizeof prefix - 1, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 16)
        return jb_error_set(error, JB_INPUT, "'%.40s' is not event=0x…", text);
    uint64_t config = strtoull(text + sizeof prefix - 1, &end, 16);
    if (!is_end(end))
        return jb_error_set(error, JB_INPUT, "'%.40s' is not event=0x…", text);
    *ret_config = config;
    return JB_OK;
}

enum jb_code jb_perf_scale_parse(const char *text, struct jb_error *error, unsigned *ret_bits) {
    char *end;
    int exponent;
    /* Only digits, '.', and an exponent: strtod takes more than the kernel writes. */
    if (strspn(text, "0123456789.e-\n") != strlen(text))
        return jb_error_set(error, JB_INPUT, "'%.40s' is not a scale", text);
    double scale = strtod(text, &end);
    if (end == text || !is_end(end) || !(scale > 0) || !isfinite(scale))
        return jb_error_set(error, JB_INPUT, "'%.40s' is not a scale", text);
    if (frexp(scale, &exponent) != 0.5 || exponent > 1 || exponent < -62)
        return jb_error_set(error, JB_INPUT, "scale %.40s is not a power of two between 2^-63 and 1 J", text);
    *ret_bits = (unsigned)(1 - exponent);
    return JB_OK;
}

/* A CPU number at *cursor, moved behind it; -1 for none. */
static int take_cpu(const char **cursor) {
    int value = 0;
    size_t digits = strspn(*cursor, "0123456789");
    if (digits == 0 || digits > 6)
        return -1;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + ((*cursor)[i] - '0');
    *cursor += digits;
    return value;
}

enum jb_code jb_perf_cpumask_parse(const char *text, size_t ceiling, struct jb_error *error, int *ret_cpus,
                                   size_t *ret_count) {
    const char *cursor = text;
    size_t count = 0;
    for (;;) {
        int first = take_cpu(&cursor), last = first;
        if (first >= 0 && *cursor == '-') {
            cursor++;
            last = take_cpu(&cursor);
        }
        if (first < 0 || last < first)
            return jb_error_set(error, JB_INPUT, "'%.40s' is not a list of CPUs", text);
        for (int cpu = first; cpu <= last; cpu++) {
            if (count == ceiling)
                return jb_error_set(error, JB_LIMIT, "more than %zu CPUs in '%.40s'", ceiling, text);
            ret_cpus[count++] = cpu;
        }
        if (*cursor != ',')
            break;
        cursor++;
    }
    if (!is_end(cursor))
        return jb_error_set(error, JB_INPUT, "'%.40s' is not a list of CPUs", text);
    *ret_count = count;
    return JB_OK;
}

bool jb_perf_event_kind(const char *name, enum jb_domain_kind *ret_kind) {
    static const struct {
        const char *name;
        enum jb_domain_kind kind;
    } kinds[] = {
        {"energy-pkg", JB_PACKAGE}, {"energy-ram", JB_DRAM},   {"energy-psys", JB_PSYS},
        {"energy-cores", JB_CORE},  {"energy-gpu", JB_UNCORE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}
