/* The bytes of a file, pipe or standard input, unpacked where they are packed. */
#include "base/stream.h"

#include "base/stream_unpack.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#define BLOCK  ((size_t)256 << 10)
#define BLOCKS 4 /* so far may unpacking run ahead */

/* Bytes that one thread makes and another takes. */
struct block {
    char *bytes;
    size_t length;
};

/* What the unpacking thread has of its own, and what it shares under the lock. */
struct unpacking {
    struct jb_unpacker *unpacker;
    pthread_t thread;
    bool is_started;
    int wake; /* readable when the thread is to stop */
    char *packed;
    size_t packed_length; /* read before the thread started */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct block blocks[BLOCKS];
    size_t made, taken; /* blocks so far */
    bool is_ended, is_stopped;
    enum jb_code code;
    struct jb_error error;
};

struct jb_stream {
    int descriptor;
    char *name;
    char *ahead; /* looked at, not taken: [at, length) */
    size_t ahead_at, ahead_length, ahead_capacity;
    struct unpacking *unpacking;            /* NULL: plain */
    size_t block_at;                        /* within the block that is being taken */
    _Atomic(struct jb_progress *) progress; /* that of its own until somebody watches */
    struct jb_progress unwatched;
    atomic_size_t number;
};

/* ---- the unpacking thread --------------------------------------------------------------------------- */

static enum jb_code read_some(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                              size_t *ret_length) {
    ssize_t length;
    do
        length = read(stream->descriptor, bytes, size);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EISDIR)
        return jb_error_set(error, JB_INPUT, "%s: a folder; name the files in it", stream->name);
    if (length < 0)
        return jb_error_set_errno(error, errno, "%s", stream->name);
    jb_stream_count(stream, (size_t)length);
    *ret_length = (size_t)length;
    return JB_OK;
}

/* The same, unless the thread is to stop first (JB_NO_DATA): a pipe may be silent for long. */
static enum jb_code read_or_stop(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                                 size_t *ret_length) {
    struct pollfd polled[] = {{.fd = stream->descriptor, .events = POLLIN},
                              {.fd = stream->unpacking->wake, .events = POLLIN}};
    while (poll(polled, JB_COUNT(polled), -1) < 0 && errno == EINTR)
        ;
    return polled[1].revents ? JB_NO_DATA : read_some(stream, bytes, size, error, ret_length);
}

/* The block to fill next; NULL when the thread is to stop. */
static struct block *wait_for_room(struct unpacking *unpacking) {
    pthread_mutex_lock(&unpacking->lock);
    while (unpacking->made - unpacking->taken == BLOCKS && !unpacking->is_stopped)
        pthread_cond_wait(&unpacking->changed, &unpacking->lock);
    bool is_stopped = unpacking->is_stopped;
    pthread_mutex_unlock(&unpacking->lock);
    return is_stopped ? NULL : &unpacking->blocks[unpacking->made % BLOCKS];
}

static void hand_over(struct unpacking *unpacking) {
    pthread_mutex_lock(&unpacking->lock);
    unpacking->made++;
    pthread_cond_broadcast(&unpacking->changed);
    pthread_mutex_unlock(&unpacking->lock);
}

static enum jb_code unpack_all(struct jb_stream *stream, struct jb_error *error) {
    struct unpacking *unpacking = stream->unpacking;
    struct jb_unpack_bytes bytes = {.in = unpacking->packed, .in_length = unpacking->packed_length};
    bool has_ended = false;
    while (!has_ended) {
        struct block *block = wait_for_room(unpacking);
        if (!block)
            return JB_NO_DATA;
        bytes.out = block->bytes;
        bytes.out_size = BLOCK;
        while (bytes.out_size && !has_ended) {
            enum jb_code code = jb_unpack(unpacking->unpacker, &bytes, error);
            if (code)
                return jb_error_prefix(error, "%s", stream->name);
            if (bytes.out_size == 0)
                break;
            code = read_or_stop(stream, unpacking->packed, BLOCK, error, &bytes.in_length);
            if (code)
                return code;
            bytes.in = unpacking->packed;
            has_ended = bytes.in_length == 0;
        }
        block->length = BLOCK - bytes.out_size;
        hand_over(unpacking);
    }
    return jb_unpack_may_end(unpacking->unpacker)
               ? JB_OK
               : jb_error_set(error, JB_INPUT, "%s: ends in the middle; was it copied whole?", stream->name);
}

