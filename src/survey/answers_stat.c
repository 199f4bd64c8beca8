/* SPSS and Stata files by libreadstat: value labels, and what the file declares to be missing. */
#include "base/array.h"
#include "survey/answers_store.h"

#include <readstat.h>

#include <limits.h>

#define FIRST_ROWS ((size_t)1 << 18)

struct label {
    char *set; /* name of the set that variables name */
    char *text, *label;
};

struct reader {
    struct jb_answers *answers;
    FILE *file;
    struct jb_error *error;
    enum jb_code code;                  /* of a handler that broke off */
    struct jb_answer_builder **columns; /* [variable]; NULL: not wanted */
    char **sets;                        /* [variable]: names of its labels; NULL: none */
    size_t variable_count, variable_capacity, sets_capacity, row_count;
    struct label *labels;
    size_t label_count, label_capacity;
    bool has_row;   /* the row at row_count has begun */
    bool has_count; /* row_count is what the file says */
    char said[256]; /* by libreadstat */
};

/* ---- reading from the file that was handed in ---- */

static int open_nothing(const char *path, void *context) {
    (void)path, (void)context;
    return 0;
}

static int close_nothing(void *context) {
    (void)context;
    return 0;
}

static readstat_off_t seek_file(readstat_off_t offset, readstat_io_flags_t whence, void *context) {
    FILE *file = context;
    int from = whence == READSTAT_SEEK_SET ? SEEK_SET : whence == READSTAT_SEEK_CUR ? SEEK_CUR : SEEK_END;
    return fseeko(file, offset, from) ? -1 : ftello(file);
}

static ssize_t read_file(void *bytes, size_t size, void *context) {
    FILE *file = context;
    size_t got = fread(bytes, 1, size, file);
    return got == 0 && ferror(file) ? -1 : (ssize_t)got;
}

/* ---- handlers ---- */

static int stop(struct reader *reader, enum jb_code code) {
    reader->code = code;
    return READSTAT_HANDLER_ABORT;
}

static void take_message(const char *message, void *context) {
    struct reader *reader = context;
    size_t length = strcspn(message, "\n");
    (void)snprintf(reader->said, sizeof(reader->said), "%.*s", (int)(length < 200 ? length : 200), message);
}

static int take_metadata(readstat_metadata_t *metadata, void *context) {
    struct reader *reader = context;
    int rows = readstat_get_row_count(metadata);
    reader->has_count = rows >= 0;
    reader->row_count = rows >= 0 ? (size_t)rows : 0;
    return READSTAT_HANDLER_OK;
}

static int take_variable(int index, readstat_variable_t *variable, const char *set, void *context) {
    struct reader *reader = context;
    size_t at = (size_t)index;
    enum jb_code code = jb_array_reserve(&reader->columns, &reader->variable_capacity, at + 1, 1u << 20,
                                         "variables", reader->error);
    if (!code)
        code = jb_array_reserve(&reader->sets, &reader->sets_capacity, at + 1, 1u << 20, "variables",
                                reader->error);
    struct jb_answer_builder *column = NULL;
    const char *name = readstat_variable_get_name(variable), *label = readstat_variable_get_label(variable);
    if (!code)
        code = jb_store_find(reader->answers, name ? name : "", reader->error, &column);
    if (code)
        return stop(reader, code);
    reader->variable_count = at + 1;
    reader->columns[at] = column;
    if (column && label && *label)
        column->column.label = jb_store_copy(column, label, strlen(label));
    if (column && set && *set && !(reader->sets[at] = strdup(set)))
        return stop(reader, jb_error_set(reader->error, JB_MEMORY, "no memory for labels"));
    if (column && column->column.code_size == 0 &&
        readstat_variable_get_type_class(variable) == READSTAT_TYPE_CLASS_STRING)
        return stop(reader,
                    jb_error_set(reader->error, JB_INPUT,
                                 "%s: %.60s: the variable holds text, and the plan takes it for a number",
                                 reader->answers->name, name));
    return column ? READSTAT_HANDLER_OK : READSTAT_HANDLER_SKIP_VARIABLE;
}

