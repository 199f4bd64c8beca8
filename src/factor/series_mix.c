/* Generation by technology, valued: intensity, and the renewable and carbon-free parts, step by step. */
#include "factor/series_internal.h"

#include "base/time.h"

#include <math.h>
#include <string.h>

/* Technologies by the opening of their names. `typical`: whose factor stands for a name that has none of its
 * own. */
static const struct {
    const char *opening, *typical;
    bool is_renewable, is_carbon_free;
} technologies[] = {
    {"coal", "coal-pc", false, false},
    {"lignite", "coal-pc", false, false},
    {"gas", "gas-ngcc", false, false},
    {"oil", NULL, false, false},
    {"peat", NULL, false, false},
    {"waste", NULL, false, false},
    {"nuclear", "nuclear", false, true},
    {"hydro", "hydro", true, true},
    {"wind-offshore", "wind-offshore", true, true},
    {"wind", "wind-onshore", true, true},
    {"solar", "solar-pv-utility", true, true},
    {"csp", "csp", true, true},
    {"bio", "biomass", true, true},
    {"geothermal", "geothermal", true, true},
    {"ocean", "ocean-tidal-wave", true, true},
};

static size_t find_technology(const char *name) {
    for (size_t i = 0; i < JB_COUNT(technologies); i++) {
        size_t length = strlen(technologies[i].opening);
        if (strncmp(name, technologies[i].opening, length) == 0)
            return i;
    }
    return JB_COUNT(technologies);
}

bool jb_technology_class(const char *technology, bool *ret_is_renewable, bool *ret_is_carbon_free) {
    size_t index = find_technology(technology);
    if (index == JB_COUNT(technologies))
        return false;
    *ret_is_renewable = technologies[index].is_renewable;
    *ret_is_carbon_free = technologies[index].is_carbon_free;
    return true;
}

/* One technology of the table while it is valued. */
struct source {
    const struct jb_series_data *data;
    size_t next; /* step */
    bool is_renewable, is_carbon_free;
    const struct jb_factor *factor;
    double sum; /* Σ E·f·u, the standard uncertainty of its part */
};

static enum jb_code find_factor(const struct jb_factors *factors, const char *technology, int64_t at_ns,
                                struct jb_error *error, const struct jb_factor **ret_factor) {
    size_t index = find_technology(technology);
    const char *typical = index < JB_COUNT(technologies) ? technologies[index].typical : NULL;
    const char *const names[] = {technology, typical};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        struct jb_factor_query query = {
            .quantity = JB_TECHNOLOGY_INTENSITY, .subject = names[i], .at_ns = at_ns, .allows_earlier = true};
        struct jb_factor_answer answer;
        if (names[i] && jb_factors_find(factors, &query, &answer) == JB_OK) {
            *ret_factor = answer.factor;
            return JB_OK;
        }
    }
    return jb_error_set(
        error, JB_INPUT,
        "there is no factor technology_intensity/%.60s; add one with its source by `joulebook "
        "factors import`, or take the column out of the table",
        technology);
}

/* Makes one of the three derived series; false: the table has it itself. */
static struct jb_series_data *add_derived(struct jb_series_set *set, const struct jb_series_request *request,
                                          const char *quantity, const char *unit, const char *note,
                                          size_t capacity) {
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].series.quantity, quantity) == 0)
            return NULL;
    }
    struct jb_series_data *data = &set->items[set->count];
    *data = (struct jb_series_data){.series = set->items[0].series,
                                    .steps = calloc(capacity + 1, sizeof *data->steps)};
    data->series.subject[0] = '\0';
    data->series.uncertainty = NAN;
    snprintf(data->series.quantity, sizeof data->series.quantity, "%s", quantity);
    snprintf(data->series.unit, sizeof data->series.unit, "%s", unit);
    snprintf(data->series.note, sizeof data->series.note, "%.500s", note);
    snprintf(data->series.name, sizeof data->series.name, "%s/%.60s", quantity,
             request->name ? request->name : request->region);
    set->count++;
    return data;
}

/* The longest series of the sources: no derived one has more steps. */
static size_t most_steps(const struct source *sources, size_t count) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = sources[i].data->count > most ? sources[i].data->count : most;
    return most;
}

/* Brings every source to the next step that all of them have. Steps come from rows of one table, so equal
 * starts are equal steps. */
