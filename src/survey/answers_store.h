/* Answers while they are read: what answers_csv.c and answers_stat.c fill, row by row. */
#ifndef JB_SURVEY_ANSWERS_STORE_H
#define JB_SURVEY_ANSWERS_STORE_H

#include "survey/answers.h"

#include <string.h>

#define JB_STAGE_ROWS 512              /* rows that are kept together until they are moved to their columns */
#define JB_KEY_LONG   UINT32_MAX       /* key is a hash; the text has to be compared */
#define JB_KEY_NUMBER (UINT32_MAX - 1) /* key holds the bits of a double */

#define JB_BYTE_UNKNOWN UINT8_MAX

/* What a value is found by: texts of up to 8 bytes are their own key, with their length. */
struct jb_answer_key {
    uint64_t bits;
    uint32_t kind; /* length of the text, JB_KEY_LONG or JB_KEY_NUMBER */
};

struct jb_answer_builder {
    struct jb_answer_column column; /* what callers see; its arrays belong to this */
    const struct jb_wanted_column *wanted;
    bool is_found;              /* the file has it */
    void *rows;                 /* in answers->block, or own */
    void *own;                  /* since its codes became wider */
    void *stage;                /* the rows from stage_first on, of the same size; read into the cache */
    struct jb_answer_key *keys; /* [value] */
    uint32_t value_capacity, *slots, slot_count; /* slots: value + 1, 0: free */
    uint8_t of_byte[256]; /* values of one-byte texts; JB_BYTE_UNKNOWN: not seen, or it does not fit here */
    char **chunks;        /* where texts are kept */
    size_t chunk_count, chunk_capacity, chunk_used;
};

/* Where line numbers do not follow from the row: empty lines, quoted newlines. */
struct jb_line_jump {
    size_t row;
    uint64_t line;
};

struct jb_answers {
    char *name;
    bool is_by_case; /* rows have no lines */
    struct jb_answer_builder *columns;
    size_t column_count, row_count, row_capacity;
    unsigned char *block; /* columns' rows, one column behind the other */
    size_t stage_first;   /* rows before it are in their columns */
    struct jb_line_jump *jumps;
    size_t jump_count, jump_capacity;
};

enum jb_code jb_store_make(const struct jb_wanted_column *wanted, size_t wanted_count, const char *name,
                           struct jb_error *error, struct jb_answers **ret_answers);
/* The wanted column of this name; NULL when it is not wanted. JB_INPUT when the file has it twice. */
enum jb_code jb_store_find(struct jb_answers *answers, const char *name, struct jb_error *error,
                           struct jb_answer_builder **ret_column);
/* JB_INPUT when one that is not optional was not found; drops the optional ones that were not. */
enum jb_code jb_store_check_found(struct jb_answers *answers, struct jb_error *error);
/* Room for this many rows. */
enum jb_code jb_store_reserve(struct jb_answers *answers, size_t rows, struct jb_error *error);
/* The row at row_count is there: goes on to the next, for which there has to be room. */
enum jb_code jb_store_end_row(struct jb_answers *answers, struct jb_error *error);
/* There are no more rows. */
void jb_store_flush(struct jb_answers *answers);
/* The row at row_count began on this line. */
enum jb_code jb_store_line(struct jb_answers *answers, uint64_t line, struct jb_error *error);

/* Adds a value; *ret_value is its number. number: what it is worth when kind is JB_KEY_NUMBER. */
enum jb_code jb_store_add_value(struct jb_answers *answers, struct jb_answer_builder *column,
                                struct jb_answer_key key, const char *text, size_t length,
                                struct jb_error *error, uint32_t *ret_value);
/* The value of a text of any length, added when it is new. */
enum jb_code jb_store_value(struct jb_answers *answers, struct jb_answer_builder *column, const char *text,
                            size_t length, struct jb_error *error, uint32_t *ret_value);
/* Sets the row at row_count from a text that jb_store_text does not take by itself. */
enum jb_code jb_store_any_text(struct jb_answers *answers, struct jb_answer_builder *column, const char *text,
                               size_t length, struct jb_error *error);
/* A NaN that remembers the value it stands for. */
double jb_store_missing(uint32_t value);
/* Copies text into the column's own memory. NULL: no memory. */
const char *jb_store_copy(struct jb_answer_builder *column, const char *text, size_t length);

