/* Reads measured runs and fits the constants of the energy model to them. */
#include "energy_fit.h"

#include "base/array.h"
#include "estimate/facts.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define SAMPLE_CEILING 100000

void jb_samples_free(struct jb_samples *samples) {
    free(samples->items);
    *samples = (struct jb_samples){0};
}

/* Models of one family share a shape, up to its size: they are left out together. */
static const char *family_of(const char *model) {
    static const char *const families[][2] = {
        {"qwen3-235b", NULL},
        {"qwen3-vl-235b", "qwen3-235b"},
        {"qwen3-30b", NULL},
        {"qwen3-vl-30b", "qwen3-30b"},
        {"qwen3-omni", "qwen3-30b"},
        {"qwen3-coder", NULL},
        {"qwen3-8b", NULL},
        {"qwen3-14b", NULL},
        {"gemma-3", NULL},
        {"gemma-2", NULL},
        {"codegemma", NULL},
        {"gpt-oss", NULL},
        {"nemotron", NULL},
        {"deepseek", NULL},
        {"mixtral", NULL},
        {"mistral", NULL},
        {"phi-3", NULL},
        {"starcoder2", NULL},
        {"codellama", NULL},
        {"llava", NULL},
        {"chameleon", NULL},
        {"llama-4", NULL},
        {"llama-3.1", NULL},
        {"stable-diffusion-3", NULL},
        {"openjourney", "stable-diffusion-1"},
        {"animatediff", "stable-diffusion-1"},
        {"stable-diffusion-2", NULL},
        {"sdxl", NULL},
        {"ssd-1b", "sdxl"},
        {"kandinsky", NULL},
        {"stable-video", NULL},
        {"i2vgen", NULL},
        {"sana", NULL},
        {"pixart", NULL},
        {"hunyuandit", NULL},
        {"hunyuanvideo", NULL},
        {"wan2", NULL},
        {"cogvideox", NULL},
    };
    for (size_t i = 0; i < JB_COUNT(families); i++) {
        if (strcasestr(model, families[i][0]))
            return families[i][families[i][1] != NULL];
    }
    return model;
}

static double number_at(const struct jb_row_reader *reader, const char *const *fields, const char *name) {
    size_t count;
    const char *const *header = jb_row_header(reader, &count);
    double number = NAN;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(header[i], name) == 0 && *fields[i] && jb_fact_number_parse(fields[i], NULL, &number))
            return NAN;
    }
    return number;
}

static enum jb_code add(struct jb_samples *samples, struct jb_job_maker *maker, const struct jb_row *row,
                        const struct jb_row_reader *reader, const char *const *fields,
                        struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&samples->items, &samples->capacity, samples->count + 1,
                                         SAMPLE_CEILING, "samples", error);
    if (code)
        return code;
    struct jb_sample *sample = &samples->items[samples->count];
    *sample = (struct jb_sample){0};
    code = jb_job_make(maker, row, error, &sample->job);
    if (code)
        return jb_error_prefix(error, "%s", row->model_id);
    snprintf(sample->task, sizeof sample->task, "%s", row->task);
    snprintf(sample->gpu, sizeof sample->gpu, "%s", sample->job.deployment.accelerator->name);
    snprintf(sample->family, sizeof sample->family, "%s", family_of(row->model_id));
    sample->is_old = sample->job.deployment.is_old_software;
    double per_token = number_at(reader, fields, "energy_per_output_token_J");
    double throughput =
        number_at(reader, fields, sample->is_old ? "throughput_tok_s" : "throughput_out_tok_s");
    double active = number_at(reader, fields, "params_active_b"),
           latency = number_at(reader, fields, "batch_latency_s");
    sample->active_b = isnan(active) ? number_at(reader, fields, "params_total_b") : active;
    if (sample->job.is_picture) {
        double items = number_at(reader, fields, "throughput_items_s");
        sample->batch = sample->job.picture.batch;
        sample->energy_j = number_at(reader, fields, "energy_per_request_J");
        sample->time_s = isnan(items) ? latency : sample->batch / items;
    } else {
        sample->batch = sample->job.text.concurrency;
        sample->energy_j = per_token;
        sample->time_s = sample->batch / throughput;
    }
    if (sample->energy_j > 0 && sample->time_s > 0)
        samples->count++;
    return JB_OK;
}

