/* Numbers, times, durations, globs and sysfs values of any bytes: what is accepted prints and reads back. */
#include "base/buffer.h"
#include "base/decimal.h"
#include "base/json.h"
#include "base/root.h"
#include "base/text.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_numbers(const char *text) {
    char printed[JB_INT128_SIZE];
    jb_int128 wide, wide_again;
    int64_t value, again;
    if (jb_int128_parse(text, NULL, &wide) == JB_OK) {
        jb_int128_format(wide, printed);
        require(jb_int128_parse(printed, NULL, &wide_again) == JB_OK && wide_again == wide);
    }
    if (jb_int64_parse(text, NULL, &value) == JB_OK) {
        require(jb_decimal_parse(text, 1, NULL, &again) == JB_OK && again == value);
    }
    static const int64_t scales[] = {1, 1000, 1000000, INT64_C(3600000000000), INT64_C(1000000000000000000)};
    for (size_t i = 0; i < JB_COUNT(scales); i++)
        (void)jb_decimal_parse(text, scales[i], NULL, &value);
}

static void try_times(const char *text) {
    char printed[JB_TIME_SIZE];
    int64_t ns, again;
    if (jb_time_parse(text, NULL, &ns) == JB_OK) {
        jb_time_format(ns, printed);
        require(jb_time_parse(printed, NULL, &again) == JB_OK && again == ns);
    }
    if (jb_duration_parse(text, NULL, &ns) == JB_OK)
        require(ns > 0);
    (void)jb_time_parse_relative(text, INT64_C(1800000000000000000), NULL, &ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct jb_error error = {0};
    uint64_t value;
    if (size > 4096)
        return 0;
    if (jb_sysfs_uint64((const char *)bytes, size, &error, &value))
        require(error.message[0] != '\0');
    char text[4097], shown[64];
    memcpy(text, bytes, size);
    text[size] = '\0';
    try_numbers(text);
    try_times(text);
    jb_text_display(text, shown, sizeof shown);
    for (size_t i = 0; shown[i];) {
        size_t width = jb_utf8_length(shown + i, strlen(shown + i));
        require(width > 0 && (unsigned char)shown[i] >= 0x20);
        i += width;
    }
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    jb_json_string(&json, text);
    require(out.length >= 2 && strchr(out.bytes, '\n') == NULL);
    /* The first half as a glob over the second. */
    const char *half = text + strlen(text) / 2;
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%.*s", (int)(half - text < 100 ? half - text : 100), text);
    (void)jb_text_matches(pattern, half);
    return 0;
}
