/* The heat map of a page: groups by all that was asked, in panels that a phone can show, each with the
 * questions and the table of its figures beneath. */
#include "report/html.h"
#include "report/page_index.h"
#include "report/page_style.h"
#include "report/svg.h"
#include "report/view_index.h"
#include "report/view_score.h"

#include <math.h>
#include <string.h>

#define COLUMN        44.0
#define COLUMNS_LEAST 4
#define COLUMNS_MOST  8 /* in a panel */

/* One figure of one question: a column of the map. */
struct column {
    const struct jb_tabulation *of_groups;
    const struct jb_cell *cells, *everybody; /* [group]; one */
    const struct jb_index_item *item;        /* that counts it; NULL: none */
    char name[32];                           /* "7", "7b" */
    size_t question;
    bool is_alone, is_share;
    double least, greatest; /* of what is no share: the ends of its shades */
};

struct map {
    const struct jb_index_page *page;
    const size_t *order;
    struct column *columns;
    size_t count;
};

static bool is_share(enum jb_measure measure) {
    return measure == JB_MEASURE_SHARE || measure == JB_MEASURE_TOP;
}

/* What a question is best known by: the share of its top, or of its answers; else its first figure. */
static enum jb_measure leading_measure(const struct jb_tabulation *tabulation) {
    bool has_share = false;
    for (size_t i = 0; i < tabulation->cell_count; i++) {
        if (tabulation->cells[i].measure == JB_MEASURE_TOP)
            return JB_MEASURE_TOP;
        has_share = has_share || tabulation->cells[i].measure == JB_MEASURE_SHARE;
    }
    return has_share || tabulation->cell_count == 0 ? JB_MEASURE_SHARE : tabulation->cells[0].measure;
}

static const struct jb_index_item *item_of(const struct jb_index *index, const struct jb_tabulation *asked,
                                           const struct jb_cell *cell) {
    for (size_t i = 0; i < index->item_count; i++) {
        const struct jb_index_item *item = &index->items[i];
        if (strcmp(item->question, asked->question->name) != 0)
            continue;
        if (!cell->answer && (cell->measure == JB_MEASURE_TOP) == !item->is_mean)
            return item;
        if (cell->answer && item->answer_count == 1 && strcmp(item->answers[0], cell->answer) == 0)
            return item;
    }
    return NULL;
}

/* Of two answers the one that tells the other: what the index counts, a yes, or the first. */
static size_t telling(const struct column *two) {
    static const char *const yes[] = {"yes", "1", "true", "y"};
    for (size_t i = 0; i < 2; i++) {
        if (two[i].item)
            return i;
    }
    for (size_t k = 0; k < JB_COUNT(yes); k++) {
        for (size_t i = 0; i < 2; i++) {
            if (strcasecmp(two[i].cells->answer, yes[k]) == 0)
                return i;
        }
    }
    return 0;
}

static void find_ends(const struct map *map, struct column *column) {
    column->least = INFINITY, column->greatest = -INFINITY;
    for (size_t g = 0; g < map->page->classes->count; g++) {
        double value = column->cells[g].value;
        column->least = fmin(column->least, value), column->greatest = fmax(column->greatest, value);
    }
}

/* The columns of one question, behind those that there are. */
static void add_question(struct map *map, size_t question) {
    const struct jb_index_page *page = map->page;
    const struct jb_tabulation *of_groups = &page->of_groups[question],
                               *of_all = &page->of_everybody[question];
    size_t groups = page->classes->count, first = map->count;
    enum jb_measure leading = leading_measure(of_groups);
    for (size_t i = 0; i * groups < of_groups->cell_count; i++) {
        const struct jb_cell *cells = &of_groups->cells[i * groups];
        if (cells->measure != leading || (!is_share(leading) && !cells->answer && map->count > first))
            continue;
        struct column *column = &map->columns[map->count++];
        *column = (struct column){.of_groups = of_groups,
                                  .cells = cells,
                                  .everybody = &of_all->cells[i],
                                  .item = item_of(&page->plan->index, of_groups, cells),
                                  .question = question,
                                  .is_share = is_share(leading)};
        find_ends(map, column);
    }
    size_t count = map->count - first;
    if (count == 2 && of_groups->question->type == JB_QUESTION_SINGLE) {
        map->columns[first] = map->columns[first + telling(&map->columns[first])];
        map->count = first + 1, count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        struct column *column = &map->columns[first + i];
        char letter[4] = "";
        if (count > 1)
            jb_page_letter(i, 'a', letter);
        column->is_alone = count == 1;
        (void)snprintf(column->name, sizeof(column->name), "%zu%s", question + 1, letter);
    }
}

