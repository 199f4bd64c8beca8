/* Question by question through one tabulator. */
#include "cli/index_tables.h"

void jb_index_tables_finish(struct jb_index_tables *tables) {
    if (!tables)
        return;
    for (size_t i = 0; i < tables->count; i++)
        jb_tabulation_free(&tables->items[i]);
    free(tables->items);
    jb_tabulator_free(tables->tabulator);
    *tables = (struct jb_index_tables){0};
}

enum jb_code jb_index_tables_make(const struct jb_index_survey *survey, const struct jb_question *question,
                                  const struct jb_plan_group *by, const struct jb_plan_filter *where,
                                  struct jb_error *error, struct jb_index_tables *ret_tables) {
    const struct jb_plan *plan = survey->plan;
    struct jb_index_tables made = {.items = calloc(plan->question_count + 1, sizeof(*made.items))};
    if (!made.items)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu questions", plan->question_count);
    enum jb_code code = jb_tabulator_make(survey->answers, plan, survey->design, by, &where, where ? 1 : 0,
                                          error, &made.tabulator);
    for (size_t i = 0; i < plan->question_count && !code; i++) {
        if (question && question != &plan->questions[i])
            continue;
        code = jb_tabulate(made.tabulator, &plan->questions[i], error, &made.items[made.count]);
        made.count += code == JB_OK;
    }
    if (code)
        jb_index_tables_finish(&made);
    else
        *ret_tables = made;
    return code;
}
