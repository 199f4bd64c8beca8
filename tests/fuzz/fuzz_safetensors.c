/* Fuzzes headers of .safetensors files, and their index: any bytes give sums that agree with each other, or
 * one clean error line. */
#include "estimate/weights.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct jb_weights weights;
    struct jb_error error = {0};
    if (size == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    assert(file);
    enum jb_code code = jb_safetensors_read(file, "fuzz", &error, &weights);
    fclose(file);
    if (code) {
        assert(code == JB_INPUT);
        assert(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    } else {
        assert(weights.byte_count <= size || weights.tensor_count > 1);
        assert(weights.expert_element_count <= weights.element_count);
        assert(weights.type_byte_count <= weights.byte_count);
        assert(jb_weights_active(&weights, 1) <= weights.element_count);
    }
    struct jb_shards shards = {0};
    if (jb_shards_parse((const char *)data, size, "fuzz", &error, &shards) == JB_OK)
        assert(shards.count > 0);
    jb_shards_free(&shards);
    return 0;
}
