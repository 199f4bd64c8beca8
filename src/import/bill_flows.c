/* Turns sums of bills into flows. Amounts are added up before they are rounded, once, per account, interval
 * and commodity. */
#include "import/bill_flows.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/strings.h"
#include "base/time.h"
#include "import/bill_row.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define TEXT_CEILING ((size_t)1 << 26)
#define CELL_CEILING ((size_t)1 << 26)
#define UJ_PER_KWH   3.6e12
#define UG_PER_G     1e6
#define KWH_CEILING  1e13    /* of one group of rows, g as well: far beyond a flow, within what is added up */
#define SCALE        1000000 /* what is added up is in millionths of what is booked */

/* What becomes one flow. */
struct cell {
    uint32_t unit, from, to;
    int64_t start_ns, end_ns;
    jb_commodity commodity;
    /* Energy, carbon: amount and its standard uncertainty (errors of one model add up), in millionths of the
     * commodity's unit: whole numbers, so that their sums do not depend on the order of rows. */
    jb_int128 value, standard;
    jb_int128 money; /* 10^-12 */
};

/* What a service's item is, found once for all rows that name it. */
struct known_use {
    enum jb_code code;
    struct jb_cloud_use use;
    uint32_t reason; /* text: why there is none */
};

struct jb_bill_flows {
    struct jb_strings *texts;
    struct cell *cells;
    size_t cell_count, cell_capacity;
    uint32_t *table; /* open addressing: cell + 1 */
    size_t table_size;
    struct jb_strings *unit_names, *use_names, *label_names, *unknown_names;
    struct jb_bill_unit *units;
    size_t unit_capacity;
    struct known_use *uses;
    size_t use_capacity;
    struct jb_bill_label *labels;
    size_t label_count, label_capacity;
    struct jb_bill_unknown *unknowns;
    size_t unknown_count, unknown_capacity;
    struct jb_bill_cost *costs;
    size_t cost_count, cost_capacity;
    struct jb_bill_flow *flows;
    size_t flow_count;
};

void jb_bill_flows_free(struct jb_bill_flows *flows) {
    if (!flows)
        return;
    struct jb_strings *const strings[] = {flows->texts, flows->unit_names, flows->use_names,
                                          flows->label_names, flows->unknown_names};
    for (size_t i = 0; i < JB_COUNT(strings); i++)
        jb_strings_free(strings[i]);
    free(flows->cells);
    free(flows->table);
    free(flows->units);
    free(flows->uses);
    free(flows->labels);
    free(flows->unknowns);
    free(flows->costs);
    free(flows->flows);
    free(flows);
}

size_t jb_bill_flows_all(const struct jb_bill_flows *flows, const struct jb_bill_flow **ret_flows) {
    *ret_flows = flows->flows;
    return flows->flow_count;
}

const char *jb_bill_flows_text(const struct jb_bill_flows *flows, uint32_t id) {
    return jb_strings_text(flows->texts, id);
}

size_t jb_bill_flows_units(const struct jb_bill_flows *flows, const struct jb_bill_unit **ret_units) {
    *ret_units = flows->units;
    return jb_strings_count(flows->unit_names);
}

size_t jb_bill_flows_labels(const struct jb_bill_flows *flows, const struct jb_bill_label **ret_labels) {
    *ret_labels = flows->labels;
    return flows->label_count;
}

size_t jb_bill_flows_unknowns(const struct jb_bill_flows *flows,
                              const struct jb_bill_unknown **ret_unknowns) {
    *ret_unknowns = flows->unknowns;
    return flows->unknown_count;
}

size_t jb_bill_flows_costs(const struct jb_bill_flows *flows, const struct jb_bill_cost **ret_costs) {
    *ret_costs = flows->costs;
    return flows->cost_count;
}

static enum jb_code keep(struct jb_bill_flows *flows, const char *text, struct jb_error *error,
                         const char **ret) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(flows->texts, text, error, &id);
    if (!code)
        *ret = jb_strings_text(flows->texts, id);
    return code;
}

