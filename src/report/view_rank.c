/* Rankings as text, JSON or CSV: who stands where, how surely, and on what evidence. */
#include "report/view_rank.h"

#include "base/cleanup.h"
#include "base/distribution.h"

#include <math.h>
#include <stdio.h>

/* The columns of points: one for each criterion that takes part. */
static size_t add_columns(const struct jb_rank_view *view, struct jb_column *columns) {
    static const char *const keys[JB_CRITERION_COUNT] = {"renewable_points", "efficiency_points",
                                                         "carbon_points",    "water_points",
                                                         "price_points",     "latency_points"};
    static const char *const titles[JB_CRITERION_COUNT] = {"Renewable", "Efficiency", "Carbon",
                                                           "Water",     "Price",      "Latency"};
    size_t count = 0;
    columns[count++] = (struct jb_column){.title = "Rank", .align = JB_RIGHT};
    columns[count++] = (struct jb_column){.key = "name", .title = "Place", .is_flexible = true};
    columns[count++] = (struct jb_column){.key = "place_count"};
    columns[count++] = (struct jb_column){.key = "score", .title = "Score", .align = JB_POINT};
    columns[count++] = (struct jb_column){.key = "score_low"};
    columns[count++] = (struct jb_column){.key = "score_high"};
    columns[count++] = (struct jb_column){.title = "95 %"};
    columns[count++] = (struct jb_column){.key = "rank_mean"};
    columns[count++] = (struct jb_column){.key = "rank_low"};
    columns[count++] = (struct jb_column){.key = "rank_high"};
    columns[count++] = (struct jb_column){.key = "first_probability", .title = "First", .align = JB_RIGHT};
    columns[count++] = (struct jb_column){.key = "known_share", .title = "Known", .align = JB_RIGHT};
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        columns[count++] = (struct jb_column){
            .key = keys[k], .title = view->ranking->weights[k] > 0 ? titles[k] : NULL, .align = JB_RIGHT};
    return count;
}

static const char *share(double value, char ret[static 32]) {
    snprintf(ret, 32, value > 0 && value < 0.005 ? "<1 %%" : "%.0f %%", value * 100);
    return ret;
}

static void add_row(const struct jb_rank_view *view, struct jb_table *table, const struct jb_ranked *row) {
    char text[64];
    if (row->rank_low == row->rank_high)
        snprintf(text, sizeof text, "%u", row->rank_low);
    else
        snprintf(text, sizeof text, "%u – %u", row->rank_low, row->rank_high);
    jb_table_text(table, "", row->confidence > 0 ? text : "?");
    jb_table_text(table, row->name, NULL);
    jb_table_integer(table, (int64_t)row->candidate_count, NULL);
    snprintf(text, sizeof text, "%.1f", row->score);
    jb_table_number(table, row->score, row->confidence > 0 ? text : "unknown");
    jb_table_number(table, row->score_low, NULL);
    jb_table_number(table, row->score_high, NULL);
    snprintf(text, sizeof text, "%.0f – %.0f", row->score_low, row->score_high);
    jb_table_text(table, "", text);
    jb_table_number(table, row->rank_mean, NULL);
    jb_table_integer(table, row->rank_low, NULL);
    jb_table_integer(table, row->rank_high, NULL);
    jb_table_number(table, row->first_probability, share(row->first_probability, text));
    jb_table_number(table, row->confidence, share(row->confidence, text));
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        snprintf(text, sizeof text, "%.0f", row->points[k]);
        jb_table_number(table, view->ranking->weights[k] > 0 ? row->points[k] : NAN,
                        isnan(row->points[k]) ? "?" : text);
    }
}

static enum jb_code make_ranks(const struct jb_rank_view *view, struct jb_column *columns, size_t limit,
                               struct jb_error *error, struct jb_table **ret_table) {
    struct jb_table *table = jb_table_make(columns, add_columns(view, columns));
    for (size_t i = 0; table && i < view->ranking->count && (limit == 0 || i < limit); i++)
        add_row(view, table, &view->ranking->rows[i]);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        jb_table_free(table);
    else
        *ret_table = table;
    return code;
}

static const char *unit_of(const struct jb_rank_view *view, unsigned k) {
    return k == JB_RANK_PRICE ? view->price_unit : jb_criterion_info((enum jb_criterion)k)->unit;
}

static void add_evidence(const struct jb_rank_view *view, struct jb_table *table,
                         const struct jb_candidate *candidate, unsigned k) {
    const struct jb_criterion_info *info = jb_criterion_info((enum jb_criterion)k);
    const struct jb_evidence *evidence = &candidate->evidence[k];
    char text[64];
    jb_table_text(table, candidate->name, NULL);
    jb_table_text(table, info->name, NULL);
    if (!evidence->is_known) {
        jb_table_null(table, "unknown");
        jb_table_text(table, unit_of(view, k), "");
        for (int i = 0; i < 5; i++)
            jb_table_null(table, "");
        jb_table_text(table, "", "");
        jb_table_text(table, "", "");
        return;
    }
    double low, high;
    jb_interval_95(evidence->value, fabs(evidence->value) * evidence->uncertainty, &low, &high);
    low = fmax(info->low, low);
    high = fmin(info->high, high);
    snprintf(text, sizeof text, "%.4g", evidence->value);
    jb_table_number(table, evidence->value, text);
    jb_table_text(table, unit_of(view, k), NULL);
    jb_table_number(table, evidence->uncertainty, NULL);
    jb_table_boolean(table, evidence->is_assumed, NULL);
    jb_table_number(table, low, NULL);
    jb_table_number(table, high, NULL);
    snprintf(text, sizeof text, "%.3g – %.3g%s", low, high, evidence->is_assumed ? " *" : "");
    jb_table_text(table, "", text);
    jb_table_text(table, evidence->basis, NULL);
    jb_table_text(table, evidence->source, NULL);
}

