/* index.ini: how a survey was drawn, what was asked, by which groups it is read, what it is calibrated to. */
#ifndef JB_SURVEY_PLAN_H
#define JB_SURVEY_PLAN_H

#include "base/cleanup.h"
#include "survey/answers.h"
#include "survey/inference.h"
#include "survey/pillars.h"

#define JB_PLAN_QUESTIONS 1024
#define JB_PLAN_GROUPS    64
#define JB_PLAN_FILTERS   64
#define JB_PLAN_TARGETS   64
#define JB_PLAN_LIST      4096
#define JB_PLAN_LEVELS    4096
#define JB_PLAN_CROSSED   4 /* columns that a group or target may cross */

struct jb_plan_list {
    const char **items;
    size_t count;
};

enum jb_question_type {
    JB_QUESTION_SINGLE,   /* one column; the share of each answer */
    JB_QUESTION_MULTIPLE, /* several columns; the share that chose each */
    JB_QUESTION_SCALE,    /* one column of numbers; the share of the top answers, and the mean */
    JB_QUESTION_NUMBER,   /* one column of numbers; the mean and the median */
    JB_QUESTION_RATIO,    /* two columns of numbers: the sum of one over that of the other */
};

/* Figures of a question, as bits; 0 stands for those of its type. */
enum jb_show {
    JB_SHOW_SHARE = 1,  /* each answer's share */
    JB_SHOW_TOP = 2,    /* the top answers' share, of a scale */
    JB_SHOW_MEAN = 4,   /* of numbers */
    JB_SHOW_TOTAL = 8,  /* of numbers; else how many in the population gave each answer */
    JB_SHOW_MEDIAN = 16 /* and other quantiles, see quantiles */
};

struct jb_question {
    const char *name, *label; /* label NULL: the file's, or the name */
    enum jb_question_type type;
    struct jb_plan_list columns;
    struct jb_plan_list top;     /* of a scale */
    struct jb_plan_list missing; /* texts that are no answer to this question, beside the survey's */
    const char *chosen;          /* of multiple: what stands in a column that was chosen */
    const char *over;            /* of ratio: the column below */
    const char *filter;          /* name of the filter of who was asked; NULL: everybody */
    unsigned show;               /* bits of enum jb_show */
    double quantiles[16];        /* probabilities, beside or instead of the median */
    size_t quantile_count;
    unsigned line;
};

struct jb_plan_group {
    const char *name, *label;
    struct jb_plan_list columns; /* several: each combination of their values is a group */
    unsigned line;
};

enum jb_relation { JB_EQUAL, JB_NOT_EQUAL, JB_LESS, JB_AT_MOST, JB_MORE, JB_AT_LEAST };

/* "market = KR, JP" or "size >= 250"; a missing value fulfils none. */
struct jb_condition {
    const char *column;
    enum jb_relation relation;
    struct jb_plan_list values; /* any of them (of NOT_EQUAL none); one number for the others */
};

/* Who is looked at: all conditions hold. */
struct jb_plan_filter {
    const char *name, *label;
    struct jb_condition conditions[16];
    size_t condition_count;
    unsigned line;
};

struct jb_plan_level {
    const char *text; /* of a target of several columns: their values with " | " between them */
    double value;
    unsigned line;
};

/* What is known of the population: how many have each value of the columns, or the total of a number. */
struct jb_plan_target {
    const char *name;
    struct jb_plan_list columns;
    bool is_number; /* total is that of the column */
    double total;
    struct jb_plan_level *levels;
    size_t level_count, level_capacity;
    unsigned line;
};

enum jb_calibration_method {
    JB_CALIBRATE_RAKE,
    JB_CALIBRATE_POSTSTRATIFY,
    JB_CALIBRATE_LINEAR,
    JB_CALIBRATE_RAKING,
    JB_CALIBRATE_LOGIT
};

