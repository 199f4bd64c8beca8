/* What holds of an index by hand: its default pillars, missing answers, and the survey that ships. */
#include "base/csv.h"
#include "survey/index_values.h"
#include "survey/score.h"
#include "survey/survey_design.h"
#include "survey/trend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static FILE *open_data(const char *name) {
    char path[4096];
    const char *root = getenv("JB_SOURCE_ROOT");
    (void)snprintf(path, sizeof(path), "%s/data/index-2024/%s", root ? root : ".", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

static struct jb_plan *parse(const char *text) {
    struct jb_error error = {0};
    struct jb_plan *plan = NULL;
    if (jb_plan_parse(text, "plan.ini", &error, &plan))
        fail_msg("%s", error.message);
    return plan;
}

static const char default_questions[] =
    "[survey]\ndata = a.csv\n[question believe]\n[question understand]\n[question lag]\n"
    "[question energy]\n[question outweigh]\n[question procurement]\ntype = "
    "multiple\ncolumns = renewables, efficiency, emissions\n";

static void default_pillars_give_the_published_index(void **state) {
    (void)state;
    struct jb_plan *plan = parse(default_questions);
    const double topline[] = {76, 59, 62, 61, 71, 51, 46, 42}; /* of 2024 */
    const struct jb_index *index = &plan->index;
    double item[8], pillar[4], weight[4];
    assert_int_equal(index->pillar_count, 4);
    assert_int_equal(index->item_count, 8);
    for (size_t i = 0; i < 8; i++)
        item[i] = index->items[i].is_down ? 100 - topline[i] : topline[i];
    jb_index_pillar_values(index, item, SIZE_MAX, pillar);
    for (size_t p = 0; p < 4; p++)
        weight[p] = index->pillars[p].weight;
    assert_true(fabs(jb_index_value(4, pillar, weight, JB_ARITHMETIC) - 48.958333333) < 1e-8);
    assert_true(fabs(jb_index_value(4, pillar, weight, JB_GEOMETRIC) - 46.63) < 0.005);
    assert_true(index->pillars[2].is_contested && !index->pillars[0].is_contested);
    /* Without its only item a pillar goes. */
    jb_index_pillar_values(index, item, 0, pillar);
    assert_true(isnan(pillar[0]) && pillar[1] == 39.5);
    jb_plan_free(plan);
}

static struct jb_answers *read_text(const struct jb_plan *plan, const char *text,
                                    struct jb_wanted_column **ret_wanted) {
    size_t count;
    struct jb_answers *answers = NULL;
    struct jb_error error = {0};
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_int_equal(jb_plan_wanted(plan, NULL, ret_wanted, &count), JB_OK);
    if (jb_answers_read(*ret_wanted, count, file, "a.csv", &error, &answers))
        fail_msg("%s", error.message);
    fclose(file);
    return answers;
}

static void answers_are_worth_what_the_plan_says(void **state) {
    (void)state;
    struct jb_plan *plan =
        parse("[survey]\ndata = a.csv\nmissing = 9\n"
              "[question s]\ntype = scale\ntop = 4, 5\n"
              "[question n]\ntype = number\n"
              "[question m]\ntype = multiple\ncolumns = a, b\nchosen = x\n"
              "[question q]\n"
              "[pillar one]\nweight = 3\n[item s]\npillar = one\ndirection = down\nweight = 2\n"
              "[item mean]\nquestion = s\npillar = one\nlow = 1\nhigh = 5\n"
              "[pillar two]\n[item n]\npillar = two\nlow = 10\nhigh = 20\n"
              "[item m]\npillar = two\nanswer = a, b\n[item q]\npillar = two\nanswer = ja, yes\n");
    struct jb_wanted_column *wanted;
    struct jb_answers *answers = read_text(plan, "s,n,a,b,q\n5,15,x,,yes\n9,25,,,no\n2,8,y,x,ja\n", &wanted);
    double *values;
    assert_int_equal(jb_index_values(plan, answers, NULL, &values), JB_OK);
    const double expected[] = {0, 100, 50, 100, 100, NAN, NAN, 100, NAN, 0, 100, 25, 0, 100, 100};
    for (size_t i = 0; i < 15; i++) {
        if (isnan(expected[i]) ? !isnan(values[i]) : values[i] != expected[i])
            fail_msg("value %zu is %g, not %g", i, values[i], expected[i]);
    }
    assert_true(fabs(plan->index.pillars[0].weight - 0.75) < 1e-15);
    assert_true(fabs(plan->index.items[0].weight - 2 / 3.0) < 1e-15);
    /* 0.75 (2/3 · 0 + 1/3 · 100) + 0.25 (50 + 100 + 100) / 3; the second left pillar one out. */
    assert_true(fabs(jb_score_of_row(&plan->index, values) - (25 + 250 / 12.0)) < 1e-12);
    assert_true(isnan(jb_score_of_row(&plan->index, values + 5)));
    free(values);
    jb_answers_free(answers);
    free(wanted);
    jb_plan_free(plan);
}

/* Without a missing answer the arithmetic index is the mean of the respondents' own. */
static void the_index_is_the_mean_of_respondents(void **state) {
    (void)state;
    struct jb_plan *plan = parse(default_questions);
    enum { N = 60 };
    double values[N * 8], weight[N], own[N];
    uint32_t block[N] = {0};
    for (size_t row = 0; row < N; row++) {
        weight[row] = 1 + (double)(row % 7);
        for (size_t j = 0; j < 8; j++)
            values[row * 8 + j] = (row * (j + 3) + j) % 5 < 2 ? 100 : 0;
        own[row] = jb_score_of_row(&plan->index, values + row * 8);
    }
    struct jb_design design = {.count = N, .weight = weight, .stage_count = 1};
    struct jb_scoring scoring;
    struct jb_estimates mean;
    struct jb_variables variables = {.width = 1, .block_count = 1, .block = block, .y = own};
    assert_int_equal(jb_design_prepare(&design, NULL), JB_OK);
    assert_int_equal(jb_score(&design, &plan->index, values, block, 1, NULL, &scoring), JB_OK);
    assert_int_equal(jb_estimate(&design, JB_MEAN, &variables, NULL, &mean), JB_OK);
    struct jb_score_figure index =
        jb_score_figure(&scoring, 0, jb_figure_of_index(&scoring, JB_ARITHMETIC), 0.95);
    assert_true(fabs(index.value - mean.value[0]) < 1e-12);
    assert_true(fabs(index.se / sqrt(mean.covariance[0]) - 1) < 1e-12);
    assert_true(fabs(index.effective_n / ((N - 1) / mean.deff[0]) - 1) < 1e-9);
    jb_estimates_free(&mean);
    jb_scoring_free(&scoring);
    jb_design_finish(&design);
    jb_plan_free(plan);
}

static void too_few_people_have_no_score(void **state) {
    (void)state;
    struct jb_plan *plan = parse(default_questions);
    enum { N = 60 };
    double values[N * 8], weight[N];
    uint32_t block[N];
    for (size_t row = 0; row < N; row++) {
        weight[row] = 1, block[row] = row < 29;
        for (size_t j = 0; j < 8; j++)
            values[row * 8 + j] = (row + j) % 2 ? 100 : 0;
    }
    struct jb_design design = {.count = N, .weight = weight, .stage_count = 1};
    struct jb_scoring scoring;
    assert_int_equal(jb_design_prepare(&design, NULL), JB_OK);
    assert_int_equal(jb_score(&design, &plan->index, values, block, 2, NULL, &scoring), JB_OK);
    assert_false(
        jb_score_figure(&scoring, 0, jb_figure_of_index(&scoring, JB_ARITHMETIC), 0.95).is_suppressed);
    struct jb_score_figure few =
        jb_score_figure(&scoring, 1, jb_figure_of_index(&scoring, JB_ARITHMETIC), 0.95);
    assert_true(few.is_suppressed && isnan(few.value) && isnan(few.low));
    jb_scoring_free(&scoring);
    jb_design_finish(&design);
    jb_plan_free(plan);
}

/* Two waves of one item; the second asks the same clusters again, or other people. */
static void waves_are_compared_with_their_covariance_or_as_independent(void **state) {
    (void)state;
    const struct jb_index model = {.pillar_count = 1,
                                   .item_count = 1,
                                   .pillars = {{.name = "p", .weight = 1}},
                                   .items = {{.name = "a", .weight = 1}}};
    enum { N = 100 };
    double values[2 * N], weight[2 * N];
    uint32_t block[2 * N], person[2 * N];
    for (size_t i = 0; i < 2 * N; i++) {
        weight[i] = 1, block[i] = i >= N, person[i] = (uint32_t)(i % N);
        values[i] = i % N < (i < N ? 40 : 52) ? 100 : 0; /* 12 of 100 change their minds, one way */
    }
    struct jb_design panel = {
        .count = 2 * N, .weight = weight, .stage_count = 1, .stages = {{.cluster = person}}};
    struct jb_design first = {.count = N, .weight = weight, .stage_count = 1};
    struct jb_design second = first;
    struct jb_scoring both, one, other;
    assert_int_equal(jb_design_prepare(&panel, NULL), JB_OK);
    assert_int_equal(jb_design_prepare(&first, NULL), JB_OK);
    assert_int_equal(jb_design_prepare(&second, NULL), JB_OK);
    assert_int_equal(jb_score(&panel, &model, values, block, 2, NULL, &both), JB_OK);
    assert_int_equal(jb_score(&first, &model, values, block, 1, NULL, &one), JB_OK);
    assert_int_equal(jb_score(&second, &model, values + N, block, 1, NULL, &other), JB_OK);
    struct jb_wave a = {&both, 0}, b = {&both, 1}, c = {&one, 0}, d = {&other, 0};
    struct jb_change within = jb_change_between(&a, &b, 0, 0.95),
                     between = jb_change_between(&c, &d, 0, 0.95);
    assert_true(fabs(within.value - 12) < 1e-12 && fabs(between.value - 12) < 1e-12);
    /* Differences of 100 in 12 of 100 people; else two variances of p (1 - p) / 99. */
    assert_true(fabs(within.se - 100 * sqrt(0.12 * 0.88 / 99)) < 1e-9);
    assert_true(fabs(between.se - 100 * sqrt((0.4 * 0.6 + 0.52 * 0.48) / 99)) < 1e-9);
    assert_true(within.p < 0.001 && between.p > 0.05 && between.correlation == 0 && within.correlation > 0.7);
    assert_true(within.low > 0 && between.low < 0);
    jb_scoring_free(&both);
    jb_scoring_free(&one);
    jb_scoring_free(&other);
    jb_design_finish(&panel);
    jb_design_finish(&first);
    jb_design_finish(&second);
}

/* ---- data/index-2024 ---- */

static char *read_all(FILE *file) {
    static char text[1 << 16];
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

/* The share of a place that gave an answer, in per cent. */
static double share_of(const struct jb_answers *answers, const char *column, const char *answer,
                       const char *level, const char *place) {
    const struct jb_answer_column *of = jb_answers_column(answers, column);
    const struct jb_answer_column *where = strcmp(level, "total") ? jb_answers_column(answers, level) : NULL;
    size_t asked = 0, yes = 0;
    for (size_t row = 0; row < jb_answers_count(answers); row++) {
        if (jb_answer_is_missing(of, row) ||
            (where && strcmp(where->values[jb_answer_code(where, row)].text, place)))
            continue;
        asked++;
        yes += strcmp(of->values[jb_answer_code(of, row)].text, answer) == 0;
    }
    return 100 * (double)yes / (double)asked;
}

static void the_synthetic_survey_gives_back_every_published_figure(void **state) {
    (void)state;
    struct jb_plan *plan = parse(read_all(open_data("index.ini")));
    struct jb_wanted_column *wanted;
    struct jb_answers *answers;
    struct jb_csv_reader *reader;
    struct jb_error error = {0};
    size_t count, checked = 0;
    const char *const *f;
    FILE *file = open_data("synthetic.csv");
    assert_int_equal(jb_plan_wanted(plan, NULL, &wanted, &count), JB_OK);
    if (jb_answers_read(wanted, count, file, "synthetic.csv", &error, &answers))
        fail_msg("%s", error.message);
    fclose(file);
    /* Its pillars are the default ones. */
    struct jb_plan *defaults = parse(default_questions);
    assert_int_equal(jb_index_check_same(&plan->index, &defaults->index, NULL), JB_OK);
    jb_plan_free(defaults);
    assert_int_equal(jb_answers_count(answers), 1300);
    assert_non_null(strstr(plan->note, "SYNTHETIC"));
    file = open_data("published.csv");
    assert_int_equal(jb_csv_reader_make(file, "published.csv", NULL, &reader), JB_OK);
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK);
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        bool is_multiple = jb_plan_question(plan, f[0])->type == JB_QUESTION_MULTIPLE;
        double found = share_of(answers, is_multiple ? f[1] : f[0], is_multiple ? "yes" : f[1], f[2], f[3]);
        if (!(fabs(found - strtod(f[4], NULL)) <= strtod(f[5], NULL)))
            fail_msg("%s %s %s: published %s, synthetic %.3f", f[0], f[1], f[3], f[4], found);
        checked++;
    }
    assert_int_equal(checked, 53);
    jb_csv_reader_free(reader);
    fclose(file);
    jb_answers_free(answers);
    free(wanted);
    jb_plan_free(plan);
}

