/* What rows of a bill with the same texts have in common: what they stand for, their accounts, labels and
 * use.
 */
#include "import/bill_flows_internal.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/time.h"

#include <string.h>
#include <strings.h>

static enum jb_code keep(struct jb_bill_flows *flows, const char *text, struct jb_error *error,
                         const char **ret) {
    uint32_t id;
    enum jb_code code = jb_strings_intern(flows->texts, text, error, &id);
    if (!code)
        *ret = jb_strings_text(flows->texts, id);
    return code;
}

/* ---- bills ---- */

/* "bill <provider> <payer> <account>": parts without a space, at most 64 bytes each. */
static enum jb_code name_bill(struct jb_bill_flows *flows, const struct jb_bill_row *row,
                              const char *provider, struct jb_error *error, struct jb_bill_frame *frame) {
    const char *const texts[] = {provider, row->texts[JB_BILL_PAYER],
                                 *row->texts[JB_BILL_ACCOUNT] ? row->texts[JB_BILL_ACCOUNT]
                                                              : row->texts[JB_BILL_PAYER]};
    char identity[256], month[8];
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
    snprintf(month, sizeof month, "%.7s", row->texts[JB_BILL_PERIOD]);
    enum jb_code code = jb_strings_intern(flows->texts, identity, error, &frame->bill);
    return code ? code : jb_strings_intern(flows->texts, month, error, &frame->month);
}

enum jb_code jb_bill_frame_unit(struct jb_bill_flows *flows, struct jb_bill_frame *frame, int64_t start_ns,
                                struct jb_error *error, uint32_t *ret_unit) {
    if (start_ns >= frame->unit_from_ns && start_ns < frame->unit_until_ns) {
        *ret_unit = frame->unit;
        return JB_OK;
    }
    const char *month = jb_strings_text(flows->texts, frame->month);
    char identity[288], own_month[32];
    int64_t from_ns = INT64_MIN, until_ns = INT64_MAX, year;
    unsigned number, day;
    if (!*month) {
        jb_civil_from_days(jb_time_floor(start_ns, JB_DAY_NS) / JB_DAY_NS, &year, &number, &day);
        snprintf(own_month, sizeof own_month, "%04d-%02u", (int)year, number);
        month = own_month;
        from_ns = jb_days_from_civil(year, number, 1) * JB_DAY_NS;
        until_ns = jb_bill_next_month(start_ns);
    }
    snprintf(identity, sizeof identity, "%s %s ", jb_strings_text(flows->texts, frame->bill), month);
    size_t known = jb_strings_count(flows->unit_names);
    uint32_t unit;
    enum jb_code code = jb_strings_intern(flows->unit_names, identity, error, &unit);
    if (!code)
        code = jb_array_reserve(&flows->units, &flows->unit_capacity, (size_t)unit + 1, JB_BILL_LIST_CEILING,
                                "bills", error);
    if (code)
        return code;
    if (unit >= known)
        flows->units[unit] = (struct jb_bill_unit){.identity = jb_strings_text(flows->unit_names, unit),
                                                   .first_ns = INT64_MAX,
                                                   .last_ns = INT64_MIN};
    frame->unit_from_ns = from_ns;
    frame->unit_until_ns = until_ns;
    *ret_unit = frame->unit = unit;
    return JB_OK;
}

/* ---- accounts and labels ---- */

static enum jb_code add_label(struct jb_bill_flows *flows, const char *pattern, const char *key,
                              const char *value, struct jb_error *error) {
    char name[2 * JB_ACCOUNT_SIZE];
    uint32_t id;
    size_t known = jb_strings_count(flows->label_names);
    snprintf(name, sizeof name, "%s %s", key, pattern);
    enum jb_code code = jb_strings_intern(flows->label_names, name, error, &id);
    if (code || id < known)
        return code;
    code = jb_array_reserve(&flows->labels, &flows->label_capacity, flows->label_count + 1,
                            JB_BILL_LIST_CEILING, "labels", error);
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
                              const struct jb_bill_row *row, const char *provider, const char *region,
                              const char *service, struct jb_error *error, uint32_t *ret_base) {
    char base[JB_ACCOUNT_SIZE], pattern[JB_ACCOUNT_SIZE], escaped[2 * JB_BILL_NAME_SIZE],
        account[JB_BILL_NAME_SIZE];
    jb_bill_name(*row->texts[JB_BILL_ACCOUNT] ? row->texts[JB_BILL_ACCOUNT] : row->texts[JB_BILL_PAYER],
                 "unknown", account);
    int length = snprintf(base, sizeof base, "cloud/%s/%s/%s/%s", provider, region, service, account);
    snprintf(pattern, sizeof pattern, "cloud/%s/*/%s", provider, escape(account, escaped));
    enum jb_code code = add_label(flows, pattern, "account", account, error);
    for (size_t i = 0; !code && i < row->label_count; i++) {
        char text[256], part[JB_BILL_NAME_SIZE], value[JB_BILL_NAME_SIZE];
        const char *key = question->files->labels[i];
        if (!*row->labels[i])
            continue;
        jb_bill_name(row->labels[i], "", value);
        snprintf(text, sizeof text, "%.60s=%s", key, row->labels[i]);
        jb_bill_name(text, "", part);
        length += snprintf(base + length, sizeof base - (size_t)length, "/%s", part);
        if (length >= (int)sizeof base - 32)
            return jb_error_set(error, JB_LIMIT, "account '%.80s…' is too long; ask for fewer labels", base);
        snprintf(pattern, sizeof pattern, "cloud/%s/*/%s", provider, escape(part, escaped));
        code = add_label(flows, pattern, key, value, error);
    }
    return code ? code : jb_strings_intern(flows->texts, base, error, ret_base);
}

