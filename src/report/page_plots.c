/* The plots of an index's page, each with the table of its figures beneath. */
#include "report/html.h"
#include "report/page_index.h"
#include "report/page_style.h"
#include "report/svg.h"
#include "report/view_compare.h"
#include "report/view_score.h"

#include <math.h>
#include <string.h>

#define LABEL_LEAST  70.0
#define LABEL_MOST   262.0
#define LABEL_WIDEST 26 /* columns */

char *jb_page_letter(size_t i, char first, char ret[static 4]) {
    size_t at = 0;
    if (i >= 26)
        ret[at++] = (char)(first + (char)((i / 26 - 1) % 26));
    ret[at++] = (char)(first + (char)(i % 26));
    ret[at] = '\0';
    return ret;
}

/* A group's name as it stands left of a plot. */
static char *group_label(const struct jb_index_page *page, size_t group,
                         char ret[static JB_PAGE_LABEL_SIZE]) {
    return jb_page_label(page, page->classes->items[group].label, ret);
}

double jb_page_label_width(const struct jb_index_page *page) {
    double width = LABEL_LEAST;
    for (size_t g = 0; g < page->classes->count; g++) {
        char label[JB_PAGE_LABEL_SIZE];
        width = fmax(width, jb_svg_text_width(group_label(page, g, label)) + 12);
    }
    return fmin(width, LABEL_MOST);
}

void jb_page_draw_label(const struct jb_index_page *page, size_t group, double x, double y,
                        struct jb_buffer *out) {
    char label[JB_PAGE_LABEL_SIZE], fitted[JB_PAGE_LABEL_SIZE];
    jb_svg_text(out, "name", x - 8, y + 4.5, "end",
                jb_text_fit(group_label(page, group, label), LABEL_WIDEST, fitted, sizeof(fitted)));
}

void jb_page_heading(struct jb_buffer *out, const char *title, const char *lead, const char *const *values,
                     size_t count) {
    jb_html_element(out, "h2", NULL, title);
    jb_buffer_add_string(out, "<p>");
    jb_page_fill(out, lead, values, count);
    jb_buffer_add_string(out, "</p>\n");
}

static void cell(struct jb_buffer *out, const char *text) {
    jb_buffer_add_string(out, "<td>");
    jb_html_text(out, text);
    jb_buffer_add_string(out, "</td>");
}

void jb_page_row_begin(const struct jb_index_page *page, size_t group, struct jb_buffer *out) {
    char label[JB_PAGE_LABEL_SIZE];
    jb_buffer_add_string(out, "<tr><th scope=\"row\">");
    jb_html_text(out, group_label(page, group, label));
    jb_buffer_add_string(out, "</th>");
}

static struct jb_score_figure index_of(const struct jb_index_page *page, size_t group,
                                       enum jb_aggregation rule) {
    return jb_score_figure(page->scoring, group, jb_figure_of_index(page->scoring, rule),
                           page->plan->confidence);
}

/* A scale of round tens that holds all intervals. */
static struct jb_svg_scale score_scale(const struct jb_index_page *page, double left, double right) {
    double low = 100, high = 0;
    for (size_t g = 0; g < page->classes->count; g++) {
        struct jb_score_figure score = index_of(page, g, JB_ARITHMETIC);
        low = fmin(low, isnan(score.low) ? score.value : score.low);
        high = fmax(high, isnan(score.high) ? score.value : score.high);
    }
    double whole = page->everybody->value[jb_figure_of_index(page->everybody, JB_ARITHMETIC)];
    low = fmax(floor(fmin(low, whole) / 10) * 10, 0), high = fmin(ceil(fmax(high, whole) / 10) * 10, 100);
    if (!(high > low))
        low = fmax(low - 10, 0), high = low + 10;
    return (struct jb_svg_scale){.from = low, .to = high, .left = left, .right = right};
}

static void draw_tens(const struct jb_svg_scale *scale, double top, double bottom, struct jb_buffer *out) {
    for (double ten = scale->from; ten <= scale->to + 1e-9; ten += 10) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%.0f", ten);
        jb_svg_line(out, "grid", jb_svg_x(scale, ten), top, jb_svg_x(scale, ten), bottom);
        jb_svg_text(out, "axis", jb_svg_x(scale, ten), bottom + 14, "middle", text);
    }
}

