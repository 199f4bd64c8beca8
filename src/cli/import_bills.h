/* The part of `import` that is for bills. */
#ifndef JB_CLI_IMPORT_BILLS_H
#define JB_CLI_IMPORT_BILLS_H

#include "cli/cli.h"
#include "import/bill_scan.h"

/* As the command line has it; NULL where it has nothing. */
struct import_bills {
    const char *format, *map, *per, *labels, *utilisation, *currency, *skip_bad, *skipped;
    const char *const *paths;
    size_t path_count;
    bool is_dry_run, is_restated;
    enum jb_form form;
    struct jb_progress *progress;
    struct jb_stream **streams; /* see jb_bill_files */
};

/* Whether the files are bills: by --format and --map, else by how they begin. Returns −1 to go on. */
int import_bills_probe(const struct jb_cli *cli, const struct import_bills *options, bool *ret_is_bill);
/* Books them. Returns the exit status. */
int import_bills_run(const struct jb_cli *cli, const struct import_bills *options);

#endif
