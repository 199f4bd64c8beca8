/* Meter readings of any bytes: steps are ordered, without overlap and not negative, or one clean line says
 * why not. */
#include "import/meter_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_table(const uint8_t *data, size_t size, const struct jb_meter_request *request) {
    struct jb_error error = {0};
    struct jb_input input = {.name = "fuzz"};
    struct jb_inputs inputs = {.items = &input, .count = 1};
    struct jb_meters meters = {0};
    _cleanup_fclose_ FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    require(file != NULL);
    enum jb_code code = jb_meter_read_csv(file, "fuzz", 0, request, &meters, &error);
    if (!code)
        code = jb_meter_make_steps(&meters, request, &inputs, &error);
    if (code)
        require(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    for (size_t m = 0; !code && m < meters.count; m++) {
        const struct jb_meter *meter = &meters.items[m];
        for (size_t i = 0; i < meter->step_count; i++) {
            require(meter->steps[i].start_ns < meter->steps[i].end_ns && meter->steps[i].amount >= 0);
            require(i == 0 || meter->steps[i - 1].end_ns <= meter->steps[i].start_ns);
        }
    }
    jb_meters_free(&meters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    struct jb_meter_rules rules = {0};
    if (size == 0)
        return 0;
    require(jb_zone_parse_rule("CET-1CEST,M3.5.0,M10.5.0/3", NULL, &zone) == JB_OK);
    require(jb_meter_rules_add_list(&rules, "tap*=water,*=facility", "s", "KR", NULL) == JB_OK);
    struct jb_meter_request plain = {.rules = &rules, .unit = "kWh"};
    struct jb_meter_request local = {.rules = &rules,
                                     .unit = "kWh",
                                     .style = {JB_STAMP_DMY, zone},
                                     .kind = JB_METER_REGISTER,
                                     .is_stamped_at_end = true};
    try_table(data, size, &plain);
    try_table(data, size, &local);
    jb_meter_rules_free(&rules);
    /* The same bytes as a setting: rules that are whole, or one clean line. */
    struct jb_error error = {0};
    if (jb_meter_rules_add_ini(&rules, (const char *)data, size, "fuzz.ini", NULL, NULL, &error))
        require(error.message[0] && !strpbrk(error.message, "\n\r\033"));
    jb_meter_rules_free(&rules);
    return 0;
}
