/* From the file of a project to its draws: factors, tables and accounts of the book are looked up. */
#include "cli/project_run.h"

#include "decide/column.h"

#include <string.h>
#include <unistd.h>

void project_run_free(struct project_run *run) {
    if (!run)
        return;
    jb_payback_free(&run->payback);
    jb_payback_model_free(&run->model);
    jb_project_free(run->project);
    *run = (struct project_run){0};
}

struct jb_payback_request project_run_usual(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return (struct jb_payback_request){.draw_count = JB_PAYBACK_DRAWS,
                                       .seed = 1,
                                       .thread_count = online < 1    ? 1
                                                       : online > 16 ? 16
                                                                     : (unsigned)online};
}

static enum jb_code read_project(const char *path, struct jb_error *error, struct jb_project **ret_project) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = (size_t)1 << 20};
    char folder[PATH_MAX] = "";
    const char *slash = strrchr(path, '/');
    if (slash && (size_t)(slash - path) + 2 <= sizeof folder)
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - path), path);
    struct jb_data_reader data = jb_column_reader(folder);
    enum jb_code code = jb_factor_file_read(path, &text, error);
    return code ? code : jb_project_parse(text.bytes, text.length, path, &data, error, ret_project);
}

enum jb_code project_run_make(const struct jb_cli *cli, const char *path,
                              const struct jb_payback_request *request, struct jb_error *error,
                              struct project_run *ret_run) {
    __attribute__((cleanup(project_run_free))) struct project_run made = {0};
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    _cleanup_(jb_task_tables_free_cleanup) struct jb_task_tables *tables = NULL;
    struct jb_ledger *ledger = NULL;
    bool needs_book = false, needs_tables = false;
    enum jb_code code = read_project(path, error, &made.project);
    if (!code)
        code = jb_cli_factors(cli, error, &factors);
    for (size_t i = 0; !code && i < made.project->item_count; i++) {
        needs_book = needs_book || made.project->items[i].account;
        needs_tables = needs_tables || made.project->items[i].task.model;
    }
    if (!code && needs_tables)
        code = jb_task_tables_read(jb_cli_data_path(cli), error, &tables);
    if (!code && needs_book)
        code = jb_ledger_open(cli->book, JB_STORE_READ, error, &ledger);
    struct jb_payback_sources sources = {.factors = factors, .ledger = ledger, .tables = tables};
    if (!code)
        code = jb_payback_model_make(made.project, &sources, error, &made.model);
    if (!code)
        code = jb_payback_run(&made.model, request, error, &made.payback);
    jb_ledger_close(ledger);
    if (code)
        return code;
    *ret_run = made;
    made = (struct project_run){0};
    return JB_OK;
}
