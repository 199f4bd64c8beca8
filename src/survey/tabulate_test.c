/* From the text of a plan and a CSV to figures: what R says of the same sample, and what plans may not say.
 */
#include "survey/tabulate.h"

#include "base/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static FILE *open_peer(const char *name) {
    char path[4096];
    const char *root = getenv("JB_SOURCE_ROOT");
    (void)snprintf(path, sizeof(path), "%s/tests/peers/survey/%s", root ? root : ".", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

/* The value of a line of reference.csv that begins with this. */
static double reference(const char *start) {
    _cleanup_fclose_ FILE *file = open_peer("reference.csv");
    char line[512];
    double value = NAN;
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        assert_true(jb_number_parse(line + strlen(start), &value));
    }
    if (isnan(value))
        fail_msg("no reference for %s", start);
    return value;
}

static void near(double found, double expected) {
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.17g is not %.17g", found, expected);
}

static const struct jb_cell *find_cell(const struct jb_tabulation *made, enum jb_measure measure,
                                       const char *group, const char *answer) {
    for (size_t i = 0; i < made->cell_count; i++) {
        const struct jb_cell *cell = &made->cells[i];
        if (cell->measure == measure && strcmp(cell->group, group) == 0 &&
            (!answer || strcmp(cell->answer, answer) == 0))
            return cell;
    }
    fail_msg("no cell %s", group);
    return NULL;
}

static void a_two_stage_sample_is_tabulated_as_r_does(void **state) {
    (void)state;
    const char *text = "[survey]\ndata = sample.csv\nweight = w\nstrata = stratum\nclusters = psu, ssu\n"
                       "population = n1, n2\ninterval = beta\n\n"
                       "[question y]\ntype = number\n[question k]\n[question u]\n[group g]\n";
    _cleanup_(jb_plan_free_cleanup) struct jb_plan *plan = NULL;
    _cleanup_(jb_answers_free_cleanup) struct jb_answers *answers = NULL;
    _cleanup_(jb_survey_design_free_cleanup) struct jb_design *design = NULL;
    _cleanup_fclose_ FILE *file = open_peer("sample.csv");
    struct jb_tabulation numbers, shares, binary;
    assert_int_equal(jb_plan_parse(text, "plan", NULL, &plan), JB_OK);
    struct jb_wanted_column *wanted;
    size_t wanted_count;
    assert_int_equal(jb_plan_wanted(plan, NULL, &wanted, &wanted_count), JB_OK);
    assert_int_equal(jb_answers_read(wanted, wanted_count, file, "sample.csv", NULL, &answers), JB_OK);
    assert_int_equal(jb_survey_design(plan, answers, NULL, &design), JB_OK);
    _cleanup_(jb_tabulator_free_cleanup) struct jb_tabulator *tabulator = NULL;
    assert_int_equal(
        jb_tabulator_make(answers, plan, design, jb_plan_group(plan, "g"), NULL, 0, NULL, &tabulator), JB_OK);
    assert_int_equal(jb_tabulate(tabulator, jb_plan_question(plan, "y"), NULL, &numbers), JB_OK);
    assert_int_equal(jb_tabulate(tabulator, jb_plan_question(plan, "k"), NULL, &shares), JB_OK);
    assert_int_equal(jb_tabulate(tabulator, jb_plan_question(plan, "u"), NULL, &binary), JB_OK);
    const struct jb_cell *mean = find_cell(&numbers, JB_MEASURE_MEAN, "1", NULL);
    near(mean->value, reference("two_stage,mean,1,0,"));
    near(mean->se * mean->se, reference("two_stage,mean_cov,1,1,"));
    near(mean->deff, reference("two_stage,deff,1,0,"));
    const struct jb_cell *median = find_cell(&numbers, JB_MEASURE_QUANTILE, "2", NULL);
    near(median->value, reference("two_stage,quantile,2,50,"));
    near(median->se, reference("two_stage,quantile_se,2,50,"));
    near(find_cell(&shares, JB_MEASURE_SHARE, "0", "1")->value, reference("two_stage,share,0,1,"));
    assert_true(shares.has_test);
    near(shares.test.f, reference("two_stage,rao_scott_f,0,0,"));
    near(shares.test.p, reference("two_stage,rao_scott_p,0,0,"));
    near(find_cell(&binary, JB_MEASURE_SHARE, "2", "1")->low, reference("two_stage,beta,2,0,"));
    near(find_cell(&binary, JB_MEASURE_SHARE, "2", "1")->high, reference("two_stage,beta,2,1,"));
    free(wanted);
    jb_tabulation_free(&numbers);
    jb_tabulation_free(&shares);
    jb_tabulation_free(&binary);
}

static void plans_are_refused_by_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"data = a.csv\n", "p:1: 'data' stands before the first section"},
        {"[survey]\ndata = a.csv\n[survy]\n", "p:3: '[survy]'"},
        {"[survey]\ndata\n", "p:2: 'data' is neither"},
        {"[survey]\ndata =\n", "p:2: 'data' has no value"},
        {"[survey]\nstrata = a,,b\n", "p:2: an item of the list is empty"},
        {"[survey]\nconfidence = 95\n", "p:2: confidence: '95'"},
        {"[survey]\ndata = a\n[question q]\n[question q]\n", "p:4: there is a question 'q' already"},
        {"[survey]\ndata = a\n[question q]\ntype = scale\n", "p:3: question 'q': type = scale goes with top"},
        {"[survey]\ndata = a\n[question q]\ncolumns = a, b\n", "p:3: question 'q' has several columns"},
        {"[survey]\ndata = a\nstrata = a, b\n[question q]\n", "more stages than clusters do"},
        {"[survey]\ndata = a\n", "there is no [question NAME]"},
        {"[question q]\n", "does not say where the answers are"},
        {"[group]\n", "p:1: '[group]' is none of"},
        {"[survey\n", "p:1: a section is written"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_plan *plan = NULL;
        assert_int_equal(jb_plan_parse(cases[i].text, "p", &error, &plan), JB_INPUT);
        assert_null(plan);
        if (!strstr(error.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", error.message, cases[i].says);
    }
}

static void numbers_are_whole_texts(void **state) {
    (void)state;
    double value;
    static const char *const wrong[] = {"",    "-",   ".",   "1x",  " 1",  "1e",
                                        "1e+", "nan", "inf", "0x1", "1,5", "1e999"};
    for (size_t i = 0; i < JB_COUNT(wrong); i++)
        assert_false(jb_number_parse(wrong[i], &value));
    static const struct {
        const char *text;
        double value;
    } right[] = {{"0.1", 0.1},
                 {"-12.5", -12.5},
                 {"1e-3", 1e-3},
                 {"+7.", 7},
                 {".5", .5},
                 {"0.00092300000000000001", 0.000923},
                 {"123456789012345678901234", 123456789012345678901234.0},
                 {"2.2250738585072014e-308", 2.2250738585072014e-308}};
    for (size_t i = 0; i < JB_COUNT(right); i++) {
        assert_true(jb_number_parse(right[i].text, &value));
        assert_true(value == right[i].value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_two_stage_sample_is_tabulated_as_r_does),
        cmocka_unit_test(plans_are_refused_by_line),
        cmocka_unit_test(numbers_are_whole_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
