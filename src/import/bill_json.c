/* Takes JSON lines apart, one object a row. */
#include "import/bill_json.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

#define LINE_CEILING  ((size_t)4 << 20)
#define CHUNK         ((size_t)1 << 16)
#define DEPTH_CEILING 4

struct jb_bill_json {
    struct jb_scan_rows rows; /* first: the scan gets it */
    struct jb_stream *stream;
    const struct jb_bill_json_cell *cells;
    size_t count; /* of cells */
    char *chunk;
    size_t at, length; /* in chunk */
    uint64_t line;
    struct jb_buffer text;     /* of the line */
    struct jb_buffer *buffers; /* one for each cell */
    const char **texts;
    bool is_ended;
};

void jb_bill_json_free(struct jb_bill_json *json) {
    if (!json)
        return;
    for (size_t i = 0; json->buffers && i < json->count; i++)
        jb_buffer_free(&json->buffers[i]);
    free(json->buffers);
    free(json->texts);
    free(json->chunk);
    jb_buffer_free(&json->text);
    free(json);
}

struct jb_scan_rows *jb_bill_json_rows(struct jb_bill_json *json) {
    return &json->rows;
}

/* The next line into json->text; JB_NO_DATA at the end. */
static enum jb_code read_line(struct jb_bill_json *json, struct jb_error *error) {
    bool has_any = false;
    jb_buffer_clear(&json->text);
    for (;;) {
        if (json->at == json->length) {
            json->at = json->length = 0;
            enum jb_code code = json->is_ended
                                    ? JB_OK
                                    : jb_stream_read(json->stream, json->chunk, CHUNK, error, &json->length);
            if (code)
                return code;
            if (json->length == 0) {
                json->is_ended = true;
                break;
            }
        }
        const char *begin = json->chunk + json->at, *end = memchr(begin, '\n', json->length - json->at);
        size_t length = end ? (size_t)(end - begin) : json->length - json->at;
        has_any = true;
        jb_buffer_add(&json->text, begin, length);
        json->at += length + (end != NULL);
        if (end)
            break;
    }
    if (!has_any)
        return JB_NO_DATA;
    json->line++;
    if (json->text.failed)
        return jb_error_set(error, JB_LIMIT, "%s, line %llu: longer than %zu MiB", json->rows.name,
                            (unsigned long long)json->line, LINE_CEILING >> 20);
    return JB_OK;
}

static void free_json(json_t **value) {
    json_decref(*value);
}

static const json_t *follow(const json_t *object, const char *path) {
    char name[64];
    for (unsigned depth = 0; object && depth < DEPTH_CEILING; depth++) {
        size_t length = strcspn(path, ".");
        const json_t *whole = json_object_get(object, path); /* a name that has the dot in it */
        if (whole || path[length] == '\0' || length >= sizeof name)
            return whole;
        memcpy(name, path, length);
        name[length] = '\0';
        object = json_object_get(object, name);
        path += length + 1;
    }
    return NULL;
}

/* Decimals of what BigQuery has as a float or as text; nothing for what is no number. */
static void add_number(const json_t *value, struct jb_buffer *out) {
    if (json_is_string(value))
        jb_buffer_add_string(out, json_string_value(value));
    else if (json_is_integer(value))
        jb_buffer_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        jb_buffer_printf(out, "%.15g", json_real_value(value));
}

/* The sum of the amounts, to 12 decimals. */
static enum jb_code add_credits(const json_t *credits, struct jb_error *error, struct jb_buffer *out) {
    const int64_t scale = INT64_C(1000000000000);
    jb_int128 sum = 0;
    for (size_t i = 0; i < json_array_size(credits); i++) {
        const json_t *amount = json_object_get(json_array_get(credits, i), "amount");
        _cleanup_buffer_ struct jb_buffer text = {0};
        int64_t value;
        if (json_is_real(amount))
            jb_buffer_printf(&text, "%.12f", json_real_value(amount));
        else
            add_number(amount, &text);
        if (text.length == 0)
            continue;
        if (jb_decimal_parse(text.bytes, scale, NULL, &value))
            return jb_error_set(error, JB_INPUT, "credits: '%.60s' is not an amount", text.bytes);
        sum += value;
    }
    if (json_array_size(credits)) {
        jb_int128 size = sum < 0 ? -sum : sum;
        jb_buffer_printf(out, "%s%llu.%012llu", sum < 0 ? "-" : "", (unsigned long long)(size / scale),
                         (unsigned long long)(size % scale));
    }
    return JB_OK;
}

