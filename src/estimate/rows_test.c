/* Rows in, rows with predictions out; which model a name means. */
#include "estimate/rows.h"

#include "estimate/facts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *data_path(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    return path;
}

#define FIELDS 64

/* What comes out: lines taken apart at their commas; no test has a quoted field before `refusal`. */
struct table {
    char text[1 << 16];
    char *cells[64][FIELDS];
    size_t rows, columns;
    struct jb_row_counts counts;
};

static enum jb_code estimate(const char *in, struct jb_error *error, struct table *ret) {
    _cleanup_free_ char *copy = strdup(in);
    FILE *input = fmemopen(copy, strlen(copy), "r"), *output = fmemopen(ret->text, sizeof ret->text, "w");
    assert_non_null(input);
    assert_non_null(output);
    enum jb_code code = jb_rows_estimate(data_path(), input, "in.csv", output, error, &ret->counts);
    fclose(input);
    fclose(output);
    ret->rows = ret->columns = 0;
    char *line_state = NULL;
    for (char *line = strtok_r(ret->text, "\n", &line_state); line && ret->rows < 64;
         line = strtok_r(NULL, "\n", &line_state)) {
        size_t count = 0;
        for (char *cell = line; cell && count < FIELDS;) {
            ret->cells[ret->rows][count++] = cell;
            if (*cell == '"')
                break;
            cell = strchr(cell, ',');
            if (cell)
                *cell++ = '\0';
        }
        ret->columns = ret->rows == 0 ? count : ret->columns;
        ret->rows++;
    }
    return code;
}

static const char *cell(const struct table *table, size_t row, const char *column) {
    for (size_t i = 0; i < table->columns; i++) {
        if (strcmp(table->cells[0][i], column) == 0)
            return table->cells[row][i];
    }
    fail_msg("no column %s", column);
    return "";
}

static double number(const struct table *table, size_t row, const char *column) {
    double value = NAN;
    if (jb_fact_number_parse(cell(table, row, column), NULL, &value))
        fail_msg("row %zu, %s: '%s', refused: %s", row, column, cell(table, row, column),
                 cell(table, row, "refusal"));
    return value;
}

#define HEADER                                                                                               \
    "dataset,task,model_id,params_total_b,params_active_b,weight_precision,gpu,n_gpus,tp,ep,dp,ulysses,"     \
    "ring,"                                                                                                  \
    "max_num_seqs,avg_batch_size,avg_output_tokens,image_h,image_w,frames,steps\n"

/* Rows with what was measured of them: within what the model promises of the like. */
static void measured_runs_are_met(void **state) {
    (void)state;
    static struct table table;
    struct jb_error error = {0};
    static const double measured_j[] = {0.103496, 0.707, 64672, 3644};
    assert_int_equal(
        estimate(HEADER "mlenergy-v3,lm-arena-chat,Qwen/Qwen3-8B,8,8,bfloat16,H100,1,1,1,1,,,96,96,642,,,,\n"
                        "mlenergy-v3,lm-arena-chat,Qwen/Qwen3-14B,14,14,bfloat16,H100,1,1,1,1,,,8,8,620,,,,\n"
                        "mlenergy-v3,text-to-video,Wan-AI/"
                        "Wan2.1-T2V-1.3B-Diffusers,1.3,1.3,bfloat16,H100,1,,,,1,1,,1,,480,832,81,50\n"
                        "mlenergy-v3,text-to-image,stabilityai/"
                        "stable-diffusion-3.5-large,8.1,8.1,bfloat16,B200,1,,,,1,1,,1,,1024,1024,,28\n",
                 &error, &table),
        JB_OK);
    assert_int_equal(table.counts.estimated, 4);
    for (size_t i = 0; i < JB_COUNT(measured_j); i++) {
        assert_true(fabs(number(&table, i + 1, "predicted_energy_j") / measured_j[i] - 1) < 0.25);
        assert_true(number(&table, i + 1, "low_j") < measured_j[i]);
        assert_true(number(&table, i + 1, "high_j") > measured_j[i]);
        assert_true(number(&table, i + 1, "predicted_latency_s") > 0);
        assert_string_equal(cell(&table, i + 1, "refusal"), "");
    }
}

