/* Files of bills → sums by everything that estimates and accounts depend on. */
#ifndef JB_IMPORT_BILL_SCAN_H
#define JB_IMPORT_BILL_SCAN_H

#include "base/scan.h"
#include "import/bill.h"

#define JB_BILL_LABEL_CEILING 6
#define JB_BILL_DECIMALS      12 /* of quantities and costs */

struct jb_bill_files {
    const char *const *paths; /* "-" is standard input */
    size_t path_count;
    struct jb_stream **streams; /* by path: open already ("-" is), and the scan takes it and leaves NULL;
                                   NULL, or all NULL: none. A path that was named before needs none */
    const struct jb_bill_format *format; /* NULL: found by heading */
    const struct jb_bill_map *map;       /* NULL: none */
    int64_t bucket_ns;                   /* an hour or a day */
    const char *const *labels;           /* keys of tags that become labels, at most JB_BILL_LABEL_CEILING */
    size_t label_count;
    const char *currency;         /* of bills that name none; NULL */
    uint64_t bad_ceiling;         /* bad rows that are left out; one more is JB_INPUT */
    unsigned thread_count;        /* 0: as many as there are */
    struct jb_progress *progress; /* NULL; its places are the paths; what is open counts already */
};

/* What was summed of the files of one format. Slots are fields (enum jb_bill_field), then labels. */
struct jb_bill_slots; /* opaque */
struct jb_bill_scan {
    const struct jb_bill_format *format;
    struct jb_scan_table *table;
    struct jb_bill_slots *slots; /* the table points into it */
    const char **names;          /* of its inputs, as jb_scan_group.input counts them */
    bool *is_by_month;           /* input: the start is that of the month of the bill */
    size_t input_count;
};

struct jb_bill_scans {
    struct jb_bill_scan *items;
    size_t count;
};

/* Opens, finds the format of, and scans all files. The same file twice, or packed and
 * not, is one. JB_INPUT: no bill, or rows
 * that cannot be, by file, row, column and mend. */
enum jb_code jb_bill_scan(const struct jb_bill_files *files, struct jb_error *error,
                          struct jb_bill_scans *ret_scans);
void jb_bill_scans_free(struct jb_bill_scans *scans); /* NULL-safe */

/* How a file opens, by number of its path; what is open is looked at, and nothing is taken from it.
 * JB_NO_DATA: it was named before. */
enum jb_code jb_bill_probe(const struct jb_bill_files *files, size_t number, struct jb_error *error,
                           struct jb_bill_opening *ret_opening);

#endif
