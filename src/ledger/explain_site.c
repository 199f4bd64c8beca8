/* What an explanation ends at where a site has meters: their readings of the period, summed by meter. */
#include "ledger/explain_site.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <string.h>

struct meters {
    struct jb_explain_meter *items;
    size_t count, capacity;
};

static enum jb_code add_meter(struct meters *meters, const struct jb_site_meter *meter,
                              struct jb_error *error, struct jb_explain_meter **ret_meter) {
    for (size_t i = 0; i < meters->count; i++) {
        if (meters->items[i].role == meter->role && strcmp(meters->items[i].path, meter->path) == 0) {
            *ret_meter = &meters->items[i];
            return JB_OK;
        }
    }
    enum jb_code code = jb_array_reserve(&meters->items, &meters->capacity, meters->count + 1,
                                         (size_t)1 << 20, "meters of a site", error);
    if (code)
        return code;
    struct jb_explain_meter *added = &meters->items[meters->count++];
    *added = (struct jb_explain_meter){.role = meter->role,
                                       .uncertainty_ppm = meter->uncertainty_ppm,
                                       .first_ns = INT64_MAX,
                                       .last_ns = INT64_MIN};
    memcpy(added->path, meter->path, sizeof added->path);
    *ret_meter = added;
    return JB_OK;
}

/* Steps that touch the period, whole: a reading is not cut. */
static enum jb_code add_readings(struct meters *meters, const struct jb_site_readings *site, int64_t from_ns,
                                 int64_t to_ns, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t s = 0; s < site->step_count && !code; s++) {
        const struct jb_site_step *step = &site->steps[s];
        struct jb_explain_meter *meter;
        if (step->end_ns <= from_ns || step->start_ns >= to_ns)
            continue;
        code = add_meter(meters, &site->meters[step->meter], error, &meter);
        if (code)
            break;
        meter->amount += step->amount;
        meter->reading_count++;
        if (step->start_ns < meter->first_ns)
            meter->first_ns = step->start_ns;
        if (step->end_ns > meter->last_ns)
            meter->last_ns = step->end_ns;
    }
    return code;
}

enum jb_code jb_explain_site(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                             struct jb_error *error, struct jb_explanation *explanation) {
    _cleanup_free_ struct jb_site_booked *booked = NULL;
    struct meters meters = {explanation->meters, explanation->meter_count, explanation->meter_count};
    size_t count = 0;
    enum jb_code code = jb_site_find_booked(ledger, name, from_ns, to_ns, error, &booked, &count);
    for (size_t i = 0; i < count && !code; i++) {
        struct jb_site_readings site = {0};
        code = jb_site_read(ledger, &booked[i], error, &site);
        if (code == JB_NO_DATA)
            code = JB_OK; /* imported from another book: there are only its flows */
        else if (!code)
            code = add_readings(&meters, &site, from_ns, to_ns, error);
        jb_site_readings_free(&site);
    }
    explanation->meters = meters.items;
    explanation->meter_count = meters.count;
    return code;
}

const char *jb_explain_role_name(const struct jb_explain_meter *meter) {
    static const char *const names[] = {[JB_SITE_FACILITY] = "facility",
                                        [JB_SITE_GENERATION] = "generation",
                                        [JB_SITE_IT] = "IT",
                                        [JB_SITE_OVERHEAD] = "overhead"};
    return names[meter->role];
}
