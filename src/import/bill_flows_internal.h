/* What the pieces that turn sums of bills into flows share. */
#ifndef JB_IMPORT_BILL_FLOWS_INTERNAL_H
#define JB_IMPORT_BILL_FLOWS_INTERNAL_H

#include "base/strings.h"
#include "base/tuples.h"
#include "import/bill_flows.h"
#include "import/bill_row.h"
#include "import/bill_sums.h"

#define JB_BILL_LIST_CEILING ((size_t)1 << 26)

/* What a service's item is, found once for all rows that name it. */
struct jb_bill_use {
    enum jb_code code;
    struct jb_cloud_use use;
    uint32_t reason; /* text: why there is none */
};

/* Why a row of use has no estimate. */
enum jb_bill_gap {
    JB_BILL_GAP_USE,  /* it is not known what it is */
    JB_BILL_GAP_RATE, /* a factor is missing */
    JB_BILL_GAP_NO_QUANTITY,
    JB_BILL_GAP_BELOW_ZERO,
    JB_BILL_GAP_COUNT,
};

/* All that rows of one kind (of the scan) have in common: worked out once, however many days they are of. */
struct jb_bill_frame {
    bool is_made;
    enum jb_bill_kind kind;
    uint32_t provider, service; /* texts */
    uint32_t base;              /* text: "cloud/aws/eu-west-1/AmazonEC2/4444/team=a" */
    uint32_t leaf;              /* text: its last part when there is an estimate, or none is needed */
    const struct jb_region *place;
    jb_commodity currency;
    size_t cost;  /* index of its currency */
    uint32_t use; /* index; of usage */
    double
        term_h; /* of a machine that is paid ahead, which its rows do not count: hours of each; 0 of others */
    int64_t term_from_ns; /* when it begins; JB_BILL_NO_TIME: with the row */
    uint32_t reason;      /* text: of a charge that does not say how much was used */
    /* Numbers + 1, 0 until they are needed. */
    uint32_t route, money_route, unknown_route, credit_route;
    uint32_t gaps[JB_BILL_GAP_COUNT]; /* kinds of use without estimate */
    uint32_t bill;                    /* text: "bill aws 111122223333 444455556666" */
    uint32_t month;                   /* text: that the rows name; "" none */
    /* The bill of the rows that start in [unit_from_ns, unit_until_ns). */
    int64_t unit_from_ns, unit_until_ns;
    uint32_t unit;
    /* What one of its use is, in [rate_from_ns, rate_until_ns). */
    int64_t rate_from_ns, rate_until_ns;
    struct jb_cloud_rate rate;
};

/* A group of rows, numbered one scan behind the other. */
struct jb_bill_item {
    uint32_t group, time;
};

struct jb_bill_flows {
    struct jb_strings *texts;
    struct jb_bill_sums *sums;
    struct jb_bill_frame *frames; /* by kind, one scan behind the other */
    struct jb_strings *unit_names, *use_names, *label_names, *unknown_names;
    struct jb_bill_unit *units;
    size_t unit_capacity;
    struct jb_bill_use *uses;
    size_t use_capacity;
    struct jb_bill_label *labels;
    size_t label_count, label_capacity;
    struct jb_bill_unknown *unknowns;
    size_t unknown_count, unknown_capacity;
    struct jb_bill_cost *costs;
    size_t cost_count, cost_capacity;
    int64_t *changes_ns; /* when rates may change */
    size_t change_count;
    const struct jb_bill_question *question;
    const struct jb_bill_scans *scans;
    /* All groups of the scans, in order of their bills, and where those of each bill begin; one more. */
    struct jb_bill_item *items;
    size_t *starts;
    size_t group_count;
    bool is_counted;            /* costs and what has no estimate are complete */
    struct jb_bill_flow *flows; /* of one bill */
    size_t flow_capacity;
};

/* Makes the frame of a group. */
enum jb_code jb_bill_frame_make(const struct jb_bill_question *question, struct jb_bill_flows *flows,
                                const struct jb_bill_scan *scan, size_t group, struct jb_error *error,
                                struct jb_bill_frame *frame);
/* The bill of a frame's rows that start then: of its account, and of the month. */
enum jb_code jb_bill_frame_unit(struct jb_bill_flows *flows, struct jb_bill_frame *frame, int64_t start_ns,
                                struct jb_error *error, uint32_t *ret_unit);
/* Times of its rows: of a machine that is paid ahead they are those of the term, all of it. */
void jb_bill_frame_times(const struct jb_bill_frame *frame, int64_t *start_ns, int64_t *end_ns);
static inline bool jb_bill_frame_is_use(const struct jb_bill_frame *frame) {
    return frame->kind == JB_BILL_USAGE || frame->kind == JB_BILL_UNKNOWN;
}

/* Adds a group of rows to the sums of the bill in work. time: number of its interval. */
enum jb_code jb_bill_flows_add(struct jb_bill_flows *flows, const struct jb_bill_scan *scan, size_t group,
                               struct jb_bill_frame *frame, uint32_t time, struct jb_error *error);
/* Finds the bills that the scans have, and what is to be known of them. */
enum jb_code jb_bill_units_make(struct jb_bill_flows *flows, struct jb_error *error);

#endif