static void a_bad_row_says_why_and_the_others_go_on(void **state) {
    (void)state;
    static struct table table;
    struct jb_error error = {0};
    static const struct {
        const char *row, *why;
    } rows[] = {
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,1,,,,,,,8,500,,,,", ""},
        {",poetry,Qwen/Qwen3-8B,,,,H100,1,,,,,,,8,500,,,,", "task: 'poetry' is none of"},
        {",lm-arena-chat,Foo/Nobody,,,,H100,1,,,,,,,8,500,,,,", "model_id: no model 'Foo/Nobody'; near: "},
        {",lm-arena-chat,Foo/Nobody,9,,,H100,1,,,,,,,8,500,,,,", ""},
        {",lm-arena-chat,,,,,H100,1,,,,,,,8,500,,,,", "model_id is empty"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,,1,,,,,,,8,500,,,,", "gpu is empty"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,Z80,1,,,,,,,8,500,,,,",
         "gpu: no accelerator 'Z80'; there are H100 SXM"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,0,,,,,,,8,500,,,,", "n_gpus: 0 is not between 1 and"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,1.5,,,,,,,8,500,,,,", "n_gpus: '1.5' is no whole number"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,1,,,,,,,8,,,,,", "avg_output_tokens is empty"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,1,,,,,,,nan,500,,,,", "avg_batch_size: 'nan' is no number"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,1,,,,,,,1e99,500,,,,", "avg_batch_size: 1e99 is not between"},
        {",lm-arena-chat,Qwen/Qwen3-8B,-3,,,H100,1,,,,,,,8,500,,,,", "params_total_b: -3 is not between"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,fp3,H100,1,,,,,,,8,500,,,,", "weight_precision: no precision 'fp3'"},
        {",lm-arena-chat,Qwen/Qwen3-8B,,,,H100,3,,,2,,,,8,500,,,,",
         "3 accelerators cannot be shared out evenly"},
        {",lm-arena-chat,qwen2.5-72b,,,,H100,1,,,,,,,8,500,,,,",
         "147.7 GB on each of 1 accelerators do not fit into"},
        {",lm-arena-chat,qwen2.5-72b,,,,H100,2,,,,,,,900,500,,,,", ""},
        {",text-to-image,Foo/Nothing,,,,H100,1,,,,,,,1,,,,,",
         "model_id: no diffusion model 'Foo/Nothing'; near: "},
        {",text-to-image,Foo/Nothing-2B,,,,H100,1,,,,,,,1,,,,,", ""},
        {",text-to-image,FLUX.1-dev,,,,H100,1,,,,,,,1,,1024,-5,,", "image_w: -5 is not between"},
        {",text-to-image,FLUX.1-dev,,,,H100,4,,,,,3,,1,,,,,",
         "4 accelerators cannot be shared out in rings of 3"},
    };
    _cleanup_free_ char *in = calloc(1, 8192);
    strcpy(in, HEADER);
    for (size_t i = 0; i < JB_COUNT(rows); i++) {
        strcat(in, rows[i].row);
        strcat(in, "\n");
    }
    assert_int_equal(estimate(in, &error, &table), JB_OK);
    uint64_t refused = 0;
    for (size_t i = 0; i < JB_COUNT(rows); i++) {
        const char *why = cell(&table, i + 1, "refusal");
        why += *why == '"';
        if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0 || (*why && !*rows[i].why))
            fail_msg("row %zu: '%s', not '%s'", i + 1, why, rows[i].why);
        refused += *why != '\0';
        if (*why)
            assert_string_equal(cell(&table, i + 1, "predicted_energy_j"), "");
        else
            assert_true(number(&table, i + 1, "predicted_energy_j") > 0);
    }
    assert_int_equal(table.counts.refused, refused);
    assert_int_equal(table.counts.estimated, JB_COUNT(rows) - refused);
}

static void a_file_that_is_no_such_table_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *in, *why;
    } files[] = {
        {"\n", "in.csv: the file is empty"},
        {"a,b\n1,2\n", "in.csv: there is no column task; rows need task, model_id and gpu at the least"},
        {"task,gpu,gpu,model_id\n", "in.csv: there are two columns gpu"},
        {"task,gpu,model_id\nx\n", "in.csv, line 2: 1 fields, and the header has 3"},
    };
    for (size_t i = 0; i < JB_COUNT(files); i++) {
        static struct table table;
        struct jb_error error = {0};
        assert_int_equal(estimate(files[i].in, &error, &table), JB_INPUT);
        assert_string_equal(error.message, files[i].why);
    }
}

