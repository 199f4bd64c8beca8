/* Reads one group of rows of a bill. */
#include "import/bill_row.h"

#include "base/clock.h"
#include "base/strings.h"
#include "base/text.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

#define LOWER_SIZE 512

static char *lower(const char *text, char ret[static LOWER_SIZE]) {
    size_t i = 0;
    for (; text[i] && i + 1 < LOWER_SIZE; i++)
        ret[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
    ret[i] = '\0';
    return ret;
}

int64_t jb_bill_next_month(int64_t start_ns) {
    int64_t year;
    unsigned month, day;
    jb_civil_from_days(jb_time_floor(start_ns, JB_DAY_NS) / JB_DAY_NS, &year, &month, &day);
    return jb_days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) * JB_DAY_NS;
}

void jb_bill_row_times(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                       int64_t *ret_start_ns, int64_t *ret_end_ns) {
    const struct jb_scan_table *table = scan->table;
    int64_t start_ns = jb_scan_time_ns(table, group, JB_BILL_START),
            end_ns = jb_scan_time_ns(table, group, JB_BILL_END);
    if (end_ns == JB_SCAN_NO_TIME)
        end_ns = scan->is_by_month[jb_scan_group(table, group).input]
                     ? jb_bill_next_month(start_ns)
                     : jb_time_floor(start_ns, JB_DAY_NS) + JB_DAY_NS;
    /* A row without length is of the bucket that it is in. */
    *ret_start_ns = start_ns;
    *ret_end_ns = end_ns <= start_ns ? start_ns + files->bucket_ns : end_ns;
}

void jb_bill_row_amounts(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                         struct jb_bill_row *ret_row) {
    const struct jb_scan_table *table = scan->table;
    struct jb_scan_group info = jb_scan_group(table, group);
    uint64_t quantities = jb_scan_number_count(table, group, JB_BILL_QUANTITY);
    ret_row->row_count = info.row_count;
    jb_bill_row_times(files, scan, group, &ret_row->start_ns, &ret_row->end_ns);
    ret_row->quantity = jb_scan_sum(table, group, JB_BILL_QUANTITY);
    ret_row->cost = jb_scan_sum(table, group, JB_BILL_COST);
    ret_row->credits = jb_scan_sum(table, group, JB_BILL_CREDITS);
    ret_row->has_quantity = quantities > 0;
    ret_row->lacks_quantities = quantities < info.row_count;
    ret_row->is_by_month = scan->is_by_month[info.input];
}

void jb_bill_row_read(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                      struct jb_bill_row *ret_row) {
    static const struct {
        enum jb_bill_field field, otherwise;
    } chains[] = {{JB_BILL_SERVICE_2, JB_BILL_SERVICE_3},
                  {JB_BILL_SERVICE, JB_BILL_SERVICE_2},
                  {JB_BILL_ITEM_2, JB_BILL_ITEM_3},
                  {JB_BILL_ITEM, JB_BILL_ITEM_2},
                  {JB_BILL_MACHINE, JB_BILL_MACHINE_2}};
    const struct jb_scan_table *table = scan->table;
    struct jb_bill_row row = {.format = scan->format, .label_count = files->label_count};
    for (size_t f = 0; f < JB_BILL_FIELD_COUNT; f++) {
        bool is_text = f >= JB_BILL_PERIOD && f <= JB_BILL_CURRENCY;
        row.texts[f] = is_text ? jb_scan_text(table, f, jb_scan_text_id(table, group, f)) : "";
    }
    for (size_t i = 0; i < files->label_count; i++) {
        size_t slot = JB_BILL_FIELD_COUNT + i;
        row.labels[i] = jb_scan_text(table, slot, jb_scan_text_id(table, group, slot));
    }
    for (size_t i = 0; i < JB_COUNT(chains); i++) {
        if (!*row.texts[chains[i].field])
            row.texts[chains[i].field] = row.texts[chains[i].otherwise];
    }
    if (!*row.texts[JB_BILL_UNIT])
        row.texts[JB_BILL_UNIT] = scan->format->unit;
    if (!*row.texts[JB_BILL_PROVIDER])
        row.texts[JB_BILL_PROVIDER] = scan->format->provider;
    if (!*row.texts[JB_BILL_CURRENCY])
        row.texts[JB_BILL_CURRENCY] = *scan->format->currency ? scan->format->currency
                                      : files->currency       ? files->currency
                                                              : "";
    /* The scan has checked it. */
    jb_commodity_parse(row.texts[JB_BILL_CURRENCY], NULL, &row.currency);
    jb_bill_row_amounts(files, scan, group, &row);
    *ret_row = row;
}

static bool fits(const char *pattern, const char *text) {
    char copy[LOWER_SIZE];
    return !pattern || jb_text_matches(pattern, lower(text, copy));
}

