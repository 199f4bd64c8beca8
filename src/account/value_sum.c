/* The pass over the period: energy of every route in every slice of time, times the rates of its place. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_HOURS    744
#define CHUNK_SLICES   8192
#define ROUTE_CEILING  ((size_t)1 << 24)
#define PERIOD_CEILING ((int64_t)100 * 366 * JB_DAY_NS)

/* A part of the period, in whole hours. */
struct chunk {
    int64_t cuts[CHUNK_SLICES + 1];
    size_t hour_of[CHUNK_SLICES];
    bool is_asked[CHUNK_SLICES]; /* in the period; what is not, is there to make its hour whole */
    size_t slice_count, hour_count;
    int64_t first_ns, step_ns;
    bool *overhead;                   /* [place × hour_count + hour] */
    const struct jb_value_kept *kept; /* hours of which the chunk takes some; NULL none */
};

enum jb_code jb_value_overhead(struct jb_valuation *valuation, const struct jb_slices *slices,
                               const size_t *hour_of_slice, size_t hour_count, struct jb_error *error,
                               bool **ret_overhead) {
    bool *overhead = calloc(valuation->place_count * hour_count + 1, sizeof *overhead);
    enum jb_code code =
        overhead ? JB_OK : jb_error_set(error, JB_MEMORY, "no memory for the overhead of sites");
    for (size_t r = 0; r < slices->count && !code; r++) {
        jb_account_id to = slices->sums[r].to;
        struct jb_place_account account;
        if (!jb_consumers_have(valuation->consumers, to, JB_ENERGY))
            continue;
        code = jb_value_account(valuation, to, error, &account);
        if (code || !account.is_facility || account.place == JB_PLACE_NONE)
            continue;
        for (size_t t = 0; t < slices->slice_count; t++) {
            if (slices->amounts[r][t] != 0)
                overhead[account.place * hour_count + hour_of_slice[t]] = true;
        }
    }
    if (code) {
        free(overhead);
        return code;
    }
    *ret_overhead = overhead;
    return JB_OK;
}

/* Makes *step_ns short enough for something that changes every resolution_ns, from a minute on, where that
 * goes into an hour. */
static void refine(int64_t resolution_ns, int64_t *step_ns) {
    if (resolution_ns >= JB_MINUTE_NS && JB_HOUR_NS % resolution_ns == 0 && resolution_ns < *step_ns)
        *step_ns = resolution_ns;
}

/* The hour, or the step of the finest intensity series or tariff. */
static int64_t find_step(const struct jb_valuation *valuation) {
    int64_t step_ns = JB_HOUR_NS;
    for (size_t p = 0; p < valuation->place_count; p++) {
        const struct jb_place *place = &valuation->places[p];
        for (int q = 0; q < JB_OF_COUNT; q++)
            refine(place->series[q].resolution_ns, &step_ns);
        if (place->tariff_input == JB_VALUE_NONE)
            continue;
        const struct jb_tariff *tariff = jb_setting_tariff(valuation->request.setting, place->site->tariff);
        int minutes = 60;
        for (size_t r = 0; r < tariff->rate_count; r++) {
            const int edges[] = {tariff->rates[r].minute_from, tariff->rates[r].minute_until,
                                 abs(tariff->utc_offset_minutes)};
            for (size_t e = 0; e < JB_COUNT(edges); e++) {
                while (edges[e] % minutes != 0) /* 60 and 1 are the ends of it */
                    minutes = minutes > 30 ? 30 : minutes > 15 ? 15 : minutes > 5 ? 5 : 1;
            }
        }
        refine(minutes * JB_MINUTE_NS, &step_ns);
    }
    return step_ns;
}

/* What was read before of the hours from first_ns on, where the period is asked for in whole hours; NULL
 * nothing. */
static const struct jb_value_kept *find_kept(const struct jb_valuation *valuation, int64_t first_ns,
                                             int64_t step_ns) {
    if (step_ns != JB_HOUR_NS || valuation->from_ns % JB_HOUR_NS || valuation->to_ns % JB_HOUR_NS)
        return NULL;
    for (size_t i = 0; i < valuation->kept_count; i++) {
        const struct jb_value_kept *kept = &valuation->kept[i];
        if (first_ns >= kept->start_ns &&
            first_ns < kept->start_ns + (int64_t)kept->slices.slice_count * JB_HOUR_NS)
            return kept;
    }
    return NULL;
}

