/* Gathers what the factors say of every region, and picks those that pass the constraints. */
#include "decide/rank_places_internal.h"

#include "base/array.h"
#include "base/text.h"
#include "base/time.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_CEILING 1000000

void jb_rank_places_free(struct jb_rank_places *places) {
    if (!places)
        return;
    jb_strings_free(places->texts);
    free(places->items);
    free(places);
}

enum jb_code jb_rank_places_text(struct jb_rank_places *places, const char *text, struct jb_error *error,
                                 const char **ret_text) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(places->texts, text, error, &id);
    if (!code)
        *ret_text = jb_strings_text(places->texts, id);
    return code;
}

enum jb_code jb_rank_places_index(struct jb_rank_places *places, const char *provider, const char *region,
                                  const char *country, struct jb_error *error, size_t *ret_index) {
    char name[160];
    struct jb_rank_place place = {0};
    for (size_t i = 0; i < places->count; i++) {
        if (strcasecmp(places->items[i].provider, provider) == 0 &&
            strcasecmp(places->items[i].region, region) == 0) {
            *ret_index = i;
            return JB_OK;
        }
    }
    snprintf(name, sizeof name, "%.64s%s%.64s", provider, *region ? "/" : "", region);
    enum jb_code code = jb_array_reserve(&places->items, &places->capacity, places->count + 1,
                                         JB_RANK_CANDIDATE_CEILING, "places", error);
    if (!code)
        code = jb_rank_places_text(places, provider, error, &place.provider);
    if (!code)
        code = jb_rank_places_text(places, region, error, &place.region);
    if (!code)
        code = jb_rank_places_text(places, country, error, &place.country);
    if (!code)
        code = jb_rank_places_text(places, name, error, &place.name);
    if (code)
        return code;
    *ret_index = places->count;
    places->items[places->count++] = place;
    return JB_OK;
}

/* What one look-up goes through. */
struct search {
    struct jb_rank_places *places;
    const struct jb_factors *factors;
    int64_t at_ns;
    struct jb_error *error;
};

static bool find(const struct search *search, enum jb_quantity quantity, const char *provider,
                 const char *region, struct jb_factor_answer *ret_answer) {
    struct jb_factor_query query = {.quantity = quantity,
                                    .provider = provider,
                                    .region = region,
                                    .at_ns = search->at_ns,
                                    .allows_earlier = true,
                                    .allows_fleet = provider != NULL};
    return jb_factors_find(search->factors, &query, ret_answer) == JB_OK;
}

/* "Our World in Data, from Ember and the Energy Institute, 2024", with the row's own source where it has one.
 */
static void source_of(const struct search *search, const struct jb_factor *factor, char *ret, size_t size) {
    const struct jb_factor_set *sets;
    char date[JB_TIME_SIZE] = "";
    jb_factors_sets(search->factors, &sets);
    if (factor->from_ns != INT64_MIN)
        jb_time_format(factor->from_ns, date);
    snprintf(ret, size, "%.300s%s%.4s", *factor->source ? factor->source : sets[factor->set].source,
             *date ? ", " : "", date);
}

static enum jb_code take(const struct search *search, enum jb_criterion criterion,
                         const struct jb_factor_answer *answer, const char *basis,
                         struct jb_evidence *ret_evidence) {
    const struct jb_factor *factor = answer->factor;
    char id[JB_FACTOR_ID_SIZE], source[400], error_id[JB_FACTOR_ID_SIZE + 32];
    struct jb_evidence evidence = {.is_known = true, .value = factor->value, .basis = basis};
    evidence.is_assumed = isnan(factor->uncertainty);
    evidence.uncertainty =
        evidence.is_assumed ? jb_criterion_info(criterion)->uncertainty : factor->uncertainty;
    snprintf(error_id, sizeof error_id, "%s #%u", jb_factor_id(factor, id), factor->set);
    source_of(search, factor, source, sizeof source);
    enum jb_code code = jb_rank_places_text(search->places, error_id, search->error, &evidence.error_id);
    if (!code)
        code = jb_rank_places_text(search->places, source, search->error, &evidence.source);
    if (!code)
        *ret_evidence = evidence;
    return code;
}

static enum jb_code find_renewable(const struct search *search, const struct jb_region *region,
                                   struct jb_evidence *ret) {
    struct jb_factor_answer answer;
    if (find(search, JB_CFE, region->provider, region->region, &answer))
        return take(search, JB_RANK_RENEWABLE, &answer, "hourly matched", ret);
    if (find(search, JB_CLEAN_SHARE, region->provider, region->region, &answer))
        return take(search, JB_RANK_RENEWABLE, &answer, "declared, by volume", ret);
    if (find(search, JB_CARBON_FREE_SHARE, NULL, region->zone, &answer) ||
        find(search, JB_CARBON_FREE_SHARE, NULL, region->country, &answer))
        return take(search, JB_RANK_RENEWABLE, &answer, "grid average", ret);
    return JB_OK;
}

