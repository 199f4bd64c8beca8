/* Sums up tensors: layers, experts, and what a token leaves in the KV cache, by the names of Hugging Face and
 * of GGUF. */
#include "estimate/tally.h"

#include "base/cleanup.h"

#include <string.h>

/* The number behind `part` in name ("layers." in "model.layers.12.mlp"), or -1. */
static int64_t number_behind(const char *name, const char *part) {
    const char *found = strstr(name, part);
    if (!found || (found != name && found[-1] != '.'))
        return -1;
    int64_t value = 0;
    const char *digit = found + strlen(part);
    if (*digit < '0' || *digit > '9')
        return -1;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (*digit - '0');
        if (value > 1000000)
            return -1;
    }
    return *digit == '.' ? value : -1;
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Of the language model, not of a tower beside it. */
static bool is_of_text(const char *name) {
    return !strstr(name, "visual") && !strstr(name, "vision") && !strstr(name, "audio") &&
           !strstr(name, "encoder");
}

static uint32_t larger(uint32_t a, int64_t b) {
    return b > (int64_t)a ? (uint32_t)b : a;
}

enum jb_code jb_tensor_elements(const struct jb_tensor *tensor, struct jb_error *error, uint64_t *ret_count) {
    uint64_t product = 1;
    for (size_t i = 0; i < tensor->dimension_count; i++) {
        if (tensor->shape[i] == 0)
            product = 0;
        if (tensor->shape[i] && product > JB_WEIGHTS_ELEMENT_CEILING / tensor->shape[i])
            return jb_error_set(error, JB_INPUT, "tensor '%.100s': more than 10^15 elements", tensor->name);
        product *= tensor->shape[i];
    }
    *ret_count = product;
    return JB_OK;
}

static bool is_integer(const char *type) {
    return strcmp(type, "I32") == 0 || strcmp(type, "I64") == 0 || strcmp(type, "U8") == 0 ||
           strcmp(type, "I16") == 0;
}

static void add_type(struct jb_tally *tally, const char *type, uint64_t byte_count) {
    size_t i = 0;
    while (i < tally->type_count && strcmp(tally->types[i].name, type) != 0)
        i++;
    if (i == JB_TALLY_TYPES)
        return; /* there are fewer types than that in either format */
    if (i == tally->type_count) {
        snprintf(tally->types[i].name, sizeof tally->types[i].name, "%s", type);
        tally->type_count++;
    }
    tally->types[i].byte_count += byte_count;
}

enum jb_code jb_tally_add(struct jb_tally *tally, const struct jb_tensor *tensor, struct jb_error *error) {
    static const char *const keys[] = {".k_proj.weight", ".v_proj.weight", ".kv_a_proj_with_mqa.weight"};
    struct jb_weights *sum = &tally->weights;
    uint64_t elements = 0;
    enum jb_code code = jb_tensor_elements(tensor, error, &elements);
    if (code)
        return code;
    if (++sum->tensor_count > JB_WEIGHTS_TENSOR_CEILING)
        return jb_error_set(error, JB_INPUT, "more than %llu tensors",
                            (unsigned long long)JB_WEIGHTS_TENSOR_CEILING);
    if (sum->element_count + elements > JB_WEIGHTS_ELEMENT_CEILING ||
        tensor->byte_count > 16 * JB_WEIGHTS_ELEMENT_CEILING)
        return jb_error_set(error, JB_INPUT, "the tensors have more than 10^15 elements");
    sum->element_count += elements;
    sum->byte_count += tensor->byte_count;
    add_type(tally, tensor->type, tensor->byte_count);
    if (!is_of_text(tensor->name))
        return JB_OK;
    int64_t layer = number_behind(tensor->name, "layers.");
    if (layer < 0)
        layer = number_behind(tensor->name, "blk.");
    if (layer < 0)
        layer = number_behind(tensor->name, "h.");
    if (layer < 0)
        return JB_OK;
    sum->layer_count = larger(sum->layer_count, layer + 1);
    int64_t expert = number_behind(tensor->name, "experts.");
    bool is_stacked = strstr(tensor->name, "_exps.") || ends_with(tensor->name, ".experts.gate_up_proj") ||
                      ends_with(tensor->name, ".experts.down_proj") ||
                      strstr(tensor->name, ".experts.gate_up_proj_") ||
                      strstr(tensor->name, ".experts.down_proj_");
    if (expert >= 0 || is_stacked) {
        int64_t stacked = is_stacked && tensor->dimension_count && tensor->shape[0] <= 65536
                              ? (int64_t)tensor->shape[0]
                              : 0;
        sum->expert_count = larger(sum->expert_count, is_stacked ? stacked : expert + 1);
        sum->expert_element_count += elements;
    }
    if (is_integer(tensor->type) && elements)
        sum->is_packed = true;
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        if (ends_with(tensor->name, keys[i]) && tensor->dimension_count == 2)
            sum->kv_per_token += tensor->shape[0];
    }
    return JB_OK;
}

struct jb_weights jb_tally_finish(const struct jb_tally *tally) {
    struct jb_weights weights = tally->weights;
    for (size_t i = 0; i < tally->type_count; i++) {
        if (tally->types[i].byte_count <= weights.type_byte_count)
            continue;
        weights.type_byte_count = tally->types[i].byte_count;
        memcpy(weights.type, tally->types[i].name, sizeof weights.type);
    }
    return weights;
}

enum jb_code jb_weights_merge(struct jb_weights *to, const struct jb_weights *from, struct jb_error *error) {
    if (to->element_count + from->element_count > JB_WEIGHTS_ELEMENT_CEILING)
        return jb_error_set(error, JB_INPUT, "the shards have more than 10^15 elements");
    to->tensor_count += from->tensor_count;
    to->element_count += from->element_count;
    to->byte_count += from->byte_count;
    to->expert_element_count += from->expert_element_count;
    to->kv_per_token += from->kv_per_token;
    to->layer_count = larger(to->layer_count, from->layer_count);
    to->expert_count = larger(to->expert_count, from->expert_count);
    to->is_packed = to->is_packed || from->is_packed;
    if (strcmp(to->type, from->type) == 0) {
        to->type_byte_count += from->type_byte_count;
    } else if (from->type_byte_count > to->type_byte_count) {
        to->type_byte_count = from->type_byte_count;
        memcpy(to->type, from->type, sizeof to->type);
    }
    return JB_OK;
}

uint64_t jb_weights_active(const struct jb_weights *weights, uint32_t experts_per_token) {
    uint32_t used = experts_per_token ? experts_per_token : weights->experts_per_token;
    if (!weights->expert_count)
        return weights->element_count;
    if (!used || used > weights->expert_count)
        return 0;
    return weights->element_count - weights->expert_element_count +
           weights->expert_element_count / weights->expert_count * used;
}
