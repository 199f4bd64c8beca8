/* Contracts against load. */
#include "account/match.h"

#include <assert.h>
#include <string.h>

void jb_match_free(struct jb_match *match) {
    if (!match)
        return;
    free(match->by_hour);
    free(match->by_volume);
    free(match->rest_by_hour);
    free(match->rest_by_volume);
    *match = (struct jb_match){0};
}

/* Serves what is left of the load in [first, end) with at most energy: all sites and hours get the same part
 * of what is left. Returns what was used. */
static double serve(const struct jb_match_input *input, const bool *serves, size_t first, size_t end,
                    double energy, double *rest, double *share) {
    double left = 0;
    for (size_t s = 0; s < input->site_count; s++) {
        for (size_t h = first; serves[s] && h < end; h++)
            left += rest[s * input->hour_count + h] * input->load_kwh[s * input->hour_count + h];
    }
    if (left <= 0 || energy <= 0)
        return 0;
    double part = energy < left ? energy / left : 1;
    for (size_t s = 0; s < input->site_count; s++) {
        for (size_t h = first; serves[s] && h < end; h++) {
            size_t at = s * input->hour_count + h;
            share[at] += rest[at] * part;
            rest[at] = part < 1 ? rest[at] * (1 - part) : 0;
        }
    }
    return part * left;
}

static void match_supply(const struct jb_match_input *input, const struct jb_supply *supply,
                         struct jb_match *match, size_t index) {
    double *by_hour = &match->by_hour[jb_match_at(match, index, 0, 0)];
    assert(supply->first_hour <= supply->hour_end && supply->hour_end <= input->hour_count);
    for (size_t h = supply->first_hour; supply->energy_kwh && h < supply->hour_end; h++)
        serve(input, supply->serves_by_hour, h, h + 1, supply->energy_kwh[h], match->rest_by_hour, by_hour);
}

enum jb_code jb_match_make(const struct jb_match_input *input, struct jb_error *error,
                           struct jb_match *ret_match) {
    size_t sites = input->site_count, hours = input->hour_count;
    struct jb_match match = {.site_count = sites, .hour_count = hours, .supply_count = input->supply_count};
    if (sites && hours && (input->supply_count + 1) > JB_MATCH_CEILING / sites / hours)
        return jb_error_set(error, JB_LIMIT,
                            "over %zu contracts × sites × hours to match; ask for a shorter period",
                            JB_MATCH_CEILING);
    size_t cells = sites * hours, all = cells * input->supply_count;
    match.by_hour = calloc(all + 1, sizeof *match.by_hour);
    match.by_volume = calloc(all + 1, sizeof *match.by_volume);
    match.rest_by_hour = calloc(cells + 1, sizeof *match.rest_by_hour);
    match.rest_by_volume = calloc(cells + 1, sizeof *match.rest_by_volume);
    if (!match.by_hour || !match.by_volume || !match.rest_by_hour || !match.rest_by_volume) {
        jb_match_free(&match);
        return jb_error_set(error, JB_MEMORY, "no memory to match contracts");
    }
    for (size_t i = 0; i < cells; i++)
        match.rest_by_hour[i] = 1;
    for (size_t c = 0; c < input->supply_count; c++)
        match_supply(input, &input->supplies[c], &match, c);
    if (all)
        memcpy(match.by_volume, match.by_hour, all * sizeof *match.by_hour);
    if (cells)
        memcpy(match.rest_by_volume, match.rest_by_hour, cells * sizeof *match.rest_by_hour);
    for (size_t c = 0; c < input->supply_count; c++) {
        const struct jb_supply *supply = &input->supplies[c];
        double *shares = &match.by_volume[jb_match_at(&match, c, 0, 0)], used = 0;
        for (size_t i = 0; i < cells; i++)
            used += shares[i] * input->load_kwh[i];
        serve(input, supply->serves_by_volume, supply->first_hour, supply->hour_end,
              supply->volume_kwh - used, match.rest_by_volume, shares);
    }
    *ret_match = match;
    return JB_OK;
}
