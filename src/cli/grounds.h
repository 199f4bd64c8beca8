/* What a valuation rests on, as verbs load it: setting, factors, and the basis that names them. */
#ifndef JB_CLI_GROUNDS_H
#define JB_CLI_GROUNDS_H

#include "account/basis.h"
#include "cli/cli.h"

struct grounds {
    struct jb_setting *setting; /* NULL: there is none, so nothing is valued */
    struct jb_factors *factors;
    struct jb_basis basis;
};

/* From the files of today, or (basis_sha256 not NULL) as the book keeps them. With files that value
 * something, keeps them in the book; a note on standard error says when it cannot. Returns -1 to go on. */
int grounds_load(const struct jb_cli *cli, struct jb_ledger *ledger, const char *basis_sha256,
                 struct grounds *ret_grounds);
void grounds_free(struct grounds *grounds); /* NULL-safe */

#endif
