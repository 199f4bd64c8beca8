/* A project that is to pay back, as its INI file states it: what it costs, what it saves, over which life. */
#ifndef JB_DECIDE_PROJECT_H
#define JB_DECIDE_PROJECT_H

#include "base/ini.h"
#include "decide/formula.h"
#include "estimate/task.h"

#define JB_PROJECT_ITEM_CEILING 128

/* In what a project may pay back. */
enum jb_worth { JB_WORTH_ENERGY, JB_WORTH_CARBON, JB_WORTH_MONEY, JB_WORTH_COUNT };
const char *jb_worth_name(enum jb_worth worth); /* "energy", "carbon", "money" */

/* How much energy, carbon or money one of an item's amount is. */
struct jb_conversion {
    enum { JB_CONVERSION_UNSAID, JB_CONVERSION_NONE, JB_CONVERSION_GIVEN } kind;
    struct jb_product product; /* of JB_CONVERSION_GIVEN */
};

struct jb_project_item {
    const char *name;
    unsigned line;
    bool is_benefit;
    struct jb_product amount; /* without time where is_rate: per hour */
    bool has_amount, is_rate;
    struct jb_product share; /* × attribution × (1 − rebound); no unit */
    struct jb_conversion conversions[JB_WORTH_COUNT];
    const char *what, *region; /* NULL: not given */
    bool is_it;                /* of the machines alone: PUE comes on top */
    double from_h, until_h;    /* since the project's start; until_h at most its life */
    double ramp_h;             /* from nothing to all of it, in a straight line */
    double growth;             /* per year */
    const char *embodied, *source;
    /* An account of the book, and the period from which its rate is taken. */
    const char *account;
    int64_t account_from_ns, account_to_ns;
    /* A model that works: amount is how many requests, images, videos or runs. */
    struct jb_task task; /* model NULL: none */
    struct jb_product gpu_price;
    bool has_gpu_price;
};

struct jb_project {
    struct jb_ini *ini; /* holds the texts */
    char *file;
    const char *name, *region;
    int64_t start_ns;
    double life_h;
    struct jb_measures measures;
    struct jb_names names;
    struct jb_uncertain_list inputs;
    struct jb_product pue, price, intensity, rebound; /* each with its flag */
    bool has_pue, has_price, has_intensity, has_rebound;
    double intensity_trend, discount; /* per year */
    struct jb_project_item *items;
    size_t item_count;
};

/* file: for messages. data NULL: data() is refused. JB_INPUT opens with "file:line: [section] key: ". */
enum jb_code jb_project_parse(const char *bytes, size_t length, const char *file,
                              const struct jb_data_reader *data, struct jb_error *error,
                              struct jb_project **ret_project);
void jb_project_free(struct jb_project *project); /* NULL-safe */

JB_DEFINE_CLEANUP(struct jb_project, jb_project_free);

#endif
