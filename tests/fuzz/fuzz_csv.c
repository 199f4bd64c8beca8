/* CSV of any bytes: the reader ends, and what it accepted reads back the same after it was written again. */
#include "base/csv.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Reads all records of `bytes`; each field goes to `fields`, ended by a NUL, each record by "\n\0". */
static enum jb_code read_all(const char *bytes, size_t size, struct jb_buffer *fields,
                             struct jb_buffer *written) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer copy = {0};
    jb_buffer_add(&copy, bytes, size);
    _cleanup_fclose_ FILE *file = fmemopen(copy.bytes, size, "r");
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    if (!file || jb_csv_reader_make(file, "fuzz", &error, &reader))
        abort();
    for (uint64_t line = 0;;) {
        const char *const *record;
        size_t count;
        enum jb_code code = jb_csv_read(reader, &error, &record, &count);
        if (code == JB_NO_DATA)
            return JB_OK;
        if (code) {
            if (strlen(error.message) == 0)
                abort(); /* an error without a message helps nobody */
            return code;
        }
        if (count == 0 || jb_csv_line(reader) <= line)
            abort();
        line = jb_csv_line(reader);
        for (size_t i = 0; i < count; i++) {
            jb_buffer_add(fields, record[i], strlen(record[i]) + 1);
            if (i)
                jb_buffer_add_char(written, ',');
            /* One empty field alone would be an empty line, which is none. */
            if (count == 1 && !record[i][0])
                jb_buffer_add_string(written, "\"\"");
            else
                jb_csv_add(written, record[i]);
        }
        jb_buffer_add(fields, "\n", 2);
        jb_buffer_add_string(written, "\r\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    _cleanup_buffer_ struct jb_buffer first = {0}, second = {0}, written = {0}, again = {0};
    if (size == 0 || read_all((const char *)bytes, size, &first, &written) || first.length == 0)
        return 0;
    if (read_all(written.bytes, written.length, &second, &again))
        abort();
    if (first.length != second.length || memcmp(first.bytes, second.bytes, first.length) != 0)
        abort();
    return 0;
}