enum jb_code jb_samples_read(struct jb_job_maker *maker, const char *path, struct jb_error *error,
                             struct jb_samples *samples) {
    _cleanup_(jb_row_reader_free_cleanup) struct jb_row_reader *reader = NULL;
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    const char *const *fields;
    struct jb_row row;
    size_t count;
    enum jb_code code = jb_row_reader_make(file, path, error, &reader);
    while (!code && !(code = jb_row_read(reader, error, &row, &fields, &count)))
        code = add(samples, maker, &row, reader, fields, error);
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_sample_predict(const struct jb_energy_constants *constants, const struct jb_sample *sample,
                               struct jb_error *error, double *ret_energy_j, double *ret_time_s) {
    struct jb_energy energy;
    enum jb_code code = jb_job_estimate(constants, &sample->job, error, &energy);
    if (code)
        return code;
    *ret_energy_j = sample->job.is_picture ? energy.energy_j : energy.per_token_j;
    *ret_time_s = sample->job.is_picture ? energy.latency_s : energy.between_tokens_s;
    return JB_OK;
}

#define KNEE 0.1 /* residuals beyond it count ever less: half of them are measured worse than that */
#define STEP 1e-4

/* How much times and the start count, beside energies. */
static const struct { double time, start, family_power; } weighing[] = {{0.5, 0.6, 0.25}, {0.5, 0.5, 0.5}};

struct fit {
    const struct jb_samples *samples;
    struct jb_energy_constants *constants;
    struct jb_error *error;
    size_t *chosen; /* samples */
    double *weights;
    size_t chosen_count;
    size_t moved[JB_CONSTANT_COUNT], moved_count; /* constants */
    const struct jb_constant *described;
    double start_weight, time_weight;
    size_t row_count;
};

static double *place(const struct fit *fit, size_t i) {
    return (double *)(void *)((char *)fit->constants + fit->described[fit->moved[i]].offset);
}

static enum jb_code residuals(const struct fit *fit, double *ret) {
    for (size_t i = 0; i < fit->chosen_count; i++) {
        const struct jb_sample *sample = &fit->samples->items[fit->chosen[i]];
        double energy_j, time_s;
        enum jb_code code = jb_sample_predict(fit->constants, sample, fit->error, &energy_j, &time_s);
        if (code)
            return code;
        ret[2 * i] = fit->weights[i] * log(energy_j / sample->energy_j);
        ret[2 * i + 1] = fit->weights[i] * fit->time_weight * log(time_s / sample->time_s);
    }
    for (size_t i = 0; i < fit->moved_count; i++)
        ret[2 * fit->chosen_count + i] =
            fit->start_weight * log(*place(fit, i) / fit->described[fit->moved[i]].start);
    return JB_OK;
}

static double cost_of(const double *residual, size_t count) {
    double cost = 0;
    for (size_t i = 0; i < count; i++)
        cost += sqrt(1 + residual[i] * residual[i] / (KNEE * KNEE)) - 1;
    return cost;
}

/* Gaussian elimination with pivoting; n equations, matrix and right side are overwritten. */
static void solve(double *matrix, double *right, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t pivot = i;
        for (size_t j = i + 1; j < n; j++) {
            if (fabs(matrix[j * n + i]) > fabs(matrix[pivot * n + i]))
                pivot = j;
        }
        for (size_t k = 0; k < n && pivot != i; k++) {
            double kept = matrix[i * n + k];
            matrix[i * n + k] = matrix[pivot * n + k];
            matrix[pivot * n + k] = kept;
        }
        double kept = right[i];
        right[i] = right[pivot];
        right[pivot] = kept;
        for (size_t j = i + 1; j < n; j++) {
            double factor = matrix[j * n + i] / matrix[i * n + i];
            for (size_t k = i; k < n; k++)
                matrix[j * n + k] -= factor * matrix[i * n + k];
            right[j] -= factor * right[i];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            right[i] -= matrix[i * n + k] * right[k];
        right[i] /= matrix[i * n + i];
    }
}

/* One step from where the residuals and their slopes are; returns whether it went anywhere better. */
static enum jb_code move(struct fit *fit, const double *residual, const double *slopes, double *damping,
                         double *next, bool *ret_better) {
    size_t n = fit->moved_count, rows = fit->row_count;
    double matrix[JB_CONSTANT_COUNT * JB_CONSTANT_COUNT], right[JB_CONSTANT_COUNT], before[JB_CONSTANT_COUNT];
    double cost = cost_of(residual, rows);
    for (size_t i = 0; i < n; i++)
        before[i] = *place(fit, i);
    *ret_better = false;
    for (int tries = 0; tries < 8 && !*ret_better; tries++) {
        memset(matrix, 0, sizeof matrix);
        memset(right, 0, sizeof right);
        for (size_t r = 0; r < rows; r++) {
            double weight = 1 / sqrt(1 + residual[r] * residual[r] / (KNEE * KNEE));
            for (size_t i = 0; i < n; i++) {
                right[i] -= weight * slopes[i * rows + r] * residual[r];
                for (size_t j = 0; j <= i; j++)
                    matrix[i * n + j] += weight * slopes[i * rows + r] * slopes[j * rows + r];
            }
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++)
                matrix[j * n + i] = matrix[i * n + j];
            matrix[i * n + i] *= 1 + *damping;
        }
        solve(matrix, right, n);
        for (size_t i = 0; i < n; i++) {
            const struct jb_constant *constant = &fit->described[fit->moved[i]];
            double value = before[i] * exp(fmax(-1, fmin(1, right[i])));
            *place(fit, i) = fmax(constant->least, fmin(constant->most, value));
        }
        enum jb_code code = residuals(fit, next);
        if (code)
            return code;
        *ret_better = cost_of(next, rows) < cost * (1 - 1e-6);
        *damping *= *ret_better ? 0.3 : 5;
    }
    for (size_t i = 0; i < n && !*ret_better; i++)
        *place(fit, i) = before[i];
    return JB_OK;
}