enum jb_bill_kind jb_bill_row_kind(const struct jb_bill_row *row) {
    const struct jb_bill_charge *charge = row->format->charges;
    for (; charge->charge || charge->status || charge->class || charge->service || charge->item; charge++) {
        if (fits(charge->charge, row->texts[JB_BILL_CHARGE]) &&
            fits(charge->status, row->texts[JB_BILL_STATUS]) &&
            fits(charge->class, row->texts[JB_BILL_CLASS]) &&
            fits(charge->service, row->texts[JB_BILL_SERVICE]) &&
            fits(charge->item, row->texts[JB_BILL_ITEM]))
            return charge->kind;
    }
    return charge->kind;
}

char *jb_bill_name(const char *text, const char *otherwise, char ret[static JB_BILL_NAME_SIZE]) {
    char encoded[JB_COMPONENT_SIZE];
    size_t length = jb_account_encode(*text ? text : otherwise, strlen(*text ? text : otherwise), encoded);
    if (length < JB_BILL_NAME_SIZE) {
        memcpy(ret, encoded, length + 1);
        return ret;
    }
    /* Cut neither within a character nor within %XX. */
    size_t kept = JB_BILL_NAME_SIZE - 18;
    while (kept && (((unsigned char)encoded[kept] & 0xc0) == 0x80 || encoded[kept - 1] == '%' ||
                    (kept > 1 && encoded[kept - 2] == '%')))
        kept--;
    snprintf(ret, JB_BILL_NAME_SIZE, "%.*s~%016llx", (int)kept, encoded,
             (unsigned long long)jb_hash_bytes(text, strlen(text)));
    return ret;
}

char *jb_bill_provider(const char *text, char ret[static JB_BILL_NAME_SIZE]) {
    static const struct {
        const char *pattern, *provider;
    } names[] = {{"aws*", "aws"},          {"amazon*", "aws"},      {"*microsoft*", "azure"},
                 {"*azure*", "azure"},     {"*google*", "gcp"},     {"gcp*", "gcp"},
                 {"*alibaba*", "alibaba"}, {"*aliyun*", "alibaba"}, {"*阿里云*", "alibaba"}};
    char copy[LOWER_SIZE];
    lower(text, copy);
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        if (jb_text_matches(names[i].pattern, copy)) {
            snprintf(ret, JB_BILL_NAME_SIZE, "%s", names[i].provider);
            return ret;
        }
    }
    return jb_bill_name(copy, "unknown", ret);
}

/* Without what names a zone within it: "eu-west-1a", "europe-west1-b". */
static const struct jb_region *find_without_zone(const struct jb_regions *regions, const char *provider,
                                                 const char *text) {
    char name[64];
    size_t length = strlen(text);
    if (length < 4 || length >= sizeof name || text[length - 1] < 'a' || text[length - 1] > 'z')
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)(length - (text[length - 2] == '-' ? 2 : 1)), text);
    return jb_regions_find(regions, provider, name);
}

static const struct jb_region *find_region(const struct jb_cloud *cloud, const struct jb_regions *regions,
                                           const char *provider, const char *text, const char *item) {
    char tight[LOWER_SIZE];
    size_t length = 0;
    const char *other = NULL;
    if (!*text) {
        /* "EUW1-BoxUsage:m5.large" */
        size_t prefix = strcspn(item, "-");
        if (strcmp(provider, "aws") != 0 || prefix > 4 || item[prefix] != '-')
            return NULL;
        snprintf(tight, sizeof tight, "%.*s", (int)prefix, item);
        other = jb_cloud_region_find(cloud, provider, tight);
        return other ? jb_regions_find(regions, provider, other) : NULL;
    }
    const struct jb_region *found = jb_regions_find(regions, provider, text);
    if (!found && (other = jb_cloud_region_find(cloud, provider, text)))
        found = jb_regions_find(regions, provider, other);
    if (!found)
        found = find_without_zone(regions, provider, text);
    for (const char *c = text; *c && length + 1 < sizeof tight; c++) { /* "West Europe" */
        if (*c != ' ')
            tight[length++] = *c;
    }
    tight[length] = '\0';
    return found ? found : jb_regions_find(regions, provider, tight);
}

char *jb_bill_region(const struct jb_cloud *cloud, const struct jb_regions *regions, const char *provider,
                     const char *text, const char *item, const struct jb_region **ret_region,
                     char ret[static JB_BILL_NAME_SIZE]) {
    char copy[LOWER_SIZE];
    *ret_region = find_region(cloud, regions, provider, text, item);
    return jb_bill_name(*ret_region ? (*ret_region)->region : lower(text, copy), "global", ret);
}