/* ---- use ---- */

static enum jb_code find_use(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                             const struct jb_bill_row *row, const char *provider, const char *unit,
                             struct jb_error *error, uint32_t *ret_use) {
    const char *const *texts = row->texts;
    _cleanup_buffer_ struct jb_buffer key = {0};
    uint32_t id;
    jb_buffer_printf(&key, "%s\n%s\n%s\n%s\n%s\n%s", provider, texts[JB_BILL_SERVICE], texts[JB_BILL_ITEM],
                     texts[JB_BILL_MACHINE], unit, texts[JB_BILL_CAPACITY]);
    enum jb_code code = jb_buffer_check(&key, error);
    size_t known = jb_strings_count(flows->use_names);
    if (!code)
        code = jb_strings_intern(flows->use_names, key.bytes, error, &id);
    if (!code)
        code = jb_array_reserve(&flows->uses, &flows->use_capacity, (size_t)id + 1, JB_BILL_LIST_CEILING,
                                "kinds of use", error);
    if (code)
        return code;
    if (id >= known) {
        struct jb_cloud_line line = {.provider = provider,
                                     .service = texts[JB_BILL_SERVICE],
                                     .item = texts[JB_BILL_ITEM],
                                     .machine = texts[JB_BILL_MACHINE],
                                     .unit = unit,
                                     .is_idle = strcasecmp(texts[JB_BILL_CAPACITY], "unused") == 0};
        struct jb_bill_use use = {.reason = JB_STRING_NONE};
        struct jb_error why = {0};
        use.code = jb_cloud_use_find(question->cloud, &line, &why, &use.use);
        if (use.code)
            code = jb_strings_intern(flows->texts, why.message, error, &use.reason);
        if (code)
            return code;
        flows->uses[id] = use;
    }
    *ret_use = id;
    return JB_OK;
}

/* A row that pays ahead for a machine: how long it runs, and what it is. Its kind becomes that of use, or
 * unknown when either is not told; *why says which. */
static enum jb_code find_term(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                              const struct jb_bill_row *row, const char *provider, struct jb_error *error,
                              struct jb_error *why, struct jb_bill_frame *frame) {
    double term_h;
    int64_t from_ns;
    enum jb_code code = find_use(question, flows, row, provider, "term", error, &frame->use);
    frame->kind = JB_BILL_UNKNOWN;
    if (code || !*row->texts[JB_BILL_MACHINE])
        return code;
    const struct jb_bill_use *use = &flows->uses[frame->use];
    if (use->code) {
        jb_error_set(why, JB_NO_DATA, "%s", jb_strings_text(flows->texts, use->reason));
        return JB_OK;
    }
    if (use->use.resource != JB_CLOUD_MACHINE ||
        jb_bill_term_find(row->texts[JB_BILL_TERM], row->texts[JB_BILL_TERM_OF], why, &from_ns, &term_h))
        return JB_OK;
    if (from_ns == JB_BILL_NO_TIME && row->is_by_month) {
        jb_error_set(why, JB_NO_DATA, "the bill does not say on which day the term begins");
        return JB_OK;
    }
    frame->kind = JB_BILL_USAGE;
    frame->term_h = term_h;
    frame->term_from_ns = from_ns;
    return JB_OK;
}

