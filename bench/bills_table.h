/* A made-up bill in the columns of FOCUS, the same for the same seed, and the factors that peers join to it.
 */
#ifndef JB_BENCH_BILLS_TABLE_H
#define JB_BENCH_BILLS_TABLE_H

#include "base/decimal.h"
#include "base/error.h"

#include <stdint.h>

struct bills_totals {
    uint64_t row_count, byte_count;
    jb_int128 cost_micro; /* of all rows, millionths of a dollar */
};

/* How many accounts there are, and how many pairs of a region and an instance type each of them uses. */
struct bills_shape {
    unsigned accounts, pairs;
};
#define BILLS_ACCOUNT_CEILING 200
#define BILLS_PAIR_CEILING    40

/* Writes `row_count` rows of one month to `path`: days one behind the other, hours and pairs of a day mixed.
 * Types are those of data/cloud/instances.csv in data_path. */
enum jb_code bills_table_write(const char *path, const char *data_path, struct bills_shape shape,
                               uint64_t row_count, struct jb_error *error, struct bills_totals *ret_totals);
/* Factors by region and by type: "region,factor" and "sku,factor". */
enum jb_code bills_factors_write(const char *regions_path, const char *skus_path, const char *data_path,
                                 struct jb_error *error);
/* The first `row_count` rows of the bill at from_path, with its heading; or as a manifest of Impact
 * Framework. */
enum jb_code bills_table_cut(const char *from_path, const char *to_path, uint64_t row_count,
                             struct jb_error *error);
enum jb_code bills_manifest_write(const char *from_path, const char *to_path, const char *regions_path,
                                  const char *skus_path, uint64_t row_count, struct jb_error *error);

#endif
