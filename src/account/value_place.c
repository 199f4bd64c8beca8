/* Places: which site an account belongs to, what feeds it, and which series its quantities have. */
#include "account/value_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool copy_component(const char *text, size_t length, char ret[static JB_COMPONENT_SIZE]) {
    if (length == 0 || length >= JB_COMPONENT_SIZE)
        return false;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

/* "grid/KR" → "KR"; false when path is no account of that kind. */
static bool name_below(const char *path, const char *kind, char ret[static JB_COMPONENT_SIZE]) {
    size_t length = strlen(kind);
    if (strncmp(path, kind, length) != 0 || path[length] != '/')
        return false;
    return copy_component(path + length + 1, strcspn(path + length + 1, "/"), ret);
}

static struct jb_place *place_of(struct jb_valuation *valuation, const char *site) {
    for (size_t i = 0; i < valuation->place_count; i++) {
        if (strcmp(valuation->places[i].site->name, site) == 0)
            return &valuation->places[i];
    }
    return NULL;
}

/* The site that feeds each host in the book, and the grid that feeds each site, where the setting does not
 * say. */
static enum jb_code read_feeds(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_query query = JB_QUERY_ALL;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    query.commodity = JB_ENERGY;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &count);
    for (size_t i = 0; i < count && !code; i++) {
        const char *from = jb_ledger_path(valuation->ledger, sums[i].from),
                   *to = jb_ledger_path(valuation->ledger, sums[i].to);
        char grid[JB_COMPONENT_SIZE], name[JB_COMPONENT_SIZE], host[JB_COMPONENT_SIZE];
        if (sums[i].amount == 0)
            continue;
        if (name_below(from, "grid", grid) && name_below(to, "site", name)) {
            struct jb_place *place = place_of(valuation, name);
            if (!place || *place->site->grid || strcmp(grid, "unknown") == 0)
                continue;
            if (*place->grid && strcmp(place->grid, grid) != 0) {
                jb_value_note(valuation,
                              "site %s is fed by grid/%s and grid/%s; name the one that it is valued by: "
                              "grid = %s",
                              name, place->grid, grid, grid);
                continue;
            }
            snprintf(place->grid, sizeof place->grid, "%s", grid);
        } else if (name_below(from, "site", name) && name_below(to, "host", host)) {
            struct jb_place *place = place_of(valuation, name);
            uint32_t id, index = place ? (uint32_t)(place - valuation->places) : JB_PLACE_NONE;
            /* A site with globs takes what they say alone. */
            if (!place || place->site->accounts.count)
                continue;
            code = jb_strings_intern(valuation->host_names, host, error, &id);
            if (!code)
                code = jb_array_reserve(&valuation->hosts, &valuation->host_capacity, (size_t)id + 1, 1000000,
                                        "hosts", error);
            if (code)
                continue;
            uint32_t *fed = &valuation->hosts[id].fed_by;
            if (*fed && *fed != index + 1) {
                jb_value_note(valuation,
                              "host %s is fed by several sites, so its energy is not valued; name it in the "
                              "accounts of one",
                              host);
                *fed = JB_PLACE_NONE;
            } else if (*fed != JB_PLACE_NONE) {
                *fed = index + 1;
            }
        }
    }
    return code;
}

