/* The screen of `top`: draws the model with ncursesw and turns keys into settings. */
#ifndef JB_CLI_TOP_VIEW_H
#define JB_CLI_TOP_VIEW_H

#include "cli/top/top_format.h"

struct jb_top_view; /* opaque */

enum jb_top_action {
    JB_TOP_NOTHING,   /* a key that means nothing, or none in time */
    JB_TOP_REDRAW,    /* only the screen changed */
    JB_TOP_REARRANGE, /* settings changed: arrange, then draw */
    JB_TOP_RESET,     /* energy counts from now */
    JB_TOP_QUIT,
};

/* Takes the terminal over. JB_UNSUPPORTED: its type is not known here. */
enum jb_code jb_top_view_open(const struct jb_top_settings *settings, struct jb_error *error,
                              struct jb_top_view **ret_view);
/* Gives the terminal back as it was. NULL-safe. */
void jb_top_view_close(struct jb_top_view *view);

const struct jb_top_settings *jb_top_view_settings(const struct jb_top_view *view);
bool jb_top_view_is_paused(const struct jb_top_view *view);
/* Full command lines of all processes are wanted: somebody filters or searches. */
bool jb_top_view_wants_all(const struct jb_top_view *view);
/* Rows that are on the screen, after placing the selection in what was just arranged. */
void jb_top_view_place(struct jb_top_view *view, const struct jb_top_model *model, size_t *ret_first,
                       size_t *ret_count);

void jb_top_view_draw(struct jb_top_view *view, const struct jb_top_about *about,
                      const struct jb_top_model *model);
/* A line that stays until the next key: an error of the last tick. "" none. */
void jb_top_view_say(struct jb_top_view *view, const char *text);

/* Waits for a key, at most timeout_ms, and does what it says. */
enum jb_top_action jb_top_view_key(struct jb_top_view *view, struct jb_top_model *model, int timeout_ms);

JB_DEFINE_CLEANUP(struct jb_top_view, jb_top_view_close);

#endif
