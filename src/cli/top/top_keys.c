/* What the keys of `top` do. */
#include "base/text.h"
#include "cli/top/top_view_internal.h"

#include <string.h>

const struct jb_top_settings *jb_top_view_settings(const struct jb_top_view *view) {
    return &view->settings;
}

bool jb_top_view_is_paused(const struct jb_top_view *view) {
    return view->is_paused;
}

bool jb_top_view_wants_all(const struct jb_top_view *view) {
    return view->settings.filter[0] || view->mode == MODE_SEARCH || view->mode == MODE_FILTER;
}

void jb_top_view_say(struct jb_top_view *view, const char *text) {
    snprintf(view->said, sizeof view->said, "%.*s", (int)sizeof view->said - 1, text);
}

static enum jb_top_action select_row(struct jb_top_view *view, const struct jb_top_model *model,
                                     size_t index) {
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    if (count == 0)
        return JB_TOP_NOTHING;
    view->selected = index < count ? index : count - 1;
    view->selected_key = rows[view->selected].key;
    view->is_pinned = true;
    return JB_TOP_REDRAW;
}

static enum jb_top_action move_selection(struct jb_top_view *view, const struct jb_top_model *model,
                                         int key) {
    size_t at = view->selected, page = view->page > 1 ? view->page - 1 : 1;
    switch (key) {
    case KEY_UP:
        return select_row(view, model, at > 0 ? at - 1 : 0);
    case KEY_DOWN:
        return select_row(view, model, at + 1);
    case KEY_PPAGE:
        view->first = view->first > page ? view->first - page : 0;
        return select_row(view, model, at > page ? at - page : 0);
    case KEY_NPAGE:
        view->first += page;
        return select_row(view, model, at + page);
    case KEY_HOME:
        /* The top of the list, whoever comes to stand there. */
        view->first = 0;
        select_row(view, model, 0);
        view->is_pinned = false;
        return JB_TOP_REDRAW;
    case KEY_END:
        return select_row(view, model, SIZE_MAX);
    case KEY_LEFT:
        view->scroll = view->scroll > 8 ? view->scroll - 8 : 0;
        return JB_TOP_REDRAW;
    case KEY_RIGHT:
        view->scroll += view->scroll < JB_TOP_COMMAND_SIZE ? 8 : 0;
        return JB_TOP_REDRAW;
    default:
        return JB_TOP_NOTHING;
    }
}

static enum jb_top_action sort_by(struct jb_top_view *view, enum jb_top_sort sort) {
    view->settings.sort = sort;
    view->settings.is_reversed = false;
    return JB_TOP_REARRANGE;
}

static enum jb_top_action search(struct jb_top_view *view, const struct jb_top_model *model, size_t from,
                                 bool is_backward) {
    size_t count;
    jb_top_model_rows(model, &count);
    size_t found = jb_top_model_search(model, view->text, from, is_backward);
    view->is_missed = found >= count && view->text[0];
    if (found < count)
        return select_row(view, model, found);
    return JB_TOP_REDRAW;
}