/* A series of the book by name; a name that the user gave must be there. */
static enum jb_code read_series(struct jb_valuation *valuation, struct jb_place *place,
                                enum jb_place_quantity which, const char *name, bool must, const char *symbol,
                                struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_series series;
    struct jb_value_series *kept = &place->series[which];
    enum jb_code code = store->ops->series_find(store, name, error, &series);
    if (code == JB_NO_DATA)
        return must ? jb_error_set(
                          error, JB_INPUT,
                          "site %.100s names the series '%.127s', and the book has none of that name; "
                          "import it, or mend the setting",
                          place->site->name, name)
                    : JB_OK;
    if (code)
        return code;
    if (strcmp(series.unit, "g/kWh") != 0)
        return jb_error_set(error, JB_INPUT,
                            "site %.100s: the series '%.127s' is in %s; an intensity is in g/kWh",
                            place->site->name, name, series.unit);
    code = store->ops->series_read(store, name, jb_time_floor(valuation->from_ns, JB_HOUR_NS),
                                   jb_time_floor(valuation->to_ns - 1, JB_HOUR_NS) + JB_HOUR_NS, error,
                                   &kept->steps, &kept->count);
    if (code)
        return code;
    kept->resolution_ns = series.resolution_ns;
    if (kept->count == 0 && !must) { /* nothing of the period: a factor may have it */
        free(kept->steps);
        kept->steps = NULL;
        return JB_OK;
    }
    struct jb_input input = {.kind = JB_INPUT_SERIES,
                             .value = NAN,
                             .uncertainty = jb_declared_is_set(&place->site->series_uncertainty)
                                                ? place->site->series_uncertainty.uncertainty
                                                : series.uncertainty,
                             .from_ns = series.first_ns,
                             .until_ns = series.last_ns};
    char key[JB_SERIES_NAME_SIZE + 240];
    snprintf(input.symbol, sizeof input.symbol, "%s", symbol);
    snprintf(input.name, sizeof input.name, "series %s", name);
    snprintf(input.unit, sizeof input.unit, "%.20s", series.unit);
    snprintf(input.source, sizeof input.source, "%.300s%s%.200s", *series.source ? series.source : "the book",
             *series.note ? "; " : "", series.note);
    /* The same series is the same error, unless sites say otherwise of it. */
    snprintf(key, sizeof key, "series %s %s", name,
             jb_declared_is_set(&place->site->series_uncertainty) ? place->site->name : "");
    if (isnan(input.uncertainty))
        jb_value_note(valuation,
                      "the series %s states no uncertainty, so intervals that rest on it are not known; "
                      "give site %s a series-uncertainty",
                      name, place->site->name);
    return jb_value_add_input(valuation, key, &input, error, &kept->input);
}

static enum jb_code read_all_series(struct jb_valuation *valuation, struct jb_place *place,
                                    struct jb_error *error) {
    const struct jb_site *site = place->site;
    char own[JB_COMPONENT_SIZE + 32];
    enum jb_code code = JB_OK;
    if (*site->intensity_series) {
        code = read_series(valuation, place, JB_OF_INTENSITY, site->intensity_series, true, "I", error);
    } else if (!jb_declared_is_set(&site->intensity_g_per_kwh) && *place->grid) {
        snprintf(own, sizeof own, "grid_intensity/%s", place->grid);
        if (strlen(own) < JB_SERIES_NAME_SIZE)
            code = read_series(valuation, place, JB_OF_INTENSITY, own, false, "I", error);
    }
    if (!code && !jb_declared_is_set(&site->intensity_direct_g_per_kwh) && *place->grid) {
        snprintf(own, sizeof own, "grid_intensity_direct/%s", place->grid);
        if (strlen(own) < JB_SERIES_NAME_SIZE)
            code = read_series(valuation, place, JB_OF_DIRECT, own, false, "Id", error);
    }
    if (!code && *site->residual_series)
        code = read_series(valuation, place, JB_OF_RESIDUAL, site->residual_series, true, "R", error);
    return code;
}

