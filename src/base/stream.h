/* The bytes of a file, pipe or standard input, unpacked on a thread of their own when they are gzip or zstd.
 */
#ifndef JB_BASE_STREAM_H
#define JB_BASE_STREAM_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/progress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes that can be looked at ahead. */
#define JB_STREAM_PEEK ((size_t)1 << 20)

struct jb_stream; /* opaque */

/* Reads descriptor from where it stands, and closes it in the end, also when this fails. name is for
 * messages. Packed or not is found by the first bytes. */
enum jb_code jb_stream_open(int descriptor, const char *name, struct jb_error *error,
                            struct jb_stream **ret_stream);
void jb_stream_free(struct jb_stream *stream); /* NULL-safe; stops the unpacking wherever it is */

const char *jb_stream_name(const struct jb_stream *stream);
/* Bytes of the file as it lies there, packed or not; 0: not known, such as of a pipe. */
uint64_t jb_stream_size(const struct jb_stream *stream);

/* From now on its bytes, as they lie there, are counted as done, and number as the place; those that were
 * read already are counted now, but for a block that is being read meanwhile. progress outlives the stream.
 */
void jb_stream_watch(struct jb_stream *stream, struct jb_progress *progress, size_t number);
/* Counts bytes that were read by jb_stream_file. On any thread. */
void jb_stream_count(struct jb_stream *stream, size_t length);

/* The next bytes, unpacked, without taking them: at least `wanted` (at most JB_STREAM_PEEK), or all that are
 * left. Valid until the next call. */
enum jb_code jb_stream_peek(struct jb_stream *stream, size_t wanted, struct jb_error *error,
                            const char **ret_bytes, size_t *ret_length);

/* Takes up to `size` bytes; less only at the end, and 0 behind it. JB_INPUT when what is packed is damaged or
 * cut off: it names the file. */
enum jb_code jb_stream_read(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                            size_t *ret_length);

/* Whether these are plain bytes of a file that can be read at any place, by several threads: then its
 * descriptor, and where in it the bytes lie that were neither taken nor ended. Otherwise -1. */
int jb_stream_file(const struct jb_stream *stream, uint64_t *ret_begin, uint64_t *ret_end);

JB_DEFINE_CLEANUP(struct jb_stream, jb_stream_free);

#endif