static const char *leaf_of(const struct jb_cloud_use *use) {
    static const char *const leaves[] = {
        [JB_CLOUD_MACHINE] = "compute",  [JB_CLOUD_VCPU] = "compute",          [JB_CLOUD_CORE] = "compute",
        [JB_CLOUD_MEMORY] = "memory",    [JB_CLOUD_SSD] = "storage",           [JB_CLOUD_HDD] = "storage",
        [JB_CLOUD_NETWORK] = "network",  [JB_CLOUD_SERVERLESS] = "serverless", [JB_CLOUD_GPU] = "gpu",
        [JB_CLOUD_INCLUDED] = "included"};
    return use->resource == JB_CLOUD_MACHINE && use->machine.gpus > 0 ? "gpu" : leaves[use->resource];
}

static enum jb_code find_cost(struct jb_bill_flows *flows, jb_commodity currency, struct jb_error *error,
                              size_t *ret_cost) {
    for (size_t i = 0; i < flows->cost_count; i++) {
        if (flows->costs[i].currency == currency) {
            *ret_cost = i;
            return JB_OK;
        }
    }
    enum jb_code code = jb_array_reserve(&flows->costs, &flows->cost_capacity, flows->cost_count + 1,
                                         JB_BILL_LIST_CEILING, "currencies", error);
    if (code)
        return code;
    *ret_cost = flows->cost_count;
    flows->costs[flows->cost_count++] = (struct jb_bill_cost){.currency = currency};
    return JB_OK;
}

/* ---- frames ---- */

enum jb_code jb_bill_frame_make(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                                const struct jb_bill_scan *scan, size_t group, struct jb_error *error,
                                struct jb_bill_frame *ret_frame) {
    struct jb_bill_row row;
    jb_bill_row_read(question->files, scan, group, &row);
    struct jb_bill_frame frame = {.is_made = true, .kind = jb_bill_row_kind(&row), .currency = row.currency};
    const char *leaf = jb_bill_kind_name(frame.kind);
    char provider[JB_BILL_NAME_SIZE], region[JB_BILL_NAME_SIZE], service[JB_BILL_NAME_SIZE];
    struct jb_error why = {0};
    jb_bill_provider(row.texts[JB_BILL_PROVIDER], provider);
    bool is_worldwide = strcasestr(row.texts[JB_BILL_SERVICE], "cloudfront");
    jb_bill_region(question->cloud, question->regions, provider, row.texts[JB_BILL_REGION],
                   is_worldwide ? "" : row.texts[JB_BILL_ITEM], &frame.place, region);
    jb_bill_name(row.texts[JB_BILL_SERVICE], "unknown", service);
    enum jb_code code = name_bill(flows, &row, provider, error, &frame);
    if (!code)
        code = find_base(question, flows, &row, provider, region, service, error, &frame.base);
    if (!code)
        code = find_cost(flows, row.currency, error, &frame.cost);
    if (!code && frame.kind == JB_BILL_PREPAID)
        code = find_term(question, flows, &row, provider, error, &why, &frame);
    if (!code && frame.kind == JB_BILL_USAGE) {
        if (frame.term_h <= 0)
            code = find_use(question, flows, &row, provider, row.texts[JB_BILL_UNIT], error, &frame.use);
        if (!code && !flows->uses[frame.use].code)
            leaf = leaf_of(&flows->uses[frame.use].use);
    }
    if (!*why.message)
        jb_error_set(&why, JB_NO_DATA, "charge '%.60s' does not say how much was used",
                     *row.texts[JB_BILL_CHARGE] ? row.texts[JB_BILL_CHARGE] : row.texts[JB_BILL_STATUS]);
    const struct {
        const char *text;
        uint32_t *id;
    } kept[] = {{provider, &frame.provider},
                {service, &frame.service},
                {leaf, &frame.leaf},
                {why.message, &frame.reason}};
    for (size_t i = 0; !code && i < JB_COUNT(kept); i++)
        code = jb_strings_intern(flows->texts, kept[i].text, error, kept[i].id);
    if (!code)
        *ret_frame = frame;
    return code;
}

void jb_bill_frame_times(const struct jb_bill_frame *frame, int64_t *start_ns, int64_t *end_ns) {
    if (frame->term_h <= 0)
        return;
    int64_t term_ns = jb_time_floor((int64_t)(frame->term_h * 3600e9) + JB_DAY_NS - 1, JB_DAY_NS);
    if (frame->term_from_ns != JB_BILL_NO_TIME)
        *start_ns = frame->term_from_ns;
    *end_ns = *start_ns > JB_BOOK_LAST_NS - term_ns ? JB_BOOK_LAST_NS : *start_ns + term_ns;
}
