/* Readings of facility meters and sub-meters, booked so that a site balances: what comes in, what IT takes,
 * and the rest. */
#ifndef JB_IMPORT_METER_H
#define JB_IMPORT_METER_H

#include "base/stamp.h"
#include "ledger/ledger.h"

#include <stdio.h>

#define JB_METER_NAME_SIZE       128
#define JB_METER_CEILING         ((size_t)10000)   /* meters of one import */
#define JB_METER_READING_CEILING ((size_t)1 << 26) /* readings of one import */
#define JB_METER_FIELD_CEILING   1000              /* bytes of one field */

/* What a meter stands for. UPS, PDU and IT all measure IT, at the three places of ISO/IEC 30134-2, table 1
 * (categories 1, 2, 3). */
enum jb_meter_role {
    JB_METER_FACILITY,   /* all that comes from the grid */
    JB_METER_GENERATION, /* an own plant behind the facility meter, which it adds to */
    JB_METER_UPS,
    JB_METER_PDU,
    JB_METER_IT,
    JB_METER_OVERHEAD, /* cooling, lighting, …: a part that is no IT */
    JB_METER_WATER,
    JB_METER_REUSED, /* energy that leaves the site to be used again */
    JB_METER_NONE,   /* passed over */
};

enum jb_meter_kind {
    JB_METER_KIND_FOUND, /* by heading and unit */
    JB_METER_INTERVAL,   /* amount over the step */
    JB_METER_REGISTER,   /* what the meter's counter shows */
    JB_METER_POWER,      /* mean power over the step */
};

struct jb_meter_rule {
    char pattern[JB_METER_NAME_SIZE]; /* name of a meter, or a glob */
    enum jb_meter_role role;
    enum jb_meter_kind kind;
    char site[JB_METER_NAME_SIZE];
    char grid[JB_METER_NAME_SIZE]; /* of a facility: the account that feeds it, "grid/KR" */
    char unit[16];                 /* "" by heading */
    int64_t modulus;               /* of a register, in its unit: where it begins anew; 0: by its digits */
    uint32_t uncertainty_ppm;      /* relative standard, of an amount; JB_UNCERTAINTY_UNKNOWN */
};

struct jb_meter_rules {
    struct jb_meter_rule *items; /* the first that matches holds */
    size_t count, capacity;
};
void jb_meter_rules_free(struct jb_meter_rules *rules); /* NULL-safe; leaves them empty */

/* Adds the sections [meter NAME] of an INI file. site, grid (accounts' names without site/ and grid/): for
 * those that name none; NULL none. JB_INPUT with file, line and mend. */
enum jb_code jb_meter_rules_add_ini(struct jb_meter_rules *rules, const char *text, size_t length,
                                    const char *file, const char *site, const char *grid,
                                    struct jb_error *error);
/* Adds "PATTERN=ROLE,…" of one site. JB_USAGE. */
enum jb_code jb_meter_rules_add_list(struct jb_meter_rules *rules, const char *list, const char *site,
                                     const char *grid, struct jb_error *error);

struct jb_meter_request {
    const char *book;
    const char *const *paths; /* CSV */
    FILE *const *files;       /* see jb_inputs_open */
    size_t path_count;
    const struct jb_meter_rules *rules;
    struct jb_stamp_style style;
    const char *unit;        /* of what has none in its heading; NULL */
    enum jb_meter_kind kind; /* of what says none */
    bool is_stamped_at_end;  /* times are those of the end of a step */
    int64_t step_ns;         /* 0: the shortest distance of two readings of a meter */
    bool is_dry_run;
    struct jb_progress *progress; /* NULL; its places are the paths */
};

struct jb_meter_summary {
    char name[JB_METER_NAME_SIZE], site[JB_METER_NAME_SIZE];
    enum jb_meter_role role;
    uint64_t reading_count, gap_count, wrap_count, restart_count;
    int64_t first_ns, last_ns, gap_ns; /* from its first step to its last, and what is not known between */
    jb_int128 amount;                  /* µJ, or µl of water */
};

/* A site over the intervals in which all of its meters are known. */
struct jb_meter_site {
    char name[JB_METER_NAME_SIZE];
    jb_int128 facility_uj, it_uj;          /* of these intervals */
    jb_int128 variance_uj;                 /* by which inner meters exceed the outer one */
    jb_int128 excess_uj;                   /* by which hosts, metered on their own, exceed the facility */
    int64_t known_ns, period_ns;           /* length of these intervals, and of all */
    uint64_t interval_count, booked_count; /* and how many are in the book already */
};

struct jb_meter_result {
    struct jb_meter_summary *meters;
    size_t meter_count;
    struct jb_meter_site *sites;
    size_t site_count;
    uint64_t new_flow_count, new_gap_count;
    uint64_t new_series_count; /* of reused energy; changed ones too */
    int64_t first_ns, last_ns; /* of all steps */
};
void jb_meter_result_free(struct jb_meter_result *result);

/* Reads all files, checks them, and books what jb_site_make_flows says in every interval between times at
 * which no meter is within a step, in one transaction. Where the facility is not known, what is known of the
 * others comes in; whatever is not known leaves a gap. Hosts of the site may be booked before or after: see
 * jb_ledger_append. Intervals of a site that the book has already are left as they are, so a file that has
 * grown can be imported again. Nothing is booked when anything is wrong (JB_INPUT names file, line, field and
 * mend). */
enum jb_code jb_meter_import(const struct jb_meter_request *request, struct jb_error *error,
                             struct jb_meter_result *ret_result);

const char *jb_meter_role_name(enum jb_meter_role role);

#endif
