/* Energy of accelerators as that of a facility, and what it is worth. Uncertainties of different factors are
 * independent: relative variances of products add up, variances of sums do (JCGM 100:2008, 5.1). */
#include "estimate/footprint.h"

#include <math.h>
#include <string.h>

#define Z95 1.959963984540054

/* A positive quantity and its relative standard uncertainty; NaN: not known. */
struct quantity {
    bool is_known;
    double value, uncertainty;
};

struct maker {
    const struct jb_factors *factors;
    const struct jb_footprint_request *request;
    struct jb_footprint *footprint;
};

static struct quantity times(struct quantity a, struct quantity b) {
    return (struct quantity){.is_known = a.is_known && b.is_known,
                             .value = a.value * b.value,
                             .uncertainty = hypot(a.uncertainty, b.uncertainty)};
}

static struct quantity plus(struct quantity a, struct quantity b) {
    double sum = a.value + b.value;
    return (struct quantity){.is_known = a.is_known && b.is_known,
                             .value = sum,
                             .uncertainty =
                                 sum > 0 ? hypot(a.value * a.uncertainty, b.value * b.uncertainty) / sum : 0};
}

/* The interval of a lognormal with that median and relative standard uncertainty, so that it stays above 0.
 */
static struct jb_figure figure_of(struct quantity quantity, const char *lacks) {
    if (!quantity.is_known)
        return (struct jb_figure){.value = NAN, .low = NAN, .high = NAN, .lacks = lacks};
    double sigma = sqrt(log1p(quantity.uncertainty * quantity.uncertainty));
    return (struct jb_figure){.is_known = true,
                              .value = quantity.value,
                              .low = quantity.value * exp(-Z95 * sigma),
                              .high = quantity.value * exp(Z95 * sigma),
                              .lacks = ""};
}

static struct quantity take(struct maker *maker, enum jb_quantity name, const char *subject,
                            bool has_region) {
    char provider[64] = "";
    const char *region = has_region ? maker->request->region : NULL,
               *slash = region ? strchr(region, '/') : NULL;
    struct jb_factor_query query = {.quantity = name,
                                    .subject = subject,
                                    .region = region,
                                    .at_ns = maker->request->at_ns,
                                    .allows_earlier = true,
                                    .allows_fleet = true};
    struct jb_factor_answer answer;
    if (slash && (size_t)(slash - region) < sizeof provider) {
        memcpy(provider, region, (size_t)(slash - region));
        query.provider = provider;
        query.region = slash + 1;
    }
    if ((has_region && !region) || jb_factors_find(maker->factors, &query, &answer))
        return (struct quantity){.is_known = false};
    struct jb_footprint *footprint = maker->footprint;
    if (footprint->factor_count < JB_FOOTPRINT_FACTORS) {
        footprint->is_earlier[footprint->factor_count] = answer.is_earlier;
        footprint->factors[footprint->factor_count++] = answer.factor;
    }
    return (struct quantity){
        .is_known = true, .value = answer.factor->value, .uncertainty = answer.factor->uncertainty};
}

static struct quantity given(double value) {
    return (struct quantity){.is_known = !isnan(value), .value = value};
}

static struct quantity host_power(struct maker *maker, const char *accelerator) {
    struct quantity power = take(maker, JB_HOST_POWER, accelerator, false);
    return power.is_known ? power : take(maker, JB_HOST_POWER, "accelerator", false);
}

enum jb_code jb_footprint_make(const struct jb_task_estimate *estimate, const struct jb_factors *factors,
                               const struct jb_footprint_request *request, struct jb_error *error,
                               struct jb_footprint *ret_footprint) {
    struct jb_footprint footprint = {0};
    struct maker maker = {.factors = factors, .request = request, .footprint = &footprint};
    const struct jb_energy *energy = &estimate->energy;
    double sigma = energy->low_j > 0 ? log(energy->high_j / energy->low_j) / (2 * Z95) : NAN;
    struct quantity accelerators = {
        .is_known = true, .value = energy->energy_j, .uncertainty = sqrt(expm1(sigma * sigma))};
    struct quantity host = host_power(&maker, estimate->accelerator->name);
    host.value *= estimate->accelerator_h * 3600;
    struct quantity server = plus(accelerators, host);
    struct quantity pue = isnan(request->pue) ? take(&maker, JB_PUE, NULL, true) : given(request->pue);
    struct quantity facility = times(server, pue);
    struct quantity kwh = {.is_known = true, .value = 1 / 3.6e6};
    struct quantity intensity = take(&maker, JB_GRID_INTENSITY, NULL, true);
    if (request->region && !intensity.is_known)
        return jb_error_set(error, JB_USAGE,
                            "there is no grid intensity of a region '%.60s'; see joulebook factors list "
                            "grid_intensity",
                            request->region);
    struct quantity grid_water = take(&maker, JB_GRID_WATER, NULL, true);
    struct quantity wue =
        isnan(request->wue_l_per_kwh) ? take(&maker, JB_WUE, NULL, true) : given(request->wue_l_per_kwh);
    struct quantity water = plus(times(times(server, kwh), wue), times(times(facility, kwh), grid_water));
    struct quantity rent = given(request->price_per_accelerator_h * estimate->accelerator_h);
    struct quantity bill = times(times(facility, kwh), given(request->price_per_kwh));
    footprint.accelerator_j = figure_of(accelerators, "");
    footprint.accelerator_j.low = energy->low_j;
    footprint.accelerator_j.high = energy->high_j;
    footprint.server_j = figure_of(server, "a host_power in the factor tables");
    footprint.facility_j = figure_of(facility, "--pue");
    footprint.carbon_g =
        figure_of(times(times(facility, kwh), intensity), request->region ? "--pue" : "--region");
    footprint.water_l =
        figure_of(water, !request->region       ? "--region"
                         : !facility.is_known   ? "--pue"
                         : !grid_water.is_known ? "water of that region's grid in the factor tables"
                                                : "--wue");
    footprint.money =
        figure_of(rent.is_known ? rent : bill,
                  isnan(request->price_per_kwh) ? "--electricity-price or --gpu-price" : "--pue");
    *ret_footprint = footprint;
    return JB_OK;
}