static void *run_unpacking(void *argument) {
    struct jb_stream *stream = argument;
    struct unpacking *unpacking = stream->unpacking;
    struct jb_error error = {0};
    enum jb_code code = unpack_all(stream, &error);
    pthread_mutex_lock(&unpacking->lock);
    unpacking->code = code;
    unpacking->error = error;
    unpacking->is_ended = true;
    pthread_cond_broadcast(&unpacking->changed);
    pthread_mutex_unlock(&unpacking->lock);
    return NULL;
}

static void unpacking_free(struct unpacking *unpacking) {
    if (!unpacking)
        return;
    if (unpacking->is_started) {
        pthread_mutex_lock(&unpacking->lock);
        unpacking->is_stopped = true;
        pthread_cond_broadcast(&unpacking->changed);
        pthread_mutex_unlock(&unpacking->lock);
        uint64_t one = 1;
        while (write(unpacking->wake, &one, sizeof one) < 0 && errno == EINTR)
            ;
        pthread_join(unpacking->thread, NULL);
    }
    if (unpacking->wake >= 0)
        close(unpacking->wake);
    for (size_t i = 0; i < BLOCKS; i++)
        free(unpacking->blocks[i].bytes);
    pthread_mutex_destroy(&unpacking->lock);
    pthread_cond_destroy(&unpacking->changed);
    jb_unpacker_free(unpacking->unpacker);
    free(unpacking->packed);
    free(unpacking);
}

/* Takes the unpacker. What was read to know it is what it begins with. */
static enum jb_code start_unpacking(struct jb_stream *stream, struct jb_unpacker *unpacker,
                                    struct jb_error *error) {
    struct unpacking *unpacking = calloc(1, sizeof *unpacking);
    if (!unpacking) {
        jb_unpacker_free(unpacker);
        return jb_error_set(error, JB_MEMORY, "%s: no memory to unpack", stream->name);
    }
    stream->unpacking = unpacking;
    unpacking->unpacker = unpacker;
    pthread_mutex_init(&unpacking->lock, NULL);
    pthread_cond_init(&unpacking->changed, NULL);
    unpacking->wake = eventfd(0, EFD_CLOEXEC);
    if (unpacking->wake < 0)
        return jb_error_set_errno(error, errno, "%s: eventfd", stream->name);
    bool has_memory = (unpacking->packed = malloc(BLOCK)) != NULL;
    for (size_t i = 0; i < BLOCKS; i++)
        has_memory &= (unpacking->blocks[i].bytes = malloc(BLOCK)) != NULL;
    if (!has_memory)
        return jb_error_set(error, JB_MEMORY, "%s: no memory to unpack", stream->name);
    memcpy(unpacking->packed, stream->ahead, stream->ahead_length);
    unpacking->packed_length = stream->ahead_length;
    stream->ahead_length = 0;
    int errnum = pthread_create(&unpacking->thread, NULL, run_unpacking, stream);
    if (errnum)
        return jb_error_set_errno(error, errnum, "%s: a thread to unpack", stream->name);
    unpacking->is_started = true;
    return JB_OK;
}

/* ---- taking ----------------------------------------------------------------------------------------- */

/* Up to `size` bytes; 0 only at the end. */
static enum jb_code take_unpacked(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                                  size_t *ret_length) {
    struct unpacking *unpacking = stream->unpacking;
    size_t length = 0;
    enum jb_code code = JB_OK;
    pthread_mutex_lock(&unpacking->lock);
    for (;;) {
        while (unpacking->made == unpacking->taken && !unpacking->is_ended)
            pthread_cond_wait(&unpacking->changed, &unpacking->lock);
        if (unpacking->made == unpacking->taken) {
            code = unpacking->code;
            if (code && error)
                *error = unpacking->error;
            break;
        }
        const struct block *block = &unpacking->blocks[unpacking->taken % BLOCKS];
        pthread_mutex_unlock(&unpacking->lock);
        length = block->length - stream->block_at < size ? block->length - stream->block_at : size;
        memcpy(bytes, block->bytes + stream->block_at, length);
        stream->block_at += length;
        pthread_mutex_lock(&unpacking->lock);
        if (stream->block_at == block->length) {
            stream->block_at = 0;
            unpacking->taken++;
            pthread_cond_broadcast(&unpacking->changed);
        }
        if (length)
            break;
    }
    pthread_mutex_unlock(&unpacking->lock);
    if (!code)
        *ret_length = length;
    return code;
}

static enum jb_code take(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                         size_t *ret_length) {
    return stream->unpacking ? take_unpacked(stream, bytes, size, error, ret_length)
                             : read_some(stream, bytes, size, error, ret_length);
}