/* The shortest decimal that reads back as the number. */
static void write_number(double number, char ret[static 32]) {
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(ret, 32, "%.*g", digits, number);
        if (strtod(ret, NULL) == number)
            return;
    }
}

static int take_label(const char *set, readstat_value_t value, const char *label, void *context) {
    struct reader *reader = context;
    enum jb_code code = jb_array_reserve(&reader->labels, &reader->label_capacity, reader->label_count + 1,
                                         1u << 20, "value labels", reader->error);
    if (code)
        return stop(reader, code);
    struct label *made = &reader->labels[reader->label_count++];
    bool is_text = readstat_value_type_class(value) == READSTAT_TYPE_CLASS_STRING;
    char number[32] = "";
    if (readstat_value_is_tagged_missing(value))
        (void)snprintf(number, sizeof(number), ".%c", readstat_value_tag(value));
    else if (!is_text)
        write_number(readstat_double_value(value), number);
    const char *text = is_text ? readstat_string_value(value) : number;
    *made = (struct label){
        .set = strdup(set ? set : ""), .text = strdup(text ? text : ""), .label = strdup(label ? label : "")};
    if (!made->set || !made->text || !made->label)
        return stop(reader, jb_error_set(reader->error, JB_MEMORY, "no memory for labels"));
    return READSTAT_HANDLER_OK;
}

/* The value of what stands in a row; 0: nothing does. */
static enum jb_code find_value(struct reader *reader, struct jb_answer_builder *column,
                               readstat_value_t value, readstat_variable_t *variable, uint32_t *ret_value) {
    struct jb_answers *answers = reader->answers;
    if (readstat_value_type_class(value) == READSTAT_TYPE_CLASS_STRING) {
        const char *text = readstat_string_value(value);
        return jb_store_value(answers, column, text ? text : "", text ? strlen(text) : 0, reader->error,
                              ret_value);
    }
    char text[32];
    bool is_tagged = readstat_value_is_tagged_missing(value);
    *ret_value = 0;
    if (is_tagged) { /* Stata's .a to .z */
        (void)snprintf(text, sizeof(text), ".%c", readstat_value_tag(value));
        enum jb_code code = jb_store_value(answers, column, text, 2, reader->error, ret_value);
        if (!code)
            column->column.values[*ret_value].is_missing = true;
        return code;
    }
    if (readstat_value_is_system_missing(value))
        return JB_OK;
    struct jb_answer_key key = {.kind = JB_KEY_NUMBER};
    double number = readstat_double_value(value) + 0.0; /* −0 is 0 */
    memcpy(&key.bits, &number, sizeof(number));
    *ret_value = jb_store_look_up(column, key);
    if (*ret_value != JB_ANSWERS_NO_VALUE)
        return JB_OK;
    write_number(number, text);
    enum jb_code code =
        jb_store_add_value(answers, column, key, text, strlen(text), reader->error, ret_value);
    if (!code && readstat_value_is_defined_missing(value, variable)) {
        column->column.values[*ret_value].is_missing = true;
        column->column.values[*ret_value].number = NAN;
    }
    return code;
}

static int take_value(int row, readstat_variable_t *variable, readstat_value_t value, void *context) {
    struct reader *reader = context;
    struct jb_answers *answers = reader->answers;
    struct jb_answer_builder *column = reader->columns[readstat_variable_get_index(variable)];
    enum jb_code code = JB_OK;
    uint32_t number = 0;
    if (!column)
        return READSTAT_HANDLER_OK;
    if (answers->row_capacity == 0) { /* what the file says it has may be anything */
        size_t expected = reader->has_count ? reader->row_count + 1 : 1024;
        code = jb_store_reserve(answers, expected < FIRST_ROWS ? expected : FIRST_ROWS, reader->error);
    }
    while (!code && answers->row_count < (size_t)row) /* the last row is whole now */
        code = jb_store_end_row(answers, reader->error);
    reader->has_row = true;
    bool is_plain = column->column.code_size == 0 && !column->wanted->missing_count &&
                    !readstat_value_is_system_missing(value) && !readstat_value_is_tagged_missing(value) &&
                    !readstat_value_is_defined_missing(value, variable);
    if (!code && is_plain) {
        jb_store_set_number(answers, column, readstat_double_value(value));
        return READSTAT_HANDLER_OK;
    }
    if (!code)
        code = find_value(reader, column, value, variable, &number);
    if (code)
        return stop(reader, code);
    const struct jb_answer_value *found = &column->column.values[number];
    column->column.has_missing = column->column.has_missing || found->is_missing;
    if (column->column.code_size)
        jb_store_set_code(answers, column, number);
    else
        jb_store_set_number(answers, column, found->is_missing ? jb_store_missing(number) : found->number);
    return READSTAT_HANDLER_OK;
}

