/* index.ini: how a survey was drawn, what was asked, and by which groups it is read. */
#ifndef JB_SURVEY_PLAN_H
#define JB_SURVEY_PLAN_H

#include "base/cleanup.h"
#include "survey/inference.h"

#define JB_PLAN_QUESTIONS 256
#define JB_PLAN_GROUPS    32
#define JB_PLAN_LIST      64

struct jb_plan_list {
    const char *items[JB_PLAN_LIST];
    size_t count;
};

enum jb_question_type {
    JB_QUESTION_SINGLE,   /* one column; the share of each answer */
    JB_QUESTION_MULTIPLE, /* several columns; the share that chose each */
    JB_QUESTION_SCALE,    /* one column of numbers; the share of the top answers, and the mean */
    JB_QUESTION_NUMBER,   /* one column of numbers; the mean and the median */
};

struct jb_question {
    const char *name, *label;
    enum jb_question_type type;
    struct jb_plan_list columns;
    struct jb_plan_list top; /* of a scale */
    const char *chosen;      /* of multiple: what stands in a column that was chosen */
    unsigned line;
};

struct jb_plan_group {
    const char *name, *label, *column;
    unsigned line;
};

struct jb_plan {
    char *text; /* what all the names point into */
    const char *data, *weight;
    struct jb_plan_list strata, clusters, population, missing;
    enum jb_lonely lonely;
    enum jb_interval interval;
    double confidence;
    struct jb_question questions[JB_PLAN_QUESTIONS];
    size_t question_count;
    struct jb_plan_group groups[JB_PLAN_GROUPS];
    size_t group_count;
};

/* Reads text (not kept). name is for messages; JB_INPUT names the line and what may stand there. */
enum jb_code jb_plan_parse(const char *text, const char *name, struct jb_error *error,
                           struct jb_plan **ret_plan);
void jb_plan_free(struct jb_plan *plan); /* NULL-safe */

const struct jb_question *jb_plan_question(const struct jb_plan *plan, const char *name); /* NULL: none */
const struct jb_plan_group *jb_plan_group(const struct jb_plan *plan, const char *name);

JB_DEFINE_CLEANUP(struct jb_plan, jb_plan_free);

#endif
