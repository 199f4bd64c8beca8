/* Answers: values by number, so that a million rows of a few answers stay small; and where a row stood. */
#include "survey/answers.h"

#include "base/array.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "survey/answers_store.h"

#include <assert.h>
#include <stdarg.h>

#define VALUE_CEILING ((uint32_t)50000000)
#define CHUNK_SIZE    ((size_t)1 << 16)
#define TEXT_CEILING  ((size_t)32768) /* bytes of one answer */

void jb_answers_free(struct jb_answers *answers) {
    if (!answers)
        return;
    for (size_t i = 0; i < answers->column_count; i++) {
        struct jb_answer_builder *column = &answers->columns[i];
        for (size_t k = 0; k < column->chunk_count; k++)
            free(column->chunks[k]);
        free(column->chunks);
        free(column->column.values);
        free(column->keys);
        free(column->slots);
        free(column->own);
        free(column->stage);
    }
    free(answers->block);
    free(answers->columns);
    free(answers->jumps);
    free(answers->name);
    free(answers);
}

size_t jb_answers_count(const struct jb_answers *answers) {
    return answers->row_count;
}

const char *jb_answers_name(const struct jb_answers *answers) {
    return answers->name;
}

const struct jb_answer_column *jb_answers_column(const struct jb_answers *answers, const char *name) {
    for (size_t i = 0; i < answers->column_count; i++) {
        if (answers->columns[i].is_found && strcmp(answers->columns[i].column.name, name) == 0)
            return &answers->columns[i].column;
    }
    return NULL;
}

static uint64_t line_of(const struct jb_answers *answers, size_t row) {
    uint64_t line = row + 2; /* the heading is line 1 */
    for (size_t i = 0; i < answers->jump_count && answers->jumps[i].row <= row; i++)
        line = answers->jumps[i].line + (row - answers->jumps[i].row);
    return line;
}

enum jb_code jb_answers_wrong(const struct jb_answers *answers, size_t row, const char *column,
                              struct jb_error *error, const char *format, ...) {
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *between = column ? ": " : "";
    column = column ? column : "";
    if (answers->is_by_case)
        return jb_error_set(error, JB_INPUT, "%s: case %zu: %.60s%s%s", answers->name, row + 1, column,
                            between, text);
    return jb_error_set(error, JB_INPUT, "%s:%llu: %.60s%s%s", answers->name,
                        (unsigned long long)line_of(answers, row), column, between, text);
}

enum jb_code jb_answers_check_numbers(const struct jb_answers *answers, const struct jb_answer_column *column,
                                      struct jb_error *error) {
    uint32_t wrong = 0; /* the empty answer is none */
    for (uint32_t i = 1; i < column->value_count && !wrong; i++)
        wrong = !column->values[i].is_missing && isnan(column->values[i].number) ? i : 0;
    for (size_t row = 0; wrong && row < answers->row_count; row++) {
        if (jb_answer_code(column, row) == wrong)
            return jb_answers_wrong(answers, row, column->name, error,
                                    "'%.60s' is no number; mend it, or name it under missing",
                                    column->values[wrong].text);
    }
    return JB_OK;
}

/* ---- what is being read ---- */

enum jb_code jb_store_make(const struct jb_wanted_column *wanted, size_t wanted_count, const char *name,
                           struct jb_error *error, struct jb_answers **ret_answers) {
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = calloc(1, sizeof(*answers));
    if (wanted_count > JB_ANSWERS_COLUMNS)
        return jb_error_set(error, JB_LIMIT, "%zu columns are more than %d", wanted_count,
                            JB_ANSWERS_COLUMNS);
    if (!answers || !(answers->name = strdup(name)) ||
        !(answers->columns = calloc(wanted_count ? wanted_count : 1, sizeof(*answers->columns))))
        return jb_error_set(error, JB_MEMORY, "no memory for %s", name);
    answers->column_count = wanted_count;
    for (size_t i = 0; i < wanted_count; i++) {
        struct jb_answer_builder *column = &answers->columns[i];
        column->wanted = &wanted[i];
        column->column.name = wanted[i].name;
        column->column.code_size = wanted[i].is_number ? 0 : 1;
        memset(column->of_byte, JB_BYTE_UNKNOWN, sizeof(column->of_byte));
        uint32_t empty;
        enum jb_code code =
            jb_store_add_value(answers, column, (struct jb_answer_key){0, 0}, "", 0, error, &empty);
        if (code)
            return code;
        assert(empty == 0);
    }
    *ret_answers = JB_TAKE(answers);
    return JB_OK;
}

