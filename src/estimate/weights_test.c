/* Headers of weights made here, whole and hostile. */
#include "estimate/weights.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef enum jb_code reader(FILE *, const char *, struct jb_error *, struct jb_weights *);

static void add_number(struct jb_buffer *out, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; i++)
        jb_buffer_add_char(out, (char)(value >> (8 * i)));
}

static enum jb_code read_bytes(reader *read, const struct jb_buffer *bytes, size_t length,
                               struct jb_error *error, struct jb_weights *ret) {
    FILE *file = fmemopen(bytes->bytes, length, "r");
    assert_non_null(file);
    enum jb_code code = read(file, "x", error, ret);
    fclose(file);
    return code;
}

static struct jb_weights accept(reader *read, const struct jb_buffer *bytes) {
    struct jb_weights weights = {0};
    struct jb_error error = {0};
    if (read_bytes(read, bytes, bytes->length, &error, &weights))
        fail_msg("%s", error.message);
    return weights;
}

static void refuse(reader *read, const struct jb_buffer *bytes, const char *why) {
    struct jb_weights weights = {.layer_count = 77};
    struct jb_error error = {0};
    assert_int_equal(read_bytes(read, bytes, bytes->length, &error, &weights), JB_INPUT);
    if (!strstr(error.message, why))
        fail_msg("'%s' says nothing of '%s'", error.message, why);
    assert_int_equal(weights.layer_count, 77);
}

/* Every shorter file is refused, wherever it was cut. */
static void refuse_every_cut(reader *read, const struct jb_buffer *bytes) {
    for (size_t length = 1; length < bytes->length; length++) {
        struct jb_weights weights;
        struct jb_error error = {0};
        assert_int_equal(read_bytes(read, bytes, length, &error, &weights), JB_INPUT);
        assert_true(error.message[0] != '\0');
    }
}

static void put_safetensors(struct jb_buffer *out, const char *header, size_t data_length) {
    jb_buffer_clear(out);
    add_number(out, strlen(header), 8);
    jb_buffer_add_string(out, header);
    for (size_t i = 0; i < data_length; i++)
        jb_buffer_add_char(out, 'w');
}

#define LAYER "\"model.layers.0."
static const char small[] =
    "{\"__metadata__\":{\"format\":\"pt\"}," LAYER
    "self_attn.k_proj.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4],\"data_offsets\":[0,16]}," LAYER
    "self_attn.v_proj.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4],\"data_offsets\":[16,32]}," LAYER
    "mlp.experts.0.up_proj.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[3,4],\"data_offsets\":[32,44]}," LAYER
    "mlp.experts.1.up_proj.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[3,4],\"data_offsets\":[44,56]},"
    "\"visual.layers.7.attn.k_proj.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[56,60]}}";

static void safetensors_are_summed(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer file = {0};
    put_safetensors(&file, small, 60);
    struct jb_weights weights = accept(jb_safetensors_read, &file);
    assert_int_equal(weights.tensor_count, 5);
    assert_int_equal(weights.element_count, 41);
    assert_int_equal(weights.byte_count, 60);
    assert_int_equal(weights.layer_count, 1);
    assert_int_equal(weights.expert_count, 2);
    assert_int_equal(weights.expert_element_count, 24);
    assert_int_equal(weights.kv_per_token, 4);
    assert_string_equal(weights.type, "BF16");
    assert_int_equal(jb_weights_active(&weights, 0), 0);
    assert_int_equal(jb_weights_active(&weights, 1), 29);
    assert_int_equal(jb_weights_active(&weights, 3), 0);
    refuse_every_cut(jb_safetensors_read, &file);
}

#define ONE(shape, offsets) "{\"a\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}}"

static void hostile_safetensors_are_refused(void **state) {
    static const struct {
        const char *header, *why;
        size_t data_length;
    } files[] = {
        {ONE("1", "0,4"), "the file has 5", 5},
        {ONE("1", "4,0"), "data_offsets", 4},
        {ONE("2", "0,4"), "contradict", 4},
        {ONE("-1", "0,4"), "shape", 4},
        {ONE("1,1,1,1,1,1,1,1,1", "0,4"), "shape", 4},
        {ONE("4294967296,4294967296", "0,4"), "10^15", 4},
        {ONE("1", "0,9223372036854775808"), "too big", 4},
        {ONE("1", "9223372036854775803,9223372036854775807"), "data_offsets", 4},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", "dtype", 4},
        {"{\"a\":7}", "dtype", 4},
        {"{}", "no tensor", 0},
        {"[]", "no JSON object", 0},
        {"{\"a\"", "header", 0},
    };
    (void)state;
    _cleanup_buffer_ struct jb_buffer file = {0};
    for (size_t i = 0; i < JB_COUNT(files); i++) {
        put_safetensors(&file, files[i].header, files[i].data_length);
        refuse(jb_safetensors_read, &file, files[i].why);
    }
    jb_buffer_clear(&file);
    add_number(&file, (uint64_t)1 << 63, 8);
    jb_buffer_add_string(&file, "{}");
    refuse(jb_safetensors_read, &file, "does not fit");
    /* Nested to 10,000. */
    jb_buffer_clear(&file);
    add_number(&file, 50000, 8);
    for (unsigned i = 0; i < 10000; i++)
        jb_buffer_add_string(&file, "{\"a\":");
    refuse(jb_safetensors_read, &file, "header");
}

