/* Agreement with R's survey package: tests/peers/survey holds a sample, and what R says of it under many
 * designs. */
#include "base/csv.h"
#include "base/distribution.h"
#include "survey/inference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 2000, REPLICATES = 400 };

struct sample {
    size_t count;
    uint32_t stratum[ROWS], psu[ROWS], ssu[ROWS], g[ROWS], k[ROWS], lone[ROWS], psu_of_lone[ROWS];
    double n1[ROWS], n2[ROWS], w[ROWS], y[ROWS], x[ROWS], u[ROWS], f1[ROWS], rows_in[ROWS];
};

struct replicates {
    char design[REPLICATES][32];
    double *weight[REPLICATES], scale[REPLICATES], own_scale[REPLICATES], df[REPLICATES];
    bool is_mse[REPLICATES];
    size_t count;
};

static struct sample sample;
static struct replicates replicates;

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
    return *text ? strtod(text, NULL) : NAN;
}

static void read_sample(void) {
    FILE *file;
    struct jb_csv_reader *reader = open_csv("sample.csv", &file);
    const char *const *f;
    size_t count;
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK); /* the heading */
    assert_int_equal(count, 14);
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        size_t i = sample.count++;
        assert_true(i < ROWS);
        sample.stratum[i] = (uint32_t)atoi(f[0]), sample.psu[i] = (uint32_t)atoi(f[1]);
        sample.ssu[i] = (uint32_t)atoi(f[2]), sample.n1[i] = number(f[3]), sample.n2[i] = number(f[4]);
        sample.w[i] = number(f[5]), sample.g[i] = (uint32_t)atoi(f[6]), sample.k[i] = (uint32_t)atoi(f[7]);
        sample.y[i] = number(f[8]), sample.x[i] = number(f[9]), sample.u[i] = number(f[10]);
        sample.lone[i] = (uint32_t)atoi(f[11]), sample.f1[i] = number(f[12]);
        sample.rows_in[i] = number(f[13]);
    }
    assert_true(sample.count > 300);
    jb_csv_reader_free(reader);
    fclose(file);
}

static void read_replicates(void) {
    FILE *file;
    struct jb_csv_reader *reader = open_csv("replicates.csv", &file);
    const char *const *f;
    size_t count;
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        size_t r = replicates.count++;
        assert_true(r < REPLICATES && count == sample.count + 5);
        (void)snprintf(replicates.design[r], sizeof(replicates.design[r]), "%s", f[0]);
        replicates.scale[r] = number(f[1]), replicates.own_scale[r] = number(f[2]);
        replicates.is_mse[r] = f[3][0] == '1', replicates.df[r] = number(f[4]);
        replicates.weight[r] = calloc(sample.count, sizeof(double));
        for (size_t i = 0; i < sample.count; i++)
            replicates.weight[r][i] = number(f[5 + i]);
    }
    jb_csv_reader_free(reader);
    fclose(file);
}

