/* A table of any bytes: every instruction set, any number of threads and blocks of any size find the same,
 * and say the same. The first byte tells how many bad rows may be left out, and how the file is cut. */
#include "base/scan_internal.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct jb_scan_slot text_slot = {.kind = JB_SCAN_TEXT},
                                 time_slot = {.kind = JB_SCAN_TIME, .bucket_ns = INT64_C(3600000000000)},
                                 number_slot = {.kind = JB_SCAN_DECIMAL, .decimals = 9, .may_round = true};

static void require(bool holds) {
    if (!holds)
        abort();
}

static enum jb_code open_table(const uint8_t *bytes, size_t size, struct jb_error *error,
                               struct jb_scan_source **ret_source) {
    struct jb_stream *stream;
    int descriptor = memfd_create("table", MFD_CLOEXEC);
    require(descriptor >= 0);
    require(write(descriptor, bytes, size) == (ssize_t)size && lseek(descriptor, 0, SEEK_SET) == 0);
    enum jb_code code = jb_stream_open(descriptor, "fuzz", error, &stream);
    return code ? code : jb_scan_source_make(stream, ',', error, ret_source);
}

/* All that a scan found, as text. */
static void write_table(const struct jb_scan_table *table, struct jb_buffer *text) {
    char number[JB_INT128_SIZE];
    for (size_t i = 0; i < jb_scan_group_count(table); i++) {
        struct jb_scan_group group = jb_scan_group(table, i);
        uint32_t id = jb_scan_text_id(table, i, 0);
        jb_buffer_printf(text, "%zu %llu %llu %u '%s' %lld %s %llu\n", group.input,
                         (unsigned long long)group.first_row, (unsigned long long)group.row_count, id,
                         jb_scan_text(table, 0, id), (long long)jb_scan_time_ns(table, i, 1),
                         jb_int128_format(jb_scan_sum(table, i, 2), number),
                         (unsigned long long)jb_scan_number_count(table, i, 2));
    }
    for (size_t i = 0; i < jb_scan_bad_count(table); i++) {
        const struct jb_scan_bad *bad = jb_scan_bad(table, i);
        jb_buffer_printf(text, "%llu %llu %llu %llu %s\n", (unsigned long long)bad->row,
                         (unsigned long long)bad->line, (unsigned long long)bad->offset,
                         (unsigned long long)bad->length, bad->message);
    }
}

/* What the scan found, or said. */
static uint64_t scan(const uint8_t *bytes, size_t size, struct jb_scan_request request,
                     struct jb_buffer *text) {
    struct jb_error error = {0};
    _cleanup_(jb_scan_source_free_cleanup) struct jb_scan_source *source = NULL;
    _cleanup_(jb_scan_table_free_cleanup) struct jb_scan_table *table = NULL;
    uint64_t row_count = 0;
    enum jb_code code = open_table(bytes, size, &error, &source);
    if (!code) {
        uint32_t width = (uint32_t)jb_scan_source_width(source);
        const uint32_t fields[] = {0, width > 1 ? 1 : JB_SCAN_NO_FIELD, width > 2 ? 2 : JB_SCAN_NO_FIELD};
        const struct jb_scan_slot *slots[] = {&text_slot, &time_slot, &number_slot};
        struct jb_scan_input input = {.source = source, .fields = fields};
        request.slots = slots;
        request.slot_count = JB_COUNT(slots);
        request.inputs = &input;
        request.input_count = 1;
        request.memory_ceiling = (size_t)4 << 20; /* what is reserved costs time under a sanitizer */
        code = jb_scan_run(&request, &error, &table);
    }
    if (code) {
        require(error.message[0] != '\0');
        jb_buffer_add_string(text, error.message);
    } else {
        write_table(table, text);
        row_count = jb_scan_row_count(table) + jb_scan_bad_count(table);
    }
    jb_buffer_add(text, "", 0);
    return row_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return 0;
    unsigned how = bytes[0];
    bytes++, size--;
    struct jb_scan_request plain = {
        .bad_ceiling = how % 4 ? how : 0, .thread_count = 1, .kernel = &jb_scan_kernel_portable};
    struct jb_scan_request other = plain;
    other.thread_count = how / 4 % 3 + 1;
    plain.block_size = 4096;
    other.block_size = 256;
    other.range_floor = how / 16 + 1;
    _cleanup_buffer_ struct jb_buffer first = {0};
    uint64_t row_count = scan(bytes, size, plain, &first);
    for (size_t i = 0; jb_scan_kernels[i]; i++) {
        _cleanup_buffer_ struct jb_buffer second = {0};
        other.kernel = jb_scan_kernels[i];
        if (!other.kernel->is_supported())
            continue;
        require(scan(bytes, size, other, &second) == row_count);
        require(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    }
    return 0;
}
