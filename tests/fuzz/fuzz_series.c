/* Tables of series of any bytes: what is taken in is ordered, without overlap and in range; what is not is
 * told in one clean line. */
#include "factor/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_table(const uint8_t *data, size_t size, enum jb_stamp_order order,
                      const struct jb_zone *zone) {
    struct jb_series_request request = {
        .region = "KR", .source = "s", .licence = "", .style = {order, zone}, .uncertainty = NAN};
    struct jb_error error = {0};
    _cleanup_(jb_series_set_free) struct jb_series_set set = {0};
    _cleanup_fclose_ FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    require(file != NULL);
    if (jb_series_read_csv(file, "fuzz", &request, &error, &set)) {
        require(error.message[0] && !strpbrk(error.message, "\n\r\033"));
        return;
    }
    require(set.count > 0);
    for (size_t i = 0; i < set.count; i++) {
        const struct jb_series_data *item = &set.items[i];
        double low, high;
        require(jb_series_range(item->series.quantity, item->series.unit, &low, &high));
        for (size_t s = 0; s < item->count; s++) {
            require(item->steps[s].start_ns < item->steps[s].end_ns);
            require(s == 0 || item->steps[s - 1].end_ns <= item->steps[s].start_ns);
            require(item->steps[s].value >= low && item->steps[s].value <= high);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    if (size == 0)
        return 0;
    require(jb_zone_parse_rule("CET-1CEST,M3.5.0,M10.5.0/3", NULL, &zone) == JB_OK);
    try_table(data, size, JB_STAMP_ISO, NULL);
    try_table(data, size, JB_STAMP_DMY, zone);
    return 0;
}