static enum jb_code add_cell(const json_t *value, const char *path, struct jb_error *error,
                             struct jb_buffer *out) {
    if (json_is_array(value) && strcmp(path, "credits") == 0)
        return add_credits(value, error, out);
    if (json_is_object(value) || json_is_array(value)) {
        char *text = json_dumps(value, JSON_COMPACT);
        if (text)
            jb_buffer_add_string(out, text);
        free(text);
    } else {
        add_number(value, out);
    }
    return jb_buffer_check(out, error);
}

/* The text of a cell by the first of its paths from `first` to before `end` that has something. *ret_path:
 * which it is; end: none has. */
static enum jb_code find_text(struct jb_bill_json *json, const json_t *object, size_t cell, size_t first,
                              size_t end, struct jb_error *error, size_t *ret_path) {
    struct jb_buffer *buffer = &json->buffers[cell];
    enum jb_code code = JB_OK;
    size_t path = first;
    jb_buffer_clear(buffer);
    for (; !code && path < end && json->cells[cell].paths[path]; path++) {
        code = add_cell(follow(object, json->cells[cell].paths[path]), json->cells[cell].paths[path], error,
                        buffer);
        if (buffer->length)
            break;
    }
    json->texts[cell] = buffer->length ? buffer->bytes : "";
    *ret_path = buffer->length ? path : end;
    return code;
}

static enum jb_code next(struct jb_scan_rows *rows, struct jb_error *error, const char *const **ret_texts,
                         uint64_t *ret_line) {
    struct jb_bill_json *json = (struct jb_bill_json *)rows;
    enum jb_code code;
    do {
        code = read_line(json, error);
        if (code)
            return code;
        if (json->line == 1 && json->text.length >= 3 && memcmp(json->text.bytes, "\xef\xbb\xbf", 3) == 0)
            memset(json->text.bytes, ' ', 3); /* a mark of UTF-8 */
    } while (json->text.bytes == NULL || strspn(json->text.bytes, " \t\r") == json->text.length);
    *ret_line = json->line;
    json_error_t fault;
    __attribute__((cleanup(free_json))) json_t *object =
        json_loadb(json->text.bytes, json->text.length, JSON_REJECT_DUPLICATES, &fault);
    if (!object)
        return jb_error_set(error, JB_INPUT, "byte %d: %.80s; expected a JSON object in every line",
                            fault.position, fault.text);
    if (!json_is_object(object))
        return jb_error_set(error, JB_INPUT, "no JSON object; expected one in every line");
    for (size_t i = 0; !code && i < json->count; i++) {
        const struct jb_bill_json_cell *unit = json->cells[i].unit;
        size_t path;
        code = find_text(json, object, i, 0, JB_BILL_PATH_CEILING, error, &path);
        /* What is measured says which unit it has. */
        if (!code && unit && path < JB_BILL_PATH_CEILING)
            code = find_text(json, object, (size_t)(unit - json->cells), path, path + 1, error, &path);
    }
    if (code)
        return code;
    *ret_texts = json->texts;
    return JB_OK;
}

enum jb_code jb_bill_json_make(struct jb_stream *stream, const struct jb_bill_json_cell *cells, size_t count,
                               struct jb_error *error, struct jb_bill_json **ret_json) {
    _cleanup_(jb_bill_json_free_cleanup) struct jb_bill_json *json = calloc(1, sizeof *json);
    if (!json)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", jb_stream_name(stream));
    for (size_t i = 0; i < count; i++)
        assert(!cells[i].unit || cells[i].unit < &cells[i]);
    *json = (struct jb_bill_json){.rows = {.name = jb_stream_name(stream), .next = next},
                                  .stream = stream,
                                  .cells = cells,
                                  .count = count,
                                  .text = {.ceiling = LINE_CEILING},
                                  .chunk = malloc(CHUNK),
                                  .buffers = calloc(count + 1, sizeof *json->buffers),
                                  .texts = calloc(count + 1, sizeof *json->texts)};
    if (!json->chunk || !json->buffers || !json->texts)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", jb_stream_name(stream));
    *ret_json = JB_TAKE(json);
    return JB_OK;
}