/* ---- scores ---- */

static void score_table(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    const char *headings[] = {text->group,    text->respondents, text->arithmetic,
                              text->interval, text->geometric,   text->interval};
    jb_page_table_begin(out, text->figures, headings, JB_COUNT(headings));
    for (size_t i = 0; i < page->classes->count; i++) {
        struct jb_score_figure arithmetic = index_of(page, order[i], JB_ARITHMETIC);
        struct jb_score_figure geometric = index_of(page, order[i], JB_GEOMETRIC);
        char value[80];
        jb_page_row_begin(page, order[i], out);
        (void)snprintf(value, sizeof(value), "%zu", arithmetic.row_count);
        cell(out, value);
        cell(out, arithmetic.is_suppressed ? text->too_few : jb_score_format(arithmetic.value, value));
        cell(out, jb_score_interval_format(arithmetic.low, arithmetic.high, value));
        cell(out, jb_score_format(geometric.value, value));
        cell(out, jb_score_interval_format(geometric.low, geometric.high, value));
        jb_buffer_add_string(out, "</tr>\n");
    }
    jb_page_table_end(out);
}

void jb_page_scores(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    double left = jb_page_label_width(page), width = left + 330,
           bottom = 8 + JB_PAGE_ROW * page->classes->count;
    struct jb_svg_scale scale = score_scale(page, left + 6, width - 52);
    double whole = page->everybody->value[jb_figure_of_index(page->everybody, JB_ARITHMETIC)], low = INFINITY,
           high = -INFINITY;
    char confidence[32], groups[32], lowest[32], highest[32], desc[1024];
    for (size_t g = 0; g < page->classes->count; g++) {
        double value = index_of(page, g, JB_ARITHMETIC).value;
        low = fmin(low, value), high = fmax(high, value);
    }
    (void)snprintf(confidence, sizeof(confidence), "%g", 100 * page->plan->confidence);
    (void)snprintf(groups, sizeof(groups), "%u", page->classes->count);
    const char *of_lead[] = {confidence};
    const char *of_desc[] = {groups, jb_score_format(low, lowest), jb_score_format(high, highest)};
    jb_page_heading(out, text->scores, text->scores_lead, of_lead, 1);
    jb_svg_begin(out, "scores", width, bottom + 24, text->scores,
                 jb_page_fill_text(text->scores_desc, of_desc, 3, desc, sizeof(desc)));
    draw_tens(&scale, 4, bottom, out);
    if (!isnan(whole))
        jb_svg_line(out, "whole", jb_svg_x(&scale, whole), 4, jb_svg_x(&scale, whole), bottom);
    for (size_t i = 0; i < page->classes->count; i++) {
        struct jb_score_figure score = index_of(page, order[i], JB_ARITHMETIC);
        double y = 8 + JB_PAGE_ROW * ((double)i + 0.5);
        char value[32];
        jb_page_draw_label(page, order[i], left, y, out);
        if (isnan(score.value)) {
            jb_svg_text(out, "soft", scale.left, y + 4.5, "start", text->too_few);
            continue;
        }
        if (!isnan(score.low))
            jb_svg_line(out, "span", jb_svg_x(&scale, score.low), y, jb_svg_x(&scale, score.high), y);
        jb_svg_circle(out, "dot", jb_svg_x(&scale, score.value), y, 5);
        jb_svg_text(out, "value", width - 4, y + 4.5, "end", jb_score_format(score.value, value));
    }
    jb_svg_end(out);
    score_table(page, order, out);
}

/* ---- ranks ---- */

