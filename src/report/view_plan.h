/* What `plan` prints: the best time and place, what it saves, and what more patience would. */
#ifndef JB_REPORT_VIEW_PLAN_H
#define JB_REPORT_VIEW_PLAN_H

#include "decide/plan_forecast.h"
#include "report/form.h"
#include "report/table.h"

#define JB_PLAN_NAME_SIZE 128

/* One place and the best time there. */
struct jb_plan_option {
    char name[JB_PLAN_NAME_SIZE];     /* as it was asked for: "ES", "gcp/europe-west1" */
    char series[JB_SERIES_NAME_SIZE]; /* where its level is from: a series of the book, or a file */
    double uncertainty;               /* of the series; NaN not known */
    int64_t known_ns;                 /* up to when it is known; later is a forecast */
    bool fits;                        /* else it is not known for as long as the task takes */
    struct jb_plan_choice choice;
};

/* The best of all places when the task must be done sooner. */
struct jb_plan_slack {
    int64_t slack_ns; /* the window is longer than the task by this */
    bool fits;
    size_t option;
    int64_t start_ns;
    double mean;
};

enum jb_plan_basis { JB_PLAN_KNOWN, JB_PLAN_FORECAST, JB_PLAN_FILE };

struct jb_plan_report {
    struct jb_plan_task task;
    double energy_kwh;
    bool is_price;
    char unit[JB_SERIES_TEXT_SIZE]; /* of the level: g/kWh, EUR/kWh */
    enum jb_plan_basis basis;
    int64_t season_ns; /* of the forecast */
    struct jb_backtest backtest;
    struct jb_plan_option *options; /* the first is where the task would run at once */
    size_t option_count, best;
    double now_mean;                /* at once in options[0]; NaN not known */
    double saving_low, saving_high; /* 95 %, by unit of level; NaN not known */
    struct jb_plan_slack *slacks;   /* ascending */
    size_t slack_count;
};
void jb_plan_report_free(struct jb_plan_report *report); /* NULL-safe */

enum jb_code jb_view_plan(enum jb_form form, const struct jb_layout *layout,
                          const struct jb_plan_report *report, struct jb_buffer *out, struct jb_error *error);

#endif
