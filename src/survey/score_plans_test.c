/* Agreement of scores with R's survey package from the text of a plan on: calibrated designs and replicate
 * weights of every type. tests/peers/survey/score.R made the plans, and what R says of each. */
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/number.h"
#include "survey/classes.h"
#include "survey/index_values.h"
#include "survey/score.h"
#include "survey/survey_design.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct survey {
    char name[64], text[1 << 14];
    struct jb_plan *plan;
    struct jb_wanted_column *wanted;
    struct jb_answers *answers;
    struct jb_design *design;
    struct jb_classes classes;
    double *values;
    struct jb_scoring scoring;
};

static FILE *open_peer(const char *name) {
    char path[4096];
    const char *root = getenv("JB_SOURCE_ROOT");
    (void)snprintf(path, sizeof(path), "%s/tests/peers/survey/%s", root ? root : ".", name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    return file;
}

static void close_survey(struct survey *survey) {
    jb_scoring_free(&survey->scoring);
    free(survey->values);
    jb_classes_free(&survey->classes);
    jb_survey_design_free(survey->design);
    jb_answers_free(survey->answers);
    free(survey->wanted);
    jb_plan_free(survey->plan);
    memset(survey, 0, sizeof(*survey));
}

static void open_survey(const char *name, struct survey *survey) {
    char path[128];
    size_t wanted_count;
    struct jb_error error = {0};
    (void)snprintf(survey->name, sizeof(survey->name), "%s", name);
    (void)snprintf(path, sizeof(path), "score_plans/%s.ini", name);
    FILE *file = open_peer(path);
    assert_in_range(fread(survey->text, 1, sizeof(survey->text) - 1, file), 1, sizeof(survey->text) - 2);
    fclose(file);
    if (jb_plan_parse(survey->text, path, &error, &survey->plan) ||
        jb_plan_wanted(survey->plan, &error, &survey->wanted, &wanted_count))
        fail_msg("%s: %s", name, error.message);
    file = open_peer(survey->plan->data);
    if (jb_answers_read(survey->wanted, wanted_count, file, survey->plan->data, &error, &survey->answers) ||
        jb_survey_design(survey->plan, survey->answers, &error, &survey->design) ||
        jb_classes_make(survey->answers, &jb_plan_group(survey->plan, "cell")->columns, &error,
                        &survey->classes) ||
        jb_index_values(survey->plan, survey->answers, &error, &survey->values) ||
        jb_score(survey->design, &survey->plan->index, survey->values, survey->classes.of_row,
                 survey->classes.count, &error, &survey->scoring))
        fail_msg("%s: %s", name, error.message);
    fclose(file);
}

static size_t figure_of(const struct jb_scoring *scoring, const char *what) {
    if (strncmp(what, "item", 4) == 0)
        return (size_t)(what[4] - '1');
    if (strncmp(what, "pillar", 6) == 0)
        return jb_figure_of_pillar(scoring, (size_t)(what[6] - '1'));
    return jb_figure_of_index(scoring, strncmp(what, "geo", 3) == 0 ? JB_GEOMETRIC : JB_ARITHMETIC);
}

/* Blocks are group × wave; a change is that of a group from the first wave to the second. */
static double ours(const struct jb_scoring *scoring, const char *what, size_t block) {
    size_t figure = figure_of(scoring, what), count = scoring->figure_count;
    bool is_change = strstr(what, "_change") != NULL, is_se = strstr(what, "_se") != NULL;
    size_t a = is_change ? 2 * block : block, b = 2 * block + 1;
    double variance = jb_score_covariance(scoring, a, figure, a, figure),
           value = scoring->value[a * count + figure];
    if (is_change) {
        variance += jb_score_covariance(scoring, b, figure, b, figure) -
                    2 * jb_score_covariance(scoring, a, figure, b, figure);
        value = scoring->value[b * count + figure] - value;
    }
    return is_se ? sqrt(variance) : value;
}

static double number(const char *text) {
    double value = NAN;
    assert_true(jb_number_parse(text, &value));
    return value;
}

static void r_says_the_same_of_scores_of_plans(void **state) {
    (void)state;
    FILE *file = open_peer("score_plans.csv");
    struct jb_csv_reader *reader;
    static struct survey survey;
    const char *const *f;
    size_t count, checked = 0, wrong = 0, plans = 0;
    assert_int_equal(jb_csv_reader_make(file, "score_plans.csv", NULL, &reader), JB_OK);
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK); /* the heading */
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        if (strcmp(survey.name, f[0]) != 0) {
            close_survey(&survey);
            open_survey(f[0], &survey);
            plans++;
        }
        double expected = number(f[3]), found = ours(&survey.scoring, f[1], (size_t)number(f[2]));
        checked++;
        if (!(fabs(found - expected) <= 1e-9 * fabs(expected))) {
            wrong++;
            print_message("%s %s %s: R %.17g, we %.17g\n", f[0], f[1], f[2], expected, found);
        }
    }
    close_survey(&survey);
    jb_csv_reader_free(reader);
    fclose(file);
    assert_true(plans > 70 && checked > 3700);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(r_says_the_same_of_scores_of_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