/* A header of 100 MB in a file that is as long, and takes no room on disk. */
static void header_of_100_mb_is_refused_unread(void **state) {
    (void)state;
    FILE *file = tmpfile();
    struct jb_weights weights;
    struct jb_error error = {0};
    const uint64_t claimed = 100000000;
    assert_non_null(file);
    assert_int_equal(fwrite(&claimed, 1, sizeof claimed, file), sizeof claimed);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(ftruncate(fileno(file), 100000008), 0);
    assert_int_equal(jb_safetensors_read(file, "x", &error, &weights), JB_INPUT);
    assert_non_null(strstr(error.message, "32 MiB"));
    fclose(file);
}

static void add_text(struct jb_buffer *out, const char *text) {
    add_number(out, strlen(text), 8);
    jb_buffer_add_string(out, text);
}

static void add_pair(struct jb_buffer *out, const char *key, uint32_t value) {
    add_text(out, key);
    add_number(out, 4, 4); /* UINT32 */
    add_number(out, value, 4);
}

static void open_gguf(struct jb_buffer *out, uint64_t tensors, uint64_t pairs) {
    jb_buffer_clear(out);
    jb_buffer_add_string(out, "GGUF");
    add_number(out, 3, 4);
    add_number(out, tensors, 8);
    add_number(out, pairs, 8);
}

static void put_gguf(struct jb_buffer *out, uint64_t offset) {
    open_gguf(out, 2, 8);
    add_text(out, "general.architecture");
    add_number(out, 8, 4);
    add_text(out, "llama");
    add_pair(out, "llama.block_count", 2);
    add_pair(out, "llama.embedding_length", 256);
    add_pair(out, "llama.attention.head_count", 4);
    add_text(out, "llama.attention.head_count_kv"); /* one for each layer */
    add_number(out, 9, 4);
    add_number(out, 5, 4);
    add_number(out, 2, 8);
    add_number(out, 2, 4);
    add_number(out, 0, 4);
    add_pair(out, "llama.expert_used_count", 2);
    add_text(out, "tokenizer.ggml.tokens");
    add_number(out, 9, 4);
    add_number(out, 8, 4);
    add_number(out, 2, 8);
    add_text(out, "a");
    add_text(out, "bc");
    add_text(out, "general.file_type");
    add_number(out, 6, 4);
    add_number(out, 0, 4);
    add_text(out, "blk.1.ffn_up_exps.weight");
    add_number(out, 3, 4);
    add_number(out, 256, 8);
    add_number(out, 1, 8);
    add_number(out, 4, 8);
    add_number(out, 12, 4); /* Q4_K */
    add_number(out, 0, 8);
    add_text(out, "token_embd.weight");
    add_number(out, 1, 4);
    add_number(out, 8, 8);
    add_number(out, 0, 4); /* F32 */
    add_number(out, offset, 8);
    for (unsigned i = 0; i < 4 * 144 + 32; i++)
        jb_buffer_add_char(out, 'w');
}

static void gguf_is_summed(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer file = {0};
    put_gguf(&file, 4 * 144);
    struct jb_weights weights = accept(jb_gguf_read, &file);
    assert_int_equal(weights.element_count, 1024 + 8);
    assert_int_equal(weights.byte_count, 4 * 144 + 32);
    assert_int_equal(weights.layer_count, 2);
    assert_int_equal(weights.expert_count, 4);
    assert_int_equal(weights.experts_per_token, 2);
    assert_int_equal(weights.kv_per_token, 2 * 2 * 64); /* the second layer keeps none */
    assert_string_equal(weights.type, "Q4_K");
    assert_int_equal(jb_weights_active(&weights, 0), 512 + 8);
    refuse_every_cut(jb_gguf_read, &file);
}

