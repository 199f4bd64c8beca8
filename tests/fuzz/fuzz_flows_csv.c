/* Fuzzes flows as CSV: any bytes give records that are valid, or one clean error line; and what is read is
 * written and read back as the same. */
#include "import/flows.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks every record, and keeps it written out again. */
struct checker {
    struct jb_import_sink sink;
    struct jb_buffer out;
};

static enum jb_code check(struct jb_import_sink *sink, const struct jb_import_record *record,
                          struct jb_error *error) {
    struct checker *checker = (struct checker *)sink;
    (void)error;
    assert(jb_account_validate(record->from, NULL) == JB_OK);
    assert(jb_account_validate(record->to, NULL) == JB_OK);
    assert(strcmp(record->from, record->to) != 0);
    assert(record->flow.start_ns < record->flow.end_ns);
    assert(strlen(record->batch) < 256);
    jb_flows_write_csv(record, &checker->out);
    return JB_OK;
}

static enum jb_code parse(const void *bytes, size_t size, struct checker *checker, struct jb_error *error) {
    FILE *file = fmemopen((void *)(uintptr_t)bytes, size, "r");
    assert(file);
    enum jb_code code = jb_flows_parse_csv(file, "fuzz", &checker->sink, error);
    fclose(file);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct checker first = {.sink.record = check}, second = {.sink.record = check};
    struct jb_error error = {0};
    if (size == 0)
        return 0;
    jb_import_flows.probe((const char *)data, size);
    jb_flows_write_csv_heading(&first.out);
    enum jb_code code = parse(data, size, &first, &error);
    if (code)
        assert(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    if (code == JB_OK && !first.out.failed) {
        jb_flows_write_csv_heading(&second.out);
        code = parse(first.out.bytes, first.out.length, &second, &error);
        assert(code == JB_OK);
        assert(second.out.length == first.out.length);
        assert(memcmp(second.out.bytes, first.out.bytes, first.out.length) == 0);
    }
    jb_buffer_free(&first.out);
    jb_buffer_free(&second.out);
    return 0;
}