static void columns_stay_as_they_are(void **state) {
    (void)state;
    static struct table table;
    struct jb_error error = {0};
    assert_int_equal(estimate("note,gpu,model_id,task,avg_output_tokens,max_num_seqs\n"
                              "mine,H100,qwen2.5-7b,lm-arena-chat,100,4\n",
                              &error, &table),
                     JB_OK);
    assert_int_equal(table.columns, 11);
    assert_string_equal(cell(&table, 1, "note"), "mine");
    assert_true(number(&table, 1, "predicted_energy_j") > 0);
}

static void names_are_met_however_they_end(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct jb_model_size size;
        double total_b, active_b; /* 0: none */
        bool is_typical;
    } cases[] = {
        {"Qwen/Qwen3-32B", {0, 0}, 32.76, 0, false},
        {"qwen3-32b-awq", {0, 0}, 32.76, 0, false},
        {"nobody/Qwen3-32B-GPTQ-Int4", {0, 0}, 32.76, 0, false},
        {"Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", {235e9, 22e9}, 235.09, 21.57, false},
        {"meta-llama/Llama-3.1-405B-Instruct-FP8", {405e9, 405e9}, 405.85, 0, false},
        {"meta-llama/Meta-Llama-3-70B", {0, 0}, 70.55, 0, false},
        {"deepseek-ai/DeepSeek-R1-0528-Quantized.w4a16", {0, 0}, 671.03, 36.63, false},
        {"Qwen/Qwen2.5-7B-Instrukt", {0, 0}, 7.615, 0, false},
        /* Of another size than the one of that name. */
        {"someone/Qwen3-8B", {40e9, 40e9}, 40, 0, true},
        {"Foo/Bar-30B-A3B", {0, 0}, 30, 3, true},
        {"Foo/Mixtral-8x7B-v9", {0, 0}, 46.5, 12.95, true},
        {"Foo/Bar-1.5B", {0, 0}, 1.5, 0, true},
        {"Foo/Bar2", {7e9, 0}, 7, 0, true},
        {"Foo/Bar", {0, 0}, 0, 0, false},
        {"", {0, 0}, 0, 0, false},
    };
    _cleanup_(jb_catalogue_free_cleanup) struct jb_catalogue *catalogue = NULL;
    struct jb_error error = {0};
    assert_int_equal(jb_catalogue_read(data_path(), &error, &catalogue), JB_OK);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_resolved found = {0};
        enum jb_code code = jb_resolve_language(catalogue, cases[i].name, &cases[i].size, &error, &found);
        if (!(cases[i].total_b > 0)) {
            assert_int_equal(code, JB_USAGE);
            continue;
        }
        assert_int_equal(code, JB_OK);
        double active_b = jb_shape_active(&found.shape) / 1e9;
        if (fabs(found.shape.total / 1e9 / cases[i].total_b - 1) > 0.005 ||
            found.shape.is_typical != cases[i].is_typical ||
            (cases[i].active_b > 0 && fabs(active_b / cases[i].active_b - 1) > 0.15))
            fail_msg("%s: %.2f B, %.2f B active", cases[i].name, found.shape.total / 1e9, active_b);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct jb_resolved found;
    struct jb_model_size none = {0};
    assert_int_equal(jb_resolve_language(catalogue, longest, &none, &error, &found), JB_USAGE);
}