enum jb_code jb_store_find(struct jb_answers *answers, const char *name, struct jb_error *error,
                           struct jb_answer_builder **ret_column) {
    *ret_column = NULL;
    for (size_t i = 0; i < answers->column_count; i++) {
        struct jb_answer_builder *column = &answers->columns[i];
        if (strcmp(column->column.name, name) != 0)
            continue;
        if (column->is_found)
            return jb_error_set(error, JB_INPUT, "%s:1: two columns are named '%.60s'; rename one",
                                answers->name, name);
        column->is_found = true;
        *ret_column = column;
        return JB_OK;
    }
    return JB_OK;
}

enum jb_code jb_store_check_found(struct jb_answers *answers, struct jb_error *error) {
    for (size_t i = 0; i < answers->column_count; i++) {
        const struct jb_answer_builder *column = &answers->columns[i];
        if (!column->is_found && !column->wanted->is_optional)
            return jb_error_set(
                error, JB_INPUT,
                "%s%s: there is no column '%.60s', which the plan names; mend the heading or the "
                "plan",
                answers->name, answers->is_by_case ? "" : ":1", column->column.name);
    }
    return JB_OK;
}

static size_t size_of(const struct jb_answer_builder *column) {
    return column->column.code_size ? column->column.code_size : sizeof(double);
}

static size_t align(size_t size) {
    return (size + 63) / 64 * 64;
}

enum jb_code jb_store_reserve(struct jb_answers *answers, size_t rows, struct jb_error *error) {
    if (rows <= answers->row_capacity)
        return JB_OK;
    if (rows > JB_ANSWERS_ROWS)
        return jb_error_set(error, JB_LIMIT, "%s: more than %zu rows", answers->name, JB_ANSWERS_ROWS);
    size_t capacity = answers->row_capacity ? rows + rows / 2 + 1024 : rows + 16, size = 0;
    for (size_t i = 0; i < answers->column_count; i++)
        size += answers->columns[i].is_found ? align(capacity * size_of(&answers->columns[i])) : 0;
    unsigned char *block = jb_memory_large(size), *next = block;
    bool failed = !block;
    for (size_t i = 0; i < answers->column_count && !failed; i++) {
        struct jb_answer_builder *column = &answers->columns[i];
        if (!column->is_found)
            continue;
        if (!column->stage)
            column->stage = malloc(JB_STAGE_ROWS * sizeof(double));
        if (answers->stage_first)
            memcpy(next, column->rows, answers->stage_first * size_of(column));
        failed = !column->stage;
        free(column->own);
        column->own = NULL;
        column->rows = next, column->column.rows.any = next;
        next += align(capacity * size_of(column));
    }
    if (failed) {
        free(block);
        return jb_error_set(error, JB_MEMORY, "%s: no memory for %zu rows", answers->name, capacity);
    }
    free(answers->block);
    answers->block = block;
    answers->row_capacity = capacity;
    return JB_OK;
}

void jb_store_flush(struct jb_answers *answers) {
    size_t count = answers->row_count - answers->stage_first;
    for (size_t i = 0; i < answers->column_count && count; i++) {
        struct jb_answer_builder *column = &answers->columns[i];
        size_t size = size_of(column);
        if (column->is_found)
            memcpy((unsigned char *)column->rows + answers->stage_first * size, column->stage, count * size);
    }
    answers->stage_first = answers->row_count;
}

enum jb_code jb_store_end_row(struct jb_answers *answers, struct jb_error *error) {
    answers->row_count++;
    if (answers->row_count - answers->stage_first == JB_STAGE_ROWS)
        jb_store_flush(answers);
    return answers->row_count < answers->row_capacity
               ? JB_OK
               : jb_store_reserve(answers, answers->row_count + 1, error);
}

enum jb_code jb_store_line(struct jb_answers *answers, uint64_t line, struct jb_error *error) {
    const struct jb_line_jump *last = answers->jump_count ? &answers->jumps[answers->jump_count - 1] : NULL;
    uint64_t expected = last ? last->line + (answers->row_count - last->row) : answers->row_count + 2;
    if (line == expected)
        return JB_OK;
    enum jb_code code = jb_array_reserve(&answers->jumps, &answers->jump_capacity, answers->jump_count + 1,
                                         JB_ANSWERS_ROWS, "lines", error);
    if (!code)
        answers->jumps[answers->jump_count++] = (struct jb_line_jump){answers->row_count, line};
    return code;
}

double jb_store_missing(uint32_t value) {
    union {
        uint64_t bits;
        double number;
    } missing = {UINT64_C(0x7ff8000000000000) | value};
    return missing.number;
}

