/* What verbs print: each result as text, JSON or CSV. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_H
#define JB_REPORT_VIEW_H

#include "account/basis.h"
#include "account/value.h"
#include "ledger/explain.h"
#include "ledger/statement.h"
#include "report/form.h"
#include "report/table.h"

/* What every view needs besides its result. */
struct jb_view {
    enum jb_form form;
    struct jb_layout layout;
    struct jb_ledger *ledger; /* for the paths of accounts */
    struct jb_query query;    /* the period asked for */
    struct jb_buffer *out;
};

/* One period of a statement: what was consumed, and what it is worth. */
struct jb_statement_part {
    int64_t from_ns, to_ns; /* INT64_MIN, INT64_MAX: open */
    struct jb_statement statement;
    struct jb_valuation *valuation; /* NULL: not valued */
};

/* A statement as it is to be printed. */
struct jb_statement_view {
    const struct jb_statement_request *request;
    const struct jb_statement_part *parts; /* one, or (with `every`) one a period, in order */
    size_t part_count;
    const char *every;            /* "hour", "day", "month"; NULL: one period */
    const char *unit;             /* functional unit of SCI; NULL: none */
    const struct jb_basis *basis; /* of the valuations; NULL: not valued */
    const char *lacks;            /* why it is not valued, and the mend; NULL: it is, or was not to be */
    size_t limit; /* rows of each commodity, the rest summed as one row "(N others)"; 0: all */
    bool by_name; /* rows ordered by name instead of amount */
};
enum jb_code jb_view_statement(const struct jb_view *view, const struct jb_statement_view *statement,
                               struct jb_error *error);
enum jb_code jb_view_balance(const struct jb_view *view, const struct jb_balance *balance,
                             struct jb_error *error);
enum jb_code jb_view_explanation(const struct jb_view *view, const struct jb_explanation *explanation,
                                 struct jb_error *error);

/* A figure of a valuation taken apart. */
struct jb_figure_view {
    const char *of; /* the account, the row's name, or "total" */
    const struct jb_valuation *valuation;
    const struct jb_figure *figure;
    const char *unit; /* functional unit; NULL: none */
    const struct jb_basis *basis;
    const struct jb_explanation *energy; /* of its energy, when it is of one account; NULL */
};
enum jb_code jb_view_figure(const struct jb_view *view, const struct jb_figure_view *figure,
                            struct jb_error *error);

/* A label and for how many accounts of the book its pattern holds. */
struct jb_label_use {
    const struct jb_label *label;
    uint64_t account_count;
};
enum jb_code jb_view_labels(const struct jb_view *view, const struct jb_label_use *uses, size_t count,
                            struct jb_error *error);

/* ---- shared by the views ---- */

/* Text: what a period is worth, by group; view_value.c. */
enum jb_code jb_view_values_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                 const struct jb_statement_part *part, struct jb_error *error);
/* Text: one row a period and group. */
enum jb_code jb_view_periods_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                  struct jb_error *error);
/* Text: what the figures rest on, what has to be said beside them, and the basis. */
enum jb_code jb_view_grounds_text(const struct jb_view *view, const struct jb_statement_view *statement,
                                  struct jb_error *error);
/* Inputs that are no meters, as a table. */
struct jb_table *jb_input_table(const struct jb_valuation *valuation);
/* "account", "host" … */
const char *jb_group_by_name(enum jb_group_by by);

#define JB_PERIOD_SIZE 96

/* Columns account, start, end, reason. */
struct jb_table *jb_gap_table(const struct jb_view *view, const struct jb_gap *gaps, size_t count);
/* Text: the heading "Not known, and not counted as zero:" and the table; nothing when there is no gap. */
enum jb_code jb_view_gaps_text(const struct jb_view *view, const struct jb_gap *gaps, size_t count,
                               struct jb_error *error);
/* Text: the table of cloud services without an estimate, and of what none of embodied carbon is known
 * (has_embodied: the statement shows it); nothing when there is none. */
enum jb_code jb_view_coverage_text(const struct jb_view *view, const struct jb_coverage *coverage,
                                   bool has_embodied, struct jb_error *error);
/* Members coverage and unestimated of the object that is open. */
enum jb_code jb_view_coverage_json(const struct jb_coverage *coverage, struct jb_json *json,
                                   struct jb_error *error);
/* "2026-07-31T10:00:00Z – 2026-07-31T11:00:00Z" into ret. Returns ret. */
char *jb_period_format(int64_t from_ns, int64_t to_ns, char ret[static JB_PERIOD_SIZE]);
/* Text: "Nothing is booked<what> …" in the period asked for. */
void jb_view_nothing(const struct jb_view *view, const char *what);
/* Time or null: INT64_MIN and INT64_MAX are open ends. */
void jb_json_time(struct jb_json *json, int64_t ns);
/* "apportioned", or "apportioned, modelled" with the larger part first. Returns ret. */
char *jb_method_mix(const jb_int128 by_method[static JB_METHOD_COUNT], char *ret, size_t size);
/* "energy", "water" …, a currency as itself: as a heading. */
const char *jb_commodity_title(jb_commodity commodity, char ret[static JB_COMMODITY_SIZE + 16]);

#endif
