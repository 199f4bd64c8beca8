/* Sums of bills → flows: what each stands for, what it used, and the accounts that it goes to. */
#ifndef JB_IMPORT_BILL_FLOWS_H
#define JB_IMPORT_BILL_FLOWS_H

#include "base/decimal.h"
#include "estimate/cloud.h"
#include "factor/region.h"
#include "import/bill_scan.h"
#include "types/flow.h"

/* One flow; its accounts are ids of texts. */
struct jb_bill_flow {
    uint32_t from, to;
    jb_commodity commodity;
    int64_t start_ns, end_ns;
    int64_t amount; /* 0 or more */
    enum jb_method method;
    uint32_t uncertainty_ppm;
};

/* One bill: of one account and one month. It is booked, and replaced, as a whole. */
struct jb_bill_unit {
    const char *identity;      /* "bill aws 111122223333 444455556666 2026-07 " */
    int64_t first_ns, last_ns; /* days that its use covers, whole: [first, last) */
    /* Of its flows. */
    size_t flow_count, energy_count, embodied_count; /* all; of which of energy, of embodied carbon */
    uint64_t digest;
    int64_t first_start_ns, last_end_ns; /* 0 of none */
    jb_int128 energy_uj, embodied_ug;
};

/* A label that goes with an account: what the tag or the account's id is. */
struct jb_bill_label {
    const char *pattern, *key, *value;
};

/* What has no estimate, by service and reason. */
struct jb_bill_unknown {
    const char *provider, *service, *reason;
    jb_commodity currency;
    jb_int128 cost; /* millionths */
    uint64_t row_count;
};

/* What it cost, by currency. */
struct jb_bill_cost {
    jb_commodity currency;
    jb_int128 total;     /* all rows; millionths */
    jb_int128 used;      /* of what used something */
    jb_int128 estimated; /* of that, of what has an estimate of energy */
    jb_int128 embodied;  /* of that, of what has one of embodied carbon too */
};

struct jb_bill_flows; /* opaque: owns what it gives out */

struct jb_bill_question {
    const struct jb_cloud *cloud;
    const struct jb_factors *factors;
    const struct jb_regions *regions;
    const struct jb_bill_files *files;
    double utilisation, utilisation_uncertainty; /* as jb_cloud_question */
};

/* question and scans stay the caller's, and are needed as long as the flows. JB_LIMIT: an amount beyond 64
 * bits. */
enum jb_code jb_bill_flows_make(const struct jb_bill_question *question, const struct jb_bill_scans *scans,
                                struct jb_error *error, struct jb_bill_flows **ret_flows);
void jb_bill_flows_free(struct jb_bill_flows *flows); /* NULL-safe */

/* The flows of one bill, made once more, in order of start, end, accounts, commodity; valid until the next
 * call. */
enum jb_code jb_bill_flows_of(struct jb_bill_flows *flows, size_t unit, struct jb_error *error,
                              const struct jb_bill_flow **ret_flows);
const char *jb_bill_flows_text(const struct jb_bill_flows *flows, uint32_t id);
size_t jb_bill_flows_units(const struct jb_bill_flows *flows, const struct jb_bill_unit **ret_units);
size_t jb_bill_flows_labels(const struct jb_bill_flows *flows, const struct jb_bill_label **ret_labels);
/* In order of currency and falling cost. */
size_t jb_bill_flows_unknowns(const struct jb_bill_flows *flows, const struct jb_bill_unknown **ret_unknowns);
size_t jb_bill_flows_costs(const struct jb_bill_flows *flows, const struct jb_bill_cost **ret_costs);

JB_DEFINE_CLEANUP(struct jb_bill_flows, jb_bill_flows_free);

#endif