static void rank_table(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    const struct jb_comparison *c = page->comparison;
    const char *headings[] = {text->group, text->tier_title, text->places, text->median_place,
                              text->over_draws};
    jb_page_table_begin(out, text->figures, headings, JB_COUNT(headings));
    for (size_t i = 0; i < c->group_count; i++) {
        size_t g = order[i];
        char value[160], low[32], high[32];
        const char *ends[] = {jb_rank_format(c->rank_low[g], low), jb_rank_format(c->rank_high[g], high)};
        jb_page_row_begin(page, g, out);
        if (!c->tier[g]) {
            cell(out, text->too_few);
            jb_buffer_add_string(out, "<td>–</td><td>–</td><td>–</td></tr>\n");
            continue;
        }
        (void)snprintf(low, sizeof(low), "%u", c->tier[g]);
        const char *of_tier[] = {low};
        cell(out, jb_page_fill_text(text->tier, of_tier, 1, value, sizeof(value)));
        jb_rank_format(c->rank_low[g], low);
        cell(out, jb_page_fill_text(text->place_range, ends, 2, value, sizeof(value)));
        cell(out, jb_rank_format(c->rank_median[g], low));
        cell(out, jb_score_interval_format(c->score_low[g], c->score_high[g], value));
        jb_buffer_add_string(out, "</tr>\n");
    }
    jb_page_table_end(out);
}

/* The band behind the rows of one tier, with its name. Returns how many rows it has. */
static size_t draw_tier(const struct jb_index_page *page, const size_t *order, size_t at, double left,
                        double width, struct jb_buffer *out) {
    const struct jb_comparison *c = page->comparison;
    unsigned tier = c->tier[order[at]];
    size_t rows = 1;
    char number[32], name[128];
    while (at + rows < c->group_count && c->tier[order[at + rows]] == tier)
        rows++;
    double top = 8 + JB_PAGE_ROW * (double)at;
    if (tier % 2 == 1)
        jb_svg_rect(out, "band", 0, top, width, JB_PAGE_ROW * (double)rows);
    (void)snprintf(number, sizeof(number), "%u", tier);
    const char *of_tier[] = {number};
    jb_svg_text(out, "soft small", left, top + 17, "end",
                tier ? jb_page_fill_text(page->text->tier, of_tier, 1, name, sizeof(name))
                     : page->text->too_few);
    return rows;
}

void jb_page_ranks(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    const struct jb_comparison *c = page->comparison;
    double left = jb_page_label_width(page), tiers_left = left + 60, width = left + 350,
           bottom = 8 + JB_PAGE_ROW * (double)c->group_count;
    size_t ranked = 0;
    unsigned tiers = 0;
    for (size_t g = 0; g < c->group_count; g++) {
        ranked += c->tier[g] > 0;
        tiers = c->tier[g] > tiers ? c->tier[g] : tiers;
    }
    struct jb_svg_scale scale = {
        .from = 1, .to = (double)ranked, .left = tiers_left + 14, .right = width - 14};
    char draws[32], confidence[32], groups[32], tier_count[32], desc[1024];
    jb_page_count(page->options->draws, draws);
    (void)snprintf(confidence, sizeof(confidence), "%g", 100 * page->options->confidence);
    (void)snprintf(groups, sizeof(groups), "%zu", ranked);
    (void)snprintf(tier_count, sizeof(tier_count), "%u", tiers);
    const char *of_lead[] = {draws, confidence}, *of_desc[] = {groups, tier_count};
    jb_page_heading(out, text->ranks, text->ranks_lead, of_lead, 2);
    jb_svg_begin(out, "ranks", width, bottom + 24, text->ranks,
                 jb_page_fill_text(text->ranks_desc, of_desc, 2, desc, sizeof(desc)));
    for (size_t i = 0; i < c->group_count;)
        i += draw_tier(page, order, i, tiers_left, width, out);
    size_t step = ranked > 30 ? 10 : ranked > 15 ? 2 : 1;
    for (size_t place = 1; place <= ranked; place += step) {
        char number[32];
        double x = jb_svg_x(&scale, (double)place);
        (void)snprintf(number, sizeof(number), "%zu", place);
        jb_svg_line(out, "grid", x, 8, x, bottom);
        jb_svg_text(out, "axis", x, bottom + 14, "middle", number);
    }
    for (size_t i = 0; i < c->group_count; i++) {
        size_t g = order[i];
        double y = 8 + JB_PAGE_ROW * ((double)i + 0.5);
        jb_page_draw_label(page, g, left, y, out);
        if (!c->tier[g])
            continue;
        double from = jb_svg_x(&scale, c->rank_low[g]) - 4, to = jb_svg_x(&scale, c->rank_high[g]) + 4;
        jb_svg_rect(out, "bar", from, y - 6, to - from, 12);
        jb_svg_line(out, "mark", jb_svg_x(&scale, c->rank_median[g]), y - 9,
                    jb_svg_x(&scale, c->rank_median[g]), y + 9);
    }
    jb_svg_end(out);
    rank_table(page, order, out);
}

