/* Streams: plain and packed bytes arrive whole, in any pieces; what is damaged or cut off is said. */
#include "base/stream.h"

#include "base/buffer.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

enum packing { PLAIN, GZIP, ZSTD, PACKINGS };

/* Text that packs well in places and badly in others. */
static void make_text(size_t length, uint64_t seed, struct jb_buffer *text) {
    struct jb_random random = jb_random_make(seed);
    while (text->length < length) {
        char c = (char)jb_random_uint64(&random);
        for (uint64_t run = jb_random_below(&random, 40) + 1; run && text->length < length; run--)
            jb_buffer_add_char(text, c);
    }
}

/* One gzip member or zstd frame behind what is there. */
static void pack(enum packing packing, const char *bytes, size_t length, struct jb_buffer *packed) {
    size_t room = length + length / 8 + 4096;
    char *to = jb_buffer_room(packed, room);
    assert_non_null(to);
    if (packing == GZIP) {
        static struct isal_zstream state;
        isal_deflate_stateless_init(&state);
        state.gzip_flag = IGZIP_GZIP;
        state.end_of_stream = 1;
        state.next_in = (uint8_t *)(uintptr_t)bytes;
        state.avail_in = (uint32_t)length;
        state.next_out = (uint8_t *)to;
        state.avail_out = (uint32_t)room;
        assert_int_equal(isal_deflate_stateless(&state), COMP_OK);
        packed->length += room - state.avail_out;
    } else if (packing == ZSTD) {
        size_t size = ZSTD_compress(to, room, bytes, length, 3);
        assert_false(ZSTD_isError(size));
        packed->length += size;
    } else {
        jb_buffer_add(packed, bytes, length);
    }
}

static struct jb_stream *open_bytes(const char *bytes, size_t length) {
    struct jb_error error;
    struct jb_stream *stream = NULL;
    int descriptor = memfd_create("bytes", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, length), length);
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    assert_int_equal(jb_stream_open(descriptor, "x.csv", &error, &stream), JB_OK);
    return stream;
}

/* Reads to the end in pieces of random sizes, with looks ahead between them. */
static enum jb_code read_all(struct jb_stream *stream, uint64_t seed, struct jb_buffer *text,
                             struct jb_error *error) {
    struct jb_random random = jb_random_make(seed);
    for (;;) {
        size_t size = jb_random_below(&random, 700000) + 1,
               wanted = jb_random_below(&random, JB_STREAM_PEEK + 1), got;
        const char *ahead = NULL;
        size_t ahead_length = 0;
        enum jb_code code = JB_OK;
        if (seed % 2)
            code = jb_stream_peek(stream, wanted, error, &ahead, &ahead_length);
        char *room = jb_buffer_room(text, size);
        assert_non_null(room);
        _cleanup_free_ char *copy = malloc(ahead_length + 1);
        assert_non_null(copy);
        if (!code && ahead_length)
            memcpy(copy, ahead, ahead_length);
        if (!code)
            code = jb_stream_read(stream, room, size, error, &got);
        if (code)
            return code;
        assert_memory_equal(room, copy, ahead_length < got ? ahead_length : got);
        text->length += got;
        if (got < size) {
            assert_int_equal(jb_stream_read(stream, room, size, error, &got), JB_OK);
            assert_int_equal(got, 0); /* the end stays the end */
            return JB_OK;
        }
    }
}

static void whatever_is_packed_arrives(void **state) {
    static const size_t lengths[] = {0, 1, 3, 5, 262143, 262144, 262145, 1500000};
    (void)state;
    for (size_t i = 0; i < JB_COUNT(lengths); i++) {
        _cleanup_buffer_ struct jb_buffer text = {0};
        make_text(lengths[i], i + 1, &text);
        for (enum packing packing = PLAIN; packing < PACKINGS; packing++) {
            _cleanup_buffer_ struct jb_buffer packed = {0}, found = {0};
            struct jb_error error = {0};
            /* In three members, one of them empty. */
            size_t half = lengths[i] / 2;
            if (lengths[i])
                pack(packing, text.bytes, half, &packed);
            pack(packing, "", 0, &packed);
            if (lengths[i])
                pack(packing, text.bytes + half, lengths[i] - half, &packed);
            if (packing == GZIP)
                jb_buffer_add(&packed, "\0\0\0", 3); /* padding */
            _cleanup_(jb_stream_free_cleanup) struct jb_stream *stream =
                open_bytes(packed.length ? packed.bytes : "", packed.length);
            assert_int_equal(read_all(stream, i, &found, &error), JB_OK);
            assert_int_equal(found.length, lengths[i]);
            if (found.length)
                assert_memory_equal(found.bytes, text.bytes, found.length);
        }
    }
}

