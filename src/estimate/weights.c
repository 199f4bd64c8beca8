/* Opens files of weights and tells their kinds apart. */
#include "estimate/weights.h"

#include "base/buffer.h"
#include "estimate/tally.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK ((size_t)64 << 10)

static enum jb_code open_plain(const char *path, struct jb_error *error, FILE **ret_file) {
    struct stat status;
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) != 0)
        return jb_error_set_errno(error, errno, "%s", path);
    if (!S_ISREG(status.st_mode))
        return jb_error_set(error, JB_INPUT, "%s: no plain file", path);
    *ret_file = JB_TAKE(file);
    return JB_OK;
}

static enum jb_code read_index(FILE *file, const char *path, struct jb_error *error,
                               struct jb_weights *ret_weights) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_WEIGHTS_HEADER_CEILING + 1};
    _cleanup_(jb_shards_free) struct jb_shards shards = {0};
    struct jb_weights sum = {0};
    size_t got = 1;
    while (got) {
        char *room = jb_buffer_room(&text, CHUNK);
        if (!room)
            return jb_error_set(error, JB_INPUT, "%s: more than 32 MiB", path);
        got = fread(room, 1, CHUNK, file);
        text.length += got;
    }
    enum jb_code code = jb_shards_parse(text.bytes, text.length, path, error, &shards);
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    for (size_t i = 0; i < shards.count && !code; i++) {
        _cleanup_buffer_ struct jb_buffer beside = {0};
        _cleanup_fclose_ FILE *shard = NULL;
        struct jb_weights weights = {0};
        jb_buffer_add(&beside, path, folder);
        jb_buffer_add_string(&beside, shards.names[i]);
        code = jb_buffer_check(&beside, error);
        if (!code)
            code = open_plain(beside.bytes, error, &shard);
        if (!code)
            code = jb_safetensors_read(shard, beside.bytes, error, &weights);
        if (!code)
            code = jb_weights_merge(&sum, &weights, error);
    }
    if (!code)
        *ret_weights = sum;
    return code;
}

enum jb_code jb_weights_open(const char *path, struct jb_error *error, struct jb_weights *ret_weights) {
    _cleanup_fclose_ FILE *file = NULL;
    char opening[16] = {0};
    enum jb_code code = open_plain(path, error, &file);
    if (code)
        return code;
    size_t length = fread(opening, 1, sizeof opening, file);
    if (ferror(file) || fseeko(file, 0, SEEK_SET) != 0)
        return jb_error_set_errno(error, errno, "%s", path);
    if (length >= 4 && memcmp(opening, "GGUF", 4) == 0)
        return jb_gguf_read(file, path, error, ret_weights);
    if (length > 8 && opening[8] == '{')
        return jb_safetensors_read(file, path, error, ret_weights);
    size_t first = 0;
    while (first < length && strchr(" \t\r\n", opening[first]) && opening[first])
        first++;
    if (first < length && opening[first] == '{')
        return read_index(file, path, error, ret_weights);
    return jb_error_set(error, JB_INPUT, "%s: no .safetensors, no index of them, and no .gguf", path);
}