/* How many columns from `first` on go into a panel of at most `most`: whole questions where they fit. */
static size_t panel_size(const struct map *map, size_t first, size_t most) {
    size_t end = first;
    while (end < map->count) {
        size_t next = end;
        while (next < map->count && map->columns[next].question == map->columns[end].question)
            next++;
        if (next - first > most)
            break;
        end = next;
    }
    size_t left = map->count - first;
    return end > first ? end - first : left < most ? left : most;
}

/* "57", "3.41". Returns ret. */
static char *show(const struct column *column, const struct jb_cell *cell, int decimals,
                  char ret[static 32]) {
    if (isnan(cell->value))
        (void)snprintf(ret, 32, "–");
    else if (column->is_share)
        (void)snprintf(ret, 32, "%.*f", decimals, 100 * cell->value);
    else if (fabs(cell->value) < 1e5)
        (void)snprintf(ret, 32, "%.*f",
                       fabs(cell->value) < 10     ? 2
                       : fabs(cell->value) < 1000 ? 1
                                                  : 0,
                       cell->value);
    else
        (void)snprintf(ret, 32, "%.1e", cell->value);
    return ret;
}

static void draw_cell(const struct column *column, const struct jb_cell *cell, double x, double y,
                      struct jb_buffer *out) {
    char class[32], text[32];
    double part = column->is_share                    ? cell->value
                  : column->greatest <= column->least ? 0.5
                  : cell->value > column->greatest    ? 1
                  : cell->value < column->least
                      ? 0
                      : (cell->value - column->least) / (column->greatest - column->least);
    size_t shade = part >= 1 ? JB_PAGE_SHADES - 1 : (size_t)(fmax(part, 0) * JB_PAGE_SHADES);
    if (isnan(cell->value)) {
        jb_svg_rect(out, "few", x + 1.5, y + 1.5, COLUMN - 3, JB_PAGE_ROW - 3);
        jb_svg_text(out, "soft", x + COLUMN / 2, y + 17, "middle", "–");
        return;
    }
    (void)snprintf(class, sizeof(class), "shade-%zu", shade);
    jb_svg_rect(out, class, x + 1, y + 1, COLUMN - 2, JB_PAGE_ROW - 2);
    jb_svg_text(out, shade < JB_PAGE_BRIGHT ? "dark" : "bright", x + COLUMN / 2, y + 17, "middle",
                show(column, cell, 0, text));
}

static double left_of(const struct jb_index_page *page) {
    return fmax(jb_page_label_width(page), jb_svg_text_width(page->text->everybody) + 12);
}

static void draw_panel(const struct map *map, size_t first, size_t count, size_t panel,
                       struct jb_buffer *out) {
    const struct jb_index_page *page = map->page;
    size_t groups = page->classes->count;
    double left = left_of(page), width = fmax(left + COLUMN * (double)count + 4, 440);
    char group_count[32], column_count[32], desc[1024], name[32] = "map", letter[4];
    (void)snprintf(group_count, sizeof(group_count), "%zu", groups);
    (void)snprintf(column_count, sizeof(column_count), "%zu", count);
    const char *of_desc[] = {group_count, column_count};
    if (panel)
        (void)snprintf(name, sizeof(name), "map%s", jb_page_letter(panel, 'a', letter));
    jb_svg_begin(out, name, width, 28 + JB_PAGE_ROW * (double)(groups + 1), page->text->map,
                 jb_page_fill_text(page->text->map_desc, of_desc, 2, desc, sizeof(desc)));
    jb_svg_text(out, "name", left - 8, 24 + JB_PAGE_ROW / 2 + 4.5, "end", page->text->everybody);
    for (size_t g = 0; g < groups; g++)
        jb_page_draw_label(page, map->order[g], left, 24 + JB_PAGE_ROW * ((double)g + 1.5), out);
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &map->columns[first + i];
        double x = left + COLUMN * (double)i;
        jb_svg_text(out, "soft", x + COLUMN / 2, 16, "middle", column->name);
        draw_cell(column, column->everybody, x, 24, out);
        for (size_t g = 0; g < groups; g++)
            draw_cell(column, &column->cells[map->order[g]], x, 24 + JB_PAGE_ROW * ((double)g + 1), out);
    }
    jb_svg_end(out);
}

