/* The key figures from the facts. */
#include "decide/kpi.h"

#include "base/distribution.h"

#include <assert.h>
#include <math.h>

static const struct jb_kpi_info infos[JB_KPI_COUNT] = {
    [JB_KPI_PUE] = {"pue", "PUE", "", "ISO/IEC 30134-2", true, 1, INFINITY},
    [JB_KPI_CUE] = {"cue", "CUE", "kg/kWh", "ISO/IEC 30134-8", true, 0, INFINITY},
    [JB_KPI_WUE] = {"wue", "WUE", "L/kWh", "ISO/IEC 30134-9", true, 0, INFINITY},
    [JB_KPI_REF] = {"ref", "REF", "", "ISO/IEC 30134-3", false, 0, 1},
    [JB_KPI_ERF] = {"erf", "ERF", "", "ISO/IEC 30134-6", false, 0, 1},
    [JB_KPI_CFE] = {"cfe", "CFE", "", "24/7 Carbon-free Energy", false, 0, 1},
};

const struct jb_kpi_info *jb_kpi_info(enum jb_kpi kpi) {
    assert((unsigned)kpi < JB_KPI_COUNT);
    return &infos[kpi];
}

static double relative(const struct jb_kpi_amount *amount) {
    return amount->value != 0 ? amount->sigma / fabs(amount->value) : amount->sigma == 0 ? 0 : NAN;
}

static struct jb_kpi_figure ratio(enum jb_kpi kpi, const struct jb_kpi_amount *above,
                                  const struct jb_kpi_amount *below, double coverage, const char *lack) {
    struct jb_kpi_figure figure = {.value = NAN, .sigma = NAN, .low = NAN, .high = NAN, .lack = lack};
    if (!above->is_known || !below->is_known || !(below->value > 0))
        return figure;
    figure.is_known = true;
    figure.lack = NULL;
    figure.coverage = coverage;
    figure.value = above->value / below->value;
    /* A numerator of 0 has an error of its own, a ratio of 0 none from below. */
    double own = above->value != 0 ? figure.value * relative(above) : above->sigma / below->value;
    figure.sigma = hypot(own, figure.value * relative(below));
    jb_interval_95(figure.value, figure.sigma, &figure.low, &figure.high);
    figure.low = fmax(infos[kpi].floor, figure.low);
    figure.high = fmin(infos[kpi].ceiling, figure.high);
    if (isnan(figure.sigma))
        figure.low = figure.high = NAN; /* fmax takes the number of a number and a NaN */
    return figure;
}

void jb_kpi_figures(const struct jb_kpi_facts *facts, struct jb_kpi_figure ret_figures[static JB_KPI_COUNT]) {
    static const char no_meters[] =
        "no hour has facility and IT meters; see `joulebook import --format meter`";
    double known = (double)facts->known_ns / (double)(facts->until_ns - facts->from_ns);
    bool is_metered = facts->it_kwh.is_known && facts->it_kwh.value > 0;
    const struct jb_kpi_amount *facility = &facts->facility_kwh, *it = &facts->it_kwh;
    ret_figures[JB_KPI_PUE] = ratio(JB_KPI_PUE, facility, it, known, no_meters);
    ret_figures[JB_KPI_CUE] = ratio(JB_KPI_CUE, &facts->carbon_kg, it, facts->carbon_known,
                                    is_metered ? "no intensity of its grid; give grid in [site]" : no_meters);
    ret_figures[JB_KPI_WUE] =
        ratio(JB_KPI_WUE, &facts->water_l, &facts->water_it_kwh, facts->water_known,
              is_metered ? "no water meter; import one with the role water" : no_meters);
    ret_figures[JB_KPI_ERF] = ratio(
        JB_KPI_ERF, &facts->reused_kwh, facility, facts->reused_known,
        is_metered ? "no reused heat; import a meter with the role reused, or give reused-energy in [site]"
                   : no_meters);
    /* Of what is drawn, metered or by a declared PUE: its error is in both, and cancels. */
    struct jb_kpi_amount consumed = {facts->consumed_kwh > 0, facts->consumed_kwh, 0};
    struct jb_kpi_amount free_of = {facts->carbon_free_of_kwh > 0, facts->carbon_free_of_kwh, 0};
    static const char no_load[] = "no energy of the site is booked, or the setting does not have it";
    ret_figures[JB_KPI_REF] = ratio(JB_KPI_REF, &facts->renewable_kwh, &consumed, facts->load_known,
                                    consumed.is_known ? "no contract is known; give [contract]" : no_load);
    ret_figures[JB_KPI_CFE] =
        ratio(JB_KPI_CFE, &facts->carbon_free_kwh, &free_of, facts->carbon_free_known,
              consumed.is_known ? "the grid's carbon-free share is not known; give grid in [site]" : no_load);
    if (ret_figures[JB_KPI_CFE].is_known && facts->is_load_spread)
        ret_figures[JB_KPI_CFE].lack = "the load by the hour; it is booked for longer, and taken as even";
}
