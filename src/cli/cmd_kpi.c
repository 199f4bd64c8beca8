/* The verb `kpi`. */
#include "cli/cli.h"
#include "cli/kpi_sites.h"

#include "base/array.h"
#include "base/time.h"
#include "cli/progress.h"
#include "decide/kpi.h"

#include <stdlib.h>
#include <string.h>

enum { SITE, EVERY, FROM, TO, JSON, CSV };

#define TARGET_CEILING 100000

struct request {
    struct kpi_sites_request sites;
    enum jb_form form;
};

/* What is to be shown: sites with their facts, and targets. */
struct work {
    struct kpi_sites sites;
    struct jb_kpi_target_view *targets;
    size_t target_count, target_capacity;
};

static void work_clear(struct work *work) {
    kpi_sites_free(&work->sites);
    free(work->targets);
}

static bool kpi_of_target(const struct jb_target *target, enum jb_kpi *ret_kpi) {
    static const struct {
        enum jb_target_kind kind;
        enum jb_kpi kpi;
    } kinds[] = {{JB_TARGET_PUE, JB_KPI_PUE},
                 {JB_TARGET_WUE, JB_KPI_WUE},
                 {JB_TARGET_CUE, JB_KPI_CUE},
                 {JB_TARGET_REF, JB_KPI_REF},
                 {JB_TARGET_ERF, JB_KPI_ERF}};
    for (size_t i = 0; i < JB_COUNT(kinds); i++) {
        if (kinds[i].kind == target->kind) {
            *ret_kpi = kinds[i].kpi;
            return true;
        }
    }
    *ret_kpi = target->is_hourly ? JB_KPI_CFE : JB_KPI_REF;
    return target->kind == JB_TARGET_CLEAN;
}

/* The parts of a period of which at least this much is known set the course. */
#define COURSE_COVERAGE 0.5

static enum jb_code add_target(const struct jb_target *target, const struct jb_kpi_site_view *site,
                               struct work *work, struct jb_error *error) {
    struct jb_kpi_target_view view = {
        .name = target->name, .site = site->name, .target = target->value, .by_ns = target->by_ns};
    _cleanup_free_ struct jb_course_point *points = calloc(site->period_count + 1, sizeof *points);
    size_t count = 0;
    if (!kpi_of_target(target, &view.kpi))
        return JB_OK;
    if (!points)
        return jb_error_set(error, JB_MEMORY, "no memory for a target");
    for (size_t i = 0; i < site->period_count; i++) {
        struct jb_kpi_figure figures[JB_KPI_COUNT];
        jb_kpi_figures(&site->facts[i], figures);
        const struct jb_kpi_figure *figure = &figures[view.kpi];
        if (figure->is_known && figure->coverage >= COURSE_COVERAGE)
            points[count++] = (struct jb_course_point){site->facts[i].from_ns, site->facts[i].until_ns,
                                                       figure->value, figure->sigma};
    }
    const struct jb_kpi_info *info = jb_kpi_info(view.kpi);
    view.is_known = count > 0 && jb_course_find(points, count, target->value, target->by_ns, info->is_at_most,
                                                info->floor, info->ceiling, error, &view.course) == JB_OK;
    enum jb_code code = jb_array_reserve(&work->targets, &work->target_capacity, work->target_count + 1,
                                         TARGET_CEILING, "targets", error);
    if (!code)
        work->targets[work->target_count++] = view;
    return code;
}

static enum jb_code add_targets(const struct jb_setting *setting, struct work *work, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t t = 0; t < setting->target_count; t++) {
        const struct jb_target *target = &setting->targets[t];
        for (size_t s = 0; s < work->sites.site_count && !code; s++)
            if (!*target->site || strcmp(target->site, work->sites.sites[s].name) == 0)
                code = add_target(target, &work->sites.sites[s], work, error);
    }
    return code;
}

/* The valuation in work points into the grounds, which must outlive it. */
static int show(const struct jb_cli *cli, struct jb_ledger *ledger, const struct grounds *grounds,
                const struct request *request) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {.ceiling = (size_t)1 << 30};
    __attribute__((cleanup(work_clear))) struct work work = {0};
    enum jb_code code = kpi_sites_make(ledger, grounds, &request->sites, &error, &work.sites);
    if (!code && grounds->setting)
        code = add_targets(grounds->setting, &work, &error);
    struct jb_kpi_view view = {.form = request->form,
                               .layout = jb_layout_of_stdout(),
                               .sites = work.sites.sites,
                               .site_count = work.sites.site_count,
                               .targets = work.targets,
                               .target_count = work.target_count,
                               .out = &out};
    if (!code)
        code = jb_view_kpis(&view, &error);
    int status =
        code ? jb_cli_fail(cli, code == JB_NO_DATA ? JB_INPUT : code, &error) : jb_cli_print(cli, &out);
    for (size_t i = 0; status == 0 && i < work.target_count; i++)
        if (work.targets[i].is_known && work.targets[i].course.verdict == JB_COURSE_OFF)
            status = 1;
    return status;
}

