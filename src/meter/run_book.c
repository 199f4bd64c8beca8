/* One command → one balanced batch. */
#include "meter/run_book.h"

#include "attribute/split.h"

#include <string.h>
#include <time.h>

/* The accounts that `meter` uses by default: the same host stands in one place. */
#define GRID_ACCOUNT "grid/unknown"
#define SITE_ACCOUNT "site/local"

#define LOCK_TRIES 50 /* of 20 ms: another run holds the lock only while it books */
#define FLOW_COUNT (JB_RUN_DOMAIN_CEILING * 4)

static const char *base_name(const char *command) {
    const char *slash = strrchr(command, '/');
    return slash && slash[1] ? slash + 1 : command;
}

/* Takes the lock of meters. JB_BUSY: a meter has it. */
static enum jb_code lock_out_meters(struct jb_store *store, const char *host, struct jb_error *error) {
    char name[JB_COMPONENT_SIZE + 16];
    snprintf(name, sizeof name, "meter %s", host);
    enum jb_code code = JB_BUSY;
    for (int i = 0; code == JB_BUSY && i < LOCK_TRIES; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        code = store->ops->lock(store, name, error);
    }
    return code;
}

/* Whether a meter has kept counters of this boot in the book. */
static enum jb_code has_positions(struct jb_store *store, const struct jb_run_result *result,
                                  struct jb_error *error, bool *ret_has) {
    _cleanup_free_ struct jb_position *positions = NULL;
    size_t count = 0;
    char boot_id[JB_BOOT_SIZE] = "";
    enum jb_code code = store->ops->positions(store, result->host, error, &positions, &count, boot_id);
    if (code && code != JB_NO_DATA)
        return code;
    *ret_has = false;
    for (size_t i = 0; !code && i < count; i++) {
        bool is_energy = strncmp(positions[i].counter, "energy:", 7) == 0;
        bool is_within = positions[i].realtime_ns > result->start_realtime_ns;
        if (is_within || (is_energy && strcmp(boot_id, result->boot_id) == 0))
            *ret_has = true;
    }
    return JB_OK;
}

struct batch {
    struct jb_ledger *ledger;
    struct jb_flow flows[FLOW_COUNT];
    size_t count;
    int64_t start_ns, end_ns;
};

static enum jb_code add_flow(struct batch *batch, const char *from, const char *to, uint64_t amount_uj,
                             enum jb_method method, uint32_t uncertainty_ppm, struct jb_error *error) {
    struct jb_flow flow = {.start_ns = batch->start_ns,
                           .end_ns = batch->end_ns,
                           .amount = (int64_t)amount_uj,
                           .commodity = JB_ENERGY,
                           .method = method,
                           .uncertainty_ppm = uncertainty_ppm};
    if (amount_uj == 0)
        return JB_OK;
    enum jb_code code = jb_ledger_account(batch->ledger, from, error, &flow.from);
    if (!code)
        code = jb_ledger_account(batch->ledger, to, error, &flow.to);
    if (!code)
        batch->flows[batch->count++] = flow;
    return code;
}

/* What the command took of each domain: as it was attributed, else (by descent) as what was not idle. */
static bool split_by_domain(const struct jb_run_result *result, uint64_t energy_uj,
                            struct jb_share shares[JB_RUN_DOMAIN_CEILING]) {
    const struct jb_run_energy *energy = &result->energy;
    bool any_member = false;
    for (size_t i = 0; i < energy->domain_count; i++)
        any_member = any_member || energy->domains[i].member_uj > 0;
    for (size_t i = 0; i < energy->domain_count; i++) {
        const struct jb_run_domain *domain = &energy->domains[i];
        uint64_t active_uj = domain->energy_uj - domain->idle_uj;
        shares[i] = (struct jb_share){0};
        if (domain->place == JB_COVER_PART)
            shares[i].weight = any_member ? domain->member_uj : active_uj;
    }
    if (jb_split(energy_uj, shares, energy->domain_count))
        return true;
    for (size_t i = 0; i < energy->domain_count; i++)
        shares[i].weight = energy->domains[i].place == JB_COVER_PART ? energy->domains[i].energy_uj : 0;
    return jb_split(energy_uj, shares, energy->domain_count);
}