static void hostile_gguf_is_refused(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer file = {0};
    put_gguf(&file, (uint64_t)1 << 63);
    refuse(jb_gguf_read, &file, "does not lie in the file");
    put_gguf(&file, 4 * 144 + 1);
    refuse(jb_gguf_read, &file, "behind the end");
    open_gguf(&file, UINT64_MAX, 0);
    refuse(jb_gguf_read, &file, "tensors");
    open_gguf(&file, 1, UINT64_MAX);
    refuse(jb_gguf_read, &file, "claimed");
    open_gguf(&file, 1, 1);
    add_number(&file, (uint64_t)1 << 63, 8);
    refuse(jb_gguf_read, &file, "a name of");
    open_gguf(&file, 1, 1);
    add_text(&file, "k");
    add_number(&file, 99, 4);
    refuse(jb_gguf_read, &file, "type 99");
    open_gguf(&file, 1, 1); /* an array of 2^61 numbers of 8 bytes: the product wraps to 0 */
    add_text(&file, "k");
    add_number(&file, 9, 4);
    add_number(&file, 10, 4);
    add_number(&file, (uint64_t)1 << 61, 8);
    refuse(jb_gguf_read, &file, "claimed");
    open_gguf(&file, 1, 1); /* arrays nested to 10,000 */
    add_text(&file, "k");
    add_number(&file, 9, 4);
    for (unsigned i = 0; i < 10000; i++) {
        add_number(&file, 9, 4);
        add_number(&file, 1, 8);
    }
    refuse(jb_gguf_read, &file, "type 9");
    put_gguf(&file, 0);
    file.bytes[4] = 1;
    refuse(jb_gguf_read, &file, "version 1");
    file.bytes[0] = 'X';
    refuse(jb_gguf_read, &file, "GGUF");
}

static void indices_name_plain_files(void **state) {
    static const char good[] = "{\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\","
                               "\"c\":\"m-1.safetensors\"}}";
    static const char *const bad[] = {"{\"weight_map\":{\"a\":\"../m\"}}",
                                      "{\"weight_map\":{\"a\":\"/etc/x\"}}",
                                      "{\"weight_map\":{\"a\":7}}",
                                      "{\"weight_map\":{\"a\":\"\"}}",
                                      "{\"weight_map\":{}}",
                                      "{}",
                                      "[",
                                      "{\"weight_map\":{\"a\":\".\"}}"};
    (void)state;
    struct jb_shards shards = {0};
    struct jb_error error = {0};
    assert_int_equal(jb_shards_parse(good, strlen(good), "x", &error, &shards), JB_OK);
    assert_int_equal(shards.count, 2);
    jb_shards_free(&shards);
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_shards_parse(bad[i], strlen(bad[i]), "x", &error, &shards), JB_INPUT);
    assert_null(shards.names);
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t length) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void opens_all_three_kinds(void **state) {
    static const char index[] = "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
    char folder[] = "/tmp/joulebook-weights-XXXXXX", path[512];
    _cleanup_buffer_ struct jb_buffer file = {0};
    struct jb_weights weights = {0};
    struct jb_error error = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    put_safetensors(&file, small, 60);
    write_file(folder, "1.safetensors", file.bytes, file.length);
    write_file(folder, "model.safetensors.index.json", index, strlen(index));
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
    assert_int_equal(jb_weights_open(path, &error, &weights), JB_NO_DATA);
    assert_non_null(strstr(error.message, "2.safetensors"));
    write_file(folder, "2.safetensors", file.bytes, file.length);
    assert_int_equal(jb_weights_open(path, &error, &weights), JB_OK);
    assert_int_equal(weights.element_count, 82);
    assert_int_equal(weights.type_byte_count, 64);
    unlink(path);
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    assert_int_equal(jb_weights_open(path, &error, &weights), JB_OK);
    assert_int_equal(weights.element_count, 41);
    put_gguf(&file, 0);
    write_file(folder, "1.safetensors", file.bytes, file.length);
    assert_int_equal(jb_weights_open(path, &error, &weights), JB_OK);
    assert_string_equal(weights.type, "Q4_K");
    write_file(folder, "1.safetensors", "PK\3\4", 4);
    assert_int_equal(jb_weights_open(path, &error, &weights), JB_INPUT);
    unlink(path);
    assert_int_equal(jb_weights_open(folder, &error, &weights), JB_INPUT);
    snprintf(path, sizeof path, "%s/2.safetensors", folder);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_are_summed),
        cmocka_unit_test(hostile_safetensors_are_refused),
        cmocka_unit_test(header_of_100_mb_is_refused_unread),
        cmocka_unit_test(gguf_is_summed),
        cmocka_unit_test(hostile_gguf_is_refused),
        cmocka_unit_test(indices_name_plain_files),
        cmocka_unit_test(opens_all_three_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
