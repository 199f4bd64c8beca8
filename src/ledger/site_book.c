/* What the book has of a site's meters and hosts, and how it comes there. */
#include "ledger/site.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/time.h"
#include "store/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAYS_APART     400 /* beyond that all batches are looked at, instead of those of each day */
#define SLICES_AT_ONCE ((size_t)2048)
#define HASH_DIGITS    16
#define PIECE_SIZE     16 /* bytes of "2024-05-01", "long" */

enum jb_code jb_site_accounts(const struct jb_site_readings *site, struct jb_ledger *ledger,
                              struct jb_error *error, struct jb_site_accounts *ret_accounts) {
    struct jb_site_accounts accounts = {0};
    _cleanup_free_ jb_account_id *meters = calloc(site->meter_count + 1, sizeof *meters);
    const struct {
        const char *below;
        jb_account_id *id;
    } own[] = {{"", &accounts.site},
               {"/overhead", &accounts.overhead},
               {"/unattributed", &accounts.unattributed},
               {"/meter-variance", &accounts.variance}};
    if (!meters)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu meters", site->meter_count);
    enum jb_code code = ledger ? jb_ledger_account(ledger, site->grid, error, &accounts.grid)
                               : jb_account_validate(site->grid, error);
    for (size_t i = 0; !code && i < JB_COUNT(own); i++) {
        char path[JB_ACCOUNT_SIZE];
        snprintf(path, sizeof path, "site/%s%s", site->name, own[i].below);
        code = ledger ? jb_ledger_account(ledger, path, error, own[i].id) : jb_account_validate(path, error);
    }
    for (size_t m = 0; !code && m < site->meter_count; m++)
        code = ledger ? jb_ledger_account(ledger, site->meters[m].path, error, &meters[m])
                      : jb_account_validate(site->meters[m].path, error);
    if (code)
        return code;
    accounts.meters = JB_TAKE(meters);
    *ret_accounts = accounts;
    return JB_OK;
}

/* ---- batches ---- */

/* Which batches an interval stands in: those of its day, or those of the ones that are longer. So who looks
 * for a time has to look at few. */
static void name_piece(const struct jb_site_interval *interval, char ret[static PIECE_SIZE]) {
    char time[JB_TIME_SIZE];
    bool is_long =
        jb_time_floor(interval->start_ns, JB_DAY_NS) != jb_time_floor(interval->end_ns - 1, JB_DAY_NS);
    snprintf(ret, PIECE_SIZE, "%.10s", is_long ? "long" : jb_time_format(interval->start_ns, time));
}

bool jb_site_is_same_piece(const struct jb_site_interval *a, const struct jb_site_interval *b) {
    char of_a[PIECE_SIZE], of_b[PIECE_SIZE];
    name_piece(a, of_a);
    name_piece(b, of_b);
    return strcmp(of_a, of_b) == 0;
}

/* "import meter SITE PIECE START/END HASH" → false when it is another site's, or no such batch. */
static bool parse_identity(const char *identity, const char *name, struct jb_site_booked *ret_booked) {
    char start[JB_TIME_SIZE], end[JB_TIME_SIZE];
    struct jb_site_booked booked = {0};
    size_t length = strlen(JB_SITE_BATCH), name_length = strlen(name);
    if (strncmp(identity, JB_SITE_BATCH, length) != 0 || strncmp(identity + length, name, name_length) != 0 ||
        identity[length + name_length] != ' ')
        return false;
    const char *times = strchr(identity + length + name_length + 1, ' ');
    const char *slash = times ? strchr(times, '/') : NULL, *hash = times ? strchr(times + 1, ' ') : NULL;
    if (!slash || !hash || slash > hash || strlen(hash + 1) != HASH_DIGITS || strchr(hash + 1, ' ') ||
        slash - times > (long)sizeof start || hash - slash > (long)sizeof end)
        return false;
    snprintf(start, sizeof start, "%.*s", (int)(slash - times - 1), times + 1);
    snprintf(end, sizeof end, "%.*s", (int)(hash - slash - 1), slash + 1);
    if (jb_time_parse(start, NULL, &booked.start_ns) || jb_time_parse(end, NULL, &booked.end_ns))
        return false;
    snprintf(booked.identity, sizeof booked.identity, "%s", identity);
    snprintf(booked.sha256, sizeof booked.sha256, "%s", hash + 1);
    *ret_booked = booked;
    return true;
}

struct finding {
    struct jb_ledger *ledger;
    const char *name;
    int64_t from_ns, to_ns;
    struct jb_site_booked *booked;
    size_t count, capacity;
};

/* piece NULL: all. */
static enum jb_code find_in_piece(struct finding *finding, const char *piece, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(finding->ledger);
    _cleanup_free_ struct jb_batch_info *infos = NULL;
    char prefix[256];
    size_t count = 0;
    snprintf(prefix, sizeof prefix, JB_SITE_BATCH "%s %s%s", finding->name, piece ? piece : "",
             piece ? " " : "");
    enum jb_code code = store->ops->batches(store, prefix, error, &infos, &count);
    for (size_t i = 0; !code && i < count; i++) {
        struct jb_site_booked booked;
        if (infos[i].reversed || !parse_identity(infos[i].identity, finding->name, &booked) ||
            booked.start_ns >= finding->to_ns || booked.end_ns <= finding->from_ns)
            continue;
        code = jb_array_reserve(&finding->booked, &finding->capacity, finding->count + 1, JB_BATCH_CEILING,
                                "batches", error);
        if (!code)
            finding->booked[finding->count++] = booked;
    }
    return code;
}

