/* What the files of the screen share. */
#ifndef JB_CLI_TOP_VIEW_INTERNAL_H
#define JB_CLI_TOP_VIEW_INTERNAL_H

#include "cli/top/top_view.h"

#define NCURSES_WIDECHAR 1
#include <ncurses.h>

enum mode { MODE_ROWS, MODE_SEARCH, MODE_FILTER, MODE_SORT, MODE_HELP, MODE_DETAIL };

enum look {
    LOOK_PLAIN,
    LOOK_HEADING,
    LOOK_SELECTED,
    LOOK_KEY,
    LOOK_LABEL,
    LOOK_HOST,
    LOOK_BAR,
    LOOK_ALERT,
    LOOK_COUNT
};

struct jb_top_view {
    SCREEN *screen;
    FILE *input; /* /dev/tty where standard input is no terminal; NULL: standard input */
    bool is_utf8, has_colour;
    struct jb_top_settings settings;
    enum mode mode;
    bool is_paused;
    bool is_pinned;                /* the selection follows its row; else it stays where it is, on top */
    uint64_t selected_key;         /* of the row selected */
    size_t selected, first;        /* its index; index of the first row on the screen */
    size_t page;                   /* rows on the screen */
    size_t scroll;                 /* columns by which names are shifted to the left */
    enum jb_top_sort menu;         /* entry of the sort menu */
    char text[JB_TOP_FILTER_SIZE]; /* typed in search or filter */
    bool is_missed;                /* what is searched for was not there */
    char said[256];
    int help_first; /* line of the help screen on top */
};

/* Draws text (UTF-8, any bytes) into `width` columns at (y, x), skipping `skip` columns of it, and fills the
 * rest. */
void jb_top_put(const struct jb_top_view *view, int y, int x, int width, enum look look, size_t skip,
                const char *text);
/* Whether the terminal that was just taken can place its cursor; on others no screen can be drawn. */
bool jb_top_terminal_has_cursor(void);

attr_t jb_top_look(const struct jb_top_view *view, enum look look);

#endif