/* The design of a name, prepared; *ret_weights is to be freed after it. */
static struct jb_design make_design(const char *name, double **ret_weights) {
    struct jb_design design = {.count = sample.count, .weight = sample.w, .stage_count = 1};
    struct jb_design_stage *first = &design.stages[0];
    *ret_weights = NULL;
    if (strncmp(name, "lonely_", 7) == 0) {
        design.lonely = strcmp(name, "lonely_certainty") == 0 ? JB_LONELY_CERTAINTY
                        : strcmp(name, "lonely_adjust") == 0  ? JB_LONELY_ADJUST
                                                              : JB_LONELY_AVERAGE;
        first->stratum = sample.lone, first->cluster = sample.psu;
    } else {
        first->stratum = strcmp(name, "srs") == 0 || strcmp(name, "clustered") == 0 ? NULL : sample.stratum;
        first->cluster = strstr(name, "cluster") || strcmp(name, "two_stage") == 0 ? sample.psu : NULL;
        first->population = strcmp(name, "stratified_fpc") == 0       ? sample.rows_in
                            : strcmp(name, "clustered_fraction") == 0 ? sample.f1
                            : strcmp(name, "clustered_fpc") == 0 || strcmp(name, "two_stage") == 0 ? sample.n1
                                                                                                   : NULL;
    }
    if (strcmp(name, "two_stage") == 0) {
        design.stage_count = 2;
        design.stages[1] = (struct jb_design_stage){.cluster = sample.ssu, .population = sample.n2};
    }
    static double own_scale[REPLICATES];
    for (size_t r = 0; r < replicates.count; r++) {
        if (strcmp(replicates.design[r], name) != 0)
            continue;
        *ret_weights = realloc(*ret_weights, (design.replicate_count + 1) * sample.count * sizeof(double));
        memcpy(*ret_weights + design.replicate_count * sample.count, replicates.weight[r],
               sample.count * sizeof(double));
        own_scale[design.replicate_count++] = replicates.own_scale[r];
        design.scale = replicates.scale[r], design.replicate_df = replicates.df[r];
        design.is_around_estimate = replicates.is_mse[r];
    }
    design.replicate_weight = *ret_weights, design.replicate_scale = own_scale;
    struct jb_error error = {0};
    if (jb_design_prepare(&design, &error))
        fail_msg("%s: %s", name, error.message);
    return design;
}

static struct jb_estimates estimate(const struct jb_design *design, const char *what) {
    uint32_t block[ROWS];
    _cleanup_free_ double *indicator = calloc(4 * sample.count, sizeof(double));
    bool is_share = strncmp(what, "share", 5) == 0;
    for (size_t i = 0; i < sample.count; i++) {
        block[i] = is_share || !isnan(sample.y[i]) ? sample.g[i] : UINT32_MAX;
        indicator[i * 4 + sample.k[i]] = 1;
    }
    bool is_ratio = strncmp(what, "ratio", 5) == 0, is_total = strncmp(what, "total", 5) == 0;
    const double *y = strcmp(what, "u") == 0 ? sample.u : is_share ? indicator : sample.y;
    if (y == sample.u)
        memcpy(block, sample.g, sample.count * sizeof(block[0]));
    struct jb_variables variables = {
        .width = is_share ? 4 : 1, .block_count = 3, .block = block, .y = y, .x = is_ratio ? sample.x : NULL};
    struct jb_estimates estimates;
    struct jb_error error = {0};
    if (jb_estimate(design,
                    is_ratio   ? JB_RATIO
                    : is_total ? JB_TOTAL
                               : JB_MEAN,
                    &variables, &error, &estimates))
        fail_msg("%s: %s", what, error.message);
    return estimates;
}

static double interval_end(const struct jb_design *design, const char *what, size_t i, size_t end) {
    struct jb_estimates estimates = estimate(design, "u");
    struct jb_proportion proportion = {.value = estimates.value[i],
                                       .variance = estimates.covariance[i * 3 + i],
                                       .row_count = estimates.row_count[i],
                                       .kish = estimates.kish[i],
                                       .df = estimates.df[i]};
    enum jb_interval method = strcmp(what, "xlogit") == 0 ? JB_INTERVAL_XLOGIT
                              : strcmp(what, "beta") == 0 ? JB_INTERVAL_BETA
                                                          : JB_INTERVAL_NORMAL;
    double ends[2];
    /* R's interval "mean" takes the same t. */
    jb_proportion_interval(method, &proportion, 0.95, &ends[0], &ends[1]);
    jb_estimates_free(&estimates);
    return ends[end];
}

static double quantile(const struct jb_design *design, size_t i, double percent, bool is_se) {
    uint32_t block[ROWS];
    struct jb_quantile found;
    for (size_t row = 0; row < sample.count; row++)
        block[row] = sample.g[row] == i && !isnan(sample.y[row]) ? 0 : UINT32_MAX;
    assert_int_equal(jb_quantiles_estimate(design, sample.y, block, 1, percent / 100, 0.95, NULL, &found),
                     JB_OK);
    return is_se ? found.se : found.value;
}

