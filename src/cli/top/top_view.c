/* Draws the screen of `top`. */
#include "cli/top/top_view.h"

#include "base/text.h"
#include "cli/top/top_view_internal.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define LINE_SIZE (4 * JB_TOP_COMMAND_SIZE)

enum { PAIR_HEADING = 1, PAIR_SELECTED, PAIR_LABEL, PAIR_HOST, PAIR_BAR, PAIR_ALERT };

static void start_colours(struct jb_top_view *view) {
    const char *no_colour = getenv("NO_COLOR");
    if ((no_colour && *no_colour) || !has_colors() || start_color() == ERR)
        return;
    short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    init_pair(PAIR_HEADING, COLOR_BLACK, COLOR_GREEN);
    init_pair(PAIR_SELECTED, COLOR_BLACK, COLOR_CYAN);
    init_pair(PAIR_LABEL, COLOR_BLACK, COLOR_CYAN);
    init_pair(PAIR_HOST, COLOR_BLUE, background);
    init_pair(PAIR_BAR, COLOR_GREEN, background);
    init_pair(PAIR_ALERT, COLOR_RED, background);
    view->has_colour = true;
}

attr_t jb_top_look(const struct jb_top_view *view, enum look look) {
    static const attr_t mono[LOOK_COUNT] = {
        [LOOK_HEADING] = A_REVERSE, [LOOK_SELECTED] = A_REVERSE | A_BOLD,
        [LOOK_LABEL] = A_REVERSE,   [LOOK_BAR] = A_BOLD,
        [LOOK_ALERT] = A_BOLD,
    };
    if (!view->has_colour)
        return mono[look];
    switch (look) {
    case LOOK_HEADING:
        return COLOR_PAIR(PAIR_HEADING);
    case LOOK_SELECTED:
        return COLOR_PAIR(PAIR_SELECTED);
    case LOOK_LABEL:
        return COLOR_PAIR(PAIR_LABEL);
    case LOOK_HOST:
        return COLOR_PAIR(PAIR_HOST) | A_BOLD;
    case LOOK_BAR:
        return COLOR_PAIR(PAIR_BAR);
    case LOOK_ALERT:
        return COLOR_PAIR(PAIR_ALERT) | A_BOLD;
    default:
        return A_NORMAL;
    }
}

/* Takes the terminal; false when its type is unknown, or cannot place the cursor. */
static bool take_terminal(struct jb_top_view *view) {
    view->screen = newterm(NULL, stdout, view->input ? view->input : stdin);
    if (!view->screen)
        return false;
    set_term(view->screen);
    if (jb_top_terminal_has_cursor())
        return true;
    endwin();
    delscreen(view->screen);
    return false;
}

enum jb_code jb_top_view_open(const struct jb_top_settings *settings, struct jb_error *error,
                              struct jb_top_view **ret_view) {
    struct jb_top_view *view = calloc(1, sizeof *view);
    if (!view)
        return jb_error_set(error, JB_MEMORY, "no memory for the screen");
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* figures look alike everywhere, and JSON stays JSON */
    view->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    view->settings = *settings;
    if (!isatty(STDIN_FILENO))
        view->input = fopen("/dev/tty", "re");
    if (!take_terminal(view)) {
        const char *type = getenv("TERM");
        if (view->input)
            fclose(view->input);
        free(view);
        return jb_error_set(error, JB_UNSUPPORTED,
                            "no screen can be drawn on terminal type '%.40s'; set TERM, or use --batch 1",
                            type ? type : "");
    }
    start_colours(view);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    *ret_view = view;
    return JB_OK;
}

void jb_top_view_close(struct jb_top_view *view) {
    if (!view)
        return;
    endwin();
    delscreen(view->screen);
    if (view->input)
        fclose(view->input);
    free(view);
}

/* --- text into cells --- */

/* Marks and direction changes that would make other text on the line look wrong. */
static bool is_treacherous(wchar_t c) {
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0x061C || c == 0xFEFF;
}

