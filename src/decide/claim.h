/* Claims of how clean or efficient something is, as people make them, and what evidence says of them. */
#ifndef JB_DECIDE_CLAIM_H
#define JB_DECIDE_CLAIM_H

#include "account/setting.h"
#include "base/cleanup.h"
#include "base/strings.h"
#include "decide/course.h"
#include "factor/factor.h"
#include "ledger/ledger.h"

enum jb_claim_kind {
    JB_CLAIM_PUE,       /* at most */
    JB_CLAIM_WUE,       /* at most, L/kWh of IT energy */
    JB_CLAIM_CUE,       /* at most, kg/kWh of IT energy, location-based */
    JB_CLAIM_CLEAN,     /* at least: carbon-free part of the electricity, 0 to 1 */
    JB_CLAIM_RENEWABLE, /* at least: renewable part of the electricity, 0 to 1 */
    JB_CLAIM_REUSE,     /* at least: energy reuse factor, 0 to 1 */
    JB_CLAIM_KIND_COUNT,
};
struct jb_claim_kind_info {
    const char *name, *unit; /* as printed: shares in % */
    double scale;            /* printed = value × scale */
    bool is_at_most;
    double floor, ceiling; /* no value lies outside */
    const char *meaning;   /* with its standard */
};
const struct jb_claim_kind_info *jb_claim_kind_info(enum jb_claim_kind kind);

/* [claim NAME] of a claims file; docs/SPEC-claims.md has every key. */
struct jb_claim {
    const char *name;
    const char *says;   /* in the words of who made it; "" */
    const char *source; /* where it stands; "" */
    enum jb_claim_kind kind;
    double value;                  /* in the kind's own unit (shares 0 to 1) */
    double half_width;             /* what rounding hides: half a unit of the last digit written */
    int64_t from_ns, until_ns;     /* the period it is about; of a goal: from INT64_MIN until its date */
    bool is_goal;                  /* "by": to be reached at until_ns */
    bool is_hourly;                /* clean, renewable: matched by the hour, not by yearly volume */
    const char *site;              /* of the setting, whose meters are the evidence; "" all of them */
    const char *provider, *region; /* whose declared factors are shown beside; "" none */
    double materiality; /* relative: how far an interval may reach past the claim, 0.05 by default */
    uint32_t line;
};

struct jb_claims {
    struct jb_claim *items;
    size_t count;
    struct jb_strings *texts;
};
#define JB_CLAIM_CEILING 10000

/* JB_INPUT with file, line, field and mend, also when there is no claim in it. */
enum jb_code jb_claims_parse(const char *text, size_t length, const char *file, struct jb_error *error,
                             struct jb_claims **ret_claims);
void jb_claims_free(struct jb_claims *claims); /* NULL-safe */

/* A figure that evidence gives. */
struct jb_claim_figure {
    bool is_known;
    double value;
    double low, high; /* 95 % interval; NaN: not known */
    double coverage;  /* part of the period that meters cover, 0 to 1 */
};

/* What is known of one claim. */
struct jb_claim_evidence {
    struct jb_claim_figure metered;        /* of the claim's own basis */
    struct jb_claim_figure annual, hourly; /* clean, renewable: by yearly volume, and matched by the hour */
    double volume_kwh;      /* clean, renewable: what contracts were bought, of the technologies that count */
    double other_hours_kwh; /* of it: counted by volume, from hours in which it was not used */
    double undeliverable_kwh; /* of it: from grids that do not reach the site */
    double consumed_kwh;
    struct jb_course_point *points; /* goals: the figures so far, by year, in order of time; malloc'd */
    size_t point_count;
    struct jb_claim_figure declared; /* by the provider itself: shown, and no evidence */
    char declared_source[400];
};

/* Looks for evidence: meters and contracts of the claim's site (all sites of the setting when it names none)
 * and, beside them, what the provider declares. ledger NULL: there is no book. JB_INPUT: the claim names a
 * site that neither the setting nor the book has; file is for the message. */
enum jb_code jb_claim_look(struct jb_ledger *ledger, const struct jb_setting *setting,
                           const struct jb_factors *factors, const struct jb_claim *claim, const char *file,
                           int64_t now_ns, struct jb_error *error, struct jb_claim_evidence *ret_evidence);
void jb_claim_evidence_free(struct jb_claim_evidence *evidence); /* NULL-safe */

enum jb_claim_verdict { JB_CLAIM_SUPPORTED, JB_CLAIM_CONTRADICTED, JB_CLAIM_NOT_SHOWN };
const char *jb_claim_verdict_name(enum jb_claim_verdict verdict);

struct jb_claim_result {
    enum jb_claim_verdict verdict;
    char reason[256];
    bool has_course;
    struct jb_course course; /* goals with figures */
};

/* Parts of the period that no meter covers: more than this, and a figure shows nothing. */
#define JB_CLAIM_COVERAGE 0.95

/* Supported: the figure keeps the claim (its rounding in its favour), and its 95 % interval does not reach
 * past it by more than the materiality (5 % as in assurance of sustainability figures, ISAE 3410).
 * Contradicted: the whole interval breaks it. Else not shown: no meters (a provider's own word is none), too
 * little covered, an interval that does not tell or is not known. Of shares the hours that nothing is known
 * of count as all and as nothing. A goal is supported when it is reached or the trend reaches it,
 * contradicted when its date has passed and it was not reached, and else not shown. */
struct jb_claim_result jb_claim_judge(const struct jb_claim *claim, const struct jb_claim_evidence *evidence,
                                      int64_t now_ns);

JB_DEFINE_CLEANUP(struct jb_claims, jb_claims_free);

#endif