static enum jb_code find_efficiency(const struct search *search, const struct jb_region *region,
                                    struct jb_evidence *ret) {
    struct jb_factor_answer answer;
    if (find(search, JB_PUE, region->provider, region->region, &answer))
        return take(search, JB_RANK_EFFICIENCY, &answer,
                    answer.is_fleet ? "declared, whole fleet" : "declared", ret);
    return JB_OK;
}

static enum jb_code find_carbon(const struct search *search, const struct jb_region *region,
                                struct jb_evidence *ret) {
    struct jb_factor_answer answer;
    if (find(search, JB_GRID_INTENSITY, NULL, region->zone, &answer) ||
        find(search, JB_GRID_INTENSITY, NULL, region->country, &answer) ||
        find(search, JB_GRID_INTENSITY, region->provider, region->region, &answer))
        return take(search, JB_RANK_CARBON, &answer, "grid average, life cycle", ret);
    if (find(search, JB_GRID_INTENSITY_DIRECT, region->provider, region->region, &answer))
        return take(search, JB_RANK_CARBON, &answer, "grid average, combustion", ret);
    return JB_OK;
}

/* A sum of two figures: independent errors, combined in quadrature (JCGM 100:2008, 5.1.2). */
static enum jb_code find_water(const struct search *search, const struct jb_region *region,
                               struct jb_evidence *ret) {
    struct jb_factor_answer wue, pue, grid;
    char id[JB_FACTOR_ID_SIZE], text[JB_FACTOR_ID_SIZE + 64];
    const double assumed = jb_criterion_info(JB_RANK_WATER)->uncertainty;
    if (!find(search, JB_WUE, region->provider, region->region, &wue) ||
        !find(search, JB_PUE, region->provider, region->region, &pue) ||
        !find(search, JB_GRID_WATER, NULL, region->country, &grid))
        return JB_OK;
    bool is_assumed = isnan(wue.factor->uncertainty) || isnan(grid.factor->uncertainty);
    double site = wue.factor->value, supply = pue.factor->value * grid.factor->value;
    double site_error = site * (isnan(wue.factor->uncertainty) ? assumed : wue.factor->uncertainty);
    double supply_error = supply * (isnan(grid.factor->uncertainty) ? assumed : grid.factor->uncertainty);
    struct jb_evidence evidence = {
        .is_known = true, .value = site + supply, .is_assumed = is_assumed, .basis = "site and grid"};
    if (evidence.value > 0)
        evidence.uncertainty = hypot(site_error, supply_error) / evidence.value;
    snprintf(text, sizeof text, "water %s %s", jb_factor_id(wue.factor, id), region->country);
    enum jb_code code = jb_rank_places_text(search->places, text, search->error, &evidence.error_id);
    source_of(search, wue.factor, text, sizeof text);
    if (!code)
        code = jb_rank_places_text(search->places, text, search->error, &evidence.source);
    if (!code)
        *ret = evidence;
    return code;
}

#define LIGHT_KM_PER_MS     299.792458
#define LATENCY_INFLATION   3.0
#define LATENCY_UNCERTAINTY 0.35

static enum jb_code model_latency(const struct search *search, const struct jb_rank_origin *origin,
                                  const struct jb_region *region, const char *name, struct jb_evidence *ret) {
    double km = jb_great_circle_km(origin->latitude_degrees, origin->longitude_degrees,
                                   region->latitude_degrees, region->longitude_degrees);
    struct jb_evidence evidence = {.is_known = true,
                                   .value = LATENCY_INFLATION * 2 * km / LIGHT_KM_PER_MS,
                                   .uncertainty = LATENCY_UNCERTAINTY,
                                   .basis = "modelled, from the distance"};
    char text[200];
    snprintf(text, sizeof text, "latency %s", name);
    enum jb_code code = jb_rank_places_text(search->places, text, search->error, &evidence.error_id);
    if (!code)
        code =
            jb_rank_places_text(search->places, "Bozkurt et al., PAM 2017", search->error, &evidence.source);
    if (!code)
        *ret = evidence;
    return code;
}

static enum jb_code add_region(const struct search *search, const struct jb_rank_origin *origin,
                               const struct jb_region *region) {
    size_t index;
    struct jb_evidence evidence[JB_CRITERION_COUNT] = {{0}};
    enum jb_code code = jb_rank_places_index(search->places, region->provider, region->region,
                                             region->country, search->error, &index);
    if (!code)
        code = find_renewable(search, region, &evidence[JB_RANK_RENEWABLE]);
    if (!code)
        code = find_efficiency(search, region, &evidence[JB_RANK_EFFICIENCY]);
    if (!code)
        code = find_carbon(search, region, &evidence[JB_RANK_CARBON]);
    if (!code)
        code = find_water(search, region, &evidence[JB_RANK_WATER]);
    if (!code && origin->is_near)
        code = model_latency(search, origin, region, search->places->items[index].name,
                             &evidence[JB_RANK_LATENCY]);
    if (!code)
        memcpy(search->places->items[index].evidence, evidence, sizeof evidence);
    return code;
}