enum jb_code jb_site_find_booked(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                                 struct jb_error *error, struct jb_site_booked **ret_booked,
                                 size_t *ret_count) {
    struct finding finding = {.ledger = ledger, .name = name, .from_ns = from_ns, .to_ns = to_ns};
    bool is_by_day =
        from_ns > JB_BOOK_FIRST_NS && to_ns < JB_BOOK_LAST_NS && (to_ns - from_ns) / JB_DAY_NS < DAYS_APART;
    enum jb_code code = find_in_piece(&finding, is_by_day ? "long" : NULL, error);
    for (int64_t day = jb_time_floor(from_ns, JB_DAY_NS); !code && is_by_day && day < to_ns;
         day += JB_DAY_NS) {
        char time[JB_TIME_SIZE];
        time[10] = '\0';
        jb_time_format(day, time)[10] = '\0';
        code = find_in_piece(&finding, time, error);
    }
    if (code) {
        free(finding.booked);
        return code;
    }
    *ret_booked = finding.booked;
    *ret_count = finding.count;
    return JB_OK;
}

enum jb_code jb_site_read(struct jb_ledger *ledger, const struct jb_site_booked *booked,
                          struct jb_error *error, struct jb_site_readings *ret_site) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_buffer_ struct jb_buffer text = {0};
    enum jb_code code = store->ops->document_get(store, booked->sha256, error, &text);
    return code ? code : jb_site_parse(text.bytes, text.length, error, ret_site);
}

enum jb_code jb_site_append(struct jb_ledger *ledger, struct jb_site_readings *site,
                            const struct jb_site_flows *flows, const char *replaces, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_buffer_ struct jb_buffer text = {0};
    _cleanup_free_ struct jb_batch_info *infos = NULL;
    char piece[PIECE_SIZE], start[JB_TIME_SIZE], end[JB_TIME_SIZE], sha256[JB_SHA256_SIZE],
        identity[JB_IDENTITY_SIZE];
    size_t count = 0;
    bool is_new = false;
    name_piece(&site->intervals[0], piece);
    snprintf(identity, sizeof identity, JB_SITE_BATCH "%s %s ", site->name, piece);
    enum jb_code code = store->ops->batches(store, identity, error, &infos, &count);
    if (code)
        return code;
    site->revision = count + 1;
    code = jb_site_write(site, &text, error);
    if (!code)
        code = store->ops->document_put(store, text.bytes, text.length, error);
    if (code)
        return code;
    snprintf(identity, sizeof identity, JB_SITE_BATCH "%s %s %s/%s %.*s", site->name, piece,
             jb_time_format(site->intervals[0].start_ns, start),
             jb_time_format(site->intervals[site->interval_count - 1].end_ns, end), HASH_DIGITS,
             jb_sha256(text.bytes, text.length, sha256));
    struct jb_batch batch = {.identity = identity,
                             .flows = flows->items,
                             .flow_count = flows->count,
                             .replaces = &replaces,
                             .replace_count = replaces != NULL};
    code = store->ops->append(store, &batch, error, &is_new);
    return !code && !is_new ? jb_error_set(error, JB_INPUT, "the book has a batch '%s' already", identity)
                            : code;
}

/* ---- hosts ---- */

static void add_hosts(struct jb_ledger *ledger, const char *path, const struct jb_slices *slices,
                      const size_t *slice_of, struct jb_site_interval *intervals, size_t count) {
    for (size_t s = 0; s < slices->count; s++) {
        const char *from = jb_ledger_path(ledger, slices->sums[s].from),
                   *to = jb_ledger_path(ledger, slices->sums[s].to);
        bool goes_out = strcmp(from, path) == 0 && !jb_account_is_within(to, path);
        if (!goes_out && strcmp(to, path) != 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            jb_int128 amount = slices->amounts[s][slice_of[i]];
            if (goes_out)
                intervals[i].host_out += amount;
            else
                intervals[i].host_in += amount;
        }
    }
}

/* At most SLICES_AT_ONCE / 2 intervals. */
static enum jb_code find_some(struct jb_ledger *ledger, const char *path, struct jb_site_interval *intervals,
                              size_t count, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    int64_t cuts[SLICES_AT_ONCE];
    size_t slice_of[SLICES_AT_ONCE / 2], cut_count = 0;
    struct jb_query query = JB_QUERY_ALL;
    struct jb_slices slices = {0};
    for (size_t i = 0; i < count; i++) {
        if (cut_count == 0 || cuts[cut_count - 1] != intervals[i].start_ns)
            cuts[cut_count++] = intervals[i].start_ns;
        slice_of[i] = cut_count - 1;
        cuts[cut_count++] = intervals[i].end_ns;
        intervals[i].host_in = intervals[i].host_out = 0;
    }
    query.commodity = JB_ENERGY;
    query.account = path;
    enum jb_code code = store->ops->slices(store, &query, cuts, cut_count - 1, error, &slices);
    if (!code)
        add_hosts(ledger, path, &slices, slice_of, intervals, count);
    jb_slices_free(&slices);
    return code;
}

