/* What `factors` does with series in the book. */
#ifndef JB_CLI_FACTORS_SERIES_H
#define JB_CLI_FACTORS_SERIES_H

#include "cli/cli.h"
#include "factor/series.h"

struct factors_series_options {
    const char *region, *name, *columns, *zone, *dates, *step, *source, *licence, *uncertainty;
};

/* All return an exit status, or −1 to go on where they say so. */

/* Takes a table in, or with is_dry_run says what it would. load: the factor tables that generation is valued
 * with.
 */
int factors_series_import(const struct jb_cli *cli, enum jb_form form, const char *file,
                          const struct factors_series_options *options, bool is_dry_run,
                          const struct jb_factor_load *load);
/* Those whose name is PATTERN, holds it or matches it (NULL: all). */
int factors_series_list(const struct jb_cli *cli, enum jb_form form, const char *pattern);
/* Steps of one in [from, to). */
int factors_series_steps(const struct jb_cli *cli, enum jb_form form, const char *name, int64_t from_ns,
                         int64_t to_ns);
/* Prints those that list shows, if there are any, behind what was printed before; −1 to go on. */
int factors_series_list_more(const struct jb_cli *cli, const char *pattern, bool is_exact, size_t *ret_count);
/* What is to be said of those in the book: gaps, values out of range; *ret_findings is malloc'd. −1 to go on.
 */
int factors_series_check(const struct jb_cli *cli, struct jb_factor_finding **ret_findings,
                         size_t *ret_count);
int factors_series_drop(const struct jb_cli *cli, const char *name);
/* A pattern without a glob's characters is looked for anywhere in the id. */
bool factors_id_matches(const char *pattern, const char *id);

#endif