/* ---- cells ---- */

static size_t find_place(const struct jb_bill_flows *flows, const struct cell *cell) {
    size_t mask = flows->table_size - 1;
    uint64_t hash = jb_hash_uint64((uint64_t)cell->from << 32 | cell->to);
    hash = jb_hash_uint64(hash ^ (uint64_t)cell->start_ns ^ (uint64_t)cell->end_ns * 3);
    size_t place = jb_hash_uint64(hash ^ ((uint64_t)cell->unit << 32 | cell->commodity)) & mask;
    while (flows->table[place]) {
        const struct cell *there = &flows->cells[flows->table[place] - 1];
        if (there->unit == cell->unit && there->from == cell->from && there->to == cell->to &&
            there->start_ns == cell->start_ns && there->end_ns == cell->end_ns &&
            there->commodity == cell->commodity)
            break;
        place = (place + 1) & mask;
    }
    return place;
}

static enum jb_code grow_table(struct jb_bill_flows *flows, struct jb_error *error) {
    size_t size = flows->table_size ? flows->table_size * 2 : 1024;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", flows->cell_count);
    free(flows->table);
    flows->table = table;
    flows->table_size = size;
    for (size_t i = 0; i < flows->cell_count; i++)
        table[find_place(flows, &flows->cells[i])] = (uint32_t)i + 1;
    return JB_OK;
}

static enum jb_code add_cell(struct jb_bill_flows *flows, const struct cell *cell, struct jb_error *error) {
    enum jb_code code = JB_OK;
    if ((flows->cell_count + 1) * 2 > flows->table_size)
        code = grow_table(flows, error);
    if (!code)
        code = jb_array_reserve(&flows->cells, &flows->cell_capacity, flows->cell_count + 1, CELL_CEILING,
                                "flows of bills", error);
    if (code)
        return code;
    size_t place = find_place(flows, cell);
    if (!flows->table[place]) {
        flows->cells[flows->cell_count] = *cell;
        flows->table[place] = (uint32_t)++flows->cell_count;
        return JB_OK;
    }
    struct cell *there = &flows->cells[flows->table[place] - 1];
    there->value += cell->value;
    there->standard += cell->standard;
    there->money += cell->money;
    return JB_OK;
}

/* ---- what a row is ---- */

/* A row on its way: what it is of, and where it goes. */
struct booking {
    const struct jb_bill_row *row;
    uint32_t unit;
    char provider[JB_BILL_NAME_SIZE], region[JB_BILL_NAME_SIZE], service[JB_BILL_NAME_SIZE],
        account[JB_BILL_NAME_SIZE];
    const struct jb_region *place;
    char base[JB_ACCOUNT_SIZE]; /* "cloud/aws/eu-west-1/AmazonEC2/4444/team=a" */
};

