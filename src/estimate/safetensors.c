/* Reads the header of a .safetensors file, and the index of a sharded one. */
#include "estimate/tally.h"

#include "base/array.h"
#include "base/buffer.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)

static void release(json_t **value) {
    json_decref(*value);
}

static unsigned bits_of(const char *type) {
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"F64", 64},        {"I64", 64},    {"U64", 64},    {"C64", 64},    {"F32", 32},
                 {"I32", 32},        {"U32", 32},    {"F16", 16},    {"BF16", 16},   {"I16", 16},
                 {"U16", 16},        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
                 {"F8_E5M2FNUZ", 8}, {"I8", 8},      {"U8", 8},      {"BOOL", 8},    {"F6_E2M3", 6},
                 {"F6_E3M2", 6},     {"F4", 4}};
    for (size_t i = 0; i < JB_COUNT(types); i++) {
        if (strcmp(types[i].name, type) == 0)
            return types[i].bits;
    }
    return 0;
}

static bool natural(const json_t *value, uint64_t *ret) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

/* One tensor of the header. data_length: bytes behind the header. */
static enum jb_code read_tensor(struct jb_tally *tally, const char *name, const json_t *value,
                                uint64_t data_length, struct jb_error *error) {
    const json_t *shape = json_object_get(value, "shape"), *offsets = json_object_get(value, "data_offsets");
    const char *type = json_string_value(json_object_get(value, "dtype"));
    struct jb_tensor tensor = {.name = name, .type = type, .dimension_count = json_array_size(shape)};
    uint64_t begin, end, elements;
    unsigned bits = type ? bits_of(type) : 0;
    if (!bits)
        return jb_error_set(error, JB_INPUT, "tensor '%.100s': dtype '%.20s' is none that is known", name,
                            type ? type : "");
    if (!json_is_array(shape) || tensor.dimension_count > JB_TENSOR_DIMENSIONS)
        return jb_error_set(error, JB_INPUT, "tensor '%.100s': shape: an array of up to 8 is needed", name);
    for (size_t i = 0; i < tensor.dimension_count; i++) {
        if (!natural(json_array_get(shape, i), &tensor.shape[i]))
            return jb_error_set(error, JB_INPUT, "tensor '%.100s': shape: no whole number", name);
    }
    if (json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &begin) ||
        !natural(json_array_get(offsets, 1), &end) || begin > end || end > data_length)
        return jb_error_set(error, JB_INPUT, "tensor '%.100s': data_offsets do not lie in the file", name);
    enum jb_code code = jb_tensor_elements(&tensor, error, &elements);
    if (code)
        return code;
    tensor.byte_count = end - begin;
    if ((elements * bits + 7) / 8 != tensor.byte_count)
        return jb_error_set(error, JB_INPUT, "tensor '%.100s': shape and data_offsets contradict each other",
                            name);
    return jb_tally_add(tally, &tensor, error);
}

/* Length of a file that can be sought in; it is left at its beginning. */
static enum jb_code length_of(FILE *file, struct jb_error *error, uint64_t *ret_length) {
    off_t length = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
    if (length < 0 || fseeko(file, 0, SEEK_SET) != 0)
        return jb_error_set_errno(error, errno, "seeking");
    *ret_length = (uint64_t)length;
    return JB_OK;
}

static enum jb_code read_header(FILE *file, struct jb_error *error, struct jb_buffer *header,
                                uint64_t *ret_data_length) {
    unsigned char opening[8];
    uint64_t length = 0, claimed = 0;
    enum jb_code code = length_of(file, error, &length);
    if (code)
        return code;
    if (length < sizeof opening || fread(opening, 1, sizeof opening, file) != sizeof opening)
        return jb_error_set(error, JB_INPUT, "too short for a header");
    for (unsigned i = 8; i-- > 0;)
        claimed = claimed << 8 | opening[i];
    if (claimed > length - sizeof opening)
        return jb_error_set(error, JB_INPUT, "a header of %llu bytes does not fit in the file's %llu",
                            (unsigned long long)claimed, (unsigned long long)length);
    if (claimed > JB_WEIGHTS_HEADER_CEILING)
        return jb_error_set(error, JB_INPUT, "a header of %llu bytes; up to 32 MiB is read",
                            (unsigned long long)claimed);
    while (header->length < claimed) {
        size_t want = claimed - header->length < CHUNK ? (size_t)claimed - header->length : CHUNK;
        char *room = jb_buffer_room(header, want);
        if (!room)
            return jb_buffer_check(header, error);
        if (fread(room, 1, want, file) != want)
            return jb_error_set(error, JB_INPUT, "the file ended inside its header");
        header->length += want;
    }
    *ret_data_length = length - sizeof opening - claimed;
    return JB_OK;
}

