/* Reading a plan and its answers, for all that `index` does. */
#include "cli/index.h"

#include <errno.h>
#include <string.h>

#define PLAN_CEILING ((size_t)4 << 20)

static enum jb_code read_plan(const char *path, struct jb_error *error, struct jb_plan **ret_plan) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = PLAN_CEILING + 1};
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    for (;;) {
        char chunk[8192];
        size_t got = fread(chunk, 1, sizeof(chunk), file);
        jb_buffer_add(&text, chunk, got);
        if (got < sizeof(chunk))
            break;
    }
    if (ferror(file))
        return jb_error_set_errno(error, errno, "%s", path);
    if (text.failed || (text.bytes && strlen(text.bytes) != text.length))
        return jb_error_set(error, JB_INPUT, "%s: this is no settings file (longer than 4 MiB, or not text)",
                            path);
    return jb_plan_parse(text.bytes ? text.bytes : "", path, error, ret_plan);
}

int jb_index_read_plan(const struct jb_cli *cli, const char *path, struct jb_index_survey *survey) {
    struct jb_error error = {0};
    enum jb_code code = read_plan(path, &error, &survey->plan);
    survey->plan_path = path;
    return code ? jb_cli_fail(cli, code, &error) : -1;
}

enum jb_code jb_index_data_path(const char *plan_path, const char *path, struct jb_error *error,
                                char ret[static PATH_MAX]) {
    const char *slash = strrchr(plan_path, '/');
    int folder = slash && path[0] != '/' ? (int)(slash + 1 - plan_path) : 0;
    int length = snprintf(ret, PATH_MAX, "%.*s%s", folder, plan_path, path);
    if (length < 0 || length >= PATH_MAX)
        return jb_error_set(error, JB_INPUT, "%s: the path of the data is too long", plan_path);
    return JB_OK;
}

static enum jb_code read_answers(struct jb_index_survey *survey, struct jb_error *error) {
    char path[PATH_MAX];
    size_t wanted_count;
    enum jb_code code = jb_plan_wanted(survey->plan, error, &survey->wanted, &wanted_count);
    if (!code)
        code = jb_index_data_path(survey->plan_path, survey->plan->data, error, path);
    if (code)
        return code;
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    return jb_answers_read(survey->wanted, wanted_count, file, path, error, &survey->answers);
}

int jb_index_read_rows(const struct jb_cli *cli, struct jb_index_survey *survey) {
    struct jb_error error = {0};
    enum jb_code code = read_answers(survey, &error);
    return code ? jb_cli_fail(cli, code, &error) : -1;
}

int jb_index_read_answers(const struct jb_cli *cli, struct jb_index_survey *survey) {
    struct jb_error error = {0};
    enum jb_code code = read_answers(survey, &error);
    if (!code)
        code = jb_survey_design(survey->plan, survey->answers, &error, &survey->design);
    return code ? jb_cli_fail(cli, code, &error) : -1;
}

void jb_index_survey_finish(struct jb_index_survey *survey) {
    jb_survey_design_free(survey->design);
    jb_answers_free(survey->answers);
    free(survey->wanted);
    jb_plan_free(survey->plan);
}