enum jb_code jb_stream_read(struct jb_stream *stream, char *bytes, size_t size, struct jb_error *error,
                            size_t *ret_length) {
    size_t ahead = stream->ahead_length - stream->ahead_at;
    size_t length = ahead < size ? ahead : size;
    if (length) {
        memcpy(bytes, stream->ahead + stream->ahead_at, length);
        stream->ahead_at += length;
    }
    while (length < size) {
        size_t more;
        enum jb_code code = take(stream, bytes + length, size - length, error, &more);
        if (code)
            return code;
        if (more == 0)
            break;
        length += more;
    }
    *ret_length = length;
    return JB_OK;
}

enum jb_code jb_stream_peek(struct jb_stream *stream, size_t wanted, struct jb_error *error,
                            const char **ret_bytes, size_t *ret_length) {
    assert(wanted <= JB_STREAM_PEEK);
    if (stream->ahead_at) {
        stream->ahead_length -= stream->ahead_at;
        memmove(stream->ahead, stream->ahead + stream->ahead_at, stream->ahead_length);
        stream->ahead_at = 0;
    }
    if (wanted > stream->ahead_capacity) {
        char *moved = realloc(stream->ahead, wanted);
        if (!moved)
            return jb_error_set(error, JB_MEMORY, "%s: no memory to look ahead", stream->name);
        stream->ahead = moved;
        stream->ahead_capacity = wanted;
    }
    while (stream->ahead_length < wanted) {
        size_t more;
        enum jb_code code =
            take(stream, stream->ahead + stream->ahead_length, wanted - stream->ahead_length, error, &more);
        if (code)
            return code;
        if (more == 0)
            break;
        stream->ahead_length += more;
    }
    *ret_bytes = stream->ahead;
    *ret_length = stream->ahead_length;
    return JB_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

enum jb_code jb_stream_open(int descriptor, const char *name, struct jb_error *error,
                            struct jb_stream **ret_stream) {
    struct jb_stream *made = calloc(1, sizeof *made);
    if (!made) {
        close(descriptor);
        return jb_error_set(error, JB_MEMORY, "%s: no memory", name);
    }
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *stream = made;
    stream->descriptor = descriptor;
    atomic_init(&stream->progress, &stream->unwatched);
    stream->name = strdup(name);
    if (!stream->name)
        return jb_error_set(error, JB_MEMORY, "%s: no memory", name);
    const char *opening;
    size_t length;
    struct jb_unpacker *unpacker;
    enum jb_code code = jb_stream_peek(stream, JB_UNPACK_OPENING, error, &opening, &length);
    if (!code)
        code = jb_unpacker_make(opening, length, error, &unpacker);
    if (!code && unpacker)
        code = start_unpacking(stream, unpacker, error);
    if (!code)
        *ret_stream = JB_TAKE(stream);
    return code;
}

void jb_stream_free(struct jb_stream *stream) {
    if (!stream)
        return;
    unpacking_free(stream->unpacking);
    close(stream->descriptor);
    free(stream->ahead);
    free(stream->name);
    free(stream);
}

const char *jb_stream_name(const struct jb_stream *stream) {
    return stream->name;
}

uint64_t jb_stream_size(const struct jb_stream *stream) {
    struct stat status;
    return fstat(stream->descriptor, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

void jb_stream_watch(struct jb_stream *stream, struct jb_progress *progress, size_t number) {
    atomic_store_explicit(&stream->number, number, memory_order_relaxed);
    atomic_store_explicit(&stream->progress, progress, memory_order_release);
    jb_progress_add(progress, atomic_load_explicit(&stream->unwatched.done, memory_order_relaxed));
}

void jb_stream_count(struct jb_stream *stream, size_t length) {
    struct jb_progress *progress = atomic_load_explicit(&stream->progress, memory_order_acquire);
    size_t number = atomic_load_explicit(&stream->number, memory_order_relaxed);
    atomic_store_explicit(&progress->place, number, memory_order_relaxed);
    jb_progress_add(progress, length);
}

int jb_stream_file(const struct jb_stream *stream, uint64_t *ret_begin, uint64_t *ret_end) {
    struct stat status;
    if (stream->unpacking || fstat(stream->descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return -1;
    off_t read_so_far = lseek(stream->descriptor, 0, SEEK_CUR);
    if (read_so_far < 0)
        return -1;
    *ret_begin = (uint64_t)read_so_far - (stream->ahead_length - stream->ahead_at);
    *ret_end = (uint64_t)status.st_size > *ret_begin ? (uint64_t)status.st_size : *ret_begin;
    return stream->descriptor;
}
