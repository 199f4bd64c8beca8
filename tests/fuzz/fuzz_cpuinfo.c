/* Fuzzes the CPU model's readers of /proc/cpuinfo and /proc/stat: any bytes are taken. */
#include "source/cpumodel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size ? size : 1); /* exactly as long, so that a read past the end is caught */
    assert(text);
    memcpy(text, data, size);
    struct jb_cpu_identity identity;
    jb_cpu_identity_parse(text, size, &identity);
    assert(identity.socket_count >= 1);
    assert(memchr(identity.vendor, '\0', sizeof identity.vendor));
    assert(memchr(identity.model_name, '\0', sizeof identity.model_name));
    char name[96], again[96];
    jb_cpu_name_normalise(identity.model_name, name, sizeof name);
    assert(strlen(name) <= strlen(identity.model_name));
    assert(strlen(jb_cpu_name_normalise(name, again, sizeof again)) <= strlen(name));
    struct jb_cpu_stat stat = {0};
    struct jb_error error = {0};
    if (jb_cpu_stat_parse(text, size, &error, &stat))
        assert(error.message[0]);
    free(text);
    return 0;
}
