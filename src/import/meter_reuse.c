/* Meters of energy that leaves a site to be used again (ISO/IEC 30134-6). The joule is in the book already,
 * as what IT and cooling took, so it is kept as a series of power beside the flows, not as one of them. */
#include "import/meter_desk.h"

#include <math.h>
#include <string.h>

#define UJ_PER_NS_OF_MW 1e3 /* a megawatt is 10^12 µJ in 10^9 ns */

enum jb_code jb_meter_keep_reuse(const struct jb_meter_desk *desk, const struct jb_meter_part *part,
                                 struct jb_error *error, bool *ret_changed) {
    const struct jb_meter *meter = part->meter;
    const struct jb_meter_rule *rule = meter->rule;
    struct jb_series series = {.quantity = JB_REUSED_HEAT, .unit = "MW", .uncertainty = NAN};
    char component[JB_COMPONENT_SIZE];
    _cleanup_free_ struct jb_step *steps = calloc(meter->step_count + 1, sizeof *steps);
    if (!steps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", meter->step_count);
    jb_account_encode(meter->name, strlen(meter->name), component);
    if (snprintf(series.name, sizeof series.name, JB_REUSED_HEAT "/%s/%s", desk->name, component) >=
        (int)sizeof series.name)
        return jb_error_set(
            error, JB_INPUT,
            "meter '%.80s' of reused heat: its name and that of site '%.80s' together are too "
            "long; give it a shorter one",
            meter->name, desk->name);
    snprintf(series.note, sizeof series.note, "readings of meter '%.100s'", meter->name);
    if (rule->uncertainty_ppm != JB_UNCERTAINTY_UNKNOWN)
        series.uncertainty = rule->uncertainty_ppm / 1e6;
    for (size_t i = 0; i < meter->step_count; i++) {
        const struct jb_meter_step *step = &meter->steps[i];
        steps[i] = (struct jb_step){.start_ns = step->start_ns,
                                    .end_ns = step->end_ns,
                                    .value = (double)step->amount / (double)(step->end_ns - step->start_ns) /
                                             UJ_PER_NS_OF_MW};
    }
    if (desk->is_dry_run || meter->step_count == 0) {
        *ret_changed = meter->step_count > 0;
        return JB_OK;
    }
    struct jb_store *store = jb_ledger_store(desk->ledger);
    return store->ops->series_put(store, &series, steps, meter->step_count, error, ret_changed);
}