const char *jb_store_copy(struct jb_answer_builder *column, const char *text, size_t length) {
    bool is_full = column->chunk_count == 0 || length + 1 > CHUNK_SIZE - column->chunk_used;
    if (is_full) {
        if (jb_array_reserve(&column->chunks, &column->chunk_capacity, column->chunk_count + 1,
                             (size_t)1 << 24, "texts", NULL))
            return NULL;
        char *chunk = malloc(length + 1 > CHUNK_SIZE ? length + 1 : CHUNK_SIZE);
        if (!chunk)
            return NULL;
        column->chunks[column->chunk_count++] = chunk;
        column->chunk_used = 0;
    }
    char *copy = column->chunks[column->chunk_count - 1] + column->chunk_used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    column->chunk_used += length + 1 > CHUNK_SIZE ? CHUNK_SIZE : length + 1;
    return copy;
}

static enum jb_code grow_values(struct jb_answer_builder *column, const char *name, struct jb_error *error) {
    if (column->column.value_count == VALUE_CEILING)
        return jb_error_set(error, JB_LIMIT, "%s: column '%.60s' has more than %u different answers", name,
                            column->column.name, VALUE_CEILING);
    uint32_t capacity = column->value_capacity ? 2 * column->value_capacity : 16;
    struct jb_answer_value *values = realloc(column->column.values, capacity * sizeof(*values));
    if (values)
        column->column.values = values;
    struct jb_answer_key *keys = realloc(column->keys, capacity * sizeof(*keys));
    if (keys)
        column->keys = keys;
    uint32_t *slots = calloc(2 * (size_t)capacity, sizeof(*slots));
    if (!values || !keys || !slots) {
        free(slots);
        return jb_error_set(error, JB_MEMORY, "%s: no memory for %u different answers", name, capacity);
    }
    free(column->slots);
    column->slots = slots;
    column->slot_count = 2 * capacity;
    column->value_capacity = capacity;
    for (uint32_t i = 0; i < column->column.value_count; i++) {
        uint32_t slot = jb_store_slot(column, column->keys[i]);
        while (slots[slot])
            slot = (slot + 1) & (column->slot_count - 1);
        slots[slot] = i + 1;
    }
    return JB_OK;
}

static void widen_codes(const void *from, void *to, size_t count, unsigned size) {
    for (size_t i = 0; i < count; i++) {
        if (size == 1)
            ((uint16_t *)to)[i] = ((const uint8_t *)from)[i];
        else
            ((uint32_t *)to)[i] = ((const uint16_t *)from)[i];
    }
}

/* Codes of twice the size, once the smaller ones are used up. */
static enum jb_code widen(struct jb_answers *answers, struct jb_answer_builder *column,
                          struct jb_error *error) {
    unsigned size = column->column.code_size;
    void *rows = malloc(answers->row_capacity * 2 * size + 1),
         *stage = malloc(JB_STAGE_ROWS * sizeof(double));
    if (!rows || !stage) {
        free(rows);
        free(stage);
        return jb_error_set(error, JB_MEMORY, "%s: no memory for %zu rows", answers->name,
                            answers->row_capacity);
    }
    widen_codes(column->rows, rows, answers->stage_first, size);
    widen_codes(column->stage, stage, answers->row_count - answers->stage_first, size);
    free(column->own);
    free(column->stage);
    column->own = column->rows = rows, column->stage = stage;
    column->column.rows.any = rows;
    column->column.code_size = 2 * size;
    return JB_OK;
}

static bool is_named_missing(const struct jb_wanted_column *wanted, const char *text) {
    for (size_t i = 0; i < wanted->missing_count; i++) {
        if (strcmp(wanted->missing[i], text) == 0)
            return true;
    }
    return !*text;
}

enum jb_code jb_store_add_value(struct jb_answers *answers, struct jb_answer_builder *column,
                                struct jb_answer_key key, const char *text, size_t length,
                                struct jb_error *error, uint32_t *ret_value) {
    enum jb_code code = JB_OK;
    uint32_t value = column->column.value_count;
    if (value == column->value_capacity)
        code = grow_values(column, answers->name, error);
    if (!code && ((column->column.code_size == 1 && value == UINT8_MAX + 1) ||
                  (column->column.code_size == 2 && value == UINT16_MAX + 1)))
        code = widen(answers, column, error);
    if (code)
        return code;
    const char *copy = jb_store_copy(column, text, length);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "%s: no memory for the answers", answers->name);
    struct jb_answer_value made = {
        .text = copy, .number = NAN, .is_missing = is_named_missing(column->wanted, copy)};
    double number;
    if (!made.is_missing && jb_number_parse(copy, &number))
        made.number = number;
    column->column.values[value] = made;
    column->keys[value] = key;
    uint32_t slot = jb_store_slot(column, key);
    while (column->slots[slot])
        slot = (slot + 1) & (column->slot_count - 1);
    column->slots[slot] = value + 1;
    column->column.has_missing = column->column.has_missing || (made.is_missing && value > 0);
    if (key.kind == 1 && value < JB_BYTE_UNKNOWN)
        column->of_byte[(unsigned char)*text] = (uint8_t)value;
    column->column.value_count = value + 1;
    *ret_value = value;
    return JB_OK;
}

