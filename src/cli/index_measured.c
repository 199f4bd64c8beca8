/* Energy of GPUs and of what is labelled as AI, PUE and CFE of the sites, what a project pays back; or why it
 * is not known. */
#include "cli/index_measured.h"

#include "cli/kpi_sites.h"
#include "cli/project_run.h"
#include "ledger/origin.h"
#include "ledger/statement.h"
#include "report/number.h"
#include "report/view_payback.h"

#include <math.h>
#include <string.h>

enum { GPU, LABELLED, PUE, CFE, PAYBACK }; /* PAYBACK + worth */

/* Energy of one kind of route, with its interval. */
struct energy {
    jb_int128 amount;
    double low, high;
};

static bool is_gpu(const char *path) {
    struct jb_account_parts parts = jb_account_split(path);
    size_t length = parts.leaf_length;
    if (strncmp(path, "host/", 5) != 0 || parts.cgroup_length || length < 4 ||
        strncmp(parts.leaf, "gpu", 3) != 0)
        return false;
    return strspn(parts.leaf + 3, "0123456789") >= length - 3;
}

/* What GPUs took. */
static enum jb_code add_up(struct jb_ledger *ledger, const struct jb_sum *sums, size_t count,
                           struct jb_error *error, struct energy *ret_energy) {
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    _cleanup_(jb_spread_free_cleanup) struct jb_spread *spread = NULL;
    struct energy made = {0};
    double standard = 0;
    enum jb_code code = jb_origins_make(ledger, sums, count, error, &origins);
    if (!code)
        code = jb_spread_make(error, &spread);
    for (size_t i = 0; i < count && !code; i++) {
        if (!is_gpu(jb_ledger_path(ledger, sums[i].to)))
            continue;
        made.amount += sums[i].amount;
        code =
            jb_spread_add(spread, origins, 0, sums[i].from, sums[i].amount, sums[i].uncertainty_ppm, error);
    }
    if (code)
        return code;
    jb_spread_finish(spread, 1, &standard);
    jb_interval(made.amount, standard, &made.low, &made.high);
    *ret_energy = made;
    return JB_OK;
}

static void set_why(struct jb_measured *measured, const char *why) {
    measured->value = measured->low = measured->high = NAN;
    (void)snprintf(measured->why_not, sizeof(measured->why_not), "%.255s", why);
}

static void set_energy(struct jb_measured *measured, const struct energy *energy, jb_int128 total) {
    char figure[JB_NUMBER_SIZE], share[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE];
    struct jb_unit unit = jb_unit_choose(JB_ENERGY, energy->amount);
    measured->value = (double)energy->amount, measured->low = energy->low, measured->high = energy->high;
    int decimals = jb_number_decimals(&unit, energy->amount, energy->low, energy->high);
    jb_amount_format(&unit, energy->amount, decimals, figure);
    jb_interval_format(&unit, energy->low, energy->high, decimals, interval);
    (void)snprintf(measured->shown, sizeof(measured->shown), "%s %s (%s), %s of all energy booked", figure,
                   unit.name, interval,
                   jb_share_format(total > 0 ? (double)energy->amount / (double)total : NAN, share));
}

/* What final accounts with a label `ai` or `model` consumed; the first key that the book has labels of. */
static enum jb_code measure_labelled(struct jb_ledger *ledger, const struct jb_query *query,
                                     struct jb_error *error, struct jb_measured *measured,
                                     jb_int128 *ret_total) {
    static const char *const keys[] = {"ai", "model"};
    jb_int128 total = 0;
    bool is_known = false;
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        struct jb_statement_request request = {.query = *query, .by = JB_BY_LABEL, .label_key = keys[i]};
        struct jb_statement statement;
        struct energy energy = {0};
        enum jb_code code = jb_statement_make(ledger, &request, error, &statement);
        if (code)
            return code;
        total = statement.total_count ? statement.totals[0].amount : 0;
        for (size_t r = 0; r < statement.row_count; r++) {
            const struct jb_statement_row *row = &statement.rows[r];
            if (row->name[0] == '(') /* "(no ai)" */
                continue;
            energy.amount += row->amount, energy.low += row->low, energy.high += row->high;
        }
        jb_statement_free(&statement);
        if (energy.amount > 0 && !is_known) {
            is_known = true;
            set_energy(measured, &energy, total);
        }
    }
    if (!is_known)
        set_why(measured,
                "nothing with energy has a label ai or model; set them: joulebook label PATTERN ai=yes");
    *ret_total = total;
    return JB_OK;
}