static inline uint32_t jb_store_slot(const struct jb_answer_builder *column, struct jb_answer_key key) {
    uint64_t hash = (key.bits ^ key.kind) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & (column->slot_count - 1);
}

/* JB_ANSWERS_NO_VALUE: not there. Not for JB_KEY_LONG. */
static inline uint32_t jb_store_look_up(const struct jb_answer_builder *column, struct jb_answer_key key) {
    for (uint32_t slot = jb_store_slot(column, key);; slot = (slot + 1) & (column->slot_count - 1)) {
        uint32_t value = column->slots[slot];
        if (value == 0)
            return JB_ANSWERS_NO_VALUE;
        if (column->keys[value - 1].bits == key.bits && column->keys[value - 1].kind == key.kind)
            return value - 1;
    }
}

/* value has to be below value_count, so that it fits. */
static inline void jb_store_set_code(const struct jb_answers *answers, struct jb_answer_builder *column,
                                     uint32_t value) {
    size_t at = answers->row_count - answers->stage_first;
    if (column->column.code_size == 1)
        ((uint8_t *)column->stage)[at] = (uint8_t)value;
    else if (column->column.code_size == 2)
        ((uint16_t *)column->stage)[at] = (uint16_t)value;
    else
        ((uint32_t *)column->stage)[at] = value;
}

static inline void jb_store_set_number(const struct jb_answers *answers, struct jb_answer_builder *column,
                                       double number) {
    ((double *)column->stage)[answers->row_count - answers->stage_first] = number;
}

/* A decimal number without exponent, of at most 15 digits: exact, so rounded once. False: something else. */
static inline bool jb_store_plain_number(const char *text, size_t length, double *ret_number) {
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool is_negative = length && *text == '-';
    size_t at = is_negative, point = length;
    uint64_t digits = 0;
    if (length - at == 0 || length - at > 16)
        return false;
    for (; at < length; at++) {
        unsigned digit = (unsigned char)text[at] - (unsigned)'0';
        if (digit <= 9)
            digits = digits * 10 + digit;
        else if (text[at] == '.' && point == length)
            point = at;
        else
            return false;
    }
    size_t behind = point == length ? 0 : length - point - 1;
    if (length - is_negative - (point < length) == 0 || length - is_negative - (point < length) > 15)
        return false;
    double number = (double)digits / powers[behind];
    *ret_number = is_negative ? -number : number;
    return true;
}

/* Sets the row at row_count from a text; 8 bytes have to be readable from text on. */
static inline enum jb_code jb_store_text(struct jb_answers *answers, struct jb_answer_builder *column,
                                         const char *text, size_t length, struct jb_error *error) {
    if (column->column.code_size == 0) {
        double number;
        if (!column->wanted->missing_count && jb_store_plain_number(text, length, &number)) {
            jb_store_set_number(answers, column, number);
            return JB_OK;
        }
        return jb_store_any_text(answers, column, text, length, error);
    }
    uint32_t value;
    if (length == 1 && column->of_byte[(unsigned char)*text] != JB_BYTE_UNKNOWN) {
        value = column->of_byte[(unsigned char)*text];
    } else if (length <= 8) {
        column->column.has_missing = column->column.has_missing || length == 0;
        struct jb_answer_key key = {.kind = (uint32_t)length};
        memcpy(&key.bits, text, sizeof(key.bits));
        if (length < 8)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            key.bits &= (UINT64_C(1) << (8 * length)) - 1;
#else
            key.bits &= ~(UINT64_MAX >> (8 * length));
#endif
        value = jb_store_look_up(column, key);
    } else {
        return jb_store_any_text(answers, column, text, length, error);
    }
    if (value == JB_ANSWERS_NO_VALUE)
        return jb_store_any_text(answers, column, text, length, error);
    jb_store_set_code(answers, column, value);
    return JB_OK;
}

/* Readers of formats. Each fills answers that jb_store_make made. first: bytes that were read already. */
enum jb_code jb_answers_read_csv(struct jb_answers *answers, const unsigned char *first, size_t first_count,
                                 FILE *file, struct jb_error *error);
enum jb_code jb_answers_read_stat(struct jb_answers *answers, FILE *file, bool is_stata,
                                  struct jb_error *error);

#endif
