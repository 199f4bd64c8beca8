/* Tiers and rank intervals, never a bare list of places: what cannot be told apart is not put in an order. */
#include "report/view_compare.h"

#include "report/view_score.h"

#include <math.h>
#include <string.h>

#define MATRIX_GROUPS 20 /* columns of probabilities that a table can show */

const char *const jb_rank_source_names[JB_SOURCE_COUNT] = {"sampling", "weights", "aggregation", "sign",
                                                           "left-out"};

static const char *const source_titles[JB_SOURCE_COUNT] = {
    "Sampling: other people might have been asked", "Weights of the pillars",
    "Aggregation: arithmetic or geometric", "Sign of contested pillars", "An item left out"};

char *jb_rank_format(double rank, char ret[static 32]) {
    (void)snprintf(ret, 32, isnan(rank) ? "–" : "%g", rank);
    return ret;
}

size_t *jb_compare_order(const struct jb_comparison *comparison) {
    size_t count = comparison->group_count, used = 0;
    size_t *order = calloc(count ? count : 1, sizeof(*order));
    /* Classes stand in the order of their names already. */
    for (unsigned tier = 1; order && tier <= count; tier++) {
        for (size_t i = 0; i < count; i++) {
            if (comparison->tier[i] == tier)
                order[used++] = i;
        }
    }
    for (size_t i = 0; order && i < count; i++) {
        if (comparison->tier[i] == 0)
            order[used++] = i;
    }
    return order;
}

/* ---- groups ---- */

static const struct jb_column group_columns[] = {
    {.key = "tier", .title = "Tier", .align = JB_RIGHT},
    {.key = "group", .title = "Group", .is_flexible = true},
    {.key = "respondents", .title = "n", .align = JB_RIGHT},
    {.key = "score", .title = "Score", .align = JB_RIGHT},
    {.key = "low"},
    {.key = "high"},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "draws_low"},
    {.key = "draws_high"},
    {.key = NULL, .title = "Over the draws", .align = JB_RIGHT},
    {.key = "rank_low"},
    {.key = "rank_median"},
    {.key = "rank_high"},
    {.key = NULL, .title = "Places", .align = JB_RIGHT},
};

static void add_group(const struct jb_compare_view *view, size_t group, bool is_text,
                      struct jb_table *table) {
    const struct jb_comparison *c = view->comparison;
    struct jb_score_figure score = jb_score_figure(
        view->scoring, group, jb_figure_of_index(view->scoring, JB_ARITHMETIC), view->plan->confidence);
    char text[80], from[32], to[32];
    if (c->tier[group])
        jb_table_integer(table, c->tier[group], NULL);
    else
        jb_table_null(table, "–");
    jb_table_text(table, view->classes->items[group].text,
                  is_text ? view->classes->items[group].label : NULL);
    jb_table_integer(table, (int64_t)score.row_count, NULL);
    jb_table_number(table, score.value, score.is_suppressed ? "too few" : jb_score_format(score.value, text));
    jb_table_number(table, score.low, NULL);
    jb_table_number(table, score.high, NULL);
    jb_table_text(table, jb_score_interval_format(score.low, score.high, text), NULL);
    jb_table_number(table, c->score_low[group], NULL);
    jb_table_number(table, c->score_high[group], NULL);
    jb_table_text(table, jb_score_interval_format(c->score_low[group], c->score_high[group], text), NULL);
    jb_table_number(table, c->rank_low[group], NULL);
    jb_table_number(table, c->rank_median[group], NULL);
    jb_table_number(table, c->rank_high[group], NULL);
    if (isnan(c->rank_low[group]))
        (void)snprintf(text, sizeof(text), "–");
    else
        (void)snprintf(text, sizeof(text), "%s to %s", jb_rank_format(c->rank_low[group], from),
                       jb_rank_format(c->rank_high[group], to));
    jb_table_text(table, text, NULL);
}

static struct jb_table *make_groups(const struct jb_compare_view *view, bool is_text) {
    _cleanup_free_ size_t *order = jb_compare_order(view->comparison);
    struct jb_table *table = order ? jb_table_make(group_columns, JB_COUNT(group_columns)) : NULL;
    for (size_t i = 0; table && i < view->comparison->group_count; i++)
        add_group(view, order[i], is_text, table);
    return table;
}