enum jb_code jb_site_find_hosts(struct jb_ledger *ledger, struct jb_site_readings *site, size_t first,
                                size_t count, struct jb_error *error) {
    char path[JB_ACCOUNT_SIZE];
    enum jb_code code = JB_OK;
    snprintf(path, sizeof path, "site/%s", site->name);
    for (size_t some = 0; !code && count; first += some, count -= some) {
        some = count < SLICES_AT_ONCE / 2 ? count : SLICES_AT_ONCE / 2;
        code = find_some(ledger, path, &site->intervals[first], some, error);
    }
    return code;
}

/* ---- anew ---- */

/* What the flows of an interval bring into the site. */
static enum jb_code find_own(struct jb_site_readings *site, size_t interval,
                             const struct jb_site_accounts *accounts, struct jb_error *error,
                             jb_int128 *ret_amount) {
    struct jb_site_flows flows = {0};
    jb_int128 amount = 0;
    enum jb_code code = jb_site_make_flows(site, interval, accounts, &flows, error);
    for (size_t i = 0; !code && i < flows.count; i++)
        amount += flows.items[i].to == accounts->site ? flows.items[i].amount : 0;
    free(flows.items);
    *ret_amount = amount;
    return code;
}

/* Brings the hosts' amounts of the intervals in [from, to) up to date. */
static enum jb_code update_hosts(struct jb_ledger *ledger, struct jb_site_readings *site,
                                 const struct jb_site_accounts *accounts, int64_t from_ns, int64_t to_ns,
                                 struct jb_error *error, bool *ret_changed) {
    size_t first = 0, count = 0;
    while (first < site->interval_count && site->intervals[first].end_ns <= from_ns)
        first++;
    while (first + count < site->interval_count && site->intervals[first + count].start_ns < to_ns)
        count++;
    _cleanup_free_ struct jb_site_interval *before = calloc(count + 1, sizeof *before);
    _cleanup_free_ jb_int128 *own = calloc(count + 1, sizeof *own);
    enum jb_code code = JB_OK;
    if (!before || !own)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu intervals", count);
    for (size_t i = 0; !code && i < count; i++) {
        before[i] = site->intervals[first + i];
        code = find_own(site, first + i, accounts, error, &own[i]);
    }
    if (!code)
        code = jb_site_find_hosts(ledger, site, first, count, error);
    *ret_changed = false;
    for (size_t i = 0; !code && i < count; i++) {
        struct jb_site_interval *interval = &site->intervals[first + i];
        interval->host_in -= own[i];
        *ret_changed = *ret_changed || interval->host_in != before[i].host_in ||
                       interval->host_out != before[i].host_out;
    }
    return code;
}

static enum jb_code make_all(struct jb_site_readings *site, const struct jb_site_accounts *accounts,
                             struct jb_error *error, struct jb_site_flows *flows) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < site->interval_count; i++)
        code = jb_site_make_flows(site, i, accounts, flows, error);
    return code;
}

static enum jb_code settle_batch(struct jb_ledger *ledger, const struct jb_site_booked *booked,
                                 int64_t from_ns, int64_t to_ns, struct jb_error *error) {
    _cleanup_(jb_site_readings_free) struct jb_site_readings site = {0};
    struct jb_site_accounts accounts = {0};
    struct jb_site_flows flows = {0};
    bool is_changed = false;
    enum jb_code code = jb_site_read(ledger, booked, error, &site);
    if (code)
        return code == JB_NO_DATA ? JB_OK : code; /* booked elsewhere, and settled there */
    code = jb_site_accounts(&site, ledger, error, &accounts);
    if (!code)
        code = update_hosts(ledger, &site, &accounts, from_ns, to_ns, error, &is_changed);
    if (!code && is_changed)
        code = make_all(&site, &accounts, error, &flows);
    if (!code && is_changed)
        code = jb_site_append(ledger, &site, &flows, booked->identity, error);
    free(accounts.meters);
    free(flows.items);
    return code;
}

enum jb_code jb_site_settle(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                            struct jb_error *error) {
    _cleanup_free_ struct jb_site_booked *booked = NULL;
    size_t count = 0;
    struct jb_error why = {0};
    enum jb_code code = jb_site_find_booked(ledger, name, from_ns, to_ns, error, &booked, &count);
    for (size_t i = 0; !code && i < count; i++)
        code = settle_batch(ledger, &booked[i], from_ns, to_ns, &why);
    if (code == JB_UNSUPPORTED)
        return jb_error_set(
            error, code,
            "the meters of site '%.100s' have booked the period of these flows, and single flows "
            "of them were rolled up and dropped since: their energy would count twice; nothing "
            "was booked",
            name);
    return code && why.code ? jb_error_set(error, code, "site '%.100s': %s", name, why.message) : code;
}
