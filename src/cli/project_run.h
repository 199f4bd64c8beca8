/* A project read from its file and drawn, as `payback` and `index stand` take it. */
#ifndef JB_CLI_PROJECT_RUN_H
#define JB_CLI_PROJECT_RUN_H

#include "cli/cli.h"
#include "decide/payback.h"

struct project_run {
    struct jb_project *project;
    struct jb_payback_model model;
    struct jb_payback payback;
};

/* As many draws, of the seed, on as many threads as `payback` takes when nothing else is asked for. */
struct jb_payback_request project_run_usual(void);
/* Opens the book and reads the tables of estimates only where the project names accounts or models. */
enum jb_code project_run_make(const struct jb_cli *cli, const char *path,
                              const struct jb_payback_request *request, struct jb_error *error,
                              struct project_run *ret_run);
void project_run_free(struct project_run *run); /* NULL-safe; leaves it empty */

#endif
