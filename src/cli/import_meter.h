/* `import --format meter`: its options, and what it prints. */
#ifndef JB_CLI_IMPORT_METER_H
#define JB_CLI_IMPORT_METER_H

#include "cli/cli.h"

struct import_meter_options {
    const char *meters, *site, *grid, *unit, *kind, *times, *step, *zone, *dates;
};

/* Returns an exit status. */
int import_meter(const struct jb_cli *cli, const struct import_meter_options *options,
                 const char *const *paths, size_t path_count, bool is_dry_run, enum jb_form form,
                 struct jb_progress *progress);

#endif
