/* Questions of a survey tabulated, as the commands tabulate and report take them. */
#ifndef JB_CLI_INDEX_TABLES_H
#define JB_CLI_INDEX_TABLES_H

#include "cli/index.h"
#include "survey/tabulate.h"

struct jb_index_tables {
    struct jb_tabulator *tabulator;
    struct jb_tabulation *items;
    size_t count;
};

/* question NULL: all of the plan, in its order. by and where may be NULL. */
enum jb_code jb_index_tables_make(const struct jb_index_survey *survey, const struct jb_question *question,
                                  const struct jb_plan_group *by, const struct jb_plan_filter *where,
                                  struct jb_error *error, struct jb_index_tables *ret_tables);
void jb_index_tables_finish(struct jb_index_tables *tables); /* NULL-safe; leaves it empty */

#endif