/* "bill <provider> <payer> <account> <month> ": parts without a space, at most 64 bytes each. */
static enum jb_code find_unit(struct jb_bill_flows *flows, const struct jb_bill_row *row,
                              const char *provider, struct jb_error *error, uint32_t *ret_unit) {
    const char *const texts[] = {provider, row->texts[JB_BILL_PAYER],
                                 *row->texts[JB_BILL_ACCOUNT] ? row->texts[JB_BILL_ACCOUNT]
                                                              : row->texts[JB_BILL_PAYER]};
    char identity[256];
    int length = snprintf(identity, sizeof identity, "bill");
    for (size_t i = 0; i < JB_COUNT(texts); i++) {
        char name[JB_BILL_NAME_SIZE];
        jb_bill_name(texts[i], "-", name);
        if (strlen(name) > 64 || strchr(name, ' '))
            length += snprintf(identity + length, sizeof identity - (size_t)length, " %016llx",
                               (unsigned long long)jb_hash_bytes(texts[i], strlen(texts[i])));
        else
            length += snprintf(identity + length, sizeof identity - (size_t)length, " %s", name);
    }
    if (*row->texts[JB_BILL_PERIOD]) {
        snprintf(identity + length, sizeof identity - (size_t)length, " %.7s ", row->texts[JB_BILL_PERIOD]);
    } else {
        int64_t year;
        unsigned month, day;
        jb_civil_from_days(jb_time_floor(row->start_ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
        snprintf(identity + length, sizeof identity - (size_t)length, " %04d-%02u ", (int)year, month);
    }
    size_t known = jb_strings_count(flows->unit_names);
    enum jb_code code = jb_strings_intern(flows->unit_names, identity, error, ret_unit);
    if (!code)
        code = jb_array_reserve(&flows->units, &flows->unit_capacity, (size_t)*ret_unit + 1, CELL_CEILING,
                                "bills", error);
    if (!code && *ret_unit >= known)
        flows->units[*ret_unit] =
            (struct jb_bill_unit){.identity = jb_strings_text(flows->unit_names, *ret_unit),
                                  .first_ns = INT64_MAX,
                                  .last_ns = INT64_MIN};
    return code;
}

/* Days that a bill covers: of its use, for fees and taxes are often of the whole month. */
static void widen_unit(struct jb_bill_unit *unit, const struct jb_bill_row *row, bool is_use) {
    if (!is_use || row->end_ns - row->start_ns > 2 * JB_DAY_NS)
        return;
    int64_t first_ns = jb_time_floor(row->start_ns, JB_DAY_NS),
            last_ns = jb_time_floor(row->end_ns - 1, JB_DAY_NS) + JB_DAY_NS;
    if (first_ns < unit->first_ns)
        unit->first_ns = first_ns;
    if (last_ns > unit->last_ns)
        unit->last_ns = last_ns;
}

static enum jb_code add_label(struct jb_bill_flows *flows, const char *pattern, const char *key,
                              const char *value, struct jb_error *error) {
    char name[2 * JB_ACCOUNT_SIZE];
    uint32_t id;
    size_t known = jb_strings_count(flows->label_names);
    snprintf(name, sizeof name, "%s %s", key, pattern);
    enum jb_code code = jb_strings_intern(flows->label_names, name, error, &id);
    if (code || id < known)
        return code;
    code = jb_array_reserve(&flows->labels, &flows->label_capacity, flows->label_count + 1, CELL_CEILING,
                            "labels", error);
    struct jb_bill_label label = {0};
    if (!code)
        code = keep(flows, pattern, error, &label.pattern);
    if (!code)
        code = keep(flows, key, error, &label.key);
    if (!code)
        code = keep(flows, value, error, &label.value);
    if (!code)
        flows->labels[flows->label_count++] = label;
    return code;
}

/* A part of an account as a pattern that matches it alone. */
static char *escape(const char *part, char ret[static 2 * JB_BILL_NAME_SIZE]) {
    size_t out = 0;
    for (; *part; part++) {
        if (strchr("*?[\\", *part))
            ret[out++] = '\\';
        ret[out++] = *part;
    }
    ret[out] = '\0';
    return ret;
}

/* Labels: the account's id, and each tag that was asked for. They are on all accounts of the provider that
 * have that part. */
static enum jb_code find_base(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                              struct booking *booking, struct jb_error *error) {
    const struct jb_bill_row *row = booking->row;
    char pattern[JB_ACCOUNT_SIZE], escaped[2 * JB_BILL_NAME_SIZE];
    jb_bill_name(row->texts[JB_BILL_SERVICE], "unknown", booking->service);
    jb_bill_name(*row->texts[JB_BILL_ACCOUNT] ? row->texts[JB_BILL_ACCOUNT] : row->texts[JB_BILL_PAYER],
                 "unknown", booking->account);
    int length = snprintf(booking->base, sizeof booking->base, "cloud/%s/%s/%s/%s", booking->provider,
                          booking->region, booking->service, booking->account);
    snprintf(pattern, sizeof pattern, "cloud/%s/*/%s", booking->provider, escape(booking->account, escaped));
    enum jb_code code = add_label(flows, pattern, "account", booking->account, error);
    for (size_t i = 0; !code && i < row->label_count; i++) {
        char text[256], part[JB_BILL_NAME_SIZE], value[JB_BILL_NAME_SIZE];
        const char *key = question->files->labels[i];
        if (!*row->labels[i])
            continue;
        jb_bill_name(row->labels[i], "", value);
        snprintf(text, sizeof text, "%.60s=%s", key, row->labels[i]);
        jb_bill_name(text, "", part);
        length += snprintf(booking->base + length, sizeof booking->base - (size_t)length, "/%s", part);
        if (length >= (int)sizeof booking->base - 32)
            return jb_error_set(error, JB_LIMIT, "account '%.80s…' is too long; ask for fewer labels",
                                booking->base);
        snprintf(pattern, sizeof pattern, "cloud/%s/*/%s", booking->provider, escape(part, escaped));
        code = add_label(flows, pattern, key, value, error);
    }
    return code;
}

/* ---- use ---- */

static enum jb_code find_use(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                             const struct booking *booking, struct jb_error *error,
                             const struct known_use **ret) {
    const char *const *texts = booking->row->texts;
    _cleanup_buffer_ struct jb_buffer key = {0};
    uint32_t id;
    jb_buffer_printf(&key, "%s\n%s\n%s\n%s\n%s", booking->provider, texts[JB_BILL_SERVICE],
                     texts[JB_BILL_ITEM], texts[JB_BILL_MACHINE], texts[JB_BILL_UNIT]);
    enum jb_code code = jb_buffer_check(&key, error);
    size_t known = jb_strings_count(flows->use_names);
    if (!code)
        code = jb_strings_intern(flows->use_names, key.bytes, error, &id);
    if (!code)
        code = jb_array_reserve(&flows->uses, &flows->use_capacity, (size_t)id + 1, CELL_CEILING,
                                "kinds of use", error);
    if (code)
        return code;
    if (id >= known) {
        struct jb_cloud_line line = {.provider = booking->provider,
                                     .service = texts[JB_BILL_SERVICE],
                                     .item = texts[JB_BILL_ITEM],
                                     .machine = texts[JB_BILL_MACHINE],
                                     .unit = texts[JB_BILL_UNIT]};
        struct known_use use = {.reason = JB_STRING_NONE};
        struct jb_error why = {0};
        use.code = jb_cloud_use_find(question->cloud, &line, &why, &use.use);
        if (use.code)
            code = jb_strings_intern(flows->texts, why.message, error, &use.reason);
        if (code)
            return code;
        flows->uses[id] = use;
    }
    *ret = &flows->uses[id];
    return JB_OK;
}

static const char *leaf_of(const struct jb_cloud_use *use) {
    static const char *const leaves[] = {
        [JB_CLOUD_MACHINE] = "compute",       [JB_CLOUD_VCPU] = "compute", [JB_CLOUD_MEMORY] = "memory",
        [JB_CLOUD_SSD] = "storage",           [JB_CLOUD_HDD] = "storage",  [JB_CLOUD_NETWORK] = "network",
        [JB_CLOUD_SERVERLESS] = "serverless", [JB_CLOUD_GPU] = "gpu",      [JB_CLOUD_INCLUDED] = "included"};
    return use->resource == JB_CLOUD_MACHINE && use->machine.gpus > 0 ? "gpu" : leaves[use->resource];
}

static enum jb_code add_flow(struct jb_bill_flows *flows, const struct booking *booking, const char *from,
                             const char *to, struct cell *cell, struct jb_error *error) {
    enum jb_code code = jb_strings_intern(flows->texts, from, error, &cell->from);
    if (!code)
        code = jb_strings_intern(flows->texts, to, error, &cell->to);
    if (code)
        return code;
    cell->unit = booking->unit;
    cell->start_ns = booking->row->start_ns;
    cell->end_ns = booking->row->end_ns;
    return add_cell(flows, cell, error);
}

static enum jb_code add_money(struct jb_bill_flows *flows, const struct booking *booking, const char *leaf,
                              jb_int128 amount, struct jb_error *error) {
    char from[JB_BILL_NAME_SIZE + 16], to[JB_ACCOUNT_SIZE];
    struct cell cell = {.commodity = booking->row->currency, .money = amount};
    if (amount == 0)
        return JB_OK;
    snprintf(from, sizeof from, "supply/%s", booking->provider);
    snprintf(to, sizeof to, "%.990s/%s", booking->base, leaf);
    return add_flow(flows, booking, from, to, &cell, error);
}

static jb_int128 in_millionths(double amount) {
    return (jb_int128)nearbyint(amount * 1e6);
}

static enum jb_code add_answer(struct jb_bill_flows *flows, const struct booking *booking, const char *leaf,
                               const struct jb_cloud_answer *answer, struct jb_error *error) {
    char from[JB_BILL_NAME_SIZE + 16], to[JB_ACCOUNT_SIZE];
    struct cell energy = {.commodity = JB_ENERGY,
                          .value = in_millionths(answer->energy_kwh * UJ_PER_KWH),
                          .standard =
                              in_millionths(answer->energy_kwh * UJ_PER_KWH * answer->energy_uncertainty)};
    snprintf(from, sizeof from, "grid/%s", booking->place ? booking->place->zone : "unknown");
    snprintf(to, sizeof to, "%.990s/%s", booking->base, leaf);
    enum jb_code code = add_flow(flows, booking, from, to, &energy, error);
    if (code || !answer->has_embodied)
        return code;
    struct cell embodied = {.commodity = JB_EMBODIED,
                            .value = in_millionths(answer->embodied_g * UG_PER_G),
                            .standard =
                                in_millionths(answer->embodied_g * UG_PER_G * answer->embodied_uncertainty)};
    snprintf(from, sizeof from, "hardware/%s", booking->provider);
    return add_flow(flows, booking, from, to, &embodied, error);
}

/* Energy and embodied carbon of a row of use. JB_NO_DATA: why is the reason. */
static enum jb_code estimate(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                             const struct booking *booking, struct jb_error *error, struct jb_error *why,
                             const char **ret_leaf) {
    const struct jb_bill_row *row = booking->row;
    const struct known_use *use = NULL;
    enum jb_code code = find_use(question, flows, booking, error, &use);
    if (code)
        return code;
    if (use->code)
        return jb_error_set(why, JB_NO_DATA, "%s", jb_strings_text(flows->texts, use->reason));
    *ret_leaf = leaf_of(&use->use);
    if (use->use.resource == JB_CLOUD_INCLUDED)
        return JB_OK;
    if (!row->has_quantity || row->lacks_quantities)
        return jb_error_set(why, JB_NO_DATA, "the bill does not say how much was used");
    if (row->quantity < 0)
        return jb_error_set(why, JB_NO_DATA, "a quantity below 0");
    struct jb_cloud_question asked = {.factors = question->factors,
                                      .provider = booking->provider,
                                      .region = booking->place ? booking->place->region : "",
                                      .at_ns = row->start_ns,
                                      .utilisation = question->utilisation,
                                      .utilisation_uncertainty = question->utilisation_uncertainty};
    struct jb_cloud_answer answer;
    code = jb_cloud_estimate(question->cloud, &asked, &use->use, (double)row->quantity / 1e12, why, &answer);
    if (!code && !(answer.energy_kwh < KWH_CEILING && answer.embodied_g < KWH_CEILING))
        return jb_error_set(error, JB_LIMIT, "'%.200s': an amount too large for one flow", booking->base);
    return code ? code : add_answer(flows, booking, *ret_leaf, &answer, error);
}

static enum jb_code find_cost(struct jb_bill_flows *flows, jb_commodity currency, struct jb_error *error,
                              struct jb_bill_cost **ret_cost) {
    for (size_t i = 0; i < flows->cost_count; i++) {
        if (flows->costs[i].currency == currency) {
            *ret_cost = &flows->costs[i];
            return JB_OK;
        }
    }
    enum jb_code code = jb_array_reserve(&flows->costs, &flows->cost_capacity, flows->cost_count + 1,
                                         CELL_CEILING, "currencies", error);
    if (code)
        return code;
    *ret_cost = &flows->costs[flows->cost_count++];
    **ret_cost = (struct jb_bill_cost){.currency = currency};
    return JB_OK;
}

static enum jb_code add_unknown(struct jb_bill_flows *flows, const struct booking *booking,
                                const char *reason, struct jb_error *error) {
    char key[1536];
    uint32_t id;
    snprintf(key, sizeof key, "%u %s %s %s", (unsigned)booking->row->currency, booking->provider,
             booking->service, reason);
    size_t known = jb_strings_count(flows->unknown_names);
    enum jb_code code = jb_strings_intern(flows->unknown_names, key, error, &id);
    if (!code)
        code = jb_array_reserve(&flows->unknowns, &flows->unknown_capacity, (size_t)id + 1, CELL_CEILING,
                                "kinds of use", error);
    struct jb_bill_unknown unknown = {.currency = booking->row->currency};
    if (!code && id >= known) {
        code = keep(flows, booking->provider, error, &unknown.provider);
        if (!code)
            code = keep(flows, booking->service, error, &unknown.service);
        if (!code)
            code = keep(flows, reason, error, &unknown.reason);
        if (!code)
            flows->unknowns[flows->unknown_count++] = unknown;
    }
    if (code)
        return code;
    flows->unknowns[id].cost += booking->row->cost;
    flows->unknowns[id].row_count += booking->row->row_count;
    return JB_OK;
}

static enum jb_code add_row(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                            const struct jb_bill_row *row, struct jb_error *error) {
    struct booking booking = {.row = row};
    struct jb_error why = {0};
    struct jb_bill_cost *cost = NULL;
    enum jb_bill_kind kind = jb_bill_row_kind(row);
    bool is_use = kind == JB_BILL_USAGE || kind == JB_BILL_UNKNOWN;
    const char *leaf = jb_bill_kind_name(kind);
    jb_bill_provider(row->texts[JB_BILL_PROVIDER], booking.provider);
    jb_bill_region(question->cloud, question->regions, booking.provider, row->texts[JB_BILL_REGION],
                   row->texts[JB_BILL_ITEM], &booking.place, booking.region);
    enum jb_code code = find_unit(flows, row, booking.provider, error, &booking.unit);
    if (!code)
        code = find_base(question, flows, &booking, error);
    if (!code)
        code = find_cost(flows, row->currency, error, &cost);
    if (code)
        return code;
    widen_unit(&flows->units[booking.unit], row, is_use);
    if (kind == JB_BILL_USAGE)
        code = estimate(question, flows, &booking, error, &why, &leaf);
    else if (kind == JB_BILL_UNKNOWN)
        code = jb_error_set(&why, JB_NO_DATA, "charge '%.60s' does not say how much was used",
                            *row->texts[JB_BILL_CHARGE] ? row->texts[JB_BILL_CHARGE]
                                                        : row->texts[JB_BILL_STATUS]);
    bool is_unknown = code == JB_NO_DATA;
    if (is_unknown) {
        leaf = jb_bill_kind_name(JB_BILL_UNKNOWN);
        code = add_unknown(flows, &booking, why.message, error);
    }
    if (!code)
        code = add_money(flows, &booking, leaf, row->cost, error);
    if (!code)
        code = add_money(flows, &booking, jb_bill_kind_name(JB_BILL_CREDIT), row->credits, error);
    cost->total += row->cost + row->credits;
    if (is_use)
        cost->used += row->cost;
    if (is_use && !is_unknown)
        cost->estimated += row->cost;
    return code;
}

/* ---- flows ---- */

static jb_int128 round_half_even(jb_int128 value, jb_int128 divisor) {
    jb_int128 quotient = value / divisor, rest = value % divisor;
    jb_int128 twice = (rest < 0 ? -rest : rest) * 2;
    if (twice > divisor || (twice == divisor && quotient % 2 != 0))
        quotient += value < 0 ? -1 : 1;
    return quotient;
}

static enum jb_code finish_cell(const struct jb_bill_flows *flows, const struct cell *cell,
                                struct jb_error *error, struct jb_bill_flow *ret) {
    struct jb_bill_flow flow = {.unit = cell->unit,
                                .from = cell->from,
                                .to = cell->to,
                                .start_ns = cell->start_ns,
                                .end_ns = cell->end_ns,
                                .commodity = cell->commodity};
    bool is_money = jb_commodity_is_money(cell->commodity);
    jb_int128 amount = round_half_even(is_money ? cell->money : cell->value, SCALE);
    if (amount > INT64_MAX || amount < -INT64_MAX)
        return jb_error_set(error, JB_LIMIT, "'%.200s': an amount too large for one flow",
                            jb_strings_text(flows->texts, cell->to));
    flow.amount = (int64_t)(amount < 0 ? -amount : amount);
    flow.method = is_money ? JB_BILLED : JB_MODELLED;
    if (amount < 0) { /* given back */
        flow.from = cell->to;
        flow.to = cell->from;
    }
    if (!is_money && cell->value > 0)
        flow.uncertainty_ppm = (uint32_t)fmin((double)cell->standard / (double)cell->value * 1e6 + 0.5, 1e9);
    *ret = flow;
    return JB_OK;
}

static int compare_numbers(int64_t left, int64_t right) {
    return (left > right) - (left < right);
}

static int compare_flows(const void *left, const void *right, void *context) {
    const struct jb_bill_flow *a = left, *b = right;
    const struct jb_bill_flows *flows = context;
    int order = compare_numbers(a->unit, b->unit);
    if (!order)
        order = compare_numbers(a->start_ns, b->start_ns);
    if (!order)
        order = compare_numbers(a->end_ns, b->end_ns);
    if (!order && a->to != b->to)
        order = strcmp(jb_strings_text(flows->texts, a->to), jb_strings_text(flows->texts, b->to));
    if (!order && a->from != b->from)
        order = strcmp(jb_strings_text(flows->texts, a->from), jb_strings_text(flows->texts, b->from));
    return order ? order : compare_numbers(a->commodity, b->commodity);
}

static int compare_unknowns(const void *left, const void *right) {
    const struct jb_bill_unknown *a = left, *b = right;
    int order = compare_numbers(a->currency, b->currency);
    if (!order)
        order = (b->cost > a->cost) - (b->cost < a->cost);
    if (!order)
        order = strcmp(a->service, b->service);
    return order ? order : strcmp(a->reason, b->reason);
}

static int compare_costs(const void *left, const void *right) {
    const struct jb_bill_cost *a = left, *b = right;
    return compare_numbers(a->currency, b->currency);
}

static int compare_units(const void *left, const void *right) {
    const struct jb_bill_unit *a = left, *b = right;
    return strcmp(a->identity, b->identity);
}

/* Bills in order of their names, whatever the order of rows; cells are told their new numbers. */
static enum jb_code sort_units(struct jb_bill_flows *flows, struct jb_error *error) {
    size_t count = jb_strings_count(flows->unit_names);
    _cleanup_free_ uint32_t *numbers = calloc(count + 1, sizeof *numbers);
    if (!numbers)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu bills", count);
    if (count)
        qsort(flows->units, count, sizeof *flows->units, compare_units);
    for (size_t u = 0; u < count; u++)
        numbers[jb_strings_find(flows->unit_names, flows->units[u].identity)] = (uint32_t)u;
    for (size_t i = 0; i < flows->cell_count; i++)
        flows->cells[i].unit = numbers[flows->cells[i].unit];
    return JB_OK;
}

/* Flows are in order of unit. A bill without use covers the days of all its rows. */
static void finish_units(struct jb_bill_flows *flows) {
    for (size_t i = 0; i < flows->flow_count; i++) {
        struct jb_bill_unit *unit = &flows->units[flows->flows[i].unit];
        if (unit->flow_count++ == 0)
            unit->first_flow = i;
    }
    for (size_t u = 0; u < jb_strings_count(flows->unit_names); u++) {
        struct jb_bill_unit *unit = &flows->units[u];
        bool has_use = unit->first_ns < unit->last_ns;
        for (size_t i = 0; !has_use && i < unit->flow_count; i++) {
            const struct jb_bill_flow *flow = &flows->flows[unit->first_flow + i];
            int64_t first_ns = jb_time_floor(flow->start_ns, JB_DAY_NS),
                    last_ns = jb_time_floor(flow->end_ns - 1, JB_DAY_NS) + JB_DAY_NS;
            unit->first_ns = first_ns < unit->first_ns ? first_ns : unit->first_ns;
            unit->last_ns = last_ns > unit->last_ns ? last_ns : unit->last_ns;
        }
    }
}

static enum jb_code finish(struct jb_bill_flows *flows, struct jb_error *error) {
    enum jb_code sorted = sort_units(flows, error);
    if (sorted)
        return sorted;
    flows->flows = calloc(flows->cell_count + 1, sizeof *flows->flows);
    if (!flows->flows)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu flows", flows->cell_count);
    for (size_t i = 0; i < flows->cell_count; i++) {
        struct jb_bill_flow flow;
        enum jb_code code = finish_cell(flows, &flows->cells[i], error, &flow);
        if (code)
            return code;
        /* Money that came to nothing is no flow; energy of 0 is known to be 0. */
        if (flow.amount || !jb_commodity_is_money(flow.commodity))
            flows->flows[flows->flow_count++] = flow;
    }
    if (flows->flow_count)
        qsort_r(flows->flows, flows->flow_count, sizeof *flows->flows, compare_flows, flows);
    finish_units(flows);
    for (size_t i = 0; i < flows->unknown_count; i++)
        flows->unknowns[i].cost = round_half_even(flows->unknowns[i].cost, SCALE);
    for (size_t i = 0; i < flows->cost_count; i++) {
        jb_int128 *const sums[] = {&flows->costs[i].total, &flows->costs[i].used, &flows->costs[i].estimated};
        for (size_t s = 0; s < JB_COUNT(sums); s++)
            *sums[s] = round_half_even(*sums[s], SCALE);
    }
    if (flows->unknown_count)
        qsort(flows->unknowns, flows->unknown_count, sizeof *flows->unknowns, compare_unknowns);
    if (flows->cost_count)
        qsort(flows->costs, flows->cost_count, sizeof *flows->costs, compare_costs);
    return JB_OK;
}

enum jb_code jb_bill_flows_make(const struct jb_bill_question *question, const struct jb_bill_scans *scans,
                                struct jb_error *error, struct jb_bill_flows **ret_flows) {
    _cleanup_(jb_bill_flows_free_cleanup) struct jb_bill_flows *flows = calloc(1, sizeof *flows);
    enum jb_code code = JB_OK;
    assert(question->files->label_count <= JB_BILL_LABEL_CEILING);
    if (!flows)
        return jb_error_set(error, JB_MEMORY, "no memory for flows of bills");
    struct jb_strings **const strings[] = {&flows->texts, &flows->unit_names, &flows->use_names,
                                           &flows->label_names, &flows->unknown_names};
    for (size_t i = 0; !code && i < JB_COUNT(strings); i++)
        code = jb_strings_make(TEXT_CEILING, error, strings[i]);
    for (size_t s = 0; !code && s < scans->count; s++) {
        size_t count = jb_scan_group_count(scans->items[s].table);
        for (size_t g = 0; !code && g < count; g++) {
            struct jb_bill_row row;
            jb_bill_row_read(question->files, &scans->items[s], g, &row);
            code = add_row(question, flows, &row, error);
        }
    }
    if (!code)
        code = finish(flows, error);
    if (!code)
        *ret_flows = JB_TAKE(flows);
    return code;
}