/* What a column says beside its question: an answer, the top of a scale, or which figure of numbers. */
static void write_answer(const struct map *map, const struct column *column, struct jb_buffer *out) {
    const struct jb_page_text *text = map->page->text;
    const struct jb_question *question = column->of_groups->question;
    char label[JB_PAGE_LABEL_SIZE], measure[16];
    if (!column->is_alone) {
        jb_html_element(out, "b", NULL, column->name);
        jb_buffer_add_char(out, ' ');
    }
    if (column->cells->answer) {
        jb_html_text(out, jb_page_label(map->page, column->cells->answer_label, label));
    } else if (column->is_share) {
        for (size_t i = 0; i < question->top.count; i++) {
            jb_buffer_add_string(out, i ? ", " : "");
            jb_html_text(out, jb_page_label(map->page, question->top.items[i], label));
        }
    } else {
        enum jb_measure of = column->cells->measure;
        const char *name = of == JB_MEASURE_QUANTILE ? jb_measure_name(column->cells, measure)
                                                     : text->measure[of - JB_MEASURE_MEAN];
        jb_html_text(out, column->cells->probability == 0.5 ? text->median : name);
    }
    if (!column->is_share)
        jb_buffer_printf(out, " <span class=\"soft\">(%s)</span>", text->map_relative);
    else if (column->item)
        jb_buffer_printf(out, " <span class=\"soft\">(%s)</span>",
                         column->item->is_down ? text->as_asked_bad : text->as_asked_good);
}

static void write_questions(const struct map *map, size_t first, size_t count, struct jb_buffer *out) {
    char label[JB_PAGE_LABEL_SIZE];
    jb_buffer_add_string(out, "<ul class=\"questions\">\n");
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &map->columns[first + i];
        bool begins = i == 0 || column->question != column[-1].question;
        if (begins) {
            jb_buffer_printf(out, "<li><b>%zu</b> ", column->question + 1);
            jb_html_text(out, jb_page_label(map->page, column->of_groups->label, label));
            jb_buffer_add_string(out, ": ");
        } else {
            jb_buffer_add_string(out, "; ");
        }
        write_answer(map, column, out);
        if (i + 1 == count || column[1].question != column->question)
            jb_buffer_add_string(out, "</li>\n");
    }
    jb_buffer_add_string(out, "</ul>\n");
}

static void write_row(const struct map *map, size_t first, size_t count, size_t group,
                      struct jb_buffer *out) {
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &map->columns[first + i];
        const struct jb_cell *cell = group == SIZE_MAX ? column->everybody : &column->cells[group];
        char value[32];
        jb_html_element(out, "td", NULL,
                        cell->is_suppressed ? map->page->text->too_few : show(column, cell, 1, value));
    }
    jb_buffer_add_string(out, "</tr>\n");
}

static void write_table(const struct map *map, size_t first, size_t count, struct jb_buffer *out) {
    const struct jb_page_text *text = map->page->text;
    const char *headings[1 + COLUMNS_MOST] = {text->group};
    bool only_shares = true;
    for (size_t i = 0; i < count; i++) {
        headings[1 + i] = map->columns[first + i].name;
        only_shares = only_shares && map->columns[first + i].is_share;
    }
    jb_page_table_begin(out, only_shares ? text->as_asked : text->figures, headings, 1 + count);
    jb_buffer_add_string(out, "<tr>");
    jb_buffer_add_string(out, "<th scope=\"row\">");
    jb_html_text(out, text->everybody);
    jb_buffer_add_string(out, "</th>");
    write_row(map, first, count, SIZE_MAX, out);
    for (size_t g = 0; g < map->page->classes->count; g++) {
        jb_page_row_begin(map->page, map->order[g], out);
        write_row(map, first, count, map->order[g], out);
    }
    jb_page_table_end(out);
}

enum jb_code jb_page_map(const struct jb_index_page *page, const size_t *order, struct jb_error *error,
                         struct jb_buffer *out) {
    size_t capacity = 1;
    for (size_t q = 0; q < page->question_count; q++)
        capacity += page->of_everybody[q].cell_count;
    _cleanup_free_ struct column *columns = calloc(capacity, sizeof(*columns));
    struct map map = {.page = page, .order = order, .columns = columns};
    if (!columns)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu figures", capacity);
    for (size_t q = 0; q < page->question_count; q++)
        add_question(&map, q);
    char least[32];
    (void)snprintf(least, sizeof(least), "%d", JB_TABULATE_LEAST);
    const char *of_lead[] = {least};
    jb_page_heading(out, page->text->map, page->text->map_lead, of_lead, 1);
    size_t most = (size_t)fmax(fmin((460 - left_of(page)) / COLUMN, COLUMNS_MOST), COLUMNS_LEAST);
    for (size_t first = 0, panel = 0, count; first < map.count; first += count, panel++) {
        count = panel_size(&map, first, most);
        draw_panel(&map, first, count, panel, out);
        write_questions(&map, first, count, out);
        write_table(&map, first, count, out);
    }
    return JB_OK;
}