static enum jb_code measure_gpus(struct jb_ledger *ledger, const struct jb_query *query, jb_int128 total,
                                 struct jb_error *error, struct jb_measured *measured) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    struct energy energy = {0};
    enum jb_code code = store->ops->sums(store, query, error, &sums, &count);
    if (!code)
        code = add_up(ledger, sums, count, error, &energy);
    if (code)
        return code;
    if (energy.amount > 0)
        set_energy(measured, &energy, total);
    else
        set_why(measured, "no energy of a GPU is booked; joulebook sources says what can be measured here");
    return JB_OK;
}

/* ---- sites ---- */

static void set_figure(const struct jb_kpi_site_view *site, enum jb_kpi kpi, struct jb_measured *measured) {
    struct jb_kpi_figure figures[JB_KPI_COUNT];
    const struct jb_kpi_figure *figure = &figures[kpi];
    char value[48], low[48], high[48], interval[128] = "interval unknown";
    jb_kpi_figures(site->facts, figures);
    if (!figure->is_known) {
        set_why(measured, figure->lack);
        return;
    }
    double half_width = isnan(figure->sigma) ? NAN : (figure->high - figure->low) / 2;
    if (!isnan(half_width))
        (void)snprintf(interval, sizeof interval, "%s – %s", jb_ratio_format(figure->low, half_width, low),
                       jb_ratio_format(figure->high, half_width, high));
    measured->why_not[0] = '\0';
    measured->value = figure->value, measured->low = figure->low, measured->high = figure->high;
    (void)snprintf(
        measured->shown, sizeof measured->shown, "%s (%s) of %.60s, known for %.0f %% of the period",
        jb_ratio_format(figure->value, half_width, value), interval, site->name, 100 * figure->coverage);
}

/* PUE and CFE of the site that there is, or of all sites of the setting together. */
static int measure_sites(const struct jb_cli *cli, struct jb_ledger *ledger, const struct jb_query *query,
                         struct jb_measured measured[static JB_MEASURED_COUNT]) {
    struct jb_error error = {0};
    struct grounds grounds = {0};
    int status = grounds_load(cli, ledger, NULL, &grounds);
    if (status >= 0)
        return status;
    __attribute__((cleanup(kpi_sites_free))) struct kpi_sites sites = {0};
    struct kpi_sites_request request = {.query = *query};
    enum jb_code code = kpi_sites_make(ledger, &grounds, &request, &error, &sites);
    for (size_t i = PUE; i <= CFE; i++) {
        if (code)
            set_why(&measured[i], error.message);
        else if (sites.site_count > 1 && !sites.has_all)
            set_why(&measured[i],
                    "the book has several sites; give each its [site NAME] in joulebook.ini, or "
                    "see joulebook kpi");
        else
            set_figure(&sites.sites[sites.site_count - 1], i == PUE ? JB_KPI_PUE : JB_KPI_CFE, &measured[i]);
    }
    status = code && code != JB_NO_DATA ? jb_cli_fail(cli, code, &error) : -1;
    kpi_sites_free(&sites);
    grounds_free(&grounds);
    return status;
}

/* ---- a project ---- */

