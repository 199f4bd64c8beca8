/* Groups: which row of a statement an account belongs to, and what the row is called. */
#ifndef JB_LEDGER_GROUP_H
#define JB_LEDGER_GROUP_H

#include "base/cleanup.h"
#include "ledger/statement.h"

struct jb_grouping; /* opaque */

enum jb_code jb_grouping_make(struct jb_ledger *ledger, const struct jb_statement_request *request,
                              struct jb_error *error, struct jb_grouping **ret_groups);
void jb_grouping_free(struct jb_grouping *groups); /* NULL-safe */
/* Dense id of the account's group: 0, 1, 2 … in order of first sight. */
enum jb_code jb_grouping_of(struct jb_grouping *groups, jb_account_id account, struct jb_error *error,
                            uint32_t *ret_group);
size_t jb_grouping_count(const struct jb_grouping *groups);
const char *jb_grouping_name(const struct jb_grouping *groups, uint32_t group); /* valid until free */
uint32_t jb_grouping_find(const struct jb_grouping *groups,
                          const char *name); /* JB_STRING_NONE: no such group */
/* Value of a label of the account; NULL when it has none. */
const char *jb_grouping_label(const struct jb_grouping *groups, const char *key, jb_account_id account);

JB_DEFINE_CLEANUP(struct jb_grouping, jb_grouping_free);

#endif