/* ---- pillars ---- */

static void pillar_keys(const struct jb_index_page *page, struct jb_buffer *out) {
    const struct jb_index *index = page->scoring->index;
    jb_buffer_add_string(out, "<ul class=\"keys\">\n");
    for (size_t p = 0; p < index->pillar_count; p++) {
        char label[JB_PAGE_LABEL_SIZE], letter[4];
        jb_page_letter(p, 'A', letter);
        jb_buffer_printf(out, "<li><b class=\"key-%zu\">%s</b>", p % JB_PAGE_COLOURS, letter);
        jb_html_text(out, jb_page_label(page, index->pillars[p].label, label));
        jb_buffer_add_string(out, "</li>\n");
    }
    jb_buffer_add_string(out, "</ul>\n");
}

static void pillar_table(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_index *index = page->scoring->index;
    const char *headings[1 + JB_INDEX_PILLARS];
    char labels[JB_INDEX_PILLARS][JB_PAGE_LABEL_SIZE];
    headings[0] = page->text->group;
    for (size_t p = 0; p < index->pillar_count; p++)
        headings[1 + p] = jb_page_label(page, index->pillars[p].label, labels[p]);
    jb_page_table_begin(out, page->text->pillar_scores, headings, 1 + index->pillar_count);
    for (size_t g = 0; g < page->classes->count; g++) {
        jb_page_row_begin(page, order[g], out);
        for (size_t p = 0; p < index->pillar_count; p++) {
            char value[32];
            cell(out, jb_score_format(jb_score_figure(page->scoring, order[g],
                                                      jb_figure_of_pillar(page->scoring, p),
                                                      page->plan->confidence)
                                          .value,
                                      value));
        }
        jb_buffer_add_string(out, "</tr>\n");
    }
    jb_page_table_end(out);
}

/* What each pillar adds, from left to right; its letter stands in it where there is room. */
static void draw_parts(const struct jb_index_page *page, size_t group, const struct jb_svg_scale *scale,
                       double y, struct jb_buffer *out) {
    const struct jb_index *index = page->scoring->index;
    double from = 0;
    for (size_t p = 0; p < index->pillar_count; p++) {
        double value = jb_score_figure(page->scoring, group, jb_figure_of_pillar(page->scoring, p),
                                       page->plan->confidence)
                           .value;
        double to = from + (isnan(value) ? 0 : value * index->pillars[p].weight);
        double x1 = jb_svg_x(scale, from), x2 = jb_svg_x(scale, to);
        char class[32], text[48], letter[4];
        jb_page_letter(p, 'A', letter);
        (void)snprintf(class, sizeof(class), "part-%zu", p % JB_PAGE_COLOURS);
        jb_svg_rect(out, class, x1 + 0.75, y - 9, x2 - x1 - 1.5, 18);
        (void)snprintf(class, sizeof(class), "small on-%zu", p % JB_PAGE_COLOURS);
        (void)snprintf(text, sizeof(text), "%s %.1f", letter, to - from);
        if (x2 - x1 > jb_svg_text_width(text) * 0.95 + 2)
            jb_svg_text(out, class, (x1 + x2) / 2, y + 4, "middle", text);
        else if (x2 - x1 > 12)
            jb_svg_text(out, class, (x1 + x2) / 2, y + 4, "middle", letter);
        from = to;
    }
}