/* The slices of a chunk: read, or a view of those that were kept. */
static enum jb_code take_slices(struct jb_valuation *valuation, const struct chunk *chunk,
                                struct jb_error *error, struct jb_slices *ret_slices) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_query query = JB_QUERY_ALL;
    query.commodity = JB_ENERGY;
    if (!chunk->kept)
        return store->ops->slices(store, &query, chunk->cuts, chunk->slice_count, error, ret_slices);
    const struct jb_slices *kept = &chunk->kept->slices;
    size_t first = (size_t)((chunk->first_ns - chunk->kept->start_ns) / JB_HOUR_NS);
    struct jb_slices view = {.sums = kept->sums,
                             .count = kept->count,
                             .slice_count = chunk->slice_count,
                             .longest_ns = kept->longest_ns};
    view.amounts = calloc(kept->count + 1, sizeof *view.amounts);
    if (!view.amounts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", kept->count);
    for (size_t r = 0; r < kept->count; r++)
        view.amounts[r] = kept->amounts[r] + first;
    *ret_slices = view;
    return JB_OK;
}

static void give_slices(const struct chunk *chunk, struct jb_slices *slices) {
    if (chunk->kept)
        free(slices->amounts);
    else
        jb_slices_free(slices);
}

/* Cuts the next chunk off the period, from first_ns on. */
static void make_chunk(const struct jb_valuation *valuation, int64_t first_ns, int64_t step_ns,
                       struct chunk *chunk) {
    int64_t end_ns = valuation->to_ns;
    size_t most_hours = CHUNK_SLICES / (size_t)(JB_HOUR_NS / step_ns) - 2;
    most_hours = most_hours < CHUNK_HOURS ? most_hours : CHUNK_HOURS;
    *chunk = (struct chunk){.first_ns = first_ns, .step_ns = step_ns};
    chunk->kept = find_kept(valuation, first_ns, step_ns);
    if (chunk->kept)
        most_hours =
            chunk->kept->slices.slice_count - (size_t)((first_ns - chunk->kept->start_ns) / JB_HOUR_NS);
    chunk->cuts[0] = first_ns;
    while (chunk->hour_count < most_hours && chunk->cuts[chunk->slice_count] < end_ns) {
        int64_t hour_ns = chunk->cuts[chunk->slice_count];
        for (int64_t at_ns = hour_ns, next_ns; at_ns < hour_ns + JB_HOUR_NS; at_ns = next_ns) {
            next_ns = jb_time_floor(at_ns, step_ns) + step_ns;
            if (at_ns < valuation->from_ns && next_ns > valuation->from_ns)
                next_ns = valuation->from_ns;
            if (at_ns < end_ns && next_ns > end_ns)
                next_ns = end_ns;
            chunk->is_asked[chunk->slice_count] = at_ns >= valuation->from_ns && at_ns < end_ns;
            chunk->hour_of[chunk->slice_count] = chunk->hour_count;
            chunk->cuts[++chunk->slice_count] = next_ns;
        }
        chunk->hour_count++;
    }
    assert(chunk->slice_count <= CHUNK_SLICES);
}

/* Energy of hosts by hour, by which their embodied carbon is shared out. */
static enum jb_code add_hosts(struct jb_valuation *valuation, const struct jb_slices *slices,
                              const struct chunk *chunk, struct jb_error *error) {
    size_t host_count = jb_strings_count(valuation->host_names);
    for (size_t h = 0; h < host_count; h++) {
        struct jb_value_host *host = &valuation->hosts[h];
        free(host->energy_kwh);
        host->energy_kwh = host->server ? calloc(chunk->hour_count + 1, sizeof *host->energy_kwh) : NULL;
        if (host->server && !host->energy_kwh)
            return jb_error_set(error, JB_MEMORY, "no memory for the energy of hosts");
    }
    for (size_t r = 0; r < slices->count; r++) {
        for (int side = 0; side < 2; side++) {
            jb_account_id id = side ? slices->sums[r].from : slices->sums[r].to;
            struct jb_place_account account;
            if (!jb_consumers_have(valuation->consumers, id, JB_ENERGY))
                continue;
            enum jb_code code = jb_value_account(valuation, id, error, &account);
            if (code)
                return code;
            if (account.host == JB_VALUE_NONE || !valuation->hosts[account.host].energy_kwh)
                continue;
            for (size_t t = 0; t < slices->slice_count; t++)
                valuation->hosts[account.host].energy_kwh[chunk->hour_of[t]] +=
                    (side ? -1 : 1) * (double)slices->amounts[r][t] / JB_KWH_UJ;
        }
    }
    return JB_OK;
}

