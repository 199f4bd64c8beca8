/* Fuzzes the answers of a survey, CSV, SPSS or Stata by their first bytes: any bytes give columns of as many
 * valid codes as there are rows, or one clean error line. */
#include "survey/answers.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct jb_answers *answers, const char *name) {
    const struct jb_answer_column *column = jb_answers_column(answers, name);
    for (size_t row = 0; column && row < jb_answers_count(answers); row++) {
        uint32_t code = jb_answer_code(column, row);
        assert(code < column->value_count || (code == JB_ANSWERS_NO_VALUE && column->code_size == 0));
        assert(!jb_answer_is_missing(column, row) || isnan(jb_answer_number(column, row)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const missing[] = {"99"};
    static const struct jb_wanted_column wanted[] = {
        {.name = "a", .is_optional = true, .missing = missing, .missing_count = 1},
        {.name = "b", .is_optional = true, .is_number = true},
        {.name = "w", .is_optional = true, .is_number = true, .missing = missing, .missing_count = 1},
    };
    struct jb_error error = {0};
    struct jb_answers *answers = NULL;
    if (size == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    assert(file);
    if (jb_answers_read(wanted, JB_COUNT(wanted), file, "fuzz", &error, &answers)) {
        assert(!answers && *error.message && !strchr(error.message, '\n'));
    } else {
        assert(jb_answers_count(answers) > 0);
        for (size_t i = 0; i < JB_COUNT(wanted); i++)
            check(answers, wanted[i].name);
    }
    jb_answers_free(answers);
    fclose(file);
    return 0;
}
