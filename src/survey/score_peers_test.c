/* Agreement of scores with R's survey package (svycontrast over totals): tests/peers/survey/score.R made the
 * sample and what R says of it. */
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/number.h"
#include "survey/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 400, ITEMS = 5 };

struct sample {
    size_t count;
    uint32_t stratum[ROWS], psu[ROWS], block[ROWS];
    double size[ROWS], weight[ROWS], values[ROWS * ITEMS];
};

static struct sample sample;
static const struct jb_index model = {
    .pillar_count = 3,
    .item_count = ITEMS,
    .pillars = {{.name = "p1", .weight = 0.5}, {.name = "p2", .weight = 0.3}, {.name = "p3", .weight = 0.2}},
    .items = {{.name = "y1", .pillar = 0, .weight = 1},
              {.name = "y2", .pillar = 1, .weight = 0.7},
              {.name = "y3", .pillar = 1, .weight = 0.3},
              {.name = "y4", .pillar = 2, .weight = 0.5},
              {.name = "y5", .pillar = 2, .weight = 0.5}},
};

static struct jb_csv_reader *open_csv(const char *name, FILE **ret_file) {
    char path[4096];
    const char *root = getenv("JB_SOURCE_ROOT");
    struct jb_csv_reader *reader;
    (void)snprintf(path, sizeof(path), "%s/tests/peers/survey/%s", root ? root : ".", name);
    *ret_file = fopen(path, "r");
    assert_non_null(*ret_file);
    assert_int_equal(jb_csv_reader_make(*ret_file, name, NULL, &reader), JB_OK);
    return reader;
}

static double number(const char *text) {
    double value = NAN;
    assert_true(!*text || jb_number_parse(text, &value));
    return value;
}

static void read_sample(void) {
    FILE *file;
    struct jb_csv_reader *reader = open_csv("score_sample.csv", &file);
    const char *const *f;
    size_t count;
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK); /* the heading */
    assert_int_equal(count, 6 + ITEMS);
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        size_t row = sample.count++;
        assert_true(row < ROWS);
        sample.stratum[row] = (uint32_t)number(f[0]), sample.psu[row] = (uint32_t)number(f[1]);
        sample.size[row] = number(f[2]), sample.weight[row] = number(f[3]);
        sample.block[row] = (uint32_t)(2 * number(f[4]) + number(f[5]));
        for (size_t j = 0; j < ITEMS; j++)
            sample.values[row * ITEMS + j] = number(f[6 + j]);
    }
    jb_csv_reader_free(reader);
    fclose(file);
}

static struct jb_scoring score(const char *name, struct jb_design *design) {
    *design = (struct jb_design){.count = sample.count, .weight = sample.weight, .stage_count = 1};
    design->stages[0] =
        (struct jb_design_stage){.stratum = strcmp(name, "srs") == 0 ? NULL : sample.stratum,
                                 .cluster = strncmp(name, "clustered", 9) == 0 ? sample.psu : NULL,
                                 .population = strcmp(name, "clustered_fpc") == 0 ? sample.size : NULL};
    struct jb_scoring made = {0};
    struct jb_error error = {0};
    if (jb_design_prepare(design, &error) ||
        jb_score(design, &model, sample.values, sample.block, 4, &error, &made))
        fail_msg("%s: %s", name, error.message);
    return made;
}

static size_t figure_of(const struct jb_scoring *scoring, const char *what) {
    if (strncmp(what, "item", 4) == 0)
        return (size_t)(what[4] - '1');
    if (strncmp(what, "pillar", 6) == 0)
        return jb_figure_of_pillar(scoring, (size_t)(what[6] - '1'));
    return jb_figure_of_index(scoring, strncmp(what, "geo", 3) == 0 ? JB_GEOMETRIC : JB_ARITHMETIC);
}

static double ours(const struct jb_scoring *scoring, const char *what, size_t block) {
    size_t figure = figure_of(scoring, what), count = scoring->figure_count;
    bool is_change = strstr(what, "_change") != NULL, is_se = strstr(what, "_se") != NULL;
    if (!is_change)
        return is_se ? sqrt(jb_score_covariance(scoring, block, figure, block, figure))
                     : scoring->value[block * count + figure];
    size_t a = 2 * block, b = 2 * block + 1;
    return is_se ? sqrt(jb_score_covariance(scoring, a, figure, a, figure) +
                        jb_score_covariance(scoring, b, figure, b, figure) -
                        2 * jb_score_covariance(scoring, a, figure, b, figure))
                 : scoring->value[b * count + figure] - scoring->value[a * count + figure];
}

static void r_says_the_same_of_scores(void **state) {
    (void)state;
    FILE *file;
    struct jb_csv_reader *reader = open_csv("score_reference.csv", &file);
    const char *const *f;
    char name[32] = "";
    size_t count, checked = 0;
    struct jb_design design = {0};
    struct jb_scoring scoring = {0};
    read_sample();
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK);
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        if (strcmp(name, f[0]) != 0) {
            jb_scoring_free(&scoring);
            jb_design_finish(&design);
            (void)snprintf(name, sizeof(name), "%s", f[0]);
            scoring = score(name, &design);
        }
        double expected = number(f[3]), found = ours(&scoring, f[1], (size_t)number(f[2]));
        if (!(fabs(found - expected) <= 1e-9 * fabs(expected)))
            fail_msg("%s %s %s: R %.17g, we %.17g", f[0], f[1], f[2], expected, found);
        checked++;
    }
    assert_true(checked > 200);
    jb_scoring_free(&scoring);
    jb_design_finish(&design);
    jb_csv_reader_free(reader);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(r_says_the_same_of_scores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
