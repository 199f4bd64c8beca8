/* The part of explanations that is about meters of sites. */
#ifndef JB_LEDGER_EXPLAIN_SITE_H
#define JB_LEDGER_EXPLAIN_SITE_H

#include "ledger/explain.h"

/* Adds the meters of site/NAME that have readings in [from, to). */
enum jb_code jb_explain_site(struct jb_ledger *ledger, const char *name, int64_t from_ns, int64_t to_ns,
                             struct jb_error *error, struct jb_explanation *explanation);

#endif
