/* Fuzzes maps of tables, and tables that have one: a map up to the first NUL, then the table. */
#include "bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct jb_error error = {0};
    struct jb_bill_map *map = NULL;
    size_t length = strnlen((const char *)data, size);
    char *text = strndup((const char *)data, length);
    assert(text);
    enum jb_code code = jb_bill_map_parse(text, "fuzz.ini", &error, &map);
    if (code)
        assert(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    else if (length < size)
        fuzz_bill(data + length + 1, size - length - 1, NULL, map);
    jb_bill_map_free(map);
    free(text);
    return 0;
}
