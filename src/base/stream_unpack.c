/* Unpackers of gzip (RFC 1952, by ISA-L) and zstd (RFC 8878, by libzstd). */
#include "base/stream_unpack.h"

#include <assert.h>
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

/* Memory that a zstd frame may ask for: 2^27 bytes is what `zstd --long` uses, and what zstd itself takes
 * without being told. */
#define WINDOW_LOG_CEILING 27

struct jb_unpacker {
    struct inflate_state *gzip; /* one of the two */
    ZSTD_DCtx *zstd;
    bool is_between; /* members: a file may end here */
    bool is_padding; /* zeroes behind the last gzip member, as tapes leave them */
};

void jb_unpacker_free(struct jb_unpacker *unpacker) {
    if (!unpacker)
        return;
    free(unpacker->gzip);
    ZSTD_freeDCtx(unpacker->zstd);
    free(unpacker);
}

static void begin_gzip(struct jb_unpacker *unpacker) {
    isal_inflate_init(unpacker->gzip);
    unpacker->gzip->crc_flag = ISAL_GZIP; /* checks the sum and the length of each member */
}

enum jb_code jb_unpacker_make(const char *opening, size_t length, struct jb_error *error,
                              struct jb_unpacker **ret_unpacker) {
    bool is_gzip = length >= 2 && memcmp(opening, "\x1f\x8b", 2) == 0;
    bool is_zstd = length >= 4 && memcmp(opening, "\x28\xb5\x2f\xfd", 4) == 0;
    /* Frames that a zstd file may open with and that hold nothing: pzstd writes them. */
    is_zstd |= length >= 4 && (opening[0] & 0xf0) == 0x50 && memcmp(opening + 1, "\x2a\x4d\x18", 3) == 0;
    if (!is_gzip && !is_zstd) {
        *ret_unpacker = NULL;
        return JB_OK;
    }
    _cleanup_(jb_unpacker_free_cleanup) struct jb_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker && is_gzip)
        unpacker->gzip = malloc(sizeof *unpacker->gzip);
    else if (unpacker)
        unpacker->zstd = ZSTD_createDCtx();
    if (!unpacker || (!unpacker->gzip && !unpacker->zstd))
        return jb_error_set(error, JB_MEMORY, "no memory to unpack");
    if (is_gzip)
        begin_gzip(unpacker);
    else
        ZSTD_DCtx_setParameter(unpacker->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_CEILING);
    *ret_unpacker = JB_TAKE(unpacker);
    return JB_OK;
}

bool jb_unpack_may_end(const struct jb_unpacker *unpacker) {
    return unpacker->is_between;
}

static const char *gzip_trouble(int status) {
    switch (status) {
    case ISAL_INCORRECT_CHECKSUM:
        return "its checksum is wrong";
    case ISAL_INVALID_WRAPPER:
        return "what follows is no gzip";
    case ISAL_UNSUPPORTED_METHOD:
        return "an unknown method";
    default:
        return "its bytes make no sense";
    }
}

/* One call of ISA-L. */
static enum jb_code step_gzip(struct jb_unpacker *unpacker, struct jb_unpack_bytes *bytes,
                              struct jb_error *error) {
    struct inflate_state *state = unpacker->gzip;
    if (unpacker->is_between) { /* the next member, or zeroes up to the end */
        unpacker->is_padding = unpacker->is_padding || *bytes->in == '\0';
        if (*bytes->in != (unpacker->is_padding ? '\0' : '\x1f'))
            return jb_error_set(error, JB_INPUT, "damaged gzip: bytes behind its end");
    }
    if (unpacker->is_padding) {
        bytes->in++, bytes->in_length--;
        return JB_OK;
    }
    const uint32_t in_length = bytes->in_length < UINT32_MAX ? (uint32_t)bytes->in_length : UINT32_MAX;
    const uint32_t out_size = bytes->out_size < UINT32_MAX ? (uint32_t)bytes->out_size : UINT32_MAX;
    state->next_in = (uint8_t *)bytes->in;
    state->avail_in = in_length;
    state->next_out = (uint8_t *)bytes->out;
    state->avail_out = out_size;
    int status = isal_inflate(state);
    if (status < 0)
        return jb_error_set(error, JB_INPUT, "damaged gzip: %s", gzip_trouble(status));
    bytes->in += in_length - state->avail_in;
    bytes->in_length -= in_length - state->avail_in;
    bytes->out += out_size - state->avail_out;
    bytes->out_size -= out_size - state->avail_out;
    unpacker->is_between = state->block_state == ISAL_BLOCK_FINISH;
    if (unpacker->is_between)
        begin_gzip(unpacker);
    return JB_OK;
}

static enum jb_code step_zstd(struct jb_unpacker *unpacker, struct jb_unpack_bytes *bytes,
                              struct jb_error *error) {
    ZSTD_inBuffer in = {.src = bytes->in, .size = bytes->in_length};
    ZSTD_outBuffer out = {.dst = bytes->out, .size = bytes->out_size};
    size_t status = ZSTD_decompressStream(unpacker->zstd, &out, &in);
    if (ZSTD_isError(status))
        return jb_error_set(error, JB_INPUT, "damaged zstd: %s", ZSTD_getErrorName(status));
    bytes->in += in.pos;
    bytes->in_length -= in.pos;
    bytes->out += out.pos;
    bytes->out_size -= out.pos;
    unpacker->is_between = status == 0;
    return JB_OK;
}

enum jb_code jb_unpack(struct jb_unpacker *unpacker, struct jb_unpack_bytes *bytes, struct jb_error *error) {
    /* With all input taken, there may still be output to come, but not between members. */
    while (bytes->out_size && (bytes->in_length || !unpacker->is_between)) {
        const struct jb_unpack_bytes before = *bytes;
        enum jb_code code =
            unpacker->gzip ? step_gzip(unpacker, bytes, error) : step_zstd(unpacker, bytes, error);
        if (code)
            return code;
        if (bytes->in_length == before.in_length && bytes->out_size == before.out_size)
            break;
    }
    return JB_OK;
}