static void wrong_pillars_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } wrongs[] = {
        {"[pillar p]\nweight = 0\n", "plan.ini:5: weight"},
        {"[pillar p]\ncolour = red\n", "plan.ini:5: [pillar] has no key 'colour'"},
        {"[pillar p]\n", "plan.ini:4: pillar 'p' has no item"},
        {"[pillar p]\n[pillar p]\n", "plan.ini:5: there is a pillar 'p' already"},
        {"[item q]\nanswer = a\n", "plan.ini:4: item 'q' says no pillar"},
        {"[item q]\npillar = p\nanswer = a\n", "plan.ini:4: item 'q': there is no [pillar p]"},
        {"[pillar p]\n[item x]\npillar = p\n", "plan.ini:5: item 'x': there is no [question x]"},
        {"[pillar p]\n[item q]\npillar = p\n", "plan.ini:5: item 'q': say which answer counts"},
        {"[pillar p]\n[item q]\npillar = p\nanswer = a\nlow = 1\nhigh = 2\n", "low and high go with"},
        {"[pillar p]\n[item q]\npillar = p\nanswer = a\nlow = 2\n", "low and high go together"},
        {"[pillar p]\n[item q]\npillar = p\nanswer = a\ndirection = left\n", "plan.ini:8: direction: 'left'"},
        {"[pillar p]\n[item q]\npillar = p\n[item q]\n", "plan.ini:7: there is an item 'q' already"},
    };
    for (size_t i = 0; i < JB_COUNT(wrongs); i++) {
        char text[512];
        struct jb_error error = {0};
        struct jb_plan *plan = NULL;
        (void)snprintf(text, sizeof(text), "[survey]\ndata = a.csv\n[question q]\n%s", wrongs[i].text);
        assert_int_equal(jb_plan_parse(text, "plan.ini", &error, &plan), JB_INPUT);
        if (!strstr(error.message, wrongs[i].said))
            fail_msg("'%s' does not say '%s'", error.message, wrongs[i].said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_pillars_give_the_published_index),
        cmocka_unit_test(answers_are_worth_what_the_plan_says),
        cmocka_unit_test(the_index_is_the_mean_of_respondents),
        cmocka_unit_test(too_few_people_have_no_score),
        cmocka_unit_test(waves_are_compared_with_their_covariance_or_as_independent),
        cmocka_unit_test(the_synthetic_survey_gives_back_every_published_figure),
        cmocka_unit_test(wrong_pillars_are_named_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