static enum jb_code make_place(struct jb_valuation *valuation, struct jb_place *place,
                               struct jb_error *error) {
    char key[160];
    struct jb_input load = {.kind = JB_INPUT_METER, .symbol = "L", .value = NAN, .uncertainty = NAN};
    const struct jb_tariff *tariff = NULL;
    place->tariff_input = place->currency = JB_VALUE_NONE;
    for (int q = 0; q < JB_OF_COUNT; q++)
        place->quantities[q].until_ns = INT64_MIN;
    snprintf(load.name, sizeof load.name, "load of site %.120s", place->site->name);
    snprintf(load.source, sizeof load.source, "the book: what the site's meters show");
    snprintf(key, sizeof key, "load %.120s", place->site->name);
    enum jb_code code = jb_value_add_input(valuation, key, &load, error, &place->load_input);
    if (!code)
        code = read_all_series(valuation, place, error);
    if (code || !*place->site->tariff)
        return code;
    tariff = jb_setting_tariff(valuation->request.setting, place->site->tariff);
    assert(tariff);
    for (uint32_t c = 0; c < valuation->currency_count; c++) {
        if (valuation->currencies[c] == tariff->currency)
            place->currency = c;
    }
    if (place->currency == JB_VALUE_NONE) {
        if (valuation->currency_count == JB_CURRENCY_COUNT)
            return jb_error_set(error, JB_LIMIT, "over %d currencies in the tariffs", JB_CURRENCY_COUNT);
        place->currency = valuation->currency_count;
        valuation->currencies[valuation->currency_count++] = tariff->currency;
    }
    /* Prices are exact unless the tariff says otherwise: the largest of what its rates say. */
    struct jb_declared price = tariff->rates[tariff->rate_count - 1].price_per_kwh;
    price.uncertainty = 0;
    for (size_t r = 0; r < tariff->rate_count; r++) {
        if (tariff->rates[r].price_per_kwh.uncertainty > price.uncertainty)
            price.uncertainty = tariff->rates[r].price_per_kwh.uncertainty;
    }
    char what[160], unit[JB_COMMODITY_SIZE + 8], currency[JB_COMMODITY_SIZE];
    snprintf(what, sizeof what, "tariff %.120s", tariff->name);
    snprintf(unit, sizeof unit, "%s/kWh", jb_commodity_format(tariff->currency, currency));
    if (tariff->rate_count > 1)
        price.value = NAN; /* several */
    return jb_value_declare(valuation, "T", what, unit, &price, error, &place->tariff_input);
}

/* Places whose water or cost the book has already are not given it a second time. */
static enum jb_code read_booked(struct jb_valuation *valuation, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(valuation->ledger);
    struct jb_query query = JB_QUERY_ALL;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    enum jb_code code = store->ops->sums(store, &query, error, &sums, &count);
    for (size_t i = 0; i < count && !code; i++) {
        struct jb_place_account account;
        if (sums[i].commodity == JB_ENERGY || sums[i].amount == 0)
            continue;
        code = jb_value_account(valuation, sums[i].to, error, &account);
        if (code)
            continue;
        if (sums[i].commodity == JB_EMBODIED) {
            struct jb_account_parts parts = jb_account_split(jb_ledger_path(valuation->ledger, sums[i].to));
            char host[JB_COMPONENT_SIZE];
            uint32_t id = copy_component(parts.host, parts.host_length, host)
                              ? jb_strings_find(valuation->host_names, host)
                              : JB_STRING_NONE;
            if (id != JB_STRING_NONE)
                valuation->hosts[id].is_booked = true;
        } else if (account.place != JB_PLACE_NONE) {
            struct jb_place *place = &valuation->places[account.place];
            if (sums[i].commodity == JB_WATER)
                place->has_booked_water = true;
            else
                place->has_booked_money = true;
        }
    }
    for (size_t i = 0; i < valuation->place_count; i++) {
        const struct jb_place *place = &valuation->places[i];
        if (place->has_booked_money && place->tariff_input != JB_VALUE_NONE)
            jb_value_note(valuation, "the book has costs of site %s, so its tariff is not applied",
                          place->site->name);
        if (place->has_booked_water)
            jb_value_note(valuation, "the book has water of site %s, so none is computed for it",
                          place->site->name);
    }
    return code;
}

enum jb_code jb_value_make_places(struct jb_valuation *valuation, struct jb_error *error) {
    const struct jb_setting *setting = valuation->request.setting;
    valuation->places = calloc(setting->site_count + 1, sizeof *valuation->places);
    valuation->accounts = calloc(valuation->account_count + 1, sizeof *valuation->accounts);
    if (!valuation->places || !valuation->accounts)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu sites", setting->site_count);
    for (size_t i = 0; i < setting->site_count; i++) {
        struct jb_place *place = &valuation->places[valuation->place_count++];
        place->site = &setting->sites[i];
        snprintf(place->grid, sizeof place->grid, "%s", place->site->grid);
    }
    enum jb_code code = read_feeds(valuation, error);
    for (size_t i = 0; i < valuation->place_count && !code; i++)
        code = make_place(valuation, &valuation->places[i], error);
    return code ? code : read_booked(valuation, error);
}