/* Embodied carbon of a host that falls to an hour: TE × TS with TS = hour ÷ lifetime, while it is in service.
 */
static double embodied_of_hour(const struct jb_value_host *host, int64_t hour_ns) {
    double lifetime_ns = host->server->lifetime_years.value * 365 * (double)JB_DAY_NS;
    double from_ns = (double)hour_ns, to_ns = (double)hour_ns + (double)JB_HOUR_NS;
    if (host->server->from_ns != INT64_MIN) {
        from_ns = fmax(from_ns, (double)host->server->from_ns);
        to_ns = fmin(to_ns, (double)host->server->from_ns + lifetime_ns);
    }
    return to_ns > from_ns ? host->embodied_ug * (to_ns - from_ns) / lifetime_ns : 0;
}

/* The sums of a route in one direction; made when new. */
static enum jb_code find_route(struct jb_valuation *valuation, const struct jb_sum *sum, int side,
                               struct jb_error *error, size_t *ret_index) {
    char key[120];
    uint32_t id;
    snprintf(key, sizeof key, "%" PRIu32 " %" PRIu32 " %d %" PRIu32 " %d", sum->from, sum->to,
             (int)sum->method, sum->uncertainty_ppm, side);
    enum jb_code code = jb_strings_intern(valuation->route_keys, key, error, &id);
    if (code || id < valuation->route_count) {
        *ret_index = id;
        return code;
    }
    code = jb_array_reserve(&valuation->routes, &valuation->route_capacity, valuation->route_count + 1,
                            ROUTE_CEILING, "routes of a valuation", error);
    struct jb_value_route route = {.sum = *sum, .sign = side ? -1 : 1, .account = side ? sum->from : sum->to};
    if (!code)
        code = jb_value_account(valuation, route.account, error, &route.place);
    if (!code)
        valuation->routes[valuation->route_count++] = route;
    *ret_index = id;
    return code;
}

/* Rates of the route's place for a slice, made when they are those of another. */
static enum jb_code need_rates(struct jb_valuation *valuation, struct jb_value_route *route,
                               const struct chunk *chunk, size_t slice, struct jb_error *error) {
    struct jb_place *place = &valuation->places[route->place.place];
    enum jb_code code = JB_OK;
    if (place->rated_slice != slice) {
        bool has_overhead = chunk->overhead[route->place.place * chunk->hour_count + chunk->hour_of[slice]];
        /* Of the whole step, also where the period cuts it: what is asked in two parts is worth the same. */
        int64_t step_ns = jb_time_floor(chunk->cuts[slice], chunk->step_ns);
        code = jb_value_rates(valuation, place, has_overhead, step_ns, step_ns + chunk->step_ns, error);
        place->rated_slice = slice;
    }
    return code ? code
                : jb_array_reserve(&route->sums, &route->sum_capacity, place->term_count, 1000000,
                                   "terms of a valuation", error);
}

static enum jb_code add_energy(struct jb_valuation *valuation, struct jb_value_route *route,
                               const struct chunk *chunk, size_t slice, double energy_kwh,
                               struct jb_error *error) {
    struct jb_value_host *host =
        route->place.host == JB_VALUE_NONE ? NULL : &valuation->hosts[route->place.host];
    size_t hour = chunk->hour_of[slice];
    route->kwh += energy_kwh;
    route->energy.metered_uj += energy_kwh * JB_KWH_UJ;
    if (host && host->energy_kwh && !host->is_booked) {
        route->known_kwh[JB_COLUMN_EMBODIED] += energy_kwh;
        if (host->energy_kwh[hour] > 0)
            route->embodied_ug += embodied_of_hour(host, chunk->first_ns + (int64_t)hour * JB_HOUR_NS) *
                                  energy_kwh / host->energy_kwh[hour];
    }
    if (route->place.place == JB_PLACE_NONE) {
        route->energy.drawn_uj += energy_kwh * JB_KWH_UJ;
        return JB_OK;
    }
    enum jb_code code = need_rates(valuation, route, chunk, slice, error);
    if (code)
        return code;
    const struct jb_place *place = &valuation->places[route->place.place];
    const double *rates = route->place.is_facility ? place->per_facility : place->per_it;
    double *sums = route->sums;
    /* Slots of currencies that there are none of are left out: this is the innermost loop. */
    size_t slots = jb_slot_of_currency(valuation->currency_count);
    for (size_t s = 0; s < slots; s++) {
        sums[s] += energy_kwh * rates[s];
        route->known_kwh[s] += place->known[s] ? energy_kwh : 0;
    }
    for (size_t i = JB_SLOT_COUNT; i < place->term_count; i++)
        sums[i] += energy_kwh * rates[i];
    double drawn_uj = energy_kwh * JB_KWH_UJ * (route->place.is_facility ? 1 : place->pue);
    route->energy.drawn_uj += drawn_uj;
    if (valuation->has_match) {
        const struct jb_match *match = &valuation->match;
        size_t at = route->place.place * match->hour_count +
                    (size_t)((chunk->cuts[slice] - valuation->context_ns) / JB_HOUR_NS);
        route->energy.matched_volume_uj += drawn_uj * (1 - match->rest_by_volume[at]);
        route->energy.matched_hourly_uj += drawn_uj * (1 - match->rest_by_hour[at]);
    }
    return JB_OK;
}