static int measure_project(const struct jb_cli *cli, const char *path,
                           struct jb_measured measured[static JB_WORTH_COUNT]) {
    struct jb_error error = {0};
    __attribute__((cleanup(project_run_free))) struct project_run run = {0};
    struct jb_payback_request request = project_run_usual();
    enum jb_code code = project_run_make(cli, path, &request, &error, &run);
    if (code)
        return jb_cli_fail(cli, code, &error);
    for (int worth = 0; worth < JB_WORTH_COUNT; worth++) {
        const struct jb_payback_worth *result = &run.payback.worths[worth];
        struct jb_measured *into = &measured[worth];
        if (!result->is_known) {
            set_why(into, run.model.unknown[worth]);
            continue;
        }
        into->why_not[0] = '\0';
        into->value = result->net.median, into->low = result->net.low, into->high = result->net.high;
        into->probability = result->probability;
        (void)snprintf(into->unit, sizeof into->unit, "%s",
                       jb_payback_unit(&run.model, (enum jb_worth)worth));
        jb_payback_worth_format(&run.model, &run.payback, (enum jb_worth)worth, into->shown);
    }
    return -1;
}

static int measure_book(const struct jb_cli *cli, struct jb_ledger *ledger, const struct jb_query *query,
                        struct jb_measured measured[static JB_MEASURED_COUNT]) {
    struct jb_error error = {0};
    struct jb_query energy_query = *query;
    energy_query.commodity = JB_ENERGY;
    jb_int128 total = 0;
    for (size_t i = GPU; i <= LABELLED; i++)
        measured[i].why_not[0] = '\0';
    enum jb_code code = measure_labelled(ledger, &energy_query, &error, &measured[LABELLED], &total);
    if (!code)
        code = measure_gpus(ledger, &energy_query, total, &error, &measured[GPU]);
    return code ? jb_cli_fail(cli, code, &error) : measure_sites(cli, ledger, query, measured);
}

int jb_index_measure(const struct jb_cli *cli, struct jb_ledger *ledger,
                     const struct jb_measured_request *request,
                     struct jb_measured ret_measured[static JB_MEASURED_COUNT]) {
    static const struct jb_measured all[JB_MEASURED_COUNT] = {
        [GPU] = {.fear = JB_FEAR_ENERGY, .what = "gpu-energy", .label = "Energy of GPUs", .unit = "uJ"},
        [LABELLED] = {.fear = JB_FEAR_ENERGY,
                      .what = "ai-energy",
                      .label = "Energy labelled ai or model",
                      .unit = "uJ"},
        [PUE] = {.fear = JB_FEAR_ENERGY, .what = "pue", .label = "PUE", .unit = "1"},
        [CFE] = {.fear = JB_FEAR_ENERGY, .what = "cfe", .label = "Carbon-free share (CFE)", .unit = "1"},
        [PAYBACK + JB_WORTH_ENERGY] = {.fear = JB_FEAR_BALANCE,
                                       .what = "payback-energy",
                                       .label = "Payback in energy",
                                       .unit = "kWh"},
        [PAYBACK + JB_WORTH_CARBON] = {.fear = JB_FEAR_BALANCE,
                                       .what = "payback-carbon",
                                       .label = "Payback in carbon",
                                       .unit = "kgCO2e"},
        [PAYBACK +
            JB_WORTH_MONEY] = {.fear = JB_FEAR_BALANCE, .what = "payback-money", .label = "Payback in money"},
    };
    struct jb_measured made[JB_MEASURED_COUNT];
    memcpy(made, all, sizeof(made));
    for (size_t i = 0; i < JB_MEASURED_COUNT; i++) {
        made[i].probability = NAN;
        set_why(&made[i], i < PAYBACK ? "there is no book; joulebook meter keeps one"
                                      : "give the project that is to pay back: --project PROJECT");
    }
    int status = ledger ? measure_book(cli, ledger, &request->query, made) : -1;
    if (status < 0 && request->project)
        status = measure_project(cli, request->project, &made[PAYBACK]);
    if (status < 0)
        memcpy(ret_measured, made, sizeof(made));
    return status;
}