/* One character of UTF-8 text, '?' for what cannot be shown in this locale; its length in bytes. */
static size_t take_character(const struct jb_top_view *view, const char *text, size_t left, wchar_t *ret) {
    size_t length = jb_utf8_length(text, left);
    const unsigned char *bytes = (const unsigned char *)text;
    if (length <= 1) {
        bool is_plain = length == 1 && bytes[0] >= 0x20 && bytes[0] != 0x7F;
        *ret = is_plain ? (wchar_t)bytes[0] : L'?';
        return 1;
    }
    static const unsigned char masks[] = {0, 0, 0x1F, 0x0F, 0x07};
    wchar_t c = bytes[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        c = (c << 6) | (bytes[i] & 0x3F);
    *ret = view->is_utf8 && !is_treacherous(c) && wcwidth(c) >= 0 ? c : L'?';
    return length;
}

void jb_top_put(const struct jb_top_view *view, int y, int x, int width, enum look look, size_t skip,
                const char *text) {
    wchar_t line[512];
    int columns = 0;
    size_t length = 0, marks = 0, left = strlen(text), skipped = 0;
    if (y < 0 || y >= LINES || x >= COLS || width <= 0)
        return;
    if (width > COLS - x)
        width = COLS - x;
    while (left > 0 && length + 2 < JB_COUNT(line)) {
        wchar_t c;
        size_t used = take_character(view, text, left, &c);
        int wide = wcwidth(c);
        wide = wide < 0 ? 1 : wide;
        text += used;
        left -= used;
        if (skipped < skip) {
            skipped += (size_t)wide;
            continue;
        }
        if (columns + wide > width)
            break;
        /* Combining marks belong to the cell before; a pile of them is cut. */
        marks = wide == 0 ? marks + 1 : 0;
        if (wide == 0 && (length == 0 || marks > 3))
            continue;
        line[length++] = c;
        columns += wide;
    }
    line[length] = L'\0';
    attrset((int)jb_top_look(view, look));
    mvaddnwstr(y, x, line, (int)length);
    if (columns < width)
        mvprintw(y, x + columns, "%*s", width - columns, "");
    attrset(A_NORMAL);
}

/* --- header --- */

/* How many lines the header takes: fewer on a low screen. */
static int header_lines(void) {
    return LINES >= 16 ? 4 : LINES >= 12 ? 3 : 2;
}

static void draw_bar(const struct jb_top_view *view, const struct jb_top_summary *summary, int y) {
    char figure[48];
    int width = COLS - 8 < 60 ? COLS - 8 : 60;
    if (isnan(summary->utilisation))
        snprintf(figure, sizeof figure, "unknown");
    else
        snprintf(figure, sizeof figure, "%.1f %% of %u CPUs", summary->utilisation * 100, summary->cpu_count);
    jb_top_put(view, y, 0, COLS, LOOK_PLAIN, 0, "CPU [");
    int room = width - (int)strlen(figure) - 1;
    for (int i = 0; i < room; i++) {
        bool is_on = !isnan(summary->utilisation) && i < (int)lround(summary->utilisation * room);
        jb_top_put(view, y, 5 + i, 1, is_on ? LOOK_BAR : LOOK_PLAIN, 0, is_on ? "|" : " ");
    }
    jb_top_put(view, y, 5 + (room > 0 ? room + 1 : 0), (int)strlen(figure) + 1, LOOK_PLAIN, 0, figure);
    jb_top_put(view, y, 5 + (room > 0 ? room + 1 : 0) + (int)strlen(figure), 1, LOOK_PLAIN, 0, "]");
}

static void draw_line(const struct jb_top_view *view, int y, enum look look, struct jb_buffer *text) {
    static const char plus_minus[] = "±"; /* two bytes in UTF-8, as many as "+-" */
    char *found = text->bytes && !view->is_utf8 ? strstr(text->bytes, plus_minus) : NULL;
    if (found)
        memcpy(found, "+-", 2);
    jb_top_put(view, y, 0, COLS, look, 0, text->bytes ? text->bytes : "");
    jb_buffer_clear(text);
}

static void draw_header(const struct jb_top_view *view, const struct jb_top_about *about,
                        const struct jb_top_summary *summary) {
    _cleanup_buffer_ struct jb_buffer text = {0};
    int lines = header_lines();
    jb_top_title_line(about, summary, &text);
    draw_line(view, 0, LOOK_PLAIN, &text);
    if (view->is_paused && COLS > 10)
        jb_top_put(view, 0, COLS - 8, 8, LOOK_ALERT, 0, " PAUSED");
    jb_top_power_line(summary, &text);
    bool is_unknown = isnan(summary->power_w) && !summary->is_first;
    draw_line(view, 1, is_unknown ? LOOK_ALERT : LOOK_PLAIN, &text);
    if (lines >= 3) {
        jb_top_parts_line(summary, &text);
        draw_line(view, 2, LOOK_PLAIN, &text);
    }
    if (lines >= 4)
        draw_bar(view, summary, 3);
}

/* --- rows --- */

static void draw_heading(const struct jb_top_view *view, int y, const unsigned *widths) {
    enum jb_top_column sorted = jb_top_column_of_sort(view->settings.sort);
    int x = 0;
    for (int c = 0; c < JB_TOP_COLUMN_COUNT; c++) {
        enum jb_top_column column = (enum jb_top_column)c;
        char text[64];
        if (widths[c] == 0)
            continue;
        bool is_figure = column < JB_TOP_COLUMN_GROUP;
        snprintf(text, sizeof text, "%*s", is_figure ? (int)widths[c] : 0,
                 jb_top_column_title(view->settings.by, column));
        jb_top_put(view, y, x, (int)widths[c] + 1, column == sorted ? LOOK_SELECTED : LOOK_HEADING, 0, text);
        x += (int)widths[c] + 1;
    }
}

static void draw_row(const struct jb_top_view *view, int y, const struct jb_top_row *row, bool is_selected,
                     const unsigned *widths) {
    char text[LINE_SIZE], prefix[128], cell[JB_TOP_CELL_SIZE];
    enum look look = is_selected ? LOOK_SELECTED : row->kind == JB_TOP_HOST ? LOOK_HOST : LOOK_PLAIN;
    int x = 0;
    for (int c = 0; c < JB_TOP_COLUMN_COUNT; c++) {
        enum jb_top_column column = (enum jb_top_column)c;
        int width = (int)widths[c];
        if (width == 0)
            continue;
        if (column == JB_TOP_COLUMN_NAME) {
            snprintf(text, sizeof text, "%s%s", jb_top_tree_prefix(row, view->is_utf8, prefix, sizeof prefix),
                     row->name);
            jb_top_put(view, y, x, width, look, view->scroll, text);
            return;
        }
        if (column == JB_TOP_COLUMN_GROUP)
            snprintf(text, sizeof text, "%s", row->group);
        else
            snprintf(text, sizeof text, "%*s", width, jb_top_cell(row, column, cell));
        jb_top_put(view, y, x, width + 1, look, 0, text);
        if (column == JB_TOP_COLUMN_GROUP)
            jb_top_put(view, y, x + width, 1, look, 0, " ");
        x += width + 1;
    }
}

static void draw_rows(const struct jb_top_view *view, const struct jb_top_model *model) {
    unsigned widths[JB_TOP_COLUMN_COUNT];
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    int top = header_lines();
    jb_top_layout((unsigned)COLS, widths);
    draw_heading(view, top, widths);
    for (size_t i = 0; i < view->page && view->first + i < count; i++)
        draw_row(view, top + 1 + (int)i, &rows[view->first + i], view->first + i == view->selected, widths);
    if (count == 0)
        jb_top_put(view, top + 1, 0, COLS, LOOK_PLAIN, 0,
                   view->settings.filter[0] ? "nothing matches the filter" : "nothing to show");
}

/* --- bottom line, menus --- */

static void draw_keys(const struct jb_top_view *view) {
    static const struct {
        const char *key, *label;
    } keys[] = {{"F1", "Help"}, {"F2", "By"},   {"F3", "Search"}, {"F4", "Filter"},
                {"F5", "Tree"}, {"F6", "Sort"}, {"Z", "Pause"},   {"F10", "Quit"}};
    int x = 0, y = LINES - 1;
    for (size_t i = 0; i < JB_COUNT(keys); i++) {
        int key = (int)strlen(keys[i].key), label = (int)strlen(keys[i].label);
        bool is_last = i + 1 == JB_COUNT(keys);
        /* The last column of the last line stays free, and F10 is never cut off. */
        if (!is_last && x + key + label + 7 > COLS - 1)
            continue;
        jb_top_put(view, y, x, key, LOOK_KEY, 0, keys[i].key);
        jb_top_put(view, y, x + key, label, LOOK_LABEL, 0, keys[i].label);
        x += key + label;
    }
    jb_top_put(view, y, x, COLS - 1 - x, LOOK_PLAIN, 0, "");
}

static void draw_bottom(const struct jb_top_view *view, const struct jb_top_model *model) {
    const struct jb_top_summary *summary = jb_top_model_summary(model);
    char line[512], power[JB_TOP_CELL_SIZE];
    int y = LINES - 1;
    if (view->mode == MODE_SEARCH || view->mode == MODE_FILTER) {
        snprintf(line, sizeof line, "%s: %s_   (%sEnter keeps it, Esc %s)",
                 view->mode == MODE_SEARCH ? "Search" : "Filter", view->text,
                 view->is_missed ? "not found, " : "", view->mode == MODE_SEARCH ? "leaves" : "clears it");
        jb_top_put(view, y, 0, COLS - 1, LOOK_LABEL, 0, line);
    } else if (view->said[0]) {
        jb_top_put(view, y, 0, COLS - 1, LOOK_ALERT, 0, view->said);
    } else if (view->settings.filter[0]) {
        snprintf(line, sizeof line, "Filter '%s': %zu of %zu rows, %s   (F4 changes it)",
                 view->settings.filter, summary->shown_count, summary->total_count,
                 jb_top_power(summary->shown_power_w, power));
        jb_top_put(view, y, 0, COLS - 1, LOOK_LABEL, 0, line);
    } else {
        draw_keys(view);
    }
}

static void draw_menu(const struct jb_top_view *view) {
    static const char *const labels[JB_TOP_SORT_COUNT] = {"power (W)", "energy (J)", "CPU", "time",
                                                          "PID",       "group",      "name"};
    int top = header_lines();
    jb_top_put(view, top, 0, 16, LOOK_HEADING, 0, "Sort by");
    for (int i = 0; i < JB_TOP_SORT_COUNT; i++)
        jb_top_put(view, top + 1 + i, 0, 16, (enum jb_top_sort)i == view->menu ? LOOK_SELECTED : LOOK_PLAIN,
                   0, labels[i]);
}

static const char *const help_lines[] = {
    "joulebook top: power by process, cgroup or container. Rows that are shown never count a joule",
    "twice: with everything shown they sum to the host. Any key leaves this page.",
    "",
    " Arrows PgUp PgDn Home End   move; left and right shift long names",
    " F1 h ?       this page              q F10 Esc   quit",
    " F2 g Tab     by process, cgroup or container",
    " F3 /         search, again: next    F4 \\        filter (a|b: either)",
    " F5 t         tree                   + - *       unfold, fold, either",
    " F6 > . ,     choose the order       I           the other way round",
    " W E C P T N  order by watts, energy, CPU (C, P), time, PID",
    " Z p Space    pause; what is used meanwhile counts to the next interval",
    " K            kernel threads as one row",
    " H            hide what belongs to no workload: idle, rest, interrupts, exited",
    " i            hide rows that use nothing",
    " Enter        all about the row      R           energy counts from now",
    "",
    " W       mean power over the last interval        J      energy since start or R",
    " SHARE%  of the host's power                      CPU%   100 is one CPU all the time",
    " TIME+   CPU time (of groups: since start or R)",
    " exited  processes that have ended; rest: what the outermost meter sees and no inner one;",
    " idle    what the machine takes when it does nothing; kernel, interrupt, steal: as named",
    " A folded row (+) shows the figures of all below it as well.",
    " Colours are off where NO_COLOR is set.",
};

static void draw_help(struct jb_top_view *view) {
    int count = (int)JB_COUNT(help_lines);
    if (view->help_first > count - LINES)
        view->help_first = count - LINES;
    if (view->help_first < 0)
        view->help_first = 0;
    for (int y = 0; y < LINES && view->help_first + y < count; y++)
        jb_top_put(view, y, 0, COLS, LOOK_PLAIN, 0, help_lines[view->help_first + y]);
}

/* Text over as many lines as it needs. */
static int draw_wrapped(const struct jb_top_view *view, int y, const char *text) {
    char clean[LINE_SIZE];
    jb_text_display(text, clean, sizeof clean);
    size_t length = strlen(clean), width = (size_t)(COLS > 1 ? COLS - 1 : 1);
    for (size_t skip = 0; skip < length && y < LINES; skip += width)
        jb_top_put(view, y++, 0, (int)width, LOOK_PLAIN, skip, clean);
    return y;
}

static void draw_detail(const struct jb_top_view *view, const struct jb_top_model *model) {
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    char line[128], power[JB_TOP_CELL_SIZE], energy[JB_TOP_CELL_SIZE], time[JB_TOP_CELL_SIZE];
    if (view->selected >= count)
        return;
    const struct jb_top_row *row = &rows[view->selected];
    int y = draw_wrapped(view, 0, row->name);
    if (row->pid > 0) {
        snprintf(line, sizeof line, "PID %d", row->pid);
        y = draw_wrapped(view, y, line);
    } else if (row->kind == JB_TOP_GROUP) {
        snprintf(line, sizeof line, "%u processes", row->process_count);
        y = draw_wrapped(view, y, line);
    }
    if (row->group[0])
        y = draw_wrapped(view, y, row->group);
    snprintf(line, sizeof line, "%s, %s since start", jb_top_power(row->power_w, power),
             jb_top_energy(row->energy_j, energy));
    y = draw_wrapped(view, y, line);
    if (!isnan(row->share)) {
        snprintf(line, sizeof line, "%.3g %% of the host's power", row->share * 100);
        y = draw_wrapped(view, y, line);
    }
    snprintf(line, sizeof line, "CPU %.1f %%, %s in all", row->cpus * 100,
             jb_top_cell(row, JB_TOP_COLUMN_TIME, time));
    y = draw_wrapped(view, y, line);
    jb_top_put(view, y + 1, 0, COLS, LOOK_PLAIN, 0, "Any key goes back.");
}

void jb_top_view_draw(struct jb_top_view *view, const struct jb_top_about *about,
                      const struct jb_top_model *model) {
    erase();
    if (view->mode == MODE_HELP) {
        draw_help(view);
    } else if (view->mode == MODE_DETAIL) {
        draw_detail(view, model);
    } else {
        draw_header(view, about, jb_top_model_summary(model));
        draw_rows(view, model);
        if (view->mode == MODE_SORT)
            draw_menu(view);
        draw_bottom(view, model);
    }
    refresh();
}

/* --- where the rows stand --- */

/* What is searched for may come only after it was typed. */
static void search_again(struct jb_top_view *view, const struct jb_top_model *model) {
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    if (view->mode != MODE_SEARCH || !view->is_missed)
        return;
    size_t found = jb_top_model_search(model, view->text, view->selected, false);
    if (found >= count)
        return;
    view->is_missed = false;
    view->is_pinned = true;
    view->selected = found;
    view->selected_key = rows[found].key;
}

void jb_top_view_place(struct jb_top_view *view, const struct jb_top_model *model, size_t *ret_first,
                       size_t *ret_count) {
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    int room = LINES - header_lines() - 2;
    view->page = room > 0 ? (size_t)room : 0;
    search_again(view, model);
    if (view->is_pinned) {
        size_t found = jb_top_model_find(model, view->selected_key);
        if (found < count) {
            /* The selection stays on its line of the screen where the list allows. */
            size_t line = view->selected >= view->first ? view->selected - view->first : 0;
            view->first = found >= line ? found - line : 0;
            view->selected = found;
        }
    }
    if (view->selected >= count)
        view->selected = count ? count - 1 : 0;
    if (view->first > view->selected)
        view->first = view->selected;
    if (view->page > 0 && view->selected >= view->first + view->page)
        view->first = view->selected - view->page + 1;
    if (view->first + view->page > count)
        view->first = count > view->page ? count - view->page : 0;
    view->selected_key = count ? rows[view->selected].key : 0;
    *ret_first = view->first;
    *ret_count = view->first + view->page <= count ? view->page : count - view->first;
}
