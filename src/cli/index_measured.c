/* Energy of GPUs and of what is labelled as AI, PUE where a site's overhead is booked; the rest says why it
 * is not known. */
#include "cli/index_measured.h"

#include "ledger/origin.h"
#include "ledger/statement.h"
#include "report/number.h"

#include <math.h>
#include <string.h>

enum { GPU, LABELLED, PUE, CFE, PAYBACK };

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

static bool is_site(const char *path) {
    return strncmp(path, "site/", 5) == 0;
}

static bool enters_gpu(const char *from, const char *to) {
    (void)from;
    return is_gpu(to);
}
static bool enters_site(const char *from, const char *to) {
    return is_site(to) && !is_site(from);
}
static bool feeds_host(const char *from, const char *to) {
    return is_site(from) && strncmp(to, "host/", 5) == 0;
}

static enum jb_code add_up(struct jb_ledger *ledger, const struct jb_sum *sums, size_t count,
                           bool (*counts)(const char *from, const char *to), struct jb_error *error,
                           struct energy *ret_energy) {
    _cleanup_(jb_origins_free_cleanup) struct jb_origins *origins = NULL;
    _cleanup_(jb_spread_free_cleanup) struct jb_spread *spread = NULL;
    struct energy made = {0};
    double standard = 0;
    enum jb_code code = jb_origins_make(ledger, sums, count, error, &origins);
    if (!code)
        code = jb_spread_make(error, &spread);
    for (size_t i = 0; i < count && !code; i++) {
        /* The texts of two ids may not stay valid together. */
        char from[JB_ACCOUNT_SIZE];
        (void)snprintf(from, sizeof(from), "%s", jb_ledger_path(ledger, sums[i].from));
        if (!counts(from, jb_ledger_path(ledger, sums[i].to)))
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
    (void)snprintf(measured->why_not, sizeof(measured->why_not), "%s", why);
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

static enum jb_code measure_pue(struct jb_ledger *ledger, const struct jb_sum *sums, size_t count,
                                struct jb_error *error, struct jb_measured *measured) {
    struct energy site, hosts;
    enum jb_code code = add_up(ledger, sums, count, enters_site, error, &site);
    if (!code)
        code = add_up(ledger, sums, count, feeds_host, error, &hosts);
    if (code)
        return code;
    if (hosts.amount <= 0 || site.amount <= hosts.amount) {
        set_why(measured, "no meter of a site's whole energy is booked, only what its hosts took");
        return JB_OK;
    }
    /* ISO/IEC 30134-2: energy of the data centre over that of its IT equipment. */
    measured->value = (double)site.amount / (double)hosts.amount;
    double spread = hypot((site.high - (double)site.amount) / (double)site.amount,
                          (hosts.high - (double)hosts.amount) / (double)hosts.amount) *
                    measured->value;
    measured->low = fmax(measured->value - spread, 1), measured->high = measured->value + spread;
    if (isnan(spread))
        (void)snprintf(measured->shown, sizeof(measured->shown), "%.2f (interval unknown)", measured->value);
    else
        (void)snprintf(measured->shown, sizeof(measured->shown), "%.2f (%.2f – %.2f)", measured->value,
                       measured->low, measured->high);
    return JB_OK;
}

enum jb_code jb_index_measure(struct jb_ledger *ledger, const char *why, const struct jb_query *query,
                              struct jb_error *error,
                              struct jb_measured ret_measured[static JB_MEASURED_COUNT]) {
    struct jb_measured made[JB_MEASURED_COUNT] = {
        [GPU] = {.fear = JB_FEAR_ENERGY, .what = "gpu-energy", .label = "Energy of GPUs", .unit = "uJ"},
        [LABELLED] = {.fear = JB_FEAR_ENERGY,
                      .what = "ai-energy",
                      .label = "Energy labelled ai or model",
                      .unit = "uJ"},
        [PUE] = {.fear = JB_FEAR_ENERGY, .what = "pue", .label = "PUE", .unit = "1"},
        [CFE] = {.fear = JB_FEAR_ENERGY, .what = "cfe", .label = "Carbon-free share (CFE)", .unit = "1"},
        [PAYBACK] = {.fear = JB_FEAR_BALANCE, .what = "payback", .label = "Payback", .unit = "1"},
    };
    struct jb_query energy_query = *query;
    struct energy gpu = {0};
    jb_int128 total = 0;
    _cleanup_free_ struct jb_sum *sums = NULL;
    size_t count = 0;
    for (size_t i = 0; i < JB_MEASURED_COUNT; i++)
        set_why(&made[i], why);
    if (ledger) {
        struct jb_store *store = jb_ledger_store(ledger);
        energy_query.commodity = JB_ENERGY;
        for (size_t i = 0; i < JB_MEASURED_COUNT; i++)
            made[i].why_not[0] = '\0';
        set_why(&made[CFE], "the book has energy, not when its supply was carbon-free");
        set_why(&made[PAYBACK], "the book has costs, not the benefit that they are held against");
        enum jb_code code = measure_labelled(ledger, &energy_query, error, &made[LABELLED], &total);
        if (!code)
            code = store->ops->sums(store, &energy_query, error, &sums, &count);
        if (!code)
            code = add_up(ledger, sums, count, enters_gpu, error, &gpu);
        if (!code)
            code = measure_pue(ledger, sums, count, error, &made[PUE]);
        if (code)
            return code;
        if (gpu.amount > 0)
            set_energy(&made[GPU], &gpu, total);
        else
            set_why(&made[GPU],
                    "no energy of a GPU is booked; joulebook sources says what can be measured here");
    }
    memcpy(ret_measured, made, sizeof(made));
    return JB_OK;
}
