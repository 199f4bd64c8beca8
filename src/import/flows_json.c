/* Flows as JSON lines: one object a line. */
#include "import/flows.h"

#include "base/cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define LINE_CEILING ((size_t)1 << 20)
#define EXACT_LIMIT  (INT64_C(1) << 53) /* integers that every JSON reader keeps */

static void json_cleanup(json_t **value) {
    json_decref(*value);
}

/* Numbers of one row as text, so that both notations are judged by the same rules. */
struct digits {
    char texts[JB_FIELD_COUNT][24];
};

static enum jb_code read_value(const char *key, const json_t *value, struct digits *digits,
                               struct jb_error *error, struct jb_flow_texts *row) {
    for (int i = 0; i < JB_FIELD_COUNT; i++) {
        if (strcmp(jb_flow_field_names[i], key) != 0)
            continue;
        bool is_figure = i == JB_FIELD_AMOUNT || i == JB_FIELD_UNCERTAINTY;
        if (json_is_null(value))
            return JB_OK;
        if (json_is_string(value)) {
            row->texts[i] = json_string_value(value);
            return JB_OK;
        }
        if (!is_figure)
            return jb_error_set(error, JB_INPUT, "%s: not a string", key);
        if (!json_is_integer(value))
            return jb_error_set(error, JB_INPUT,
                                "%s: neither a whole number nor a string with one; write \"123\"", key);
        json_int_t integer = json_integer_value(value);
        if (integer > EXACT_LIMIT || integer < -EXACT_LIMIT)
            return jb_error_set(error, JB_INPUT,
                                "%s: a number beyond 2^53 may have lost digits; write it as a string", key);
        snprintf(digits->texts[i], sizeof digits->texts[i], "%lld", (long long)integer);
        row->texts[i] = digits->texts[i];
        return JB_OK;
    }
    return jb_error_set(error, JB_INPUT,
                        "'%.60s' is no field of a flow; expected start, end, from, to, amount, commodity, "
                        "unit, method, uncertainty_ppm, batch",
                        key);
}

/* One line → one record → the sink. */
static enum jb_code read_line(const char *bytes, size_t length, uint64_t line, const char *name,
                              struct jb_import_sink *sink, struct jb_error *error) {
    struct jb_flow_texts row = {0};
    struct digits digits;
    struct jb_import_record record;
    json_error_t problem;
    const char *key;
    json_t *value;
    enum jb_code code = JB_OK;
    _cleanup_(json_cleanup) json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &problem);
    if (!object)
        return jb_error_set(error, JB_INPUT, "%s, line %llu, column %d: not JSON: %s", name,
                            (unsigned long long)line, problem.column, problem.text);
    if (json_is_array(object))
        return jb_error_set(error, JB_INPUT,
                            "%s, line %llu: a JSON array; write one object a line (jq -c '.[]')", name,
                            (unsigned long long)line);
    if (!json_is_object(object))
        return jb_error_set(error, JB_INPUT, "%s, line %llu: not a JSON object", name,
                            (unsigned long long)line);
    json_object_foreach(object, key, value) {
        code = read_value(key, value, &digits, error, &row);
        if (code)
            break;
    }
    if (!code)
        code = jb_flow_texts_parse(&row, error, &record);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", name, (unsigned long long)line);
        return code;
    }
    record.line = line;
    return sink->record(sink, &record, error);
}

/* Reads one line without its end into buffer; JB_NO_DATA at the end of the file. */
static enum jb_code get_line(FILE *file, const char *name, uint64_t line, struct jb_buffer *buffer,
                             struct jb_error *error) {
    int c = getc_unlocked(file);
    jb_buffer_clear(buffer);
    if (c == EOF)
        return ferror(file) ? jb_error_set(error, JB_IO, "%s: cannot be read", name) : JB_NO_DATA;
    for (; c != EOF && c != '\n'; c = getc_unlocked(file)) {
        jb_buffer_add_char(buffer, (char)c);
        if (buffer->failed)
            return jb_error_set(error, JB_INPUT, "%s, line %llu: longer than %zu bytes", name,
                                (unsigned long long)line, LINE_CEILING);
    }
    return JB_OK;
}

enum jb_code jb_flows_parse_json(FILE *file, const char *name, struct jb_import_sink *sink,
                                 struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = LINE_CEILING};
    enum jb_code code;
    bool any = false;
    uint64_t line = 1;
    for (; (code = get_line(file, name, line, &buffer, error)) == JB_OK; line++) {
        const char *bytes = buffer.bytes ? buffer.bytes : "";
        size_t length = buffer.length;
        if (line == 1 && length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
            bytes += 3;
            length -= 3;
        }
        if (strspn(bytes, " \t\r") == length)
            continue;
        code = read_line(bytes, length, line, name, sink, error);
        if (code)
            return code;
        any = true;
    }
    if (code != JB_NO_DATA)
        return code;
    return any ? JB_OK : jb_error_set(error, JB_NO_DATA, "%s: no flow", name);
}