static void choose(struct fit *fit, bool is_picture, const char *left_out) {
    const struct jb_samples *samples = fit->samples;
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) {
        const struct jb_sample *sample = &samples->items[i];
        size_t like = 0;
        if (sample->job.is_picture != is_picture || (left_out && strcmp(sample->family, left_out) == 0))
            continue;
        for (size_t j = 0; j < samples->count; j++)
            like += samples->items[j].job.is_picture == is_picture &&
                    strcmp(samples->items[j].family, sample->family) == 0;
        fit->chosen[fit->chosen_count] = i;
        /* Large families count for less than their number; so does the older table of text. */
        fit->weights[fit->chosen_count] = pow((double)like, -weighing[is_picture].family_power);
        sum += fit->weights[fit->chosen_count++];
    }
    for (size_t i = 0; i < fit->chosen_count; i++) {
        fit->weights[i] *= (double)fit->chosen_count / sum;
        if (!is_picture && samples->items[fit->chosen[i]].is_old)
            fit->weights[i] *= 0.7;
    }
    for (size_t i = 0; i < JB_CONSTANT_COUNT; i++) {
        const struct jb_constant *constant = &fit->described[i];
        bool is_of_it = is_picture
                            ? constant->group == JB_CONSTANT_PICTURE
                            : constant->group == JB_CONSTANT_TEXT || constant->group == JB_CONSTANT_WORK;
        if (is_of_it && constant->most > constant->least)
            fit->moved[fit->moved_count++] = i;
    }
}

enum jb_code jb_fit(const struct jb_samples *samples, bool is_picture, const char *left_out,
                    const struct jb_constant *described, int iterations, struct jb_error *error,
                    struct jb_energy_constants *constants) {
    _cleanup_free_ size_t *chosen = calloc(samples->count, sizeof *chosen);
    _cleanup_free_ double *weights = calloc(samples->count, sizeof *weights);
    if (!chosen || !weights)
        return jb_error_set(error, JB_MEMORY, "no memory to fit");
    struct fit fit = {.samples = samples,
                      .constants = constants,
                      .error = error,
                      .chosen = chosen,
                      .weights = weights,
                      .described = described,
                      .start_weight = weighing[is_picture].start,
                      .time_weight = weighing[is_picture].time};
    choose(&fit, is_picture, left_out);
    fit.row_count = 2 * fit.chosen_count + fit.moved_count;
    _cleanup_free_ double *residual = calloc(fit.row_count, sizeof *residual);
    _cleanup_free_ double *next = calloc(fit.row_count, sizeof *next);
    _cleanup_free_ double *slopes = calloc(fit.row_count * fit.moved_count, sizeof *slopes);
    if (!residual || !next || !slopes)
        return jb_error_set(error, JB_MEMORY, "no memory to fit");
    double damping = 0.01;
    enum jb_code code = residuals(&fit, residual);
    for (int round = 0; !code && round < iterations; round++) {
        for (size_t i = 0; !code && i < fit.moved_count; i++) {
            double kept = *place(&fit, i);
            *place(&fit, i) = kept * exp(STEP);
            code = residuals(&fit, next);
            *place(&fit, i) = kept;
            for (size_t r = 0; r < fit.row_count; r++)
                slopes[i * fit.row_count + r] = (next[r] - residual[r]) / STEP;
        }
        double before = cost_of(residual, fit.row_count);
        bool is_better = false;
        if (!code)
            code = move(&fit, residual, slopes, &damping, next, &is_better);
        if (code || !is_better)
            return code;
        memcpy(residual, next, fit.row_count * sizeof *residual);
        if (cost_of(residual, fit.row_count) > before * (1 - 1e-4))
            return JB_OK;
    }
    return code;
}
