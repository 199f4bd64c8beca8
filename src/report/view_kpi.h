/* Key figures of data centres, and how far targets are, as text, JSON or CSV. */
#ifndef JB_REPORT_VIEW_KPI_H
#define JB_REPORT_VIEW_KPI_H

#include "decide/kpi.h"
#include "report/form.h"
#include "report/table.h"

/* One site with its periods. */
struct jb_kpi_site_view {
    const char *name; /* "all sites" of several together */
    const struct jb_kpi_facts *facts;
    size_t period_count;
};
/* A target held against a site's figures. */
struct jb_kpi_target_view {
    const char *name, *site;
    enum jb_kpi kpi;
    double target;
    int64_t by_ns;
    bool is_known; /* there are figures */
    struct jb_course course;
};
struct jb_kpi_view {
    enum jb_form form;
    struct jb_layout layout;
    const struct jb_kpi_site_view *sites;
    size_t site_count;
    const struct jb_kpi_target_view *targets;
    size_t target_count;
    struct jb_buffer *out;
};
enum jb_code jb_view_kpis(const struct jb_kpi_view *view, struct jb_error *error);

/* "1.234" with the digits that a 95 % interval of this half-width supports: two of the half-width; unknown:
 * three significant ones. Returns ret. */
char *jb_ratio_format(double value, double half_width, char ret[static 48]);
/* A date where it falls on midnight, else a time. Returns ret. */
char *jb_day_format(int64_t ns, char ret[static 48]);

#endif