static enum jb_code make_evidence(const struct jb_rank_view *view, struct jb_error *error,
                                  struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "place", .title = "Place"},
        {.key = "criterion", .title = "Criterion"},
        {.key = "value", .title = "Value", .align = JB_POINT},
        {.key = "unit", .title = "Unit"},
        {.key = "uncertainty"},
        {.key = "uncertainty_assumed"},
        {.key = "low"},
        {.key = "high"},
        {.title = "95 %"},
        {.key = "basis", .title = "Basis"},
        {.key = "source", .title = "Source", .is_flexible = true},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < view->candidate_count; i++)
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
            if (view->ranking->weights[k] > 0)
                add_evidence(view, table, &view->candidates[i], k);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        jb_table_free(table);
    else
        *ret_table = table;
    return code;
}

static void write_criteria(const struct jb_rank_view *view, struct jb_json *json) {
    jb_json_key(json, "criteria");
    jb_json_array(json);
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
        if (view->request->weights[k] <= 0)
            continue;
        jb_json_object(json);
        jb_json_key(json, "criterion");
        jb_json_string(json, jb_criterion_info((enum jb_criterion)k)->name);
        jb_json_key(json, "weight");
        jb_json_number(json, view->ranking->weights[k]);
        jb_json_key(json, "unit");
        jb_json_string(json, unit_of(view, k));
        jb_json_key(json, "worst");
        jb_json_number(json, view->request->goalposts[k].worst);
        jb_json_key(json, "best");
        jb_json_number(json, view->request->goalposts[k].best);
        jb_json_key(json, "left_out");
        jb_json_boolean(json, view->ranking->is_left_out[k]);
        jb_json_end(json, '}');
    }
    jb_json_end(json, ']');
}

static void write_json(const struct jb_rank_view *view, const struct jb_table *ranks,
                       const struct jb_table *evidence) {
    struct jb_json json = jb_json_make(view->out);
    jb_json_object(&json);
    write_criteria(view, &json);
    jb_json_key(&json, "concentration");
    jb_json_number(&json, view->request->concentration);
    jb_json_key(&json, "draw_count");
    jb_json_integer(&json, view->request->draw_count);
    jb_json_key(&json, "seed");
    jb_json_amount(&json, (jb_int128)view->request->seed);
    jb_json_key(&json, "ranking");
    jb_table_write_json(ranks, &json);
    jb_json_key(&json, "evidence");
    jb_table_write_json(evidence, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(view->out, '\n');
}

static void write_notes(const struct jb_rank_view *view, size_t row_count) {
    struct jb_buffer *out = view->out;
    bool is_assumed = false, is_unknown = false;
    jb_buffer_add_string(out, "\nWeights: ");
    for (unsigned k = 0, shown = 0; k < JB_CRITERION_COUNT; k++) {
        const struct jb_criterion_info *info = jb_criterion_info((enum jb_criterion)k);
        const char *unit = unit_of(view, k);
        if (view->ranking->weights[k] <= 0)
            continue;
        jb_buffer_printf(out, "%s%s %.0f %% (0 at %g, 100 at %g%s%s)", shown++ ? ", " : "", info->name,
                         100 * view->ranking->weights[k], view->request->goalposts[k].worst,
                         view->request->goalposts[k].best, *unit ? " " : "", unit);
    }
    jb_buffer_printf(out, ".\nRank: 95 %% of %u draws over weights and evidence (seed %llu).\n",
                     view->request->draw_count, (unsigned long long)view->request->seed);
    for (unsigned k = 0; k < JB_CRITERION_COUNT; k++)
        if (view->ranking->is_left_out[k])
            jb_buffer_printf(out, "Left out: %s, of which nothing is known at any of these places.\n",
                             jb_criterion_info((enum jb_criterion)k)->name);
    for (size_t i = 0; i < view->candidate_count; i++) {
        for (unsigned k = 0; k < JB_CRITERION_COUNT; k++) {
            const struct jb_evidence *evidence = &view->candidates[i].evidence[k];
            if (view->ranking->weights[k] > 0) {
                is_assumed = is_assumed || (evidence->is_known && evidence->is_assumed);
                is_unknown = is_unknown || !evidence->is_known;
            }
        }
    }
    if (is_unknown && !view->shows_evidence)
        jb_buffer_add_string(out,
                             "Known: part of the weight with evidence. Where there is none, draws take what "
                             "other places have; the score is over the rest.\n");
    if (is_assumed && view->shows_evidence)
        jb_buffer_add_string(out, "* The source states no uncertainty; this one is assumed.\n");
    if (row_count < view->ranking->count && !view->shows_evidence)
        jb_buffer_printf(out, "%zu more places; --limit 0 shows all.\n", view->ranking->count - row_count);
}

enum jb_code jb_view_ranking(const struct jb_rank_view *view, struct jb_error *error) {
    struct jb_column columns[32];
    _cleanup_(jb_table_free_cleanup) struct jb_table *ranks = NULL, *evidence = NULL;
    size_t limit = view->form == JB_FORM_TEXT ? view->limit : 0;
    enum jb_code code = make_ranks(view, columns, limit, error, &ranks);
    if (!code)
        code = make_evidence(view, error, &evidence);
    if (code)
        return code;
    if (view->form == JB_FORM_JSON) {
        write_json(view, ranks, evidence);
    } else if (view->form == JB_FORM_CSV) {
        jb_table_write_csv(view->shows_evidence ? evidence : ranks, view->out);
    } else {
        jb_table_write_text(view->shows_evidence ? evidence : ranks, &view->layout, view->out);
        write_notes(view, jb_table_row_count(ranks));
    }
    return JB_OK;
}