static bool next_common(struct source *sources, size_t count, struct jb_step *ret_step) {
    int64_t start_ns = INT64_MIN;
    for (size_t agreed = 0; agreed < count;) {
        agreed = 0;
        for (size_t i = 0; i < count; i++) {
            const struct jb_series_data *data = sources[i].data;
            while (sources[i].next < data->count && data->steps[sources[i].next].start_ns < start_ns)
                sources[i].next++;
            if (sources[i].next == data->count)
                return false;
            *ret_step = data->steps[sources[i].next];
            agreed += ret_step->start_ns == start_ns;
            start_ns = ret_step->start_ns;
        }
    }
    return true;
}

struct derived {
    struct jb_series_data *intensity, *renewable, *carbon_free;
};

static void add_step(struct jb_series_data *data, const struct jb_step *step, double value) {
    if (data)
        data->steps[data->count++] = (struct jb_step){step->start_ns, step->end_ns, value};
}

static enum jb_code value_steps(struct source *sources, size_t count, const struct jb_factors *factors,
                                const struct derived *derived, struct jb_error *error) {
    double carbon_sum = 0;
    struct jb_step step;
    while (next_common(sources, count, &step)) {
        double power = 0, carbon = 0, renewable = 0, carbon_free = 0;
        double hours = (double)(step.end_ns - step.start_ns) / 3.6e12;
        for (size_t i = 0; i < count; i++) {
            struct source *source = &sources[i];
            double value = source->data->steps[source->next++].value;
            const struct jb_factor *factor = source->factor;
            if (!factor || step.start_ns < factor->from_ns || step.start_ns >= factor->until_ns) {
                enum jb_code code =
                    find_factor(factors, source->data->series.subject, step.start_ns, error, &source->factor);
                if (code)
                    return code;
            }
            power += value;
            carbon += value * source->factor->value;
            renewable += source->is_renewable ? value : 0;
            carbon_free += source->is_carbon_free ? value : 0;
            source->sum += value * hours * source->factor->value * source->factor->uncertainty;
        }
        if (!(power > 0))
            continue; /* nothing is generated: there is no intensity */
        carbon_sum += carbon * hours;
        add_step(derived->intensity, &step, carbon / power);
        add_step(derived->renewable, &step, 100 * renewable / power);
        add_step(derived->carbon_free, &step, 100 * carbon_free / power);
    }
    /* Errors of one technology's factor are common to all steps (they add), those of different technologies
     * independent (JCGM 100:2008, 5.1.2 and 5.2). */
    double variance = 0;
    for (size_t i = 0; i < count; i++)
        variance += sources[i].sum * sources[i].sum;
    if (derived->intensity && carbon_sum > 0)
        derived->intensity->series.uncertainty = sqrt(variance) / carbon_sum;
    return JB_OK;
}

enum jb_code jb_series_value_mix(struct jb_series_set *set, const struct jb_series_request *request,
                                 const struct jb_factors *factors, struct jb_error *error) {
    struct source sources[JB_SERIES_COLUMN_CEILING];
    size_t count = 0;
    char note[512], sha256[JB_SHA256_SIZE];
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].series.quantity, "generation") != 0)
            continue;
        const char *technology = set->items[i].series.subject;
        struct source *source = &sources[count++];
        *source = (struct source){.data = &set->items[i]};
        if (!jb_technology_class(technology, &source->is_renewable, &source->is_carbon_free))
            return jb_error_set(
                error, JB_INPUT,
                "it is not known whether generation/%.60s is renewable; its name must open with "
                "wind, solar, hydro, bio, geothermal, ocean, csp, nuclear, coal, lignite, gas, "
                "oil, peat or waste",
                technology);
    }
    if (count == 0)
        return JB_OK;
    snprintf(
        note, sizeof note,
        "generation of %zu technologies valued with technology_intensity of factor set %.16s; imports are "
        "not in it",
        count, jb_factors_sha256(factors, sha256));
    size_t most = most_steps(sources, count);
    struct derived derived = {
        .intensity = add_derived(set, request, "grid_intensity", "g/kWh", note, most),
        .renewable = add_derived(set, request, "renewable_share", "%", note, most),
        .carbon_free = add_derived(set, request, "carbon_free_share", "%", note, most),
    };
    for (size_t i = 0; i < set->count; i++) {
        if (!set->items[i].steps)
            return jb_error_set(error, JB_MEMORY, "no memory for %zu steps", most);
    }
    return value_steps(sources, count, factors, &derived, error);
}