enum jb_code jb_rank_places_make(const struct jb_factors *factors, const struct jb_regions *regions,
                                 const struct jb_rank_origin *origin, struct jb_error *error,
                                 struct jb_rank_places **ret_places) {
    _cleanup_(jb_rank_places_free_cleanup) struct jb_rank_places *places = calloc(1, sizeof *places);
    if (!places)
        return jb_error_set(error, JB_MEMORY, "no memory for the places");
    enum jb_code code = jb_strings_make(TEXT_CEILING, error, &places->texts);
    struct search search = {.places = places, .factors = factors, .at_ns = origin->at_ns, .error = error};
    const struct jb_region *all = NULL;
    size_t count = regions ? jb_regions_all(regions, &all) : 0;
    for (size_t i = 0; !code && i < count; i++)
        code = add_region(&search, origin, &all[i]);
    if (!code)
        *ret_places = JB_TAKE(places);
    return code;
}

const char *jb_rank_places_price_unit(const struct jb_rank_places *places) {
    return places->price_unit;
}

static void lower(const char *text, size_t length, char *ret, size_t size) {
    size_t i = 0;
    for (; i < length && i + 1 < size; i++)
        ret[i] = (char)tolower((unsigned char)text[i]);
    ret[i] = '\0';
}

/* Whether one entry of the list matches the text. */
static bool list_matches(const char *list, const char *text) {
    char pattern[128], folded[128];
    if (!list)
        return true;
    lower(text, strlen(text), folded, sizeof folded);
    for (const char *entry = list; *entry;) {
        size_t length = strcspn(entry, ",");
        lower(entry, length, pattern, sizeof pattern);
        if (length && jb_text_matches(pattern, folded))
            return true;
        entry += length + (entry[length] == ',');
    }
    return false;
}

/* Regions may be written with or without their provider. */
static bool region_matches(const char *list, const struct jb_rank_place *place) {
    return list_matches(list, place->region) || list_matches(list, place->name);
}

enum list { PROVIDERS, REGIONS, COUNTRIES };

static bool place_matches(enum list list, const char *text, const struct jb_rank_place *place) {
    return list == PROVIDERS ? list_matches(text, place->provider)
           : list == REGIONS ? region_matches(text, place)
                             : list_matches(text, place->country);
}

/* An entry that matches nothing is a slip of the pen. */
static enum jb_code check_list(const struct jb_rank_places *places, const char *option, enum list list,
                               const char *text, struct jb_error *error) {
    char entry[128];
    for (const char *at = text; at && *at;) {
        size_t length = strcspn(at, ",");
        bool is_found = false;
        snprintf(entry, sizeof entry, "%.*s", (int)(length < sizeof entry ? length : sizeof entry - 1), at);
        for (size_t i = 0; *entry && !is_found && i < places->count; i++)
            is_found = place_matches(list, entry, &places->items[i]);
        if (!is_found)
            return jb_error_set(error, JB_USAGE, "%s: no place matches '%s'", option, entry);
        at += length + (at[length] == ',');
    }
    return JB_OK;
}

enum jb_code jb_rank_places_select(const struct jb_rank_places *places, const struct jb_rank_filter *filter,
                                   struct jb_error *error, struct jb_candidate **ret_candidates,
                                   size_t *ret_count) {
    size_t count = 0;
    enum jb_code code = check_list(places, "--providers", PROVIDERS, filter->providers, error);
    if (!code)
        code = check_list(places, "--regions", REGIONS, filter->regions, error);
    if (!code)
        code = check_list(places, "--countries", COUNTRIES, filter->countries, error);
    if (code)
        return code;
    _cleanup_free_ struct jb_candidate *candidates = calloc(places->count + 1, sizeof *candidates);
    if (!candidates)
        return jb_error_set(error, JB_MEMORY, "no memory for the places");
    for (size_t i = 0; i < places->count; i++) {
        const struct jb_rank_place *place = &places->items[i];
        const struct jb_evidence *latency = &place->evidence[JB_RANK_LATENCY];
        if (!place_matches(PROVIDERS, filter->providers, place) ||
            !place_matches(REGIONS, filter->regions, place) ||
            !place_matches(COUNTRIES, filter->countries, place))
            continue;
        if (!isnan(filter->latency_limit_ms) &&
            (!latency->is_known || latency->value > filter->latency_limit_ms))
            continue;
        struct jb_candidate *candidate = &candidates[count++];
        candidate->group = filter->by_provider ? place->provider : place->name;
        candidate->name = place->name;
        memcpy(candidate->evidence, place->evidence, sizeof candidate->evidence);
    }
    if (count == 0)
        return jb_error_set(error, JB_NO_DATA, "no place passes all constraints; loosen one of them");
    *ret_candidates = JB_TAKE(candidates);
    *ret_count = count;
    return JB_OK;
}
