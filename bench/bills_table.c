/* A made-up bill. */
#include "bills_table.h"

#include "base/buffer.h"
#include "base/csv.h"
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SKU_CEILING 500
#define DAYS        31
#define CHUNK       ((size_t)1 << 20)

static const char *const regions[] = {"ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1",
                                      "ca-central-1",   "eu-central-1",   "eu-north-1", "eu-west-1",
                                      "sa-east-1",      "us-east-1",      "us-east-2",  "us-west-2"};

/* Instance types of AWS whose size is known. */
struct skus {
    char names[SKU_CEILING][24];
    size_t count;
};

static enum jb_code read_skus(const char *data_path, struct jb_error *error, struct skus *ret_skus) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cloud/instances.csv", data_path);
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = jb_csv_reader_make(file, path, error, &reader);
    const char *const *fields;
    size_t count;
    ret_skus->count = 0;
    while (!code && ret_skus->count < SKU_CEILING) {
        code = jb_csv_read(reader, error, &fields, &count);
        if (!code && count > 2 && strcmp(fields[0], "aws") == 0 && *fields[2] && strchr(fields[1], '.'))
            snprintf(ret_skus->names[ret_skus->count++], sizeof ret_skus->names[0], "%s", fields[1]);
    }
    if (code == JB_NO_DATA && ret_skus->count)
        return JB_OK;
    return code              ? code
           : ret_skus->count ? JB_OK
                             : jb_error_set(error, JB_INPUT, "%s: no instance type", path);
}

/* Writes value with `digits` digits at least, filled with zeroes. */
static char *put_number(char *to, uint64_t value, unsigned digits) {
    char reversed[24];
    unsigned count = 0;
    do
        reversed[count++] = (char)('0' + value % 10);
    while ((value /= 10) || count < digits);
    while (count)
        *to++ = reversed[--count];
    return to;
}

static char *put_text(char *to, const char *text) {
    size_t length = strlen(text);
    memcpy(to, text, length);
    return to + length;
}

/* The hour from 2026-10-01T00:00:00Z on. */
static char *put_hour(char *to, unsigned hour) {
    bool is_next = hour >= DAYS * 24;
    to = put_text(to, is_next ? "2026-11-" : "2026-10-");
    to = put_number(to, is_next ? 1 : hour / 24 + 1, 2);
    to = put_text(to, "T");
    to = put_number(to, hour % 24, 2);
    return put_text(to, ":00:00Z,");
}

struct maker {
    struct jb_random random;
    struct skus skus;
    struct bills_shape shape;
    char accounts[BILLS_ACCOUNT_CEILING][16];
    struct {
        unsigned region, sku;
    } pairs[BILLS_ACCOUNT_CEILING][BILLS_PAIR_CEILING];
};

static void set_up(struct maker *maker) {
    maker->random = jb_random_make(1);
    for (size_t a = 0; a < maker->shape.accounts; a++) {
        *put_number(maker->accounts[a], jb_random_below(&maker->random, 1000000000000), 12) = '\0';
        for (size_t p = 0; p < maker->shape.pairs; p++) {
            maker->pairs[a][p].region = (unsigned)jb_random_below(&maker->random, JB_COUNT(regions));
            maker->pairs[a][p].sku = (unsigned)jb_random_below(&maker->random, maker->skus.count);
        }
    }
}

static char *put_row(struct maker *maker, char *to, unsigned day, uint64_t *ret_cost_micro) {
    struct jb_random *random = &maker->random;
    uint64_t cost_micro = jb_random_below(random, 100000000), quantity = jb_random_below(random, 1000000);
    unsigned hour = day * 24 + (unsigned)jb_random_below(random, 24);
    size_t account = jb_random_below(random, maker->shape.accounts),
           pair = jb_random_below(random, maker->shape.pairs);
    to = put_number(to, cost_micro / 1000000, 1);
    to = put_text(to, ".");
    to = put_number(to, cost_micro % 1000000, 6);
    to = put_text(to, ",USD,Usage,");
    to = put_hour(to, hour + 1);
    to = put_hour(to, hour);
    to = put_number(to, quantity / 10000, 1);
    to = put_text(to, ".");
    to = put_number(to, quantity % 10000, 4);
    to = put_text(to, ",Hours,AWS,");
    to = put_text(to, regions[maker->pairs[account][pair].region]);
    to = put_text(to, ",AmazonEC2,");
    to = put_text(to, maker->skus.names[maker->pairs[account][pair].sku]);
    to = put_text(to, ",");
    to = put_text(to, maker->accounts[account]);
    *ret_cost_micro = cost_micro;
    return put_text(to, "\n");
}

