/* Reads the catalogue of models and finds one by name. */
#include "estimate/catalogue.h"

#include "base/array.h"
#include "base/csv.h"
#include "estimate/names.h"

#include <errno.h>
#include <string.h>

#define MODEL_CEILING 65536

struct jb_catalogue {
    struct jb_model *models;
    size_t count, capacity;
};

void jb_catalogue_free(struct jb_catalogue *catalogue) {
    if (!catalogue)
        return;
    free(catalogue->models);
    free(catalogue);
}

size_t jb_catalogue_count(const struct jb_catalogue *catalogue) {
    return catalogue->count;
}

const struct jb_model *jb_catalogue_item(const struct jb_catalogue *catalogue, size_t index) {
    return index < catalogue->count ? &catalogue->models[index] : NULL;
}

static const char *const columns[] = {"model",
                                      "layers",
                                      "hidden",
                                      "vocabulary",
                                      "tied",
                                      "heads",
                                      "kv_heads",
                                      "head_size",
                                      "attention_layers",
                                      "sliding_layers",
                                      "sliding_window",
                                      "dense_layers",
                                      "intermediate",
                                      "expert_layers",
                                      "experts",
                                      "experts_per_token",
                                      "expert_intermediate",
                                      "shared_intermediate",
                                      "two_matrices",
                                      "kv_rank",
                                      "query_rank",
                                      "rope_size",
                                      "nope_size",
                                      "value_size",
                                      "state_layers",
                                      "state_heads",
                                      "state_head_size",
                                      "state_groups",
                                      "state_size",
                                      "state_kernel",
                                      "vision_layers",
                                      "vision_hidden",
                                      "vision_intermediate",
                                      "vision_patch",
                                      "vision_merge",
                                      "vision_temporal_patch",
                                      "vision_two_matrices",
                                      "image_tokens",
                                      "sound",
                                      "counted_b",
                                      "counted_active_b",
                                      "source"};
#define FIRST_DECIMAL (JB_COUNT(columns) - 3)

/* Columns of yes (1) and no (0). */
struct flags {
    uint32_t tied, two_matrices, vision_two_matrices, sound;
};

/* Where the whole numbers of a row go, in the order of the columns behind "model". */
static void set_fields(struct jb_architecture *a, struct flags *flags,
                       uint32_t *targets[static FIRST_DECIMAL]) {
    uint32_t *const order[] = {&a->layer_count,
                               &a->hidden,
                               &a->vocabulary,
                               &flags->tied,
                               &a->head_count,
                               &a->kv_head_count,
                               &a->head_size,
                               &a->attention_layer_count,
                               &a->sliding_layer_count,
                               &a->sliding_window,
                               &a->dense_layer_count,
                               &a->intermediate,
                               &a->expert_layer_count,
                               &a->expert_count,
                               &a->experts_per_token,
                               &a->expert_intermediate,
                               &a->shared_intermediate,
                               &flags->two_matrices,
                               &a->kv_rank,
                               &a->query_rank,
                               &a->rope_size,
                               &a->nope_size,
                               &a->value_size,
                               &a->state_layer_count,
                               &a->state_heads,
                               &a->state_head_size,
                               &a->state_groups,
                               &a->state_size,
                               &a->state_kernel,
                               &a->vision_layer_count,
                               &a->vision_hidden,
                               &a->vision_intermediate,
                               &a->vision_patch,
                               &a->vision_merge,
                               &a->vision_temporal_patch,
                               &flags->vision_two_matrices,
                               &a->image_tokens,
                               &flags->sound};
    _Static_assert(JB_COUNT(order) == FIRST_DECIMAL - 1, "one target for each column of whole numbers");
    memcpy(targets + 1, order, sizeof order);
}

