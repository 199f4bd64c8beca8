/* The rule behind a flow; see explain.h. */
#ifndef JB_LEDGER_EXPLAIN_RULE_H
#define JB_LEDGER_EXPLAIN_RULE_H

#include "ledger/explain.h"

/* Pure. Paths are valid accounts. */
enum jb_rule jb_rule_of(const char *from, const char *to, enum jb_method method);

#endif