/* Editing of a line at the bottom; true when the text changed. */
static bool edit(struct jb_top_view *view, int key, bool is_special) {
    size_t length = strlen(view->text);
    if (key == KEY_BACKSPACE || (!is_special && (key == 127 || key == 8))) {
        if (length == 0)
            return false;
        do
            length--;
        while (length > 0 && ((unsigned char)view->text[length] & 0xC0) == 0x80);
        view->text[length] = '\0';
        return true;
    }
    if (!is_special && key == 21) { /* Ctrl-U */
        view->text[0] = '\0';
        return true;
    }
    if (is_special || key < 0x20)
        return false;
    /* A character of the locale, as UTF-8. */
    char bytes[5] = "";
    size_t count = 0;
    unsigned c = (unsigned)key;
    if (c < 0x80) {
        bytes[count++] = (char)c;
    } else if (c < 0x800) {
        bytes[count++] = (char)(0xC0 | c >> 6);
        bytes[count++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        bytes[count++] = (char)(0xE0 | c >> 12);
        bytes[count++] = (char)(0x80 | (c >> 6 & 0x3F));
        bytes[count++] = (char)(0x80 | (c & 0x3F));
    } else {
        bytes[count++] = (char)(0xF0 | (c >> 18 & 7));
        bytes[count++] = (char)(0x80 | (c >> 12 & 0x3F));
        bytes[count++] = (char)(0x80 | (c >> 6 & 0x3F));
        bytes[count++] = (char)(0x80 | (c & 0x3F));
    }
    if (length + count >= sizeof view->text)
        return false;
    memcpy(view->text + length, bytes, count);
    view->text[length + count] = '\0';
    return true;
}

static bool is_enter(int key) {
    return key == '\n' || key == '\r' || key == KEY_ENTER;
}

static enum jb_top_action search_key(struct jb_top_view *view, struct jb_top_model *model, int key,
                                     bool is_special) {
    view->said[0] = '\0';
    if (!is_special && (key == 27 || is_enter(key))) {
        view->mode = MODE_ROWS;
        return JB_TOP_REDRAW;
    }
    if (is_special && (key == KEY_F(3) || key == KEY_DOWN))
        return search(view, model, view->selected + 1, false);
    if (is_special && (key == KEY_F(15) || key == KEY_UP))
        return search(view, model, view->selected ? view->selected - 1 : SIZE_MAX / 2, true);
    return edit(view, key, is_special) ? search(view, model, view->selected, false) : JB_TOP_NOTHING;
}

static enum jb_top_action filter_key(struct jb_top_view *view, int key, bool is_special) {
    if (is_enter(key)) {
        view->mode = MODE_ROWS;
        return JB_TOP_REDRAW;
    }
    if (!is_special && key == 27) {
        view->mode = MODE_ROWS;
        view->settings.filter[0] = '\0';
        return JB_TOP_REARRANGE;
    }
    if (!edit(view, key, is_special))
        return JB_TOP_NOTHING;
    memcpy(view->settings.filter, view->text, sizeof view->settings.filter);
    return JB_TOP_REARRANGE;
}

static enum jb_top_action sort_key(struct jb_top_view *view, int key, bool is_special) {
    int entry = (int)view->menu;
    if (is_enter(key)) {
        view->mode = MODE_ROWS;
        return sort_by(view, view->menu);
    }
    if (is_special && key == KEY_UP)
        entry = entry > 0 ? entry - 1 : 0;
    else if (is_special && key == KEY_DOWN)
        entry = entry + 1 < JB_TOP_SORT_COUNT ? entry + 1 : entry;
    else
        view->mode = MODE_ROWS; /* Esc, q, or anything else */
    view->menu = (enum jb_top_sort)entry;
    return JB_TOP_REDRAW;
}

static enum jb_top_action fold(struct jb_top_view *view, struct jb_top_model *model, char how) {
    size_t count;
    const struct jb_top_row *rows = jb_top_model_rows(model, &count);
    if (!view->settings.is_tree || view->selected >= count || !rows[view->selected].has_children)
        return JB_TOP_NOTHING;
    struct jb_error error = {0};
    bool is_collapsed = how == '-' || (how == '*' && !rows[view->selected].is_collapsed);
    view->is_pinned = true;
    if (jb_top_model_collapse(model, rows[view->selected].key, is_collapsed, &error))
        jb_top_view_say(view, error.message);
    return JB_TOP_REARRANGE;
}

static enum jb_top_action toggle(bool *setting) {
    *setting = !*setting;
    return JB_TOP_REARRANGE;
}

static enum jb_top_action group_next(struct jb_top_view *view) {
    view->settings.by = (enum jb_top_by)((view->settings.by + 1) % JB_TOP_BY_COUNT);
    view->is_pinned = false;
    view->selected = view->first = view->scroll = 0;
    return JB_TOP_REARRANGE;
}

static enum jb_top_action begin_edit(struct jb_top_view *view, enum mode mode) {
    view->mode = mode;
    view->is_missed = false;
    snprintf(view->text, sizeof view->text, "%s", mode == MODE_FILTER ? view->settings.filter : "");
    return JB_TOP_REARRANGE;
}

static enum jb_top_action open_page(struct jb_top_view *view, enum mode mode) {
    view->mode = mode;
    view->menu = view->settings.sort;
    view->help_first = 0;
    return JB_TOP_REDRAW;
}

static enum jb_top_action pause_or_go(struct jb_top_view *view) {
    view->is_paused = !view->is_paused;
    return JB_TOP_REDRAW;
}

static enum jb_top_action special_key(struct jb_top_view *view, struct jb_top_model *model, int key) {
    switch (key) {
    case KEY_F(1):
        return open_page(view, MODE_HELP);
    case KEY_F(2):
        return group_next(view);
    case KEY_F(3):
        return begin_edit(view, MODE_SEARCH);
    case KEY_F(4):
        return begin_edit(view, MODE_FILTER);
    case KEY_F(5):
        return toggle(&view->settings.is_tree);
    case KEY_F(6):
        return open_page(view, MODE_SORT);
    case KEY_F(10):
        return JB_TOP_QUIT;
    case KEY_ENTER:
        return open_page(view, MODE_DETAIL);
    case KEY_RESIZE:
        return JB_TOP_REDRAW;
    default:
        return move_selection(view, model, key);
    }
}

static enum jb_top_action plain_key(struct jb_top_view *view, struct jb_top_model *model, int key) {
    switch (key) {
    case 'q':
    case 27:
    case 3: /* Ctrl-C where it is no signal */
        return JB_TOP_QUIT;
    case 'h':
    case '?':
        return open_page(view, MODE_HELP);
    case 'g':
    case '\t':
        return group_next(view);
    case '/':
        return begin_edit(view, MODE_SEARCH);
    case '\\':
        return begin_edit(view, MODE_FILTER);
    case 't':
        return toggle(&view->settings.is_tree);
    case '>':
    case '.':
    case ',':
    case '<':
        return open_page(view, MODE_SORT);
    case 'W':
        return sort_by(view, JB_TOP_SORT_POWER);
    case 'E':
        return sort_by(view, JB_TOP_SORT_ENERGY);
    case 'C':
    case 'P':
        return sort_by(view, JB_TOP_SORT_CPU);
    case 'T':
        return sort_by(view, JB_TOP_SORT_TIME);
    case 'N':
        return sort_by(view, JB_TOP_SORT_PID);
    case 'I':
        return toggle(&view->settings.is_reversed);
    case 'K':
        return toggle(&view->settings.hides_kernel);
    case 'H':
        return toggle(&view->settings.hides_host);
    case 'i':
        return toggle(&view->settings.hides_quiet);
    case 'p':
    case 'Z':
    case ' ':
        return pause_or_go(view);
    case 'R':
        return JB_TOP_RESET;
    case '+':
    case '=':
    case '-':
    case '*':
        return fold(view, model, (char)key);
    case '\r':
    case '\n':
        return open_page(view, MODE_DETAIL);
    case 12: /* Ctrl-L */
        clearok(curscr, TRUE);
        return JB_TOP_REDRAW;
    case 16: /* Ctrl-P, Ctrl-N */
        return move_selection(view, model, KEY_UP);
    case 14:
        return move_selection(view, model, KEY_DOWN);
    default:
        return JB_TOP_NOTHING;
    }
}

static enum jb_top_action page_key(struct jb_top_view *view, int key, bool is_special) {
    bool is_down = is_special && (key == KEY_DOWN || key == KEY_NPAGE);
    bool is_up = is_special && (key == KEY_UP || key == KEY_PPAGE);
    if (is_special && key == KEY_RESIZE)
        return JB_TOP_REDRAW;
    if (view->mode == MODE_HELP && (is_down || is_up))
        view->help_first += is_down ? 1 : -1;
    else
        view->mode = MODE_ROWS;
    return JB_TOP_REDRAW;
}

enum jb_top_action jb_top_view_key(struct jb_top_view *view, struct jb_top_model *model, int timeout_ms) {
    wint_t character = 0;
    timeout(timeout_ms);
    int kind = get_wch(&character);
    if (kind == ERR)
        return JB_TOP_NOTHING;
    bool is_special = kind == KEY_CODE_YES;
    int key = (int)character;
    if (is_special && key == KEY_RESIZE)
        return JB_TOP_REDRAW;
    if (view->mode == MODE_ROWS && view->said[0])
        view->said[0] = '\0';
    switch (view->mode) {
    case MODE_SEARCH:
        return search_key(view, model, key, is_special);
    case MODE_FILTER:
        return filter_key(view, key, is_special);
    case MODE_SORT:
        return sort_key(view, key, is_special);
    case MODE_HELP:
    case MODE_DETAIL:
        return page_key(view, key, is_special);
    case MODE_ROWS:
        break;
    }
    return is_special ? special_key(view, model, key) : plain_key(view, model, key);
}
