/* A plan with pillars and answers of any bytes, parted by the first line that is "--": what is taken in has
 * items of pillars whose weights sum to 1, and answers worth 0 to 100; what is not is told in one line. */
#include "survey/index_values.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_index(const struct jb_index *index) {
    double pillars = 0;
    for (size_t p = 0; p < index->pillar_count; p++) {
        double items = 0;
        for (size_t i = 0; i < index->item_count; i++) {
            require(index->items[i].pillar < index->pillar_count && index->items[i].label);
            require(i == 0 || index->items[i - 1].pillar <= index->items[i].pillar);
            items += index->items[i].pillar == p ? index->items[i].weight : 0;
        }
        require(fabs(items - 1) < 1e-9);
        pillars += index->pillars[p].weight;
    }
    require(index->pillar_count == 0 || fabs(pillars - 1) < 1e-9);
}

static void try_answers(const struct jb_plan *plan, const uint8_t *bytes, size_t size) {
    _cleanup_free_ struct jb_wanted_column *wanted = NULL;
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = NULL;
    _cleanup_free_ double *values = NULL;
    struct jb_error error = {0};
    size_t count;
    if (size == 0 || jb_plan_wanted(plan, &error, &wanted, &count))
        return;
    /* As our own answers are read: any column may be missing. */
    for (size_t i = 0; i < count; i++)
        wanted[i].is_optional = true;
    FILE *file = fmemopen((void *)(uintptr_t)bytes, size, "r");
    require(file != NULL);
    enum jb_code code = jb_answers_read(wanted, count, file, "answers", &error, &answers);
    fclose(file);
    if (!code)
        code = jb_index_values(plan, answers, &error, &values);
    require(code == JB_OK || error.message[0]);
    for (size_t i = 0; !code && i < jb_answers_count(answers) * plan->index.item_count; i++)
        require(isnan(values[i]) || (values[i] >= 0 && values[i] <= 100));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const uint8_t *parted = size > 4 ? memmem(bytes, size, "\n--\n", 4) : NULL;
    size_t first = parted ? (size_t)(parted - bytes) + 1 : size, second = parted ? first + 3 : size;
    _cleanup_free_ char *text = malloc(first + 1);
    _cleanup_(jb_plan_free_cleanup) struct jb_plan *plan = NULL;
    struct jb_error error = {0};
    require(text != NULL);
    memcpy(text, bytes, first);
    text[first] = '\0';
    if (strlen(text) != first || jb_plan_parse(text, "plan", &error, &plan))
        return 0;
    check_index(&plan->index);
    require(jb_plan_translate(plan, "ko", "x") != NULL);
    try_answers(plan, bytes + second, size - second);
    return 0;
}
