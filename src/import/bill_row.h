/* One group of rows of a bill, read: what it stands for, its provider, region, account and what it used. */
#ifndef JB_IMPORT_BILL_ROW_H
#define JB_IMPORT_BILL_ROW_H

#include "base/decimal.h"
#include "estimate/cloud.h"
#include "factor/region.h"
#include "import/bill_scan.h"
#include "types/account.h"
#include "types/commodity.h"

#define JB_BILL_NAME_SIZE 97 /* of a part of an account, with its NUL */

/* Texts as they stand in the bill, "" where it has none. */
struct jb_bill_row {
    const struct jb_bill_format *format;
    const char *texts[JB_BILL_FIELD_COUNT];
    const char *labels[JB_BILL_LABEL_CEILING];
    size_t label_count;
    int64_t start_ns, end_ns; /* end after start */
    jb_commodity currency;
    jb_int128 quantity, cost, credits; /* in 10^-12 */
    bool has_quantity;
    bool lacks_quantities; /* some of its rows have none */
    bool is_by_month;      /* its bill tells no days */
    uint64_t row_count;
};

/* Group of a scan, as a row. */
void jb_bill_row_read(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                      struct jb_bill_row *ret_row);

/* Start and end of a group's rows. */
void jb_bill_row_times(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                       int64_t *ret_start_ns, int64_t *ret_end_ns);
/* Its times, sums and counts alone. */
void jb_bill_row_amounts(const struct jb_bill_files *files, const struct jb_bill_scan *scan, size_t group,
                         struct jb_bill_row *ret_row);

int64_t jb_bill_next_month(int64_t start_ns); /* start of the month behind that of start_ns, UTC */

enum jb_bill_kind jb_bill_row_kind(const struct jb_bill_row *row);

/* "aws", "azure", "gcp", "alibaba"; another provider's name as a part of an account. Returns ret. */
char *jb_bill_provider(const char *text, char ret[static JB_BILL_NAME_SIZE]);
/* The region's id when a name of it is known, else the text as a part of an account; "global" for none.
 * *ret_region: NULL when it is not known where it is. item: AWS's usage types begin with a region, but those
 * of CloudFront with a part of the world, and are then "". */
char *jb_bill_region(const struct jb_cloud *cloud, const struct jb_regions *regions, const char *provider,
                     const char *text, const char *item, const struct jb_region **ret_region,
                     char ret[static JB_BILL_NAME_SIZE]);
/* Any text as one part of an account, `otherwise` when it is empty; what is longer is cut, and told apart by
 * a hash. Returns ret. */
char *jb_bill_name(const char *text, const char *otherwise, char ret[static JB_BILL_NAME_SIZE]);

#endif
