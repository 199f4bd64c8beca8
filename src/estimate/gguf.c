/* Reads the header of a .gguf file, versions 2 and 3 (ggml, docs/gguf.md): metadata, then the table of
 * tensors. */
#include "estimate/tally.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define TEXT_CEILING  ((uint64_t)1 << 16) /* names of keys and tensors */
#define LAYER_CEILING 4096
#define DEPTH_CEILING 4 /* arrays in arrays */

enum value_type {
    UINT8,
    INT8,
    UINT16,
    INT16,
    UINT32,
    INT32,
    FLOAT32,
    BOOL,
    STRING,
    ARRAY,
    UINT64,
    INT64,
    FLOAT64
};

struct gguf {
    FILE *file;
    uint64_t length, position;
    struct jb_error *error;
    char architecture[64];
    uint64_t block_count, kv_heads_sum, kv_head_items, key_length, value_length, head_count, hidden, kv_rank,
        rope, experts_per_token;
};

static enum jb_code take(struct gguf *gguf, void *to, uint64_t count) {
    if (count > gguf->length - gguf->position)
        return jb_error_set(gguf->error, JB_INPUT,
                            "byte %llu: %llu bytes are claimed, and the file ends before",
                            (unsigned long long)gguf->position, (unsigned long long)count);
    if (fread(to, 1, (size_t)count, gguf->file) != count)
        return jb_error_set(gguf->error, JB_INPUT, "the file ended inside its header");
    gguf->position += count;
    return JB_OK;
}

static enum jb_code skip(struct gguf *gguf, uint64_t count) {
    if (count > gguf->length - gguf->position)
        return jb_error_set(gguf->error, JB_INPUT,
                            "byte %llu: %llu bytes are claimed, and the file ends before",
                            (unsigned long long)gguf->position, (unsigned long long)count);
    if (fseeko(gguf->file, (off_t)count, SEEK_CUR) != 0)
        return jb_error_set_errno(gguf->error, errno, "seeking");
    gguf->position += count;
    return JB_OK;
}

/* Little-endian, as the format is. */
static enum jb_code take_number(struct gguf *gguf, unsigned size, uint64_t *ret) {
    unsigned char bytes[8];
    uint64_t value = 0;
    enum jb_code code = take(gguf, bytes, size);
    for (unsigned i = size; !code && i-- > 0;)
        value = value << 8 | bytes[i];
    if (!code)
        *ret = value;
    return code;
}

/* A name into ret, cut to size; NUL bytes in it end it. */
static enum jb_code take_text(struct gguf *gguf, char *ret, size_t size) {
    uint64_t length;
    enum jb_code code = take_number(gguf, 8, &length);
    if (code)
        return code;
    if (length > TEXT_CEILING)
        return jb_error_set(gguf->error, JB_INPUT, "byte %llu: a name of %llu bytes",
                            (unsigned long long)gguf->position, (unsigned long long)length);
    size_t kept = length < size - 1 ? (size_t)length : size - 1;
    code = take(gguf, ret, kept);
    if (code)
        return code;
    ret[kept] = '\0';
    return skip(gguf, length - kept);
}