/* ---- pairs ---- */

static const struct jb_column pair_columns[] = {{.key = "group"}, {.key = "other"}, {.key = "above"}};

static struct jb_table *make_pairs(const struct jb_compare_view *view) {
    size_t count = view->comparison->group_count;
    struct jb_table *table = jb_table_make(pair_columns, JB_COUNT(pair_columns));
    for (size_t a = 0; table && a < count; a++) {
        for (size_t b = 0; b < count; b++) {
            if (isnan(view->comparison->above[a * count + b]))
                continue;
            jb_table_text(table, view->classes->items[a].text, NULL);
            jb_table_text(table, view->classes->items[b].text, NULL);
            jb_table_number(table, view->comparison->above[a * count + b], NULL);
        }
    }
    return table;
}

/* Rows and columns of those that have a tier, numbered so that the columns stay narrow. */
static enum jb_code write_matrix(const struct jb_compare_view *view, const struct jb_layout *layout,
                                 struct jb_error *error, struct jb_buffer *out) {
    const struct jb_comparison *c = view->comparison;
    _cleanup_free_ size_t *order = jb_compare_order(c);
    struct jb_column columns[2 + MATRIX_GROUPS] = {{.title = "", .align = JB_RIGHT},
                                                   {.title = jb_group_label(view->by), .is_flexible = true}};
    char heads[MATRIX_GROUPS][8], text[32];
    size_t count = 0;
    if (!order)
        return jb_error_set(error, JB_MEMORY, "no memory for a table");
    while (count < c->group_count && c->tier[order[count]])
        count++;
    if (count > MATRIX_GROUPS) {
        jb_buffer_printf(out,
                         "\nThe chance of each to be above each other: --json, or --csv --table pairs.\n");
        return JB_OK;
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(heads[i], sizeof(heads[i]), "%zu", i + 1);
        columns[2 + i] = (struct jb_column){.title = heads[i], .align = JB_RIGHT};
    }
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, 2 + count);
    for (size_t i = 0; table && i < count; i++) {
        jb_table_text(table, heads[i], NULL);
        jb_table_text(table, view->classes->items[order[i]].label, NULL);
        for (size_t j = 0; j < count; j++) {
            double above = c->above[order[i] * c->group_count + order[j]];
            (void)snprintf(text, sizeof(text), "%.0f", 100 * above);
            jb_table_text(table, isnan(above) ? "" : text, NULL);
        }
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_printf(out, "\nHow often the row came out above the column, in per cent of the draws\n\n");
    jb_table_write_text(table, layout, out);
    return JB_OK;
}

/* ---- sources ---- */

static const struct jb_column source_columns[] = {
    {.key = "result"},
    {.key = "source", .title = "What moves the order"},
    {.key = "first", .title = "Alone", .align = JB_RIGHT},
    {.key = "total", .title = "In all", .align = JB_RIGHT},
};

static void add_part(struct jb_table *table, double part) {
    char text[32];
    /* Estimates of nothing scatter around 0. */
    (void)snprintf(text, sizeof(text), isnan(part) ? "–" : "%.0f %%", 100 * fmax(part, 0));
    jb_table_number(table, part, text);
}

static struct jb_table *make_sources(const struct jb_compare_view *view, bool is_text) {
    const struct jb_comparison *c = view->comparison;
    struct jb_table *table = jb_table_make(source_columns, JB_COUNT(source_columns));
    for (size_t i = 0; table && i <= (is_text ? 0 : c->group_count); i++) {
        for (size_t s = 0; s < JB_SOURCE_COUNT; s++) {
            if (!c->has_source[s] || (i && !c->tier[i - 1]))
                continue;
            if (i)
                jb_table_text(table, view->classes->items[i - 1].text, NULL);
            else
                jb_table_null(table, NULL);
            jb_table_text(table, jb_rank_source_names[s], source_titles[s]);
            add_part(table, c->first[i][s]);
            add_part(table, c->total[i][s]);
        }
    }
    return table;
}

