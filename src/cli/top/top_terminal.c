/* Asks the terminal's description; a file of its own, since its header has macros named like common words. */
#include "cli/top/top_view_internal.h"

#include <term.h>

bool jb_top_terminal_has_cursor(void) {
    const char *text = tigetstr("cup");
    return text && text != (const char *)-1;
}
