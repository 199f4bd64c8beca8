/* Answers: the columns of a read survey, each as codes into its different values, or as numbers. */
#ifndef JB_SURVEY_ANSWERS_H
#define JB_SURVEY_ANSWERS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JB_ANSWERS_COLUMNS  4096
#define JB_ANSWERS_ROWS     ((size_t)50000000)
#define JB_ANSWERS_NO_VALUE UINT32_MAX

/* One of the different values of a column. */
struct jb_answer_value {
    const char *text;  /* as it was written; numbers of .sav and .dta as the shortest decimal */
    const char *label; /* its value label; NULL: none */
    double number;     /* NaN: it is missing, or no number */
    bool is_missing;   /* no answer: empty, declared missing in the file, or named so by the caller */
};

struct jb_answer_column {
    const char *name;
    const char *label;              /* of the variable; NULL: none */
    struct jb_answer_value *values; /* [0] is the empty answer, missing */
    uint32_t value_count;
    bool has_missing;   /* a row has no answer */
    unsigned code_size; /* bytes of a row's code: 1, 2 or 4; 0: rows are numbers */
    union {
        const void *any;
        const uint8_t *one;
        const uint16_t *two;
        const uint32_t *four;
        const double *number; /* NaN: missing, its payload the number of the value */
    } rows;
};

/* Number of a row's value in values; of a column of numbers only where it is missing, else
 * JB_ANSWERS_NO_VALUE. */
static inline uint32_t jb_answer_code(const struct jb_answer_column *column, size_t row) {
    switch (column->code_size) {
    case 1:
        return column->rows.one[row];
    case 2:
        return column->rows.two[row];
    case 4:
        return column->rows.four[row];
    default: {
        union {
            double number;
            uint64_t bits;
        } value = {column->rows.number[row]};
        return isnan(value.number) ? (uint32_t)value.bits : JB_ANSWERS_NO_VALUE;
    }
    }
}

/* NaN when the answer is missing or no number. */
static inline double jb_answer_number(const struct jb_answer_column *column, size_t row) {
    return column->code_size ? column->values[jb_answer_code(column, row)].number : column->rows.number[row];
}

static inline bool jb_answer_is_missing(const struct jb_answer_column *column, size_t row) {
    uint32_t code = jb_answer_code(column, row);
    return code != JB_ANSWERS_NO_VALUE && column->values[code].is_missing;
}

/* A column that is to be read. */
struct jb_wanted_column {
    const char *name;
    const char *const *missing; /* texts that are no answer */
    size_t missing_count;
    bool is_number;   /* held as numbers: another text than a number is an error. Else its texts are kept. */
    bool is_optional; /* it may be absent */
};

struct jb_answers; /* opaque */

/* Reads file: CSV with a heading, SPSS .sav or .zsav, or Stata .dta, told apart by their first bytes. Names
 * of wanted columns are distinct and, like their lists, outlive the answers; name is for messages. JB_INPUT
 * names line (or case), column and mend; so does a row without end. */
enum jb_code jb_answers_read(const struct jb_wanted_column *wanted, size_t wanted_count, FILE *file,
                             const char *name, struct jb_error *error, struct jb_answers **ret_answers);
void jb_answers_free(struct jb_answers *answers); /* NULL-safe */

size_t jb_answers_count(const struct jb_answers *answers); /* rows */
const char *jb_answers_name(const struct jb_answers *answers);
/* NULL: the file has no such column, or it was not wanted. */
const struct jb_answer_column *jb_answers_column(const struct jb_answers *answers, const char *name);
/* JB_INPUT with "NAME:LINE: COLUMN: " (or "NAME: case N: ") before the message; column may be NULL. */
enum jb_code jb_answers_wrong(const struct jb_answers *answers, size_t row, const char *column,
                              struct jb_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* JB_INPUT when an answer of the column is neither missing nor a number. */
enum jb_code jb_answers_check_numbers(const struct jb_answers *answers, const struct jb_answer_column *column,
                                      struct jb_error *error);

JB_DEFINE_CLEANUP(struct jb_answers, jb_answers_free);

#endif
