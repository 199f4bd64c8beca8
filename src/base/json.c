/* A streaming JSON writer. */
#include "base/json.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct jb_json jb_json_make(struct jb_buffer *out) {
    return (struct jb_json){.out = out};
}

static void begin_value(struct jb_json *json) {
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth && json->has_items[json->depth])
        jb_buffer_add_char(json->out, ',');
    json->has_items[json->depth] = true;
}

static void open_bracket(struct jb_json *json, char bracket) {
    begin_value(json);
    jb_buffer_add_char(json->out, bracket);
    assert(json->depth + 1 < JB_JSON_DEPTH);
    json->has_items[++json->depth] = false;
}

void jb_json_object(struct jb_json *json) {
    open_bracket(json, '{');
}

void jb_json_array(struct jb_json *json) {
    open_bracket(json, '[');
}

void jb_json_end(struct jb_json *json, char bracket) {
    assert(json->depth > 0);
    json->depth--;
    jb_buffer_add_char(json->out, bracket);
}

static void write_quoted(struct jb_buffer *out, const char *text) {
    size_t left = strlen(text);
    jb_buffer_add_char(out, '"');
    while (left) {
        size_t length = jb_utf8_length(text, left);
        unsigned char c = (unsigned char)*text;
        if (length == 0)
            jb_buffer_add_string(out, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            jb_buffer_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            jb_buffer_printf(out, "\\u%04x", c);
        else
            jb_buffer_add(out, text, length);
        length = length ? length : 1;
        text += length;
        left -= length;
    }
    jb_buffer_add_char(out, '"');
}

void jb_json_key(struct jb_json *json, const char *key) {
    begin_value(json);
    write_quoted(json->out, key);
    jb_buffer_add_char(json->out, ':');
    json->after_key = true;
}

void jb_json_string(struct jb_json *json, const char *text) {
    begin_value(json);
    if (text)
        write_quoted(json->out, text);
    else
        jb_buffer_add_string(json->out, "null");
}

void jb_json_integer(struct jb_json *json, int64_t value) {
    assert(value > -(INT64_C(1) << 53) && value < (INT64_C(1) << 53));
    begin_value(json);
    jb_buffer_printf(json->out, "%lld", (long long)value);
}

void jb_json_amount(struct jb_json *json, jb_int128 value) {
    char text[JB_INT128_SIZE];
    begin_value(json);
    jb_buffer_printf(json->out, "\"%s\"", jb_int128_format(value, text));
}

void jb_json_number(struct jb_json *json, double value) {
    begin_value(json);
    if (!isfinite(value)) {
        jb_buffer_add_string(json->out, "null");
        return;
    }
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    jb_buffer_add_string(json->out, text);
}

void jb_json_boolean(struct jb_json *json, bool value) {
    begin_value(json);
    jb_buffer_add_string(json->out, value ? "true" : "false");
}

void jb_json_null(struct jb_json *json) {
    jb_json_string(json, NULL);
}
