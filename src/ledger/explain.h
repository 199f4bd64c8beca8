/* Explanations: one account's figure taken apart, up to the supply and down to meters and batches. */
#ifndef JB_LEDGER_EXPLAIN_H
#define JB_LEDGER_EXPLAIN_H

#include "ledger/site.h"

/* How a flow's amount came about, told from the places it joins. */
enum jb_rule {
    JB_RULE_METER,        /* host → domain: read from the meter of the domain (or its model) */
    JB_RULE_CPU_TIME,     /* domain → cgroup and below: active energy by CPU time */
    JB_RULE_GPU_TIME,     /* GPU → cgroup: active energy by GPU time */
    JB_RULE_MEMORY,       /* memory → cgroup: active energy by memory held (CPU time where unknown) */
    JB_RULE_WITHIN,       /* cgroup → what is in it: the cgroup's energy by CPU time */
    JB_RULE_IDLE,         /* → idle: idle power, learned, × time */
    JB_RULE_DIFFERENCE,   /* → rest: what the outer meter shows and no inner one */
    JB_RULE_VARIANCE,     /* meter-variance →: by how much inner meters exceed the outer one */
    JB_RULE_EXITED,       /* → exited: what the cgroup used and no process row shows */
    JB_RULE_UNATTRIBUTED, /* → unattributed: of a stretch in which the meter was down */
    JB_RULE_SUPPLY,       /* supply →: what the accounts it feeds took */
    JB_RULE_PASSED_ON,    /* site → host: what the host's meters show */
    JB_RULE_BILL,         /* anything else that was billed */
    JB_RULE_DECLARED,     /* anything else that was declared */
    JB_RULE_BOOKED,       /* anything else */
};
const char *jb_rule_name(enum jb_rule rule);     /* for machines: "cpu-time" */
const char *jb_rule_sentence(enum jb_rule rule); /* for people, without a full stop */

/* One route that the figure came by. Steps are a tree in order: children (level + 1) follow their parent.
 * Level 0 enters the account from outside and is exact; the levels above share the amount of their child out
 * in proportion to its inflow, by largest remainder, so that the parts of every step sum to it exactly. */
struct jb_explain_step {
    unsigned level;
    jb_account_id from, to;
    jb_int128 amount; /* of the explained figure; level 0: all that came by this route */
    enum jb_method method;
    uint32_t uncertainty_ppm;
    enum jb_rule rule;
    uint64_t flow_count; /* behind the whole route in the period */
    int64_t first_ns, last_ns;
};

struct jb_explain_flow {
    struct jb_flow flow;
    char *identity; /* of its batch */
};

/* What a host's meters and counters last said: where the next reading goes on. */
struct jb_explain_counter {
    char *host; /* as in the account path */
    struct jb_position position;
};

/* What a meter of a site read in the period; the readings are kept in the book. */
struct jb_explain_meter {
    char path[JB_ACCOUNT_SIZE]; /* its account; of a facility the site's */
    enum jb_site_role role;
    jb_int128 amount; /* µJ; readings that reach out of the period are whole */
    uint64_t reading_count;
    int64_t first_ns, last_ns;
    uint32_t uncertainty_ppm;
};
const char *jb_explain_role_name(const struct jb_explain_meter *meter);

struct jb_explanation {
    char account[JB_ACCOUNT_SIZE]; /* what ACCOUNT was taken for */
    enum jb_role role;
    bool is_whole;          /* it has accounts below it, and they are in the figure */
    uint64_t account_count; /* it and those below it that the book knows */
    jb_commodity commodity;
    jb_int128 inflow, outflow;            /* across its border in the period; reversals are in both */
    jb_int128 by_method[JB_METHOD_COUNT]; /* of inflow */
    double low, high;                     /* 95 % interval of inflow; NaN unknown */
    jb_int128 book_total;                 /* consumed in the whole book in the period */
    jb_int128 host_total;                 /* entered its host in the period; 0 when it is on none */
    int64_t first_ns, last_ns;            /* what its flows cover; 0 and 0 when there are none */
    struct jb_explain_step *steps;
    size_t step_count;
    bool is_cut; /* there are more steps than are kept (1000) */
    uint64_t batch_count, flow_count;
    char *first_batch, *last_batch; /* identities by start; NULL when there are none */
    struct jb_explain_flow *flows;  /* the largest, as many as were asked for */
    size_t flow_count_kept;
    struct jb_explain_counter *counters; /* of the hosts that it comes from */
    size_t counter_count;
    struct jb_explain_meter *meters; /* of the sites that it comes from, of energy */
    size_t meter_count;
    struct jb_label *labels; /* that hold for it */
    size_t label_count;
    struct jb_gap *gaps; /* of it, and of what feeds it */
    size_t gap_count;
};

struct jb_explain_request {
    struct jb_query query; /* commodity 0: energy when it has some, else the first that it has */
    const char *account;   /* a path, a glob, or a piece of a path */
    size_t flows_wanted;   /* at most 100,000 */
};

/* JB_NO_DATA: the book has no such account (the message suggests some). JB_USAGE: several match. An account
 * without flows in the period is explained as well: everything is 0 then. */
enum jb_code jb_explain_make(struct jb_ledger *ledger, const struct jb_explain_request *request,
                             struct jb_error *error, struct jb_explanation *ret_explanation);
void jb_explanation_free(struct jb_explanation *explanation);

/* Finds the account that `text` means: itself, the only match of a glob, or the only one in which it stands
 * as whole components (nginx.service). What lies below a match is part of it. Errors as above. */
enum jb_code jb_explain_resolve(struct jb_ledger *ledger, const char *text, struct jb_error *error,
                                char ret_account[static JB_ACCOUNT_SIZE]);

#endif