/* Embodied carbon and lifetime of a host's server. */
static enum jb_code make_host(struct jb_valuation *valuation, struct jb_value_host *host,
                              struct jb_error *error) {
    const struct jb_server *server = host->server;
    char what[160];
    enum jb_code code;
    if (jb_declared_is_set(&server->embodied_kgco2e)) {
        snprintf(what, sizeof what, "server %.100s: embodied", server->name);
        host->embodied_ug = server->embodied_kgco2e.value * 1e9;
        code = jb_value_declare(valuation, "TE", what, "kgCO2e", &server->embodied_kgco2e, error,
                                &host->embodied_input);
    } else {
        struct jb_factor_query query = {.quantity = JB_EMBODIED_FACTOR,
                                        .provider = server->provider,
                                        .subject = server->model,
                                        .at_ns = valuation->from_ns,
                                        .allows_earlier = true};
        struct jb_factor_answer answer;
        if (jb_factors_find(valuation->request.factors, &query, &answer))
            return jb_error_set(
                error, JB_INPUT,
                "%s, line %u: there is no factor embodied/%s%s%.100s; `joulebook factors list "
                "embodied/` lists them, or give embodied = … kgCO2e",
                valuation->request.setting->file, server->line, server->provider,
                *server->provider ? "/" : "", server->model);
        host->embodied_ug = answer.factor->value * 1e9;
        code = jb_value_factor_input(valuation, "TE", &answer, error, &host->embodied_input);
    }
    if (code)
        return code;
    /* A lifetime is what the owner decides: exact unless the setting says otherwise. */
    struct jb_declared lifetime = server->lifetime_years;
    lifetime.uncertainty = isnan(lifetime.uncertainty) ? 0 : lifetime.uncertainty;
    snprintf(what, sizeof what, "server %.100s: lifetime", server->name);
    return jb_value_declare(valuation, "TL", what, "years", &lifetime, error, &host->lifetime_input);
}

enum jb_code jb_value_account(struct jb_valuation *valuation, jb_account_id id, struct jb_error *error,
                              struct jb_place_account *ret_account) {
    assert(id < valuation->account_count);
    struct jb_place_account *account = &valuation->accounts[id];
    if (!account->is_known) {
        const char *path = jb_ledger_path(valuation->ledger, id);
        struct jb_account_parts parts = jb_account_split(path);
        const struct jb_site *site = jb_setting_site_of(valuation->request.setting, path);
        char name[JB_COMPONENT_SIZE];
        *account = (struct jb_place_account){.place = JB_PLACE_NONE, .host = JB_VALUE_NONE, .is_known = true};
        if (copy_component(parts.host, parts.host_length, name)) {
            enum jb_code code = jb_strings_intern(valuation->host_names, name, error, &account->host);
            if (!code)
                code = jb_array_reserve(&valuation->hosts, &valuation->host_capacity,
                                        (size_t)account->host + 1, 1000000, "hosts", error);
            if (code)
                return code;
            struct jb_value_host *host = &valuation->hosts[account->host];
            if (!host->is_made) {
                host->is_made = true;
                host->server = jb_setting_server_of(valuation->request.setting, name);
                code = host->server ? make_host(valuation, host, error) : JB_OK;
                if (code)
                    return code;
            }
            if (!site && host->fed_by && host->fed_by != JB_PLACE_NONE)
                account->place = host->fed_by - 1;
        } else if (name_below(path, "site", name)) {
            account->is_facility = true;
            struct jb_place *place = place_of(valuation, name);
            if (!site && place && !place->site->accounts.count)
                site = place->site;
        }
        if (site)
            account->place = (uint32_t)(site - valuation->request.setting->sites);
    }
    *ret_account = *account;
    return JB_OK;
}