static double independence(const struct jb_design *design, const char *what, size_t i) {
    struct jb_independence test;
    struct jb_error error = {0};
    if (jb_independence_test(design, sample.g, 3, sample.k, 4, &error, &test))
        fail_msg("%s", error.message);
    return strcmp(what, "rao_scott_f") == 0   ? test.f
           : strcmp(what, "rao_scott_p") == 0 ? test.p
           : i == 0                           ? test.df1
                                              : test.df2;
}

static double distribution(const char *name, const char *what, double i, double j) {
    if (strcmp(name, "normal") == 0)
        return jb_normal_quantile(i);
    if (strcmp(name, "t") == 0)
        return strcmp(what, "quantile") == 0 ? jb_t_quantile(i, j) : jb_t_two_sided(i, j);
    if (strcmp(name, "beta") == 0)
        return jb_beta_quantile(i, number(what), j);
    return jb_f_upper(number(what), i, j);
}

static bool is_distribution(const char *name) {
    return strcmp(name, "normal") == 0 || strcmp(name, "t") == 0 || strcmp(name, "beta") == 0 ||
           strcmp(name, "f") == 0;
}

/* What the library says where R says something. */
static double ours(const struct jb_design *design, const char *what, size_t i, size_t j) {
    if (strcmp(what, "xlogit") == 0 || strcmp(what, "beta") == 0 || strcmp(what, "mean_ci") == 0)
        return interval_end(design, what, i, j);
    if (strncmp(what, "quantile", 8) == 0)
        return quantile(design, i, (double)j, strcmp(what, "quantile_se") == 0);
    if (strncmp(what, "rao_scott", 9) == 0)
        return independence(design, what, i);
    struct jb_estimates e = estimate(design, what);
    double value;
    if (strncmp(what, "share_cov", 9) == 0) {
        size_t block = (size_t)(what[9] - '0') * 4;
        value = e.covariance[(block + i) * e.count + block + j];
    } else if (strstr(what, "_cov")) {
        value = e.covariance[i * e.count + j];
    } else if (strcmp(what, "df") == 0) {
        value = e.df[i];
    } else if (strcmp(what, "deff") == 0) {
        value = e.deff[i];
    } else {
        value = e.value[i * e.width + j];
    }
    jb_estimates_free(&e);
    return value;
}

static void r_says_the_same(void **state) {
    (void)state;
    FILE *file;
    struct jb_csv_reader *reader = open_csv("reference.csv", &file);
    const char *const *f;
    size_t count, checked = 0, wrong = 0;
    char name[32] = "";
    double *weights = NULL;
    struct jb_design design = {0};
    assert_int_equal(jb_csv_read(reader, NULL, &f, &count), JB_OK);
    while (jb_csv_read(reader, NULL, &f, &count) == JB_OK) {
        double expected = number(f[4]), found, tolerance = 1e-9;
        if (is_distribution(f[0])) {
            found = distribution(f[0], f[1], number(f[2]), number(f[3]));
            tolerance = 1e-12;
        } else {
            if (strcmp(name, f[0]) != 0) {
                jb_design_finish(&design);
                free(weights);
                (void)snprintf(name, sizeof(name), "%s", f[0]);
                design = make_design(name, &weights);
            }
            found = ours(&design, f[1], (size_t)atoi(f[2]), (size_t)atoi(f[3]));
        }
        bool both_unknown = isnan(expected) && isnan(found);
        checked++;
        if (!both_unknown && !(fabs(found - expected) <= tolerance * fmax(fabs(expected), 1e-6))) {
            wrong++;
            print_message("%s %s %s %s: R %.17g, we %.17g\n", f[0], f[1], f[2], f[3], expected, found);
        }
    }
    jb_design_finish(&design);
    free(weights);
    jb_csv_reader_free(reader);
    fclose(file);
    assert_true(checked > 1500);
    assert_int_equal(wrong, 0);
}

static int set_up(void **state) {
    (void)state;
    read_sample();
    read_replicates();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t r = 0; r < replicates.count; r++)
        free(replicates.weight[r]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(r_says_the_same)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