struct jb_plan_calibration {
    enum jb_calibration_method method;
    double size;      /* of the population; targets are then shares of it; 0: targets are counts */
    double tolerance; /* relative */
    unsigned iterations;
    double low, high;           /* bounds of new over old weight; −INFINITY, INFINITY: none */
    double trim_low, trim_high; /* of the weights; −INFINITY, INFINITY: not trimmed */
    bool is_trim_strict;        /* trimmed again until no weight is beyond */
    unsigned line;              /* 0: the plan has no [calibration] */
};

enum jb_replication {
    JB_REPLICATE_NONE,
    JB_REPLICATE_JK1,
    JB_REPLICATE_JKN,
    JB_REPLICATE_BRR,
    JB_REPLICATE_FAY,
    JB_REPLICATE_BOOTSTRAP,
    JB_REPLICATE_SUBBOOTSTRAP,
    JB_REPLICATE_OTHER
};

struct jb_plan_replicates {
    enum jb_replication type;
    struct jb_plan_list weights; /* columns; names may end in "*". None: they are made */
    size_t count;                /* of bootstrap weights to make */
    uint64_t seed;
    double rho;                           /* of Fay, in [0, 1) */
    double scale;                         /* NaN: the type's own */
    struct jb_plan_list scales;           /* one a replicate; none: the type's own */
    double df;                            /* NaN: from the weights */
    bool is_around_estimate, is_combined; /* combined: columns hold whole weights, not factors */
    unsigned line;
};

struct jb_plan_text {
    const char *language, *from, *to;
};

struct jb_plan {
    char *text;   /* what all the names point into */
    void **owned; /* arrays of the lists, freed with the plan */
    size_t owned_count, owned_capacity;
    const char *data, *weight;
    const char *note; /* what every result has to say of the data; NULL: nothing */
    const char *id;   /* column that names people; NULL: none */
    struct jb_plan_list strata, clusters, population, missing;
    enum jb_lonely lonely;
    enum jb_interval interval;
    double confidence;
    struct jb_question *questions;
    size_t question_count, question_capacity;
    struct jb_plan_group groups[JB_PLAN_GROUPS];
    size_t group_count;
    struct jb_plan_filter filters[JB_PLAN_FILTERS];
    size_t filter_count;
    struct jb_plan_target targets[JB_PLAN_TARGETS];
    size_t target_count;
    struct jb_plan_calibration calibration;
    struct jb_plan_replicates replicates;
    struct jb_index index; /* without a pillar: the plan has none, nor the questions of the default ones */
    struct jb_plan_text *texts;
    size_t text_count, text_capacity;
    const char *language; /* of the section [text] that is read */
};

/* Reads text (not kept). name is for messages; JB_INPUT names the line and what may stand there. */
enum jb_code jb_plan_parse(const char *text, const char *name, struct jb_error *error,
                           struct jb_plan **ret_plan);
void jb_plan_free(struct jb_plan *plan); /* NULL-safe */

const struct jb_question *jb_plan_question(const struct jb_plan *plan, const char *name); /* NULL: none */
const struct jb_plan_group *jb_plan_group(const struct jb_plan *plan, const char *name);
const struct jb_plan_filter *jb_plan_filter(const struct jb_plan *plan, const char *name);
/* What [text LANGUAGE] says for text; text itself where it says nothing. */
const char *jb_plan_translate(const struct jb_plan *plan, const char *language, const char *text);

/* Adds the filter that text says, as "market = KR, JP and size >= 250". Before jb_plan_wanted. */
enum jb_code jb_plan_add_filter(struct jb_plan *plan, const char *text, struct jb_error *error,
                                const struct jb_plan_filter **ret_filter);

/* Adds the group that crosses those that names lists: "market, size". Before jb_plan_wanted. */
enum jb_code jb_plan_add_group(struct jb_plan *plan, const char *names, struct jb_error *error,
                               const struct jb_plan_group **ret_group);

/* The columns that the plan names, each once, for jb_answers_read; free with free. They point into the plan.
 */
enum jb_code jb_plan_wanted(const struct jb_plan *plan, struct jb_error *error,
                            struct jb_wanted_column **ret_wanted, size_t *ret_count);

JB_DEFINE_CLEANUP(struct jb_plan, jb_plan_free);

#endif
