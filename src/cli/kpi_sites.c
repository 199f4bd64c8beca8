/* Which sites there are, over which periods, and what is known of each. */
#include "cli/kpi_sites.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#define SITE_CEILING 10000

void kpi_sites_free(struct kpi_sites *sites) {
    if (!sites)
        return;
    for (size_t i = 0; i < sites->name_count; i++)
        free(sites->names[i]);
    for (size_t i = 0; sites->sites && i < sites->site_count; i++)
        free((void *)(uintptr_t)sites->sites[i].facts);
    free(sites->names);
    free(sites->sites);
    free(sites->cuts);
    jb_valuation_free(sites->valuation);
    *sites = (struct kpi_sites){0};
}

static enum jb_code add_name(struct kpi_sites *sites, const char *name, struct jb_error *error) {
    for (size_t i = 0; i < sites->name_count; i++)
        if (strcmp(sites->names[i], name) == 0)
            return JB_OK;
    enum jb_code code = jb_array_reserve(&sites->names, &sites->name_capacity, sites->name_count + 1,
                                         SITE_CEILING, "sites", error);
    if (code)
        return code;
    sites->names[sites->name_count] = strdup(name);
    return sites->names[sites->name_count++] ? JB_OK
                                             : jb_error_set(error, JB_MEMORY, "no memory for the sites");
}

/* Sites of the setting, and those that only the book knows. */
static enum jb_code find_sites(struct jb_ledger *ledger, const struct jb_setting *setting,
                               const struct kpi_sites_request *request, struct kpi_sites *sites,
                               struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < setting->site_count; i++)
        if (!request->site || strcmp(request->site, setting->sites[i].name) == 0)
            code = add_name(sites, setting->sites[i].name, error);
    for (size_t i = 0; !code && i < store->ops->account_count(store); i++) {
        const char *site = jb_account_site(jb_ledger_path(ledger, (jb_account_id)i));
        char name[JB_COMPONENT_SIZE];
        if (!site)
            continue;
        jb_account_decode(site, strlen(site), name, sizeof name);
        if (!request->site || strcmp(request->site, name) == 0)
            code = add_name(sites, name, error);
    }
    if (!code && sites->name_count == 0)
        code = jb_error_set(
            error, JB_NO_DATA,
            request->site
                ? "neither the setting nor the book has a site '%.60s'"
                : "neither the setting nor the book has a site%s; give [site NAME] in joulebook.ini, or "
                  "import meters with `joulebook import --format meter --site NAME`",
            request->site ? request->site : "");
    return code;
}

/* The period: what was asked for, within what the book has of energy. */
static enum jb_code find_period(struct jb_ledger *ledger, const struct kpi_sites_request *request,
                                struct kpi_sites *sites, struct jb_error *error) {
    const struct jb_query *query = &request->query;
    int64_t first_ns, last_ns;
    enum jb_code code = jb_kpi_period(ledger, query, error, &first_ns, &last_ns);
    if (code)
        return code;
    if (query->from_ns != INT64_MIN)
        first_ns = query->from_ns;
    if (query->to_ns != INT64_MAX)
        last_ns = query->to_ns;
    return jb_kpi_cuts(first_ns, last_ns, request->months, error, &sites->cuts, &sites->period_count);
}

static enum jb_code add_site(struct jb_ledger *ledger, const struct jb_setting *setting, const char *name,
                             struct kpi_sites *sites, struct jb_error *error) {
    struct jb_kpi_facts *facts = calloc(sites->period_count, sizeof *facts);
    if (!facts)
        return jb_error_set(error, JB_MEMORY, "no memory for the periods");
    enum jb_code code =
        jb_kpi_make(ledger, setting, sites->valuation, name, sites->cuts, sites->period_count, error, facts);
    if (code) {
        free(facts);
        return code;
    }
    sites->sites[sites->site_count++] =
        (struct jb_kpi_site_view){name ? name : "all sites", facts, sites->period_count};
    return JB_OK;
}

enum jb_code kpi_sites_make(struct jb_ledger *ledger, const struct grounds *grounds,
                            const struct kpi_sites_request *request, struct jb_error *error,
                            struct kpi_sites *ret_sites) {
    static const struct jb_setting none = {.file = "joulebook.ini"};
    const struct jb_setting *setting = grounds->setting ? grounds->setting : &none;
    __attribute__((cleanup(kpi_sites_free))) struct kpi_sites made = {0};
    enum jb_code code = find_sites(ledger, setting, request, &made, error);
    if (!code)
        code = find_period(ledger, request, &made, error);
    if (code)
        return code;
    made.sites = calloc(made.name_count + 1, sizeof *made.sites);
    if (!made.sites)
        return jb_error_set(error, JB_MEMORY, "no memory for the sites");
    if (request->site ? jb_setting_site(setting, request->site) != NULL : setting->site_count > 0)
        code = jb_kpi_value(ledger, setting, grounds->factors, made.cuts[0], made.cuts[made.period_count],
                            error, &made.valuation);
    for (size_t i = 0; !code && i < made.name_count; i++)
        code = add_site(ledger, setting, made.names[i], &made, error);
    made.has_all = !request->site && setting->site_count > 1;
    if (!code && made.has_all)
        code = add_site(ledger, setting, NULL, &made, error);
    if (code)
        return code;
    *ret_sites = made;
    made = (struct kpi_sites){0};
    return JB_OK;
}