static int run_request(const struct jb_cli *cli, const struct request *request) {
    struct grounds grounds = {0};
    struct jb_ledger *ledger;
    int status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    progress_wait("reading the book");
    status = grounds_load(cli, ledger, NULL, &grounds);
    if (status < 0)
        status = show(cli, ledger, &grounds, request);
    grounds_free(&grounds);
    jb_ledger_close(ledger);
    return status;
}

static int run(struct jb_cli *cli) {
    static const struct {
        const char *name;
        unsigned months;
    } everies[] = {{"month", 1}, {"quarter", 3}, {"year", 12}};
    struct jb_option options[] = {
        [SITE] = {"--site", true, NULL},
        [EVERY] = {"--every", true, NULL},
        [FROM] = {"--from", true, NULL},
        [TO] = {"--to", true, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    struct request request = {0};
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_kpi, options, NULL, 0, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &request.form);
    if (status < 0)
        status = jb_cli_period(cli, options[FROM].value, options[TO].value, &request.sites.query);
    if (status >= 0)
        return status;
    request.sites.site = options[SITE].value;
    for (size_t i = 0; options[EVERY].value && i < JB_COUNT(everies); i++)
        if (strcmp(options[EVERY].value, everies[i].name) == 0)
            request.sites.months = everies[i].months;
    if (options[EVERY].value && !request.sites.months)
        return jb_cli_usage(cli, "--every: '%.60s' is none of month, quarter, year", options[EVERY].value);
    return run_request(cli, &request);
}

const struct jb_verb jb_verb_kpi = {
    .name = "kpi",
    .summary = "PUE, CUE, WUE, REF, ERF and CFE of sites, and how far targets are",
    .help = "usage: joulebook kpi [--every month|quarter|year] [--site NAME] [OPTIONS]\n"
            "\n"
            "Key figures of data centres from what their meters booked, with 95 % intervals and how\n"
            "much of the period is known. What is missing for a figure is said, and not counted as 0.\n"
            "\n"
            "  PUE   facility / IT energy, over the hours in which both are metered (ISO/IEC 30134-2);\n"
            "        with its category: IT metered at the UPS (1), the PDU (2) or the equipment (3)\n"
            "  CUE   location-based carbon / IT energy, kg/kWh (ISO/IEC 30134-8)\n"
            "  WUE   water of the site / IT energy, L/kWh (ISO/IEC 30134-9)\n"
            "  REF   renewable energy of contracts and own plants, by volume / energy (ISO/IEC 30134-3)\n"
            "  ERF   reused heat / facility energy (ISO/IEC 30134-6)\n"
            "  CFE   carbon-free energy matched by the hour: contracts in the hour of generation, and of\n"
            "        the rest the grid's carbon-free part\n"
            "\n"
            "Meters come in with `joulebook import --format meter`; sites, grids, contracts and targets\n"
            "stand in the setting (joulebook.ini). A target such as PUE 1.200 is held against the trend\n"
            "of the periods: on course or not, and the change a year that it needs. clean targets are\n"
            "held against REF, or against CFE when they are hourly.\n"
            "\n"
            "options\n"
            "  --every PERIOD  a figure for each UTC month, quarter or year; default one for all\n"
            "  --site NAME     only this site; default each, and all together\n"
            "  --from TIME     from this time on: ISO 8601 in UTC, or such as 'last 24h'\n"
            "  --to TIME       up to, and without, this time\n"
            "  --json, --csv   for machines; CSV has the figures without the targets\n"
            "\n"
            "examples\n"
            "  joulebook kpi --every month\n"
            "  joulebook kpi --site seoul1 --from 2025-01-01 --to 2026-01-01\n"
            "\n"
            "exit status: 0 done, 1 a target is off its course, 2 wrong usage, 3 no such site, or the\n"
            "setting is wrong, 4 could not\n",
    .run = run,
};
