/* The parts of a plan's reader: one table of sections, each with a function for its keys. */
#ifndef JB_SURVEY_PLAN_READER_H
#define JB_SURVEY_PLAN_READER_H

#include "survey/plan.h"

struct jb_plan_reader {
    struct jb_plan *plan;
    const char *name; /* of the file, for messages */
    unsigned line;
    const struct jb_plan_section *section; /* NULL: before the first */
    struct jb_error *error;
};

struct jb_plan_section {
    const char *kind; /* [kind NAME], or [kind] */
    bool is_named;
    /* The section begins; name is NULL when it is not named. */
    enum jb_code (*begin)(struct jb_plan_reader *reader, const char *name);
    /* KEY = VALUE; both stay where they are, and value may be cut up. */
    enum jb_code (*take)(struct jb_plan_reader *reader, const char *key, char *value);
    /* Once all is read: what no single line shows. */
    enum jb_code (*check)(struct jb_plan_reader *reader);
};

/* JB_INPUT with "NAME:LINE: " before the message. */
#define JB_PLAN_WRONG(reader, ...)                                                                           \
    (jb_error_set((reader)->error, JB_INPUT, __VA_ARGS__), jb_plan_place(reader), JB_INPUT)
void jb_plan_place(struct jb_plan_reader *reader); /* puts it before a message */

char *jb_plan_trim(char *text);
/* "a, b": items in value; kept by the plan. */
enum jb_code jb_plan_read_list(struct jb_plan_reader *reader, char *value, struct jb_plan_list *ret_list);
/* A list of one item. */
enum jb_code jb_plan_list_of(struct jb_plan_reader *reader, const char *item, struct jb_plan_list *ret_list);
/* Adds the items of more. */
enum jb_code jb_plan_join_lists(struct jb_plan_reader *reader, struct jb_plan_list *list,
                                const struct jb_plan_list *more);
/* The number of value among names, which ends with NULL. */
enum jb_code jb_plan_read_choice(struct jb_plan_reader *reader, const char *key, const char *value,
                                 const char *const *names, unsigned *ret_choice);
/* A number from low to high. */
enum jb_code jb_plan_read_number(struct jb_plan_reader *reader, const char *key, const char *value,
                                 double low, double high, double *ret_number);
enum jb_code jb_plan_read_whole(struct jb_plan_reader *reader, const char *key, const char *value,
                                uint64_t high, uint64_t *ret_number);
/* yes or no */
enum jb_code jb_plan_read_boolean(struct jb_plan_reader *reader, const char *key, const char *value,
                                  bool *ret);
/* "market = KR, JP and size >= 250" */
enum jb_code jb_plan_read_conditions(struct jb_plan_reader *reader, char *value,
                                     struct jb_plan_filter *filter);
/* A condition may name a group of one column instead of the column. Once the groups are read. */
void jb_plan_resolve_filter(const struct jb_plan *plan, struct jb_plan_filter *filter);

extern const struct jb_plan_section jb_plan_section_question, jb_plan_section_group, jb_plan_section_filter,
    jb_plan_section_replicates, jb_plan_section_calibration, jb_plan_section_target, jb_plan_section_pillar,
    jb_plan_section_item, jb_plan_section_text;

#endif
