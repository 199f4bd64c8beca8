/* The page of an index, from its heading to how it was made. Nothing is loaded from elsewhere: style and
 * plots are in it. */
#include "report/page_index.h"

#include "report/html.h"
#include "report/page_style.h"
#include "report/view_compare.h"
#include "report/view_score.h"

#include <math.h>

char *jb_page_label(const struct jb_index_page *page, const char *text, char ret[static JB_PAGE_LABEL_SIZE]) {
    return jb_text_display(jb_plan_translate(page->plan, page->text->language, text), ret,
                           JB_PAGE_LABEL_SIZE);
}

char *jb_page_count(size_t count, char ret[static 32]) {
    char digits[32];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%zu", count), used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            ret[used++] = ',';
        ret[used++] = digits[i];
    }
    ret[used] = '\0';
    return ret;
}

void jb_page_table_begin(struct jb_buffer *out, const char *caption, const char *const *headings,
                         size_t count) {
    jb_buffer_add_string(out, "<div class=\"table\"><table>\n<caption>");
    jb_html_text(out, caption);
    jb_buffer_add_string(out, "</caption>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        jb_buffer_add_string(out, "<th scope=\"col\">");
        jb_html_text(out, headings[i]);
        jb_buffer_add_string(out, "</th>");
    }
    jb_buffer_add_string(out, "</tr></thead>\n<tbody>\n");
}

void jb_page_table_end(struct jb_buffer *out) {
    jb_buffer_add_string(out, "</tbody></table></div>\n");
}

static void write_head(const struct jb_index_page *page, const char *title, struct jb_buffer *out) {
    jb_buffer_printf(out,
                     "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                     page->text->language);
    jb_html_text(out, title);
    jb_buffer_add_string(out, "</title>\n<style>\n");
    jb_buffer_add_string(out, jb_page_style);
    jb_buffer_add_string(out, "</style>\n</head>\n<body>\n");
}

static void write_card(const struct jb_index_page *page, size_t figure, const char *name,
                       struct jb_buffer *out) {
    struct jb_score_figure score = jb_score_figure(page->everybody, 0, figure, page->plan->confidence);
    char value[32], interval[80];
    jb_buffer_add_string(out, "<li><span>");
    jb_html_text(out, name);
    jb_buffer_add_string(out, "</span><b>");
    jb_html_text(out, score.is_suppressed ? page->text->too_few : jb_score_format(score.value, value));
    jb_buffer_add_string(out, "</b><span>");
    jb_html_text(out, jb_score_interval_format(score.low, score.high, interval));
    jb_buffer_add_string(out, "</span></li>\n");
}

/* Everybody's index and pillars. */
static void write_cards(const struct jb_index_page *page, struct jb_buffer *out) {
    const struct jb_index *index = page->everybody->index;
    char label[JB_PAGE_LABEL_SIZE];
    jb_buffer_add_string(out, "<ul class=\"cards\">\n");
    write_card(page, jb_figure_of_index(page->everybody, JB_ARITHMETIC), page->text->arithmetic, out);
    write_card(page, jb_figure_of_index(page->everybody, JB_GEOMETRIC), page->text->geometric, out);
    for (size_t p = 0; p < index->pillar_count; p++)
        write_card(page, jb_figure_of_pillar(page->everybody, p),
                   jb_page_label(page, index->pillars[p].label, label), out);
    jb_buffer_add_string(out, "</ul>\n");
}

static void write_method(const struct jb_index_page *page, struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    char draws[32], seed[32], concentration[32], separation[32], least[32];
    jb_page_count(page->options->draws, draws);
    (void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)page->options->seed);
    (void)snprintf(concentration, sizeof(concentration), "%g", page->options->concentration);
    (void)snprintf(separation, sizeof(separation), "%g", 100 * page->options->separation);
    (void)snprintf(least, sizeof(least), "%d", JB_SCORE_LEAST);
    const char *of_draws[] = {draws, seed, concentration}, *of_tiers[] = {separation}, *of_few[] = {least};
    jb_html_element(out, "h2", NULL, text->method);
    jb_html_element(out, "p", NULL, text->method_scores);
    jb_html_element(out, "p", NULL, text->method_intervals);
    jb_buffer_add_string(out, "<p>");
    jb_page_fill(out, text->method_draws, of_draws, 3);
    jb_buffer_add_string(out, " ");
    jb_page_fill(out, text->method_tiers, of_tiers, 1);
    jb_buffer_add_string(out, "</p>\n<p>");
    jb_page_fill(out, text->method_few, of_few, 1);
    jb_buffer_add_string(out, "</p>\n<footer><p>");
    jb_html_text(out, text->made_with);
    jb_buffer_add_string(out, "</p></footer>\n");
}

enum jb_code jb_page_index_write(const struct jb_index_page *page, struct jb_error *error,
                                 struct jb_buffer *out) {
    const struct jb_page_text *text = page->text;
    _cleanup_free_ size_t *order = jb_compare_order(page->comparison);
    char group[JB_PAGE_LABEL_SIZE], label[JB_PAGE_LABEL_SIZE], respondents[32], groups[32], confidence[32];
    if (!order)
        return jb_error_set(error, JB_MEMORY, "no memory for %u groups", page->classes->count);
    jb_page_count(page->respondents, respondents);
    (void)snprintf(groups, sizeof(groups), "%u", page->classes->count);
    (void)snprintf(confidence, sizeof(confidence), "%g", 100 * page->plan->confidence);
    const char *of_lead[] = {respondents, groups, confidence};
    const char *of_by[] = {jb_page_label(page, jb_group_label(page->by), group)};
    const char *title = page->title ? jb_text_display(page->title, label, sizeof(label)) : text->title;
    write_head(page, title, out);
    jb_buffer_add_string(out, "<main>\n");
    jb_html_element(out, "h1", NULL, title);
    jb_buffer_add_string(out, "<p class=\"soft\">");
    jb_page_fill(out, text->by, of_by, 1);
    jb_buffer_add_string(out, "</p>\n");
    if (page->plan->note) {
        char note[2 * JB_PAGE_LABEL_SIZE];
        jb_html_element(out, "p", "note",
                        jb_text_display(jb_plan_translate(page->plan, text->language, page->plan->note), note,
                                        sizeof(note)));
    }
    jb_buffer_add_string(out, "<p>");
    jb_page_fill(out, text->lead, of_lead, 3);
    jb_buffer_add_string(out, "</p>\n");
    write_cards(page, out);
    jb_page_scores(page, order, out);
    jb_page_ranks(page, order, out);
    enum jb_code code = jb_page_map(page, order, error, out);
    if (code)
        return code;
    jb_page_pillars(page, order, out);
    jb_page_sources(page, out);
    write_method(page, out);
    jb_buffer_add_string(out, "</main>\n</body>\n</html>\n");
    return jb_buffer_check(out, error);
}