/* ---- once all is read ---- */

static void set_labels(struct reader *reader) {
    for (size_t i = 0; i < reader->variable_count; i++) {
        struct jb_answer_builder *column = reader->columns[i];
        for (size_t k = 0; column && reader->sets[i] && k < reader->label_count; k++) {
            const struct label *label = &reader->labels[k];
            if (strcmp(label->set, reader->sets[i]) != 0)
                continue;
            for (uint32_t value = 1; value < column->column.value_count; value++) {
                if (strcmp(column->column.values[value].text, label->text) == 0)
                    column->column.values[value].label =
                        jb_store_copy(column, label->label, strlen(label->label));
            }
        }
    }
}

static enum jb_code finish(struct reader *reader, readstat_error_t result) {
    struct jb_answers *answers = reader->answers;
    if (reader->code)
        return reader->code;
    if (reader->has_row && result == READSTAT_OK) {
        enum jb_code code = jb_store_end_row(answers, reader->error);
        if (code)
            return code;
    }
    if (result == READSTAT_ERROR_MALLOC)
        return jb_error_set(reader->error, JB_MEMORY, "no memory for %s", answers->name);
    bool is_short = reader->has_count && answers->row_count < reader->row_count;
    if (result == READSTAT_ERROR_READ || result == READSTAT_ERROR_SEEK ||
        result == READSTAT_ERROR_ROW_COUNT_MISMATCH || (result == READSTAT_OK && is_short))
        return jb_error_set(reader->error, JB_INPUT,
                            "%s: the file is cut off after case %zu%s; fetch it again, whole", answers->name,
                            answers->row_count, is_short ? ", and should have more" : "");
    if (result != READSTAT_OK)
        return jb_error_set(
            reader->error, JB_INPUT,
            "%s: after case %zu: %s%s%s; the file is damaged or of a kind that cannot be read; save it "
            "again, or as CSV",
            answers->name, answers->row_count, readstat_error_message(result), *reader->said ? ": " : "",
            reader->said);
    enum jb_code code = jb_store_check_found(answers, reader->error);
    if (!code)
        set_labels(reader);
    return code;
}

enum jb_code jb_answers_read_stat(struct jb_answers *answers, FILE *file, bool is_stata,
                                  struct jb_error *error) {
    struct reader reader = {.answers = answers, .file = file, .error = error};
    readstat_parser_t *parser = readstat_parser_init();
    if (!parser)
        return jb_error_set(error, JB_MEMORY, "no memory for %s", answers->name);
    readstat_set_open_handler(parser, open_nothing);
    readstat_set_close_handler(parser, close_nothing);
    readstat_set_seek_handler(parser, seek_file);
    readstat_set_read_handler(parser, read_file);
    readstat_set_io_ctx(parser, file);
    readstat_set_error_handler(parser, take_message);
    readstat_set_metadata_handler(parser, take_metadata);
    readstat_set_variable_handler(parser, take_variable);
    readstat_set_value_label_handler(parser, take_label);
    readstat_set_value_handler(parser, take_value);
    readstat_error_t result =
        is_stata ? readstat_parse_dta(parser, "", &reader) : readstat_parse_sav(parser, "", &reader);
    enum jb_code code = finish(&reader, result);
    readstat_parser_free(parser);
    for (size_t i = 0; i < reader.variable_count; i++)
        free(reader.sets[i]);
    for (size_t i = 0; i < reader.label_count; i++) {
        free(reader.labels[i].set);
        free(reader.labels[i].text);
        free(reader.labels[i].label);
    }
    free(reader.sets);
    free(reader.columns);
    free(reader.labels);
    return code;
}
