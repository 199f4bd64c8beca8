/* Unpackers of gzip and zstd: bytes in, bytes out, any number of members one behind the other. */
#ifndef JB_BASE_STREAM_UNPACK_H
#define JB_BASE_STREAM_UNPACK_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define JB_UNPACK_OPENING 4 /* bytes of a file that tell how it is packed */

struct jb_unpacker;

struct jb_unpack_bytes {
    const char *in;
    size_t in_length;
    char *out;
    size_t out_size;
};

/* *ret_unpacker NULL: these first bytes are not those of anything packed. */
enum jb_code jb_unpacker_make(const char *opening, size_t length, struct jb_error *error,
                              struct jb_unpacker **ret_unpacker);
void jb_unpacker_free(struct jb_unpacker *unpacker); /* NULL-safe */
/* Unpacks until `in` is used up or `out` is full, and moves both on. JB_INPUT: damaged, without a place. */
enum jb_code jb_unpack(struct jb_unpacker *unpacker, struct jb_unpack_bytes *bytes, struct jb_error *error);
/* Whether a file may end here. */
bool jb_unpack_may_end(const struct jb_unpacker *unpacker);

JB_DEFINE_CLEANUP(struct jb_unpacker, jb_unpacker_free);

#endif
