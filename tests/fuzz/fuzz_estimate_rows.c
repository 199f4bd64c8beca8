/* Rows to estimate of any bytes: reading ends, sizes out of names make models or errors, and whatever numbers
 * stand in a row, an estimate is finite and below what the accelerators can draw. */
#include "estimate/constants.h"
#include "estimate/facts.h"
#include "estimate/rows.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static double number(const char *field) {
    double value = 0;
    (void)jb_fact_number_parse(field, NULL, &value);
    return value;
}

static uint32_t whole(const char *field) {
    double value = number(field);
    return value >= 0 && value < 1e6 ? (uint32_t)value : 0;
}

static const struct jb_accelerator card = {
    .name = "card",
    .idle_w = 50,
    .tdp_w = 700,
    .memory_bytes = 80e9,
    .bytes_per_s = 3e12,
    .link_bytes_per_s = 4e11,
    .exponentials_per_s = 4e12,
    .operations_per_s = {1e15, 2e15, 2e15, 1e15, 1e15},
};

/* All constants 0.5: their sizes do not matter here, save for bytes and seconds being small. */
static struct jb_energy_constants constants(void) {
    struct jb_energy_constants made;
#define HALF(name) made.name = strstr(#name, "_s") ? 1e-4 : strstr(#name, "_j") ? 1e-10 : 0.5;
    JB_TEXT_CONSTANTS(HALF)
    JB_PICTURE_CONSTANTS(HALF)
    JB_WORK_CONSTANTS(HALF) JB_INTERVAL_CONSTANTS(HALF) made.awake_power = made.picture_awake_power = 0.2;
    made.text_high = made.vision_high = made.image_high = made.video_high = 2;
    return made;
}

static void check(const struct jb_energy *energy, uint32_t count) {
    double most_j = card.tdp_w * count * energy->latency_s * (1 + 1e-9);
    if (!isfinite(energy->energy_j) || !(energy->energy_j > 0) || !isfinite(energy->latency_s) ||
        energy->energy_j > most_j / fmin(energy->concurrency, 1))
        abort();
    if (!(energy->low_j <= energy->energy_j && energy->energy_j <= energy->high_j))
        abort();
    if (energy->power_w > card.tdp_w * count * (1 + 1e-9))
        abort();
}

static void estimate(const struct jb_row *row) {
    const struct jb_energy_constants made = constants();
    struct jb_error error = {0};
    struct jb_shape shape;
    struct jb_energy energy;
    struct jb_model_size sizes = jb_model_size_of_name(row->model_id);
    double total = number(row->params_total_b) * 1e9, active = number(row->params_active_b) * 1e9;
    if (!(total > 0)) {
        total = sizes.total;
        active = sizes.active;
    }
    struct jb_deployment deployment = {.accelerator = &card,
                                       .accelerator_count = whole(row->n_gpus),
                                       .weights = whole(row->steps) % JB_PRECISION_COUNT,
                                       .data_parallel = whole(row->dp),
                                       .pipeline_parallel = whole(row->pp),
                                       .ring_parallel = whole(row->ring),
                                       .is_expert_parallel = whole(row->ep) > 1,
                                       .passes_all_experts = whole(row->ep) > 2};
    struct jb_text_work work = {.input_tokens = number(row->image_h),
                                .vision_tokens = number(row->image_w),
                                .output_tokens = number(row->avg_output_tokens),
                                .concurrency = number(row->avg_batch_size),
                                .rate_per_s = number(row->max_num_seqs)};
    struct jb_training_work training = {.tokens = number(row->frames),
                                        .trained_share = number(row->resolution)};
    if (jb_shape_of_counts(total, active > 0 ? active : total, &error, &shape)) {
        if (strlen(error.message) == 0)
            abort();
        return;
    }
    if (!jb_energy_of_text(&made, &shape, &deployment, &work, &error, NULL, &energy))
        check(&energy, deployment.accelerator_count);
    else if (strlen(error.message) == 0)
        abort();
    if (!jb_energy_of_training(&made, &shape, &deployment, &training, &error, NULL, &energy))
        check(&energy, deployment.accelerator_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    _cleanup_free_ char *copy = malloc(size + 1);
    if (!copy || size == 0)
        return 0;
    memcpy(copy, bytes, size);
    _cleanup_fclose_ FILE *file = fmemopen(copy, size, "r");
    _cleanup_(jb_row_reader_free_cleanup) struct jb_row_reader *reader = NULL;
    if (!file || jb_row_reader_make(file, "fuzz", &error, &reader))
        return 0;
    struct jb_row row;
    const char *const *fields;
    size_t count;
    while (!jb_row_read(reader, &error, &row, &fields, &count))
        estimate(&row);
    return 0;
}