enum jb_code bills_table_write(const char *path, const char *data_path, struct bills_shape shape,
                               uint64_t row_count, struct jb_error *error, struct bills_totals *ret_totals) {
    _cleanup_free_ struct maker *maker = calloc(1, sizeof *maker);
    _cleanup_free_ char *chunk = malloc(CHUNK + 512);
    _cleanup_fclose_ FILE *file = fopen(path, "we");
    struct bills_totals totals = {.row_count = row_count};
    if (!maker || !chunk)
        return jb_error_set(error, JB_MEMORY, "no memory for a bill");
    if (!file)
        return jb_error_set_errno(error, errno, "%s", path);
    enum jb_code code = read_skus(data_path, error, &maker->skus);
    if (code)
        return code;
    maker->shape = shape;
    set_up(maker);
    char *to = put_text(
        chunk, "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,"
               "ConsumedQuantity,ConsumedUnit,ProviderName,RegionId,ServiceName,SkuId,SubAccountId\n");
    for (uint64_t row = 0; row < row_count; row++) {
        uint64_t cost_micro;
        to = put_row(maker, to, (unsigned)(row * DAYS / row_count), &cost_micro);
        totals.cost_micro += cost_micro;
        if (to < chunk + CHUNK && row + 1 < row_count)
            continue;
        size_t length = (size_t)(to - chunk);
        if (fwrite(chunk, 1, length, file) != length)
            return jb_error_set_errno(error, errno, "%s", path);
        totals.byte_count += length;
        to = chunk;
    }
    if (fflush(file) != 0)
        return jb_error_set_errno(error, errno, "%s", path);
    *ret_totals = totals;
    return JB_OK;
}

enum jb_code bills_factors_write(const char *regions_path, const char *skus_path, const char *data_path,
                                 struct jb_error *error) {
    _cleanup_free_ struct skus *skus = calloc(1, sizeof *skus);
    if (!skus)
        return jb_error_set(error, JB_MEMORY, "no memory for factors");
    enum jb_code code = read_skus(data_path, error, skus);
    if (code)
        return code;
    _cleanup_fclose_ FILE *by_region = fopen(regions_path, "we"), *by_sku = fopen(skus_path, "we");
    if (!by_region || !by_sku)
        return jb_error_set_errno(error, errno, "%s", by_region ? skus_path : regions_path);
    fputs("region,factor\n", by_region);
    for (size_t i = 0; i < JB_COUNT(regions); i++)
        fprintf(by_region, "%s,%zu.25\n", regions[i], i + 1);
    fputs("sku,factor\n", by_sku);
    for (size_t i = 0; i < skus->count; i++)
        fprintf(by_sku, "%s,0.%03zu\n", skus->names[i], i + 1);
    return JB_OK;
}

/* Lines of the bill, without the heading when is_manifest. */
static enum jb_code copy_rows(const char *from_path, const char *to_path, const char *opening,
                              uint64_t row_count, struct jb_error *error) {
    _cleanup_fclose_ FILE *from = fopen(from_path, "re"), *to = fopen(to_path, "we");
    char line[512], *fields[12];
    if (!from || !to)
        return jb_error_set_errno(error, errno, "%s", from ? to_path : from_path);
    if (opening)
        fputs(opening, to);
    for (uint64_t row = 0; row <= row_count && fgets(line, sizeof line, from); row++) {
        if (!opening) {
            fputs(line, to);
            continue;
        }
        char *rest = line;
        for (size_t i = 0; i < JB_COUNT(fields); i++)
            fields[i] = strsep(&rest, ",\n");
        if (row)
            fprintf(to,
                    "        - {timestamp: '%s', duration: 3600, account: '%s', region: '%s', sku: '%s', "
                    "quantity: %s}\n",
                    fields[4], fields[11], fields[8], fields[10], fields[5]);
    }
    return fflush(to) == 0 ? JB_OK : jb_error_set_errno(error, errno, "%s", to_path);
}

enum jb_code bills_table_cut(const char *from_path, const char *to_path, uint64_t row_count,
                             struct jb_error *error) {
    return copy_rows(from_path, to_path, NULL, row_count, error);
}

enum jb_code bills_manifest_write(const char *from_path, const char *to_path, const char *regions_path,
                                  const char *skus_path, uint64_t row_count, struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer opening = {0};
    jb_buffer_printf(
        &opening,
        "name: bill\n"
        "initialize:\n"
        "  plugins:\n"
        "    region-factor:\n"
        "      method: CSVLookup\n"
        "      path: builtin\n"
        "      config: {filepath: '%s', query: {region: region}, output: [[factor, region-factor]]}\n"
        "    sku-factor:\n"
        "      method: CSVLookup\n"
        "      path: builtin\n"
        "      config: {filepath: '%s', query: {sku: sku}, output: [[factor, sku-factor]]}\n"
        "    energy:\n"
        "      method: Multiply\n"
        "      path: builtin\n"
        "      config: {input-parameters: [quantity, sku-factor, region-factor], output-parameter: energy}\n"
        "tree:\n"
        "  children:\n"
        "    bill:\n"
        "      pipeline: {regroup: [account], compute: [region-factor, sku-factor, energy]}\n"
        "      inputs:\n",
        regions_path, skus_path);
    enum jb_code code = jb_buffer_check(&opening, error);
    return code ? code : copy_rows(from_path, to_path, opening.bytes, row_count, error);
}