/* ---- whole ---- */

static enum jb_code write_text(const struct jb_compare_view *view, const struct jb_layout *layout,
                               struct jb_error *error, struct jb_buffer *out) {
    const struct jb_comparison *c = view->comparison;
    _cleanup_(jb_table_free_cleanup) struct jb_table *groups = make_groups(view, true);
    _cleanup_(jb_table_free_cleanup) struct jb_table *sources = make_sources(view, true);
    char label[512];
    bool any_left_out = false;
    enum jb_code code = jb_table_check(groups, error);
    if (!code)
        code = jb_table_check(sources, error);
    if (code)
        return code;
    jb_view_note(view->plan, out);
    jb_buffer_printf(out, "Index, by %s: tiers and places that %zu draws leave open (%g %% intervals)\n\n",
                     jb_text_display(jb_group_label(view->by), label, sizeof(label)), view->options->draws,
                     100 * view->options->confidence);
    jb_table_write_text(groups, layout, out);
    for (size_t g = 0; g < c->group_count; g++)
        any_left_out = any_left_out || c->tier[g] == 0;
    jb_buffer_printf(
        out,
        "\nA tier: the highest score that is left, and all that it is not above in %g %% of the draws. They "
        "cannot be\ntold apart, and stand in the order of their names.\n",
        100 * view->options->separation);
    if (any_left_out)
        jb_buffer_printf(out, "Too few: n or effective n is below %d.\n", JB_SCORE_LEAST);
    code = write_matrix(view, layout, error, out);
    if (code)
        return code;
    jb_buffer_printf(out,
                     "\nOn average a draw moves a group by %.1f places. Parts of the variance of that:\n\n",
                     c->shift);
    jb_table_write_text(sources, layout, out);
    jb_buffer_printf(
        out, "\nAlone: what would go if this were known (first Sobol index); in all: with what it does "
             "together with others (total).\n");
    return JB_OK;
}

static enum jb_code write_json(const struct jb_compare_view *view, struct jb_error *error,
                               struct jb_buffer *out) {
    static const char *const keys[] = {"groups", "pairs", "sources"};
    struct jb_table *tables[] = {make_groups(view, false), make_pairs(view), make_sources(view, false)};
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < JB_COUNT(tables) && !code; i++)
        code = jb_table_check(tables[i], error);
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "note");
    jb_json_string(&json, view->plan->note);
    jb_json_key(&json, "by");
    jb_json_string(&json, view->by->name);
    jb_json_key(&json, "draws");
    jb_json_integer(&json, (int64_t)view->options->draws);
    jb_json_key(&json, "seed");
    jb_json_integer(&json, (int64_t)view->options->seed);
    jb_json_key(&json, "concentration");
    jb_json_number(&json, view->options->concentration);
    jb_json_key(&json, "confidence");
    jb_json_number(&json, view->options->confidence);
    jb_json_key(&json, "separation");
    jb_json_number(&json, view->options->separation);
    jb_json_key(&json, "shift");
    jb_json_number(&json, view->comparison->shift);
    for (size_t i = 0; i < JB_COUNT(tables); i++) {
        if (!code) {
            jb_json_key(&json, keys[i]);
            jb_table_write_json(tables[i], &json);
        }
        jb_table_free(tables[i]);
    }
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return code;
}

enum jb_code jb_view_comparison(enum jb_form form, const struct jb_layout *layout,
                                enum jb_compare_table table, const struct jb_compare_view *view,
                                struct jb_error *error, struct jb_buffer *out) {
    if (form == JB_FORM_TEXT)
        return write_text(view, layout, error, out);
    if (form == JB_FORM_JSON)
        return write_json(view, error, out);
    _cleanup_(jb_table_free_cleanup) struct jb_table *made =
        table == JB_COMPARE_OF_GROUPS  ? make_groups(view, false)
        : table == JB_COMPARE_OF_PAIRS ? make_pairs(view)
                                       : make_sources(view, false);
    enum jb_code code = jb_table_check(made, error);
    if (!code)
        jb_table_write_csv(made, out);
    return code;
}