void jb_page_pillars(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    double left = jb_page_label_width(page), width = left + 350,
           bottom = 8 + JB_PAGE_ROW * page->classes->count, most = 10;
    char groups[32], pillars[32], desc[1024];
    for (size_t g = 0; g < page->classes->count; g++)
        most = fmax(most, ceil(index_of(page, g, JB_ARITHMETIC).value / 10) * 10);
    struct jb_svg_scale scale = {.from = 0, .to = most, .left = left + 4, .right = width - 48};
    (void)snprintf(groups, sizeof(groups), "%u", page->classes->count);
    (void)snprintf(pillars, sizeof(pillars), "%zu", page->scoring->index->pillar_count);
    const char *of_desc[] = {groups, pillars};
    jb_page_heading(out, text->pillars, text->pillars_lead, NULL, 0);
    pillar_keys(page, out);
    jb_svg_begin(out, "pillars", width, bottom + 24, text->pillars,
                 jb_page_fill_text(text->pillars_desc, of_desc, 2, desc, sizeof(desc)));
    draw_tens(&scale, 4, bottom, out);
    for (size_t i = 0; i < page->classes->count; i++) {
        struct jb_score_figure score = index_of(page, order[i], JB_ARITHMETIC);
        double y = 8 + JB_PAGE_ROW * ((double)i + 0.5);
        char value[32];
        jb_page_draw_label(page, order[i], left, y, out);
        if (isnan(score.value)) {
            jb_svg_text(out, "soft", scale.left, y + 4.5, "start", text->too_few);
            continue;
        }
        draw_parts(page, order[i], &scale, y, out);
        jb_svg_text(out, "value", width - 4, y + 4.5, "end", jb_score_format(score.value, value));
    }
    jb_svg_end(out);
    pillar_table(page, order, out);
}

/* ---- sources ---- */

void jb_page_sources(const struct jb_index_page *page, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    const struct jb_comparison *c = page->comparison;
    double left = 0, y = 8;
    size_t count = 0;
    char shift[32], sources[32], desc[1024], value[80];
    for (size_t s = 0; s < JB_SOURCE_COUNT; s++) {
        if (!c->has_source[s] || isnan(c->total[0][s]))
            continue;
        left = fmax(left, jb_svg_text_width(text->source[s]) + 12);
        count++;
    }
    double width = left + 250;
    struct jb_svg_scale scale = {.from = 0, .to = 1, .left = left + 4, .right = width - 100};
    (void)snprintf(shift, sizeof(shift), "%.1f", c->shift);
    (void)snprintf(sources, sizeof(sources), "%zu", count);
    const char *of_lead[] = {shift}, *of_desc[] = {sources};
    const char *headings[] = {text->source_title, text->alone, text->in_all};
    jb_page_heading(out, text->sources, text->sources_lead, of_lead, 1);
    if (count == 0)
        return;
    jb_svg_begin(out, "sources", width, 16 + JB_PAGE_ROW * (double)count, text->sources,
                 jb_page_fill_text(text->sources_desc, of_desc, 1, desc, sizeof(desc)));
    for (size_t s = 0; s < JB_SOURCE_COUNT; s++) {
        double first = fmin(fmax(c->first[0][s], 0), 1), total = fmin(fmax(c->total[0][s], 0), 1);
        if (!c->has_source[s] || isnan(c->total[0][s]))
            continue;
        jb_svg_text(out, "name", left - 4, y + 17, "end", text->source[s]);
        jb_svg_rect(out, "total", scale.left, y + 4, jb_svg_x(&scale, total) - scale.left, 18);
        jb_svg_rect(out, "first", scale.left, y + 4, jb_svg_x(&scale, first) - scale.left, 18);
        (void)snprintf(value, sizeof(value), "%.0f / %.0f %%", 100 * first, 100 * total);
        jb_svg_text(out, "value", width - 4, y + 17, "end", value);
        y += JB_PAGE_ROW;
    }
    jb_svg_end(out);
    jb_page_table_begin(out, text->figures, headings, JB_COUNT(headings));
    for (size_t s = 0; s < JB_SOURCE_COUNT; s++) {
        if (!c->has_source[s] || isnan(c->total[0][s]))
            continue;
        jb_buffer_add_string(out, "<tr><th scope=\"row\">");
        jb_html_text(out, text->source[s]);
        jb_buffer_add_string(out, "</th>");
        (void)snprintf(value, sizeof(value), "%.0f %%", 100 * fmax(c->first[0][s], 0));
        cell(out, value);
        (void)snprintf(value, sizeof(value), "%.0f %%", 100 * fmax(c->total[0][s], 0));
        cell(out, value);
        jb_buffer_add_string(out, "</tr>\n");
    }
    jb_page_table_end(out);
}