static enum jb_code fill(struct batch *batch, const struct jb_run_result *result, const char *cgroup,
                         const char *leaf, struct jb_error *error) {
    const struct jb_run_energy *energy = &result->energy;
    const uint32_t figure_ppm = result->figure.uncertainty_ppm;
    struct jb_share shares[JB_RUN_DOMAIN_CEILING];
    uint64_t supplied_uj[JB_METHOD_COUNT] = {0}, used_uj[JB_METHOD_COUNT] = {0};
    char host[JB_ACCOUNT_SIZE], meter[JB_ACCOUNT_SIZE];
    if (!split_by_domain(result, (uint64_t)result->figure.energy_uj, shares))
        return jb_error_set(error, JB_INTERNAL, "run: energy of no domain");
    snprintf(host, sizeof host, "host/%s", result->host);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < energy->domain_count; i++) {
        const struct jb_domain *domain = &energy->domains[i].domain;
        enum jb_method method = jb_method_of_part(domain->method);
        snprintf(meter, sizeof meter, "host/%s/%s", result->host, domain->account);
        code = add_flow(batch, host, meter, shares[i].part, method, figure_ppm, error);
        if (!code)
            code = add_flow(batch, meter, cgroup, shares[i].part, method, figure_ppm, error);
        supplied_uj[method] += shares[i].part;
        used_uj[method] += shares[i].part;
    }
    for (int m = 0; !code && m < JB_METHOD_COUNT; m++) {
        enum jb_method method = (enum jb_method)m;
        code = add_flow(batch, GRID_ACCOUNT, SITE_ACCOUNT, supplied_uj[m], method, figure_ppm, error);
        if (!code)
            code = add_flow(batch, SITE_ACCOUNT, host, supplied_uj[m], method, figure_ppm, error);
        if (!code)
            code = add_flow(batch, cgroup, leaf, used_uj[m], method, figure_ppm, error);
    }
    return code;
}

static enum jb_code append(struct jb_ledger *ledger, const struct jb_run_result *result, const char *command,
                           struct jb_error *error, struct jb_run_booking *booking) {
    _cleanup_free_ struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return jb_error_set(error, JB_MEMORY, "no memory for booking");
    char cgroup[JB_ACCOUNT_SIZE], name[JB_COMPONENT_SIZE];
    batch->ledger = ledger;
    batch->start_ns = result->start_realtime_ns;
    batch->end_ns = result->end_realtime_ns;
    if (batch->end_ns <= batch->start_ns) /* the wall clock stepped back meanwhile */
        batch->end_ns = batch->start_ns + (result->wall_ns > 0 ? result->wall_ns : 1);
    jb_account_of_cgroup(result->host, result->cgroup[0] ? result->cgroup : "/joulebook-run", cgroup);
    jb_account_encode(base_name(command), strlen(base_name(command)), name);
    snprintf(booking->account, sizeof booking->account, "%.*s/process/%s",
             (int)(JB_ACCOUNT_SIZE - JB_COMPONENT_SIZE - 16), cgroup, name);
    snprintf(booking->identity, sizeof booking->identity, "run %.100s %s %lld-%lld", result->host,
             result->boot_id, (long long)result->start_boottime_ns, (long long)result->end_boottime_ns);
    enum jb_code code = fill(batch, result, cgroup, booking->account, error);
    if (code)
        return code;
    const struct jb_batch whole = {
        .identity = booking->identity, .flows = batch->flows, .flow_count = batch->count};
    return jb_ledger_append(ledger, &whole, error, &booking->is_booked);
}

enum jb_code jb_run_book(struct jb_ledger *ledger, const struct jb_run_result *result, const char *command,
                         const char *outer_url, struct jb_error *error, struct jb_run_booking *ret_booking) {
    struct jb_run_booking booking = {0};
    struct jb_store *store = jb_ledger_store(ledger);
    const char *why_not = NULL;
    bool has = false;
    enum jb_code code = JB_OK;
    struct jb_error busy = {0};
    if (!result->figure.is_known || !result->host[0])
        why_not = "its energy is not known";
    else if (result->figure.energy_uj == 0)
        why_not = "its energy is less than 1 µJ";
    else if (outer_url && strcmp(outer_url, jb_ledger_url(ledger)) == 0)
        why_not = "the run around it books it into the same book";
    else if ((code = lock_out_meters(store, result->host, &busy)) == JB_BUSY)
        why_not = "the meter on this book books it already";
    else if (!code && !(code = has_positions(store, result, &busy, &has)) && has)
        why_not = "a meter uses this book, and books the time in which it was down when it starts again; "
                  "give the run a "
                  "book of its own";
    if (code && code != JB_BUSY) {
        if (error)
            *error = busy;
        return code;
    }
    if (!why_not) {
        code = append(ledger, result, command, error, &booking);
        if (code)
            return code;
    } else {
        snprintf(booking.why_not, sizeof booking.why_not, "%s", why_not);
    }
    *ret_booking = booking;
    return JB_OK;
}