static void damage_is_said(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer text = {0};
    make_text(900000, 7, &text);
    for (enum packing packing = GZIP; packing < PACKINGS; packing++) {
        _cleanup_buffer_ struct jb_buffer packed = {0};
        pack(packing, text.bytes, text.length, &packed);
        for (uint64_t way = 0; way < 3; way++) {
            _cleanup_buffer_ struct jb_buffer bytes = {0}, found = {0};
            struct jb_error error = {0};
            jb_buffer_add(&bytes, packed.bytes, packed.length);
            if (way == 0)
                bytes.length -= 5; /* cut off */
            else if (way == 1 && packing == GZIP)
                bytes.bytes[bytes.length - 6] ^= 1; /* the checksum */
            else if (way == 1)
                bytes.bytes[bytes.length / 2] ^= 0x55, bytes.bytes[6] ^= 0x7f;
            else
                jb_buffer_add_string(&bytes, "tail"); /* what follows is nothing packed */
            _cleanup_(jb_stream_free_cleanup) struct jb_stream *stream =
                open_bytes(bytes.bytes, bytes.length);
            assert_int_equal(read_all(stream, 2, &found, &error), JB_INPUT);
            assert_int_equal(strncmp(error.message, "x.csv: ", 7), 0);
            assert_non_null(strstr(error.message, way == 0 ? "ends in the middle" : "damaged"));
        }
    }
}

static void a_plain_file_can_be_read_elsewhere(void **state) {
    (void)state;
    struct jb_error error;
    const char *ahead;
    char bytes[4];
    size_t length;
    uint64_t begin, end;
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *stream = open_bytes("0123456789", 10);
    assert_int_equal(jb_stream_peek(stream, 6, &error, &ahead, &length), JB_OK);
    assert_int_equal(length, 6);
    assert_int_equal(jb_stream_read(stream, bytes, sizeof bytes, &error, &length), JB_OK);
    assert_true(jb_stream_file(stream, &begin, &end) >= 0);
    assert_int_equal(begin, 4);
    assert_int_equal(end, 10);

    _cleanup_buffer_ struct jb_buffer packed = {0};
    pack(GZIP, "abc", 3, &packed);
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *gzip = open_bytes(packed.bytes, packed.length);
    assert_int_equal(jb_stream_file(gzip, &begin, &end), -1);
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    close(pipes[1]);
    struct jb_stream *made;
    assert_int_equal(jb_stream_open(pipes[0], "pipe", &error, &made), JB_OK);
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *pipe_stream = made;
    assert_int_equal(jb_stream_file(pipe_stream, &begin, &end), -1);
}

/* A pipe whose writer says no more: whoever loses interest is not kept waiting. */
static void a_silent_pipe_can_be_left(void **state) {
    (void)state;
    struct jb_error error;
    _cleanup_buffer_ struct jb_buffer text = {0}, packed = {0};
    make_text(100000, 3, &text);
    pack(GZIP, text.bytes, text.length, &packed);
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    size_t half = packed.length / 2 < 30000 ? packed.length / 2 : 30000;
    assert_int_equal(write(pipes[1], packed.bytes, half), half);
    struct jb_stream *stream = NULL;
    assert_int_equal(jb_stream_open(pipes[0], "pipe", &error, &stream), JB_OK);
    jb_stream_free(stream);
    close(pipes[1]);
    /* And one that runs far ahead of its reader. */
    _cleanup_buffer_ struct jb_buffer zeroes = {0}, small = {0};
    make_text(3000000, 4, &zeroes);
    pack(ZSTD, zeroes.bytes, zeroes.length, &small);
    stream = open_bytes(small.bytes, small.length);
    jb_stream_free(stream);
}

static void a_folder_is_refused(void **state) {
    (void)state;
    struct jb_error error = {0};
    struct jb_stream *stream;
    int descriptor = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(jb_stream_open(descriptor, "/", &error, &stream), JB_INPUT);
    assert_string_equal(error.message, "/: a folder; name the files in it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_packed_arrives),
        cmocka_unit_test(damage_is_said),
        cmocka_unit_test(a_plain_file_can_be_read_elsewhere),
        cmocka_unit_test(a_silent_pipe_can_be_left),
        cmocka_unit_test(a_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