static enum jb_code read_row(const char *const *fields, size_t count, struct jb_error *error,
                             struct jb_model *ret_model) {
    struct jb_model model = {0};
    struct flags flags = {0};
    uint32_t *targets[FIRST_DECIMAL] = {NULL};
    if (count != JB_COUNT(columns))
        return jb_error_set(error, JB_INPUT, "%zu fields, not %zu", count, JB_COUNT(columns));
    if (!*fields[0] || strlen(fields[0]) >= sizeof model.name)
        return jb_error_set(error, JB_INPUT, "model: 1 to %zu bytes", sizeof model.name - 1);
    strcpy(model.name, fields[0]);
    set_fields(&model.architecture, &flags, targets);
    for (size_t i = 1; i < FIRST_DECIMAL; i++) {
        uint64_t value;
        if (jb_uint64_parse(fields[i], NULL, &value) || value > UINT32_MAX)
            return jb_error_set(error, JB_INPUT, "%s: '%.40s' is no whole number", columns[i], fields[i]);
        *targets[i] = (uint32_t)value;
    }
    model.architecture.is_tied = flags.tied != 0;
    model.architecture.is_gated = flags.two_matrices == 0;
    model.architecture.is_vision_plain = flags.vision_two_matrices != 0;
    model.architecture.has_sound = flags.sound != 0;
    uint64_t *const counted[] = {&model.counted_millions, &model.counted_active_millions};
    for (size_t i = 0; i < JB_COUNT(counted); i++) {
        int64_t value = 0;
        const char *field = fields[FIRST_DECIMAL + i];
        if (*field && (jb_decimal_parse(field, 1000, NULL, &value) || value < 0))
            return jb_error_set(error, JB_INPUT, "%s: '%.40s' is no number", columns[FIRST_DECIMAL + i],
                                field);
        *counted[i] = (uint64_t)value;
    }
    enum jb_code code = jb_architecture_validate(&model.architecture, error);
    if (!code)
        *ret_model = model;
    return code;
}

static enum jb_code read_rows(struct jb_catalogue *catalogue, struct jb_csv_reader *reader,
                              struct jb_error *error) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader, error, &fields, &count);
    for (size_t i = 0; !code && i < JB_COUNT(columns); i++) {
        if (count != JB_COUNT(columns) || strcmp(fields[i], columns[i]) != 0)
            code = jb_error_set(error, JB_INPUT, "the header is not the one that this version knows");
    }
    while (!code && !(code = jb_csv_read(reader, error, &fields, &count))) {
        code = jb_array_reserve(&catalogue->models, &catalogue->capacity, catalogue->count + 1, MODEL_CEILING,
                                "models", error);
        if (!code)
            code = read_row(fields, count, error, &catalogue->models[catalogue->count]);
        if (!code)
            catalogue->count++;
    }
    return code == JB_NO_DATA ? JB_OK : code;
}

enum jb_code jb_catalogue_read(const char *data_path, struct jb_error *error,
                               struct jb_catalogue **ret_catalogue) {
    _cleanup_(jb_catalogue_free_cleanup) struct jb_catalogue *catalogue = calloc(1, sizeof *catalogue);
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    char path[4096];
    if (!catalogue)
        return jb_error_set(error, JB_MEMORY, "no memory for the catalogue of models");
    int length = snprintf(path, sizeof path, "%s/models/models.csv", data_path);
    if (length < 0 || (size_t)length >= sizeof path)
        return jb_error_set(error, JB_USAGE, "the path of the data folder is too long");
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = jb_csv_reader_make(file, path, error, &reader);
    if (code)
        return code;
    code = read_rows(catalogue, reader, error);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", path, (unsigned long long)jb_csv_line(reader));
        return code;
    }
    *ret_catalogue = JB_TAKE(catalogue);
    return JB_OK;
}

enum jb_code jb_catalogue_find(const struct jb_catalogue *catalogue, const char *name, struct jb_error *error,
                               const struct jb_model **ret_model) {
    struct jb_near_names near = {0};
    if (strlen(name) >= JB_NAME_SIZE)
        return jb_error_set(error, JB_USAGE, "'%.60s…': no model has so long a name", name);
    for (size_t i = 0; i < catalogue->count; i++) {
        if (jb_near_offer(&near, name, catalogue->models[i].name) == 0) {
            *ret_model = &catalogue->models[i];
            return JB_OK;
        }
    }
    if (!near.names[0])
        return jb_error_set(error, JB_USAGE, "'%.60s': the catalogue is empty", name);
    return jb_error_set(error, JB_USAGE, "no model '%.60s'; near: %s%s%s%s%s", name, near.names[0],
                        near.names[1] ? ", " : "", near.names[1] ? near.names[1] : "",
                        near.names[2] ? ", " : "", near.names[2] ? near.names[2] : "");
}
