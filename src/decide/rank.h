/* Ranking: places to run by weighted criteria, with how sure each place's rank is. */
#ifndef JB_DECIDE_RANK_H
#define JB_DECIDE_RANK_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jb_criterion {
    JB_RANK_RENEWABLE,  /* carbon-free part of the electricity, % */
    JB_RANK_EFFICIENCY, /* PUE */
    JB_RANK_CARBON,     /* location-based grid intensity, g/kWh */
    JB_RANK_WATER,      /* WUE + PUE × the grid's water, L/kWh of IT energy */
    JB_RANK_PRICE,      /* in the user's own unit */
    JB_RANK_LATENCY,    /* round trip, ms */
    JB_CRITERION_COUNT,
};

struct jb_criterion_info {
    const char *name, *unit; /* of price: "" */
    double worst, best;      /* goalposts: value at which the score is 0 and 1; equal: none by default */
    double low, high;        /* what lies outside cannot be */
    double weight;           /* by default, in points: 0 takes no part */
    double uncertainty;      /* relative standard uncertainty assumed where a source states none */
    const char *meaning;
};
const struct jb_criterion_info *jb_criterion_info(enum jb_criterion criterion);
bool jb_criterion_parse(const char *name, size_t length, enum jb_criterion *ret_criterion);

/* What is known of one criterion at one place. */
struct jb_evidence {
    bool is_known;
    double value;         /* in the criterion's unit */
    double uncertainty;   /* relative standard, never NaN */
    bool is_assumed;      /* the source states no uncertainty */
    const char *error_id; /* evidence of the same id errs together: the id of the factor row behind it */
    const char *basis;  /* how it was obtained: "hourly matched", "declared by volume", "grid average" … */
    const char *source; /* who says so, with the year */
};

struct jb_candidate {
    const char *group; /* what is ranked: "gcp/europe-west1"; several of one group are averaged */
    const char *name;  /* "gcp/europe-west1": breaks ties of order, so that input order does not matter */
    struct jb_evidence evidence[JB_CRITERION_COUNT];
};

struct jb_goalpost {
    double worst, best;
};

struct jb_rank_request {
    double weights[JB_CRITERION_COUNT]; /* ≥ 0, at least one > 0; only their ratios count */
    struct jb_goalpost goalposts[JB_CRITERION_COUNT];
    double concentration; /* of the weights' Dirichlet distribution: > 0; INFINITY: weights are exact */
    unsigned draw_count;  /* 1 to JB_RANK_DRAW_CEILING */
    uint64_t seed;
};
#define JB_RANK_CANDIDATE_CEILING 4096
#define JB_RANK_DRAW_CEILING      1000000
/* Weights as a survey's respondents give them: standard deviations of some 9 points around one third. */
#define JB_RANK_CONCENTRATION 30

struct jb_ranked {
    const char *name; /* the group's */
    size_t candidate_count;
    double score;                 /* 0 to 100, over what is known; NaN when nothing is */
    double score_low, score_high; /* 95 % interval over the draws */
    double rank_mean;
    unsigned rank_low, rank_high; /* 95 % interval, from 1 */
    double first_probability;
    double confidence;                 /* part of the weight asked for of which there is evidence, 0 to 1 */
    double points[JB_CRITERION_COUNT]; /* each criterion's 0 to 100 by its goalposts; NaN unknown */
    double known[JB_CRITERION_COUNT];  /* part of the group's candidates with evidence */
};

struct jb_ranking {
    struct jb_ranked *rows; /* by mean rank, then score, then name; those of which nothing is known last */
    size_t count;
    double weights[JB_CRITERION_COUNT];   /* as used: they sum to 1 */
    bool is_left_out[JB_CRITERION_COUNT]; /* weighted, but known of no candidate: takes no part */
};

/* Score: Σ wₖ vₖ / Σ wₖ over the known criteria k, with vₖ = clamp((x − worst) / (best − worst), 0, 1): fixed
 * goalposts, so that a place's score does not move when another joins (OECD/JRC Handbook on Composite
 * Indicators 2008, 5). Ranks: over draw_count seeded draws of the weights (Dirichlet with mean w and the
 * concentration), of each source's error (normal, common to all that rests on it), and, where a criterion is
 * unknown, of a value that some other candidate has for it: so missing evidence widens the interval and does
 * not move the score. JB_USAGE names what in the request makes no sense; JB_NO_DATA: no candidate has
 * evidence of a weighted criterion. Independent of the candidates' order. */
enum jb_code jb_rank(const struct jb_rank_request *request, const struct jb_candidate *candidates,
                     size_t count, struct jb_error *error, struct jb_ranking *ret_ranking);
void jb_ranking_free(struct jb_ranking *ranking); /* NULL-safe */

#endif