static uint32_t look_up_long(const struct jb_answer_builder *column, struct jb_answer_key key,
                             const char *text, size_t length) {
    for (uint32_t slot = jb_store_slot(column, key); column->slots[slot];
         slot = (slot + 1) & (column->slot_count - 1)) {
        uint32_t value = column->slots[slot] - 1;
        if (column->keys[value].bits == key.bits && column->keys[value].kind == key.kind &&
            strncmp(column->column.values[value].text, text, length) == 0 &&
            column->column.values[value].text[length] == '\0')
            return value;
    }
    return JB_ANSWERS_NO_VALUE;
}

enum jb_code jb_store_value(struct jb_answers *answers, struct jb_answer_builder *column, const char *text,
                            size_t length, struct jb_error *error, uint32_t *ret_value) {
    struct jb_answer_key key = {.kind = JB_KEY_LONG};
    uint32_t value;
    if (length > TEXT_CEILING)
        return jb_answers_wrong(answers, answers->row_count, column->column.name, error,
                                "the answer has more than %zu bytes", TEXT_CEILING);
    if (length <= 8) {
        key.kind = (uint32_t)length;
        memcpy(&key.bits, text, length);
        value = jb_store_look_up(column, key);
    } else {
        key.bits = jb_hash_bytes(text, length);
        value = look_up_long(column, key, text, length);
    }
    if (value != JB_ANSWERS_NO_VALUE) {
        *ret_value = value;
        return JB_OK;
    }
    return jb_store_add_value(answers, column, key, text, length, error, ret_value);
}

enum jb_code jb_store_any_text(struct jb_answers *answers, struct jb_answer_builder *column, const char *text,
                               size_t length, struct jb_error *error) {
    uint32_t value = 0;
    if (column->column.code_size) {
        enum jb_code code = jb_store_value(answers, column, text, length, error, &value);
        if (!code)
            jb_store_set_code(answers, column, value);
        return code;
    }
    char copy[64];
    size_t kept = length < sizeof(copy) - 1 ? length : sizeof(copy) - 1;
    memcpy(copy, text, kept);
    copy[kept] = '\0';
    double number;
    if (length == 0 || is_named_missing(column->wanted, copy)) {
        enum jb_code code = jb_store_value(answers, column, text, length, error, &value);
        if (code)
            return code;
        number = jb_store_missing(value);
        column->column.has_missing = true;
    } else if (!jb_store_plain_number(text, length, &number) &&
               (kept < length || !jb_number_parse(copy, &number))) {
        return jb_answers_wrong(answers, answers->row_count, column->column.name, error,
                                "'%.60s' is no number; mend it, or name it under missing", copy);
    }
    jb_store_set_number(answers, column, number);
    return JB_OK;
}

enum jb_code jb_answers_read(const struct jb_wanted_column *wanted, size_t wanted_count, FILE *file,
                             const char *name, struct jb_error *error, struct jb_answers **ret_answers) {
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = NULL;
    enum jb_code code = jb_store_make(wanted, wanted_count, name, error, &answers);
    if (code)
        return code;
    unsigned char first[4] = {0};
    size_t got = fread(first, 1, sizeof(first), file);
    bool is_spss = got == 4 && (memcmp(first, "$FL2", 4) == 0 || memcmp(first, "$FL3", 4) == 0);
    /* Stata 13 and later opens with "<stata_dta>"; earlier with its version, then the byte order, 1 or 2. */
    bool is_stata = got == 4 && (memcmp(first, "<sta", 4) == 0 ||
                                 (first[0] >= 104 && first[0] <= 115 && (first[1] == 1 || first[1] == 2) &&
                                  first[2] == 1 && first[3] <= 1));
    if (is_spss || is_stata) {
        if (fseek(file, 0, SEEK_SET))
            return jb_error_set(error, JB_INPUT,
                                "%s: SPSS and Stata files cannot come from a pipe; name a file", name);
        answers->is_by_case = true;
        code = jb_answers_read_stat(answers, file, is_stata, error);
    } else {
        code = jb_answers_read_csv(answers, first, got, file, error);
    }
    if (code)
        return code;
    jb_store_flush(answers);
    if (answers->row_count == 0)
        return jb_error_set(error, JB_INPUT, "%s: there is no row%s", name,
                            answers->is_by_case ? "" : " behind the heading");
    *ret_answers = JB_TAKE(answers);
    return JB_OK;
}
