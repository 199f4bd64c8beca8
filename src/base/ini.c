/* The reader of INI files: bytes are checked first, then lines are cut in place. */
#include "base/ini.h"

#include "base/array.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

struct jb_ini {
    char *text;
    struct jb_ini_entry *entries;
    size_t count, capacity;
};

void jb_ini_free(struct jb_ini *ini) {
    if (!ini)
        return;
    free(ini->entries);
    free(ini->text);
    free(ini);
}

static uint32_t line_of(const char *text, size_t at) {
    uint32_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* What no text of ours holds. */
static enum jb_code check_bytes(const char *text, size_t length, const char *file, struct jb_error *error) {
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return jb_error_set(error, JB_INPUT,
                            "%s, line 1: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)", file);
    for (size_t i = 0; i < length;) {
        size_t step = jb_utf8_length(text + i, length - i);
        const char *fault = NULL;
        if (text[i] == '\0')
            fault = "a NUL byte; save the file as plain text";
        else if (step == 0)
            fault = "bytes that are no UTF-8; save the file as UTF-8";
        else if (text[i] != '\n' && text[i] != '\t' && text[i] != '\r' &&
                 jb_control_length(text + i, length - i))
            fault = "a control character; remove it";
        if (fault)
            return jb_error_set(error, JB_INPUT, "%s, line %" PRIu32 ": %s", file, line_of(text, i), fault);
        i += step;
    }
    return JB_OK;
}

static char *trim(char *text) {
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length && strchr(" \t\r", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Cuts a comment off a value: it opens with ; or # behind a blank, or is all there is. */
static void cut_comment(char *value) {
    for (char *at = value; *at; at++) {
        if ((*at == ';' || *at == '#') && (at == value || at[-1] == ' ' || at[-1] == '\t')) {
            *at = '\0';
            return;
        }
    }
}

static enum jb_code take_line(struct jb_ini *ini, char *text, const char *file, uint32_t line,
                              const char **section, struct jb_error *error) {
    if (strlen(text) > JB_INI_LINE_CEILING)
        return jb_error_set(error, JB_INPUT, "%s, line %" PRIu32 ": %zu bytes long; shorten it to %d", file,
                            line, strlen(text), JB_INI_LINE_CEILING);
    text = trim(text);
    if (*text == '\0' || *text == ';' || *text == '#')
        return JB_OK;
    struct jb_ini_entry entry = {.line = line};
    char *equals = strchr(text, '=');
    if (*text == '[') {
        cut_comment(text);
        text = trim(text);
        size_t length = strlen(text);
        if (text[length - 1] != ']' || length < 3)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %" PRIu32 ": '%.40s' opens a section; write it as [name]", file,
                                line, text);
        text[length - 1] = '\0';
        *section = trim(text + 1);
    } else if (!equals || equals == text) {
        return jb_error_set(error, JB_INPUT,
                            "%s, line %" PRIu32
                            ": '%.40s' is no 'name = value', no [section] and no comment (; or #)",
                            file, line, text);
    } else if (!**section) {
        return jb_error_set(error, JB_INPUT,
                            "%s, line %" PRIu32
                            ": '%.40s' stands before the first [section]; put it below one",
                            file, line, text);
    } else {
        *equals = '\0';
        cut_comment(equals + 1);
        entry.name = trim(text);
        entry.value = trim(equals + 1);
    }
    entry.section = *section;
    enum jb_code code = jb_array_reserve(&ini->entries, &ini->capacity, ini->count + 1, JB_INI_ENTRY_CEILING,
                                         "lines of settings", error);
    if (code) {
        jb_error_prefix(error, "%s", file);
        return code;
    }
    ini->entries[ini->count++] = entry;
    return JB_OK;
}

enum jb_code jb_ini_read(const char *text, size_t length, const char *file, struct jb_error *error,
                         struct jb_ini **ret_ini) {
    enum jb_code code = check_bytes(text, length, file, error);
    if (code)
        return code;
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = calloc(1, sizeof *ini);
    if (ini)
        ini->text = strndup(length ? text + mark : "", length - mark);
    if (!ini || !ini->text)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", file);
    const char *section = "";
    uint32_t line = 0;
    for (char *at = ini->text; at && !code;) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        code = take_line(ini, at, file, ++line, &section, error);
        at = end ? end + 1 : NULL;
    }
    if (!code)
        *ret_ini = JB_TAKE(ini);
    return code;
}

size_t jb_ini_entries(const struct jb_ini *ini, const struct jb_ini_entry **ret_entries) {
    *ret_entries = ini->entries;
    return ini->count;
}

#define NEAR_CEILING 40 /* bytes of a name that is looked at */

/* Optimal string alignment distance. */
static size_t distance(const char *a, const char *b) {
    size_t rows[3][NEAR_CEILING + 1], a_length = strlen(a), b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *jb_ini_near(const char *name, const char *const *names, size_t count) {
    size_t length = strlen(name), best = length / 3 < 3 ? length / 3 : 3;
    const char *nearest = NULL;
    if (length > NEAR_CEILING)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t far = strlen(names[i]) <= NEAR_CEILING ? distance(name, names[i]) : NEAR_CEILING;
        if (far < best || (far == best && !nearest && best > 0)) {
            best = far;
            nearest = names[i];
        }
    }
    return nearest;
}
