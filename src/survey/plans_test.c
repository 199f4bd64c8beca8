/* Agreement with R's survey package from the text of a plan to the figures of a tabulation:
 * tests/peers/survey has the plans, and what R says of each. */
#include "base/csv.h"
#include "survey/tabulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TOLERANCE 1e-9

struct survey {
    char name[64];
    char *text;
    struct jb_plan *plan;
    struct jb_wanted_column *wanted;
    struct jb_answers *answers;
    struct jb_design *design;
    struct jb_tabulator *tabulator;
    struct jb_tabulation made[8];
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

static char *read_text(const char *name) {
    FILE *file = open_peer(name);
    char *text = calloc(1, 1 << 16);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

static void close_survey(struct survey *survey) {
    for (size_t i = 0; survey->plan && i < survey->plan->question_count; i++)
        jb_tabulation_free(&survey->made[i]);
    jb_tabulator_free(survey->tabulator);
    jb_survey_design_free(survey->design);
    jb_answers_free(survey->answers);
    free(survey->wanted);
    jb_plan_free(survey->plan);
    free(survey->text);
    *survey = (struct survey){0};
}

static void open_survey(const char *name, struct survey *survey) {
    char path[128];
    size_t wanted_count = 0;
    struct jb_error error = {0};
    (void)snprintf(survey->name, sizeof(survey->name), "%s", name);
    (void)snprintf(path, sizeof(path), "plans/%s.ini", name);
    survey->text = read_text(path);
    if (jb_plan_parse(survey->text, path, &error, &survey->plan) ||
        jb_plan_wanted(survey->plan, &error, &survey->wanted, &wanted_count))
        fail_msg("%s: %s", name, error.message);
    FILE *file = open_peer(survey->plan->data);
    if (jb_answers_read(survey->wanted, wanted_count, file, survey->plan->data, &error, &survey->answers) ||
        jb_survey_design(survey->plan, survey->answers, &error, &survey->design) ||
        jb_tabulator_make(survey->answers, survey->plan, survey->design, jb_plan_group(survey->plan, "g"),
                          NULL, 0, &error, &survey->tabulator))
        fail_msg("%s: %s", name, error.message);
    fclose(file);
    for (size_t i = 0; i < survey->plan->question_count; i++) {
        if (jb_tabulate(survey->tabulator, &survey->plan->questions[i], &error, &survey->made[i]))
            fail_msg("%s: %s", name, error.message);
    }
}

static bool is_measure(const struct jb_cell *cell, const char *measure) {
    static const char *const names[] = {"share", "top", "mean", "ratio", "total"};
    if (cell->measure == JB_MEASURE_QUANTILE)
        return strcmp(measure, cell->probability == 0.5 ? "median" : "p25") == 0;
    return strcmp(measure, names[cell->measure]) == 0;
}

static double of_cell(const struct jb_cell *cell, const char *what) {
    return strcmp(what, "value") == 0 ? cell->value : strcmp(what, "se") == 0 ? cell->se : cell->deff;
}

/* NaN: the cell is suppressed. */
static double find(const struct survey *survey, const char *const *f) {
    const struct jb_tabulation *made = NULL;
    if (strcmp(f[2], "weight") == 0)
        return survey->design->weight[atoi(f[4]) - 1];
    for (size_t i = 0; i < survey->plan->question_count; i++) {
        if (strcmp(survey->plan->questions[i].name, f[1]) == 0)
            made = &survey->made[i];
    }
    assert_non_null(made);
    if (strcmp(f[2], "test") == 0) {
        assert_true(made->has_test);
        return strcmp(f[5], "f") == 0 ? made->test.f : strcmp(f[5], "p") == 0 ? made->test.p : made->test.df1;
    }
    for (size_t i = 0; strcmp(f[2], "pair") == 0 && i < made->pair_count; i++) {
        const struct jb_cell *first = &made->cells[made->pairs[i].first],
                             *second = &made->cells[made->pairs[i].second];
        if (first->measure == JB_MEASURE_MEAN && first->group[0] == f[4][0] && second->group[0] == f[4][1])
            return strcmp(f[5], "se") == 0 ? made->pairs[i].se : made->pairs[i].difference;
    }
    if (strcmp(f[2], "pair") == 0)
        return NAN; /* one of the two is suppressed */
    for (size_t i = 0; i < made->cell_count; i++) {
        const struct jb_cell *cell = &made->cells[i];
        if (is_measure(cell, f[2]) && strcmp(cell->group, f[4]) == 0 &&
            (!*f[3] || strcmp(cell->answer, f[3]) == 0))
            return of_cell(cell, f[5]);
    }
    fail_msg("%s: no cell %s %s %s %s", survey->name, f[1], f[2], f[3], f[4]);
    return NAN;
}

static void r_says_the_same_of_plans(void **state) {
    (void)state;
    FILE *file = open_peer("plans.csv");
    struct jb_csv_reader *reader;
    struct survey survey = {0};
    const char *const *f;
    size_t count, checked = 0, wrong = 0, plans = 0;
    assert_int_equal(jb_csv_reader_make(file, "plans.csv", NULL, &reader), JB_OK);
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK); /* the heading */
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        assert_int_equal(count, 7);
        if (strcmp(survey.name, f[0]) != 0) {
            close_survey(&survey);
            open_survey(f[0], &survey);
            plans++;
        }
        double found = find(&survey, f), expected = strtod(f[6], NULL);
        if (isnan(found))
            continue;
        checked++;
        if (!(fabs(found - expected) <= TOLERANCE * fmax(fabs(expected), 1e-5))) {
            wrong++;
            print_message("%s %s %s %s %s %s: R %.17g, we %.17g\n", f[0], f[1], f[2], f[3], f[4], f[5],
                          expected, found);
        }
    }
    close_survey(&survey);
    jb_csv_reader_free(reader);
    fclose(file);
    assert_true(plans > 60 && checked > 3500);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(r_says_the_same_of_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
