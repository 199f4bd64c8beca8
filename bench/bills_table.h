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

/* Writes `row_count` rows of one month to `path`: 100 accounts, each of which uses 10 pairs of a region and
 * an instance type; days one behind the other, hours and pairs of a day mixed. Types are those of
 * data/cloud/instances.csv in data_path. */
enum jb_code bills_table_write(const char *path, const char *data_path, uint64_t row_count,
                               struct jb_error *error, struct bills_totals *ret_totals);
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