static unsigned size_of(uint64_t type) {
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

static enum jb_code bad_type(struct gguf *gguf, const char *what, uint64_t type) {
    return jb_error_set(gguf->error, JB_INPUT, "byte %llu: %s %llu is none that is known",
                        (unsigned long long)gguf->position, what, (unsigned long long)type);
}

static enum jb_code skip_value(struct gguf *gguf, uint64_t type, unsigned depth) {
    uint64_t length, inner;
    enum jb_code code;
    if (size_of(type))
        return skip(gguf, size_of(type));
    if (type == STRING)
        return (code = take_number(gguf, 8, &length)) ? code : skip(gguf, length);
    if (type != ARRAY || depth >= DEPTH_CEILING)
        return bad_type(gguf, "type", type);
    if ((code = take_number(gguf, 4, &inner)) || (code = take_number(gguf, 8, &length)))
        return code;
    if (size_of(inner)) {
        uint64_t left = gguf->length - gguf->position;
        return skip(gguf, length > left / size_of(inner) ? UINT64_MAX : length * size_of(inner));
    }
    /* Each item takes bytes of the file, so a lying count ends where the file does. */
    for (uint64_t i = 0; i < length && !code; i++)
        code = skip_value(gguf, inner, depth + 1);
    return code;
}

/* A whole number, or the sum of an array with one for each layer. */
static enum jb_code take_sum(struct gguf *gguf, uint64_t type, uint64_t *ret_sum, uint64_t *ret_items) {
    uint64_t items = 1, value = 0, sum = 0;
    enum jb_code code;
    if (type == ARRAY) {
        if ((code = take_number(gguf, 4, &type)) || (code = take_number(gguf, 8, &items)))
            return code;
        if (items > LAYER_CEILING)
            return jb_error_set(gguf->error, JB_INPUT, "byte %llu: an array of %llu for the layers",
                                (unsigned long long)gguf->position, (unsigned long long)items);
    }
    if (type != UINT32 && type != INT32 && type != UINT64 && type != UINT16 && type != INT64)
        return bad_type(gguf, "type of a number", type);
    for (uint64_t i = 0; i < items; i++) {
        code = take_number(gguf, size_of(type), &value);
        if (code)
            return code;
        if (value > UINT32_MAX)
            return jb_error_set(gguf->error, JB_INPUT, "byte %llu: %llu is out of range",
                                (unsigned long long)gguf->position, (unsigned long long)value);
        sum += value;
    }
    *ret_sum = sum;
    *ret_items = items;
    return JB_OK;
}

static enum jb_code read_pair(struct gguf *gguf) {
    char key[256];
    uint64_t type, items;
    enum jb_code code = take_text(gguf, key, sizeof key);
    if (!code)
        code = take_number(gguf, 4, &type);
    if (code)
        return code;
    if (strcmp(key, "general.architecture") == 0 && type == STRING)
        return take_text(gguf, gguf->architecture, sizeof gguf->architecture);
    size_t length = strlen(gguf->architecture);
    const char *name = key + length + 1;
    if (length == 0 || strncmp(key, gguf->architecture, length) != 0 || key[length] != '.')
        return skip_value(gguf, type, 0);
    if (strcmp(name, "attention.head_count_kv") == 0)
        return take_sum(gguf, type, &gguf->kv_heads_sum, &gguf->kv_head_items);
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"block_count", &gguf->block_count},
                   {"embedding_length", &gguf->hidden},
                   {"attention.head_count", &gguf->head_count},
                   {"attention.key_length", &gguf->key_length},
                   {"attention.value_length", &gguf->value_length},
                   {"attention.kv_lora_rank", &gguf->kv_rank},
                   {"rope.dimension_count", &gguf->rope},
                   {"expert_used_count", &gguf->experts_per_token}};
    for (size_t i = 0; i < JB_COUNT(numbers); i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        code = take_sum(gguf, type, numbers[i].value, &items);
        if (!code && items > 1)
            *numbers[i].value /= items; /* differs by layer: the mean */
        return code;
    }
    return skip_value(gguf, type, 0);
}

/* Elements and bytes of a block in each of ggml's types. */
static const struct {
    char name[12];
    uint16_t elements, bytes;
} blocks[] = {
    [0] = {"F32", 1, 4},         [1] = {"F16", 1, 2},         [2] = {"Q4_0", 32, 18},
    [3] = {"Q4_1", 32, 20},      [6] = {"Q5_0", 32, 22},      [7] = {"Q5_1", 32, 24},
    [8] = {"Q8_0", 32, 34},      [9] = {"Q8_1", 32, 36},      [10] = {"Q2_K", 256, 84},
    [11] = {"Q3_K", 256, 110},   [12] = {"Q4_K", 256, 144},   [13] = {"Q5_K", 256, 176},
    [14] = {"Q6_K", 256, 210},   [15] = {"Q8_K", 256, 292},   [16] = {"IQ2_XXS", 256, 66},
    [17] = {"IQ2_XS", 256, 74},  [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50},
    [20] = {"IQ4_NL", 32, 18},   [21] = {"IQ3_S", 256, 110},  [22] = {"IQ2_S", 256, 82},
    [23] = {"IQ4_XS", 256, 136}, [24] = {"I8", 1, 1},         [25] = {"I16", 1, 2},
    [26] = {"I32", 1, 4},        [27] = {"I64", 1, 8},        [28] = {"F64", 1, 8},
    [29] = {"IQ1_M", 256, 56},   [30] = {"BF16", 1, 2},       [34] = {"TQ1_0", 256, 54},
    [35] = {"TQ2_0", 256, 66},   [39] = {"MXFP4", 32, 17},
};