static void diffusers_are_met_however_they_end(void **state) {
    (void)state;
    static const struct {
        const char *name, *found;
    } cases[] = {
        {"Wan-AI/Wan2.1-T2V-14B-Diffusers", "Wan-AI/Wan2.1-T2V-14B"},
        {"Efficient-Large-Model/SANA1.5_4.8B_1024px_diffusers", "Efficient-Large-Model/SANA1.5_4.8B_1024px"},
        {"stabilityai/stable-diffusion-3-medium-diffusers", "stabilityai/stable-diffusion-3-medium"},
        {"flux.1-dev", "black-forest-labs/FLUX.1-dev"}};
    _cleanup_(jb_diffusers_free_cleanup) struct jb_diffusers *diffusers = NULL;
    struct jb_model_size none = {0}, two = {2e9, 2e9};
    struct jb_diffuser found;
    struct jb_error error = {0};
    assert_int_equal(jb_diffusers_read(data_path(), &error, &diffusers), JB_OK);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(jb_resolve_diffuser(diffusers, cases[i].name, false, &none, &error, &found), JB_OK);
        assert_string_equal(found.name, cases[i].found);
    }
    assert_int_equal(jb_resolve_diffuser(diffusers, "Foo/Bar", true, &none, &error, &found), JB_USAGE);
    assert_int_equal(jb_resolve_diffuser(diffusers, "Foo/Bar", true, &two, &error, &found), JB_OK);
    assert_true(found.is_video && found.is_typical && found.layer_count > 10);
    double own = 18.0 * found.layer_count * found.hidden * found.hidden;
    assert_true(own > 1.6e9 && own < 2.4e9);
}

static void accelerators_are_met_however_they_are_written(void **state) {
    (void)state;
    static const char *const names[][2] = {{"H100", "H100 SXM"},
                                           {"NVIDIA H100 80GB HBM3", "H100 SXM"},
                                           {"nvidia-a100-sxm4-40gb", "A100 SXM 40GB"},
                                           {"b200", "B200 SXM"},
                                           {"RTX 4090", "GeForce RTX 4090"},
                                           {"AMD Instinct MI300X", "MI300X"},
                                           {"h100_pcie", "H100 PCIe"}};
    _cleanup_(jb_accelerators_free_cleanup) struct jb_accelerators *accelerators = NULL;
    const struct jb_accelerator *found = NULL;
    struct jb_error error = {0};
    assert_int_equal(jb_accelerators_read(data_path(), &error, &accelerators), JB_OK);
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        assert_int_equal(jb_accelerators_find(accelerators, names[i][0], &error, &found), JB_OK);
        assert_string_equal(found->name, names[i][1]);
    }
    assert_int_equal(jb_accelerators_find(accelerators, "", &error, &found), JB_USAGE);
    assert_int_equal(jb_accelerators_find(accelerators, "|", &error, &found), JB_USAGE);
    for (size_t i = 0; i < jb_accelerators_count(accelerators); i++) {
        const struct jb_accelerator *item = jb_accelerators_item(accelerators, i);
        assert_true(item->idle_w < item->tdp_w);
        assert_true(item->operations_per_s[JB_FP8] >= item->operations_per_s[JB_BF16]);
        /* Operations for a byte: from a CPU's dozen to an H100's three hundred, and somewhat around. */
        double balance = item->operations_per_s[JB_BF16] / item->bytes_per_s;
        assert_true(balance > 5 && balance < 600);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(item->name, jb_accelerators_item(accelerators, j)->name);
    }
    assert_null(jb_accelerators_item(accelerators, jb_accelerators_count(accelerators)));
}

static void numbers_are_numbers(void **state) {
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "nan", "inf", "0x10", "1e", "--1", "1e999", "1,5", "."};
    double value = 7;
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_fact_number_parse(bad[i], NULL, &value), JB_INPUT);
    assert_true(value == 7);
    assert_int_equal(jb_fact_number_parse("-1.5e3", NULL, &value), JB_OK);
    assert_true(value == -1500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_runs_are_met),
        cmocka_unit_test(a_bad_row_says_why_and_the_others_go_on),
        cmocka_unit_test(a_file_that_is_no_such_table_is_refused),
        cmocka_unit_test(columns_stay_as_they_are),
        cmocka_unit_test(names_are_met_however_they_end),
        cmocka_unit_test(diffusers_are_met_however_they_end),
        cmocka_unit_test(accelerators_are_met_however_they_are_written),
        cmocka_unit_test(numbers_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
