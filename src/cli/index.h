/* What the commands of `index` share. */
#ifndef JB_CLI_INDEX_H
#define JB_CLI_INDEX_H

#include "cli/cli.h"
#include "survey/survey_design.h"

/* `joulebook index NAME …` */
struct jb_index_command {
    const char *name;
    int (*run)(struct jb_cli *cli); /* argv[1…]: what follows NAME */
};

extern const struct jb_index_command jb_index_calibrate, jb_index_compare, jb_index_report, jb_index_score,
    jb_index_stand, jb_index_tabulate, jb_index_trend;

/* A survey as its plan describes it. */
struct jb_index_survey {
    const char *plan_path;
    struct jb_plan *plan;
    struct jb_wanted_column *wanted; /* what the answers point into */
    struct jb_answers *answers;
    struct jb_design *design;
};

/* Both print what is wrong and return an exit status, or −1 to go on. Between them filters may be added to
 * the plan. */
int jb_index_read_plan(const struct jb_cli *cli, const char *path, struct jb_index_survey *survey);
int jb_index_read_answers(const struct jb_cli *cli, struct jb_index_survey *survey); /* and the design */
int jb_index_read_rows(const struct jb_cli *cli, struct jb_index_survey *survey);    /* without it */
void jb_index_survey_finish(struct jb_index_survey *survey);

/* A path that the plan names is relative to the folder of the plan. */
enum jb_code jb_index_data_path(const char *plan_path, const char *path, struct jb_error *error,
                                char ret[static PATH_MAX]);

#endif