/* *data_end: the largest end of a tensor so far, from the beginning of the data. */
static enum jb_code read_tensor(struct gguf *gguf, struct jb_tally *tally, uint64_t *data_end) {
    char name[512];
    struct jb_tensor tensor = {.name = name};
    uint64_t dimensions, type, offset, elements;
    enum jb_code code = take_text(gguf, name, sizeof name);
    if (!code)
        code = take_number(gguf, 4, &dimensions);
    if (code)
        return code;
    if (dimensions > JB_TENSOR_DIMENSIONS)
        return jb_error_set(gguf->error, JB_INPUT, "tensor '%.100s': %llu dimensions", name,
                            (unsigned long long)dimensions);
    tensor.dimension_count = (size_t)dimensions;
    for (size_t i = tensor.dimension_count; !code && i-- > 0;) /* innermost comes first in the file */
        code = take_number(gguf, 8, &tensor.shape[i]);
    if (code || (code = take_number(gguf, 4, &type)) || (code = take_number(gguf, 8, &offset)))
        return code;
    if (type >= JB_COUNT(blocks) || !blocks[type].elements)
        return bad_type(gguf, "type of a tensor", type);
    code = jb_tensor_elements(&tensor, gguf->error, &elements);
    if (code)
        return code;
    if (elements % blocks[type].elements)
        return jb_error_set(gguf->error, JB_INPUT, "tensor '%.100s': %llu elements are no whole blocks of %s",
                            name, (unsigned long long)elements, blocks[type].name);
    tensor.type = blocks[type].name;
    tensor.byte_count = elements / blocks[type].elements * blocks[type].bytes;
    if (offset > gguf->length || tensor.byte_count > gguf->length - offset)
        return jb_error_set(gguf->error, JB_INPUT, "tensor '%.100s': it does not lie in the file", name);
    if (offset + tensor.byte_count > *data_end)
        *data_end = offset + tensor.byte_count;
    return jb_tally_add(tally, &tensor, gguf->error);
}

/* Keys and values by layer, from the metadata: the tensors may be fused or packed. */
static uint64_t kv_per_token(const struct gguf *gguf) {
    uint64_t size = gguf->head_count ? gguf->hidden / gguf->head_count : 0;
    uint64_t key = gguf->key_length ? gguf->key_length : size;
    uint64_t value = gguf->value_length ? gguf->value_length : size;
    if (gguf->kv_rank)
        return gguf->block_count * (gguf->kv_rank + gguf->rope);
    if (gguf->kv_head_items > 1)
        return gguf->kv_heads_sum * (key + value);
    return gguf->block_count * (gguf->kv_head_items ? gguf->kv_heads_sum : gguf->head_count) * (key + value);
}

static enum jb_code read_all(struct gguf *gguf, struct jb_tally *tally) {
    char magic[4];
    uint64_t version, tensors, pairs, data_end = 0;
    enum jb_code code = take(gguf, magic, sizeof magic);
    if (code)
        return code;
    if (memcmp(magic, "GGUF", 4) != 0)
        return jb_error_set(gguf->error, JB_INPUT, "does not begin with GGUF");
    if ((code = take_number(gguf, 4, &version)) || (code = take_number(gguf, 8, &tensors)) ||
        (code = take_number(gguf, 8, &pairs)))
        return code;
    if (version != 2 && version != 3)
        return jb_error_set(gguf->error, JB_INPUT, "version %llu of GGUF; 2 and 3 are read",
                            (unsigned long long)version);
    if (tensors == 0 || tensors > JB_WEIGHTS_TENSOR_CEILING)
        return jb_error_set(gguf->error, JB_INPUT, "%llu tensors", (unsigned long long)tensors);
    for (uint64_t i = 0; i < pairs && !code; i++)
        code = read_pair(gguf);
    for (uint64_t i = 0; i < tensors && !code; i++)
        code = read_tensor(gguf, tally, &data_end);
    if (code)
        return code;
    if (data_end > gguf->length - gguf->position)
        return jb_error_set(gguf->error, JB_INPUT, "the tensors end %llu bytes behind the end of the file",
                            (unsigned long long)(data_end - (gguf->length - gguf->position)));
    if (gguf->block_count > LAYER_CEILING || gguf->kv_heads_sum > UINT32_MAX)
        return jb_error_set(gguf->error, JB_INPUT, "block_count: %llu",
                            (unsigned long long)gguf->block_count);
    if (gguf->key_length > 65536 || gguf->value_length > 65536 || gguf->head_count > 65536 ||
        gguf->hidden > (1U << 24) || (gguf->kv_head_items <= 1 && gguf->kv_heads_sum > 65536))
        return jb_error_set(gguf->error, JB_INPUT, "the sizes of its attention are out of range");
    return JB_OK;
}

enum jb_code jb_gguf_read(FILE *file, const char *name, struct jb_error *error,
                          struct jb_weights *ret_weights) {
    struct jb_tally tally = {0};
    struct gguf gguf = {.file = file, .error = error};
    off_t length = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
    if (length < 0 || fseeko(file, 0, SEEK_SET) != 0)
        return jb_error_set_errno(error, errno, "%s", name);
    gguf.length = (uint64_t)length;
    enum jb_code code = read_all(&gguf, &tally);
    if (code) {
        jb_error_prefix(error, "%s", name);
        return code;
    }
    struct jb_weights weights = jb_tally_finish(&tally);
    weights.is_packed = false; /* GGUF counts the weights themselves */
    weights.kv_per_token = kv_per_token(&gguf);
    weights.experts_per_token = gguf.experts_per_token > 65536 ? 0 : (uint32_t)gguf.experts_per_token;
    *ret_weights = weights;
    return JB_OK;
}