static enum jb_code read_tensors(FILE *file, struct jb_error *error, struct jb_tally *tally) {
    _cleanup_buffer_ struct jb_buffer header = {.ceiling = JB_WEIGHTS_HEADER_CEILING + CHUNK};
    uint64_t data_length = 0;
    enum jb_code code = read_header(file, error, &header, &data_length);
    if (code)
        return code;
    json_error_t why;
    _cleanup_(release) json_t *root =
        json_loadb(header.bytes ? header.bytes : "", header.length, JSON_REJECT_DUPLICATES, &why);
    if (!root || !json_is_object(root))
        return jb_error_set(error, JB_INPUT, "header: %s", root ? "no JSON object" : why.text);
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        if (strcmp(key, "__metadata__") == 0)
            continue;
        code = read_tensor(tally, key, value, data_length, error);
        if (code)
            return code;
    }
    if (!tally->weights.tensor_count)
        return jb_error_set(error, JB_INPUT, "holds no tensor");
    /* The format allows neither holes nor overlaps. */
    if (tally->weights.byte_count != data_length)
        return jb_error_set(error, JB_INPUT, "the tensors take %llu bytes, and the file has %llu for them",
                            (unsigned long long)tally->weights.byte_count, (unsigned long long)data_length);
    return JB_OK;
}

enum jb_code jb_safetensors_read(FILE *file, const char *name, struct jb_error *error,
                                 struct jb_weights *ret_weights) {
    struct jb_tally tally = {0};
    enum jb_code code = read_tensors(file, error, &tally);
    if (code) {
        jb_error_prefix(error, "%s", name);
        return code;
    }
    *ret_weights = jb_tally_finish(&tally);
    return JB_OK;
}

void jb_shards_free(struct jb_shards *shards) {
    if (!shards)
        return;
    for (size_t i = 0; i < shards->count; i++)
        free(shards->names[i]);
    free(shards->names);
    *shards = (struct jb_shards){0};
}

static enum jb_code add_shard(struct jb_shards *shards, size_t *capacity, const char *shard,
                              struct jb_error *error) {
    for (size_t i = shards->count; i-- > 0;) { /* neighbours are most often in one */
        if (strcmp(shards->names[i], shard) == 0)
            return JB_OK;
    }
    enum jb_code code = jb_array_reserve(&shards->names, capacity, shards->count + 1,
                                         JB_WEIGHTS_SHARD_CEILING, "shards", error);
    if (code)
        return code == JB_LIMIT ? jb_error_set(error, JB_INPUT, "more than 4,096 shards") : code;
    shards->names[shards->count] = strdup(shard);
    if (!shards->names[shards->count])
        return jb_error_set(error, JB_MEMORY, "no memory for the names of shards");
    shards->count++;
    return JB_OK;
}

enum jb_code jb_shards_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_shards *ret_shards) {
    json_error_t why;
    struct jb_shards shards = {0};
    size_t capacity = 0;
    if (length > JB_WEIGHTS_HEADER_CEILING)
        return jb_error_set(error, JB_INPUT, "%s: more than 32 MiB", name);
    _cleanup_(release) json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return jb_error_set(error, JB_INPUT, "%s, line %d: %s", name, why.line, why.text);
    json_t *map = json_object_get(root, "weight_map"), *value;
    const char *key;
    if (!json_object_size(map))
        return jb_error_set(error, JB_INPUT, "%s: weight_map: tensors and their files are needed", name);
    enum jb_code code = JB_OK;
    json_object_foreach(map, key, value) {
        const char *shard = json_string_value(value);
        if (!shard || !*shard || strlen(shard) > 255 || strchr(shard, '/') || shard[0] == '.')
            code = jb_error_set(error, JB_INPUT, "weight_map: '%.100s': a plain file name is needed", key);
        else
            code = add_shard(&shards, &capacity, shard, error);
        if (code)
            break;
    }
    if (code) {
        jb_error_prefix(error, "%s", name);
        jb_shards_free(&shards);
        return code;
    }
    *ret_shards = shards;
    return JB_OK;
}
