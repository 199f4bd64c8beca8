/* Fuzzes config.json of models: any bytes give a shape that can be counted, or one clean error line. */
#include "estimate/config.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct jb_architecture architecture;
    struct jb_error error = {0};
    if (jb_config_parse((const char *)data, size, "fuzz", &error, &architecture)) {
        assert(error.message[0] && !strpbrk(error.message, "\n\r\033"));
        return 0;
    }
    struct jb_parameter_count count = jb_architecture_count(&architecture);
    assert(count.total <= JB_PARAMETER_CEILING);
    assert(count.active <= count.total && count.vision <= count.total);
    assert(jb_architecture_kv(&architecture, 1) <= jb_architecture_kv_per_token(&architecture));
    assert(jb_architecture_kv(&architecture, 1000) <= jb_architecture_kv(&architecture, 1000000));
    uint64_t tokens = 0;
    if (jb_architecture_image_tokens(&architecture, 1920, 1080, &error, &tokens) == JB_OK)
        assert(tokens > 0);
    return 0;
}
