/* Sites of the setting and the book with what their meters say, as `kpi` and `index stand` take it. */
#ifndef JB_CLI_KPI_SITES_H
#define JB_CLI_KPI_SITES_H

#include "cli/grounds.h"
#include "report/view_kpi.h"

struct kpi_sites_request {
    const char *site; /* NULL: all */
    unsigned months;  /* as jb_kpi_cuts has it */
    struct jb_query query;
};

struct kpi_sites {
    char **names;
    size_t name_count, name_capacity;
    struct jb_kpi_site_view *sites; /* several of the setting are followed by all of them together */
    size_t site_count;
    bool has_all; /* the last one is all together */
    int64_t *cuts;
    size_t period_count;
    struct jb_valuation *valuation; /* of all sites; NULL: the setting has none that is shown */
};

/* The periods lie within what the book has of energy. JB_NO_DATA: there is no such site, or no energy in the
 * period. The valuation points into the grounds, which must outlive ret_sites. */
enum jb_code kpi_sites_make(struct jb_ledger *ledger, const struct grounds *grounds,
                            const struct kpi_sites_request *request, struct jb_error *error,
                            struct kpi_sites *ret_sites);
void kpi_sites_free(struct kpi_sites *sites); /* NULL-safe; leaves it empty */

#endif