static enum jb_code add_chunk(struct jb_valuation *valuation, const struct jb_slices *slices,
                              const struct chunk *chunk, struct jb_error *error) {
    _cleanup_free_ size_t *routes = calloc(2 * slices->count + 1, sizeof *routes);
    if (!routes)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu routes", slices->count);
    enum jb_code code = add_hosts(valuation, slices, chunk, error);
    for (size_t i = 0; i < 2 * slices->count && !code; i++) {
        const struct jb_sum *sum = &slices->sums[i / 2];
        routes[i] = SIZE_MAX;
        if (jb_consumers_have(valuation->asked, i % 2 ? sum->from : sum->to, JB_ENERGY))
            code = find_route(valuation, sum, (int)(i % 2), error, &routes[i]);
    }
    for (size_t p = 0; p < valuation->place_count; p++)
        valuation->places[p].rated_slice = SIZE_MAX;
    for (size_t t = 0; t < slices->slice_count && !code; t++) {
        if (!chunk->is_asked[t])
            continue;
        for (size_t i = 0; i < 2 * slices->count && !code; i++) {
            jb_int128 amount = slices->amounts[i / 2][t];
            if (routes[i] == SIZE_MAX || amount == 0)
                continue;
            struct jb_value_route *route = &valuation->routes[routes[i]];
            code = add_energy(valuation, route, chunk, t, route->sign * (double)amount / JB_KWH_UJ, error);
        }
    }
    return code;
}

void jb_value_kept_free(struct jb_valuation *valuation) {
    for (size_t i = 0; i < valuation->kept_count; i++)
        jb_slices_free(&valuation->kept[i].slices);
    free(valuation->kept);
    valuation->kept = NULL;
    valuation->kept_count = valuation->kept_capacity = valuation->kept_cells = 0;
}

enum jb_code jb_value_sum(struct jb_valuation *valuation, struct jb_error *error) {
    _cleanup_free_ struct chunk *chunk = malloc(sizeof *chunk);
    int64_t step_ns = find_step(valuation);
    enum jb_code code = JB_OK;
    if (!chunk)
        return jb_error_set(error, JB_MEMORY, "no memory to value a period");
    if (valuation->to_ns - valuation->from_ns > PERIOD_CEILING)
        return jb_error_set(error, JB_LIMIT, "the period spans over a hundred years; give --from and --to");
    for (int64_t at_ns = jb_time_floor(valuation->from_ns, JB_HOUR_NS); at_ns < valuation->to_ns && !code;
         at_ns = chunk->cuts[chunk->slice_count]) {
        struct jb_slices slices = {0};
        make_chunk(valuation, at_ns, step_ns, chunk);
        code = take_slices(valuation, chunk, error, &slices);
        valuation->longest_ns =
            slices.longest_ns > valuation->longest_ns ? slices.longest_ns : valuation->longest_ns;
        if (!code)
            code = jb_value_overhead(valuation, &slices, chunk->hour_of, chunk->hour_count, error,
                                     &chunk->overhead);
        if (!code)
            code = add_chunk(valuation, &slices, chunk, error);
        free(chunk->overhead);
        chunk->overhead = NULL;
        give_slices(chunk, &slices);
    }
    jb_value_kept_free(valuation);
    return code;
}
