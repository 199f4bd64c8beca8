/* Factor tables as INI: a section for each factor, its fields as "name = value". Read by our own few lines,
 * for inih tells no line numbers and cuts long lines off. */
#include "factor/factor_internal.h"

#include <stdio.h>
#include <string.h>

#define FIELD_CEILING 64
#define LINE_CEILING  4096 /* bytes */

struct section {
    const char *names[FIELD_CEILING], *values[FIELD_CEILING];
    uint32_t lines[FIELD_CEILING];
    size_t count;
    uint32_t line; /* of its heading; 0: none yet */
    bool is_bad;
};

static char *trim(char *text) {
    size_t length;
    text += strspn(text, " \t");
    length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        text[--length] = '\0';
    return text;
}

static enum jb_code finish_section(struct jb_factors *factors, uint32_t set, const char *file,
                                   struct section *section, struct jb_error *error) {
    struct jb_factor_columns columns;
    struct jb_factor_row row = {.names = section->names,
                                .values = section->values,
                                .lines = section->lines,
                                .count = section->count,
                                .line = section->line};
    if (section->line == 0 || section->is_bad || !jb_factor_columns_of(factors, &row, file, &columns))
        return JB_OK;
    return jb_factor_row_take(factors, set, file, &columns, &row, error);
}

static void take_field(struct jb_factors *factors, const char *file, uint32_t line, char *text,
                       struct section *section) {
    char *equals = strchr(text, '=');
    const char *fault = NULL;
    if (section->line == 0)
        fault = "stands before the first [section]; give every factor one";
    else if (!equals)
        fault = "is no 'name = value', no [section] and no comment (; or #)";
    else if (section->count == FIELD_CEILING)
        fault = "is one field too many in its section";
    if (fault) {
        jb_factor_find_fault(factors, true, file, line, "", "'%.40s' %s", text, fault);
        section->is_bad = true;
        return;
    }
    *equals = '\0';
    section->names[section->count] = trim(text);
    section->values[section->count] = trim(equals + 1);
    section->lines[section->count++] = line;
}

static enum jb_code take_line(struct jb_factors *factors, uint32_t set, const char *file, uint32_t line,
                              char *text, struct section *section, struct jb_error *error) {
    if (strlen(text) > LINE_CEILING) {
        jb_factor_find_fault(factors, true, file, line, "", "the line is %zu bytes long; shorten it to %d",
                             strlen(text), LINE_CEILING);
        section->is_bad = true;
        return JB_OK;
    }
    text = trim(text);
    if (*text == '\0' || *text == ';' || *text == '#')
        return JB_OK;
    if (*text != '[') {
        take_field(factors, file, line, text, section);
        return JB_OK;
    }
    enum jb_code code = finish_section(factors, set, file, section, error);
    *section = (struct section){.line = line};
    if (text[strlen(text) - 1] != ']' || strlen(text) < 3) {
        jb_factor_find_fault(factors, true, file, line, "",
                             "'%.40s' opens a section and does not close it with ]", text);
        section->is_bad = true;
    }
    return code;
}

/* What no text file of ours holds; false with a finding. */
static bool check_bytes(struct jb_factors *factors, const char *file, const char *text, size_t length) {
    const unsigned char *bytes = (const unsigned char *)text;
    const char *nul = length ? memchr(text, '\0', length) : NULL;
    if (length >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        jb_factor_find_fault(factors, true, file, 1, "",
                             "UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
        return false;
    }
    if (nul) {
        uint32_t line = 1;
        for (const char *at = text; at < nul; at++)
            line += *at == '\n';
        jb_factor_find_fault(factors, true, file, line, "", "a NUL byte; save the file as plain text");
        return false;
    }
    return true;
}

enum jb_code jb_factor_ini_read(struct jb_factors *factors, uint32_t set, const char *file, const char *text,
                                size_t length, struct jb_error *error) {
    if (!check_bytes(factors, file, text, length))
        return JB_OK;
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    _cleanup_free_ char *copy = strndup(text + mark, length - mark);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
    struct section section = {0};
    enum jb_code code = JB_OK;
    uint32_t line = 0;
    bool has_section = false;
    for (char *at = copy; at && !code;) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        code = take_line(factors, set, file, ++line, at, &section, error);
        has_section = has_section || section.line;
        at = end ? end + 1 : NULL;
    }
    if (!code)
        code = finish_section(factors, set, file, &section, error);
    if (!code && !has_section)
        jb_factor_find_fault(factors, true, file, 1, "", "has no [section], so no factor");
    return code;
}
