/* Fuzzes what DRM drivers show in /proc/PID/fdinfo: any bytes are taken, and what comes out is safe to show.
 */
#include "source/amdgpu_fdinfo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, size_t size) {
    assert(memchr(name, '\0', size));
    for (; *name; name++)
        assert(*name > ' ' && *name < 0x7f && *name != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* exactly as long, so that a read past the end is caught */
    assert(text);
    memcpy(text, data, size);
    struct jb_drm_client client = {0};
    char *exact = size ? realloc(text, size) : text;
    assert(exact);
    if (jb_drm_fdinfo_parse(exact, size, &client)) {
        assert(client.driver[0]);
        check_name(client.driver, sizeof client.driver);
        check_name(client.device, sizeof client.device);
    }
    free(exact);
    return 0;
}
