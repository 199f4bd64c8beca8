/* Text helpers: globs, safe display of hostile bytes, width on a terminal. */
#ifndef JB_BASE_TEXT_H
#define JB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Glob over the whole of text: '*' any run (also of '/'), '?' one byte, '[a-z]' and '[!a-z]' sets of bytes,
 * '\' escapes; a '[' that is never closed stands for itself. */
bool jb_text_matches(const char *pattern, const char *text);

/* Length of the valid UTF-8 sequence at bytes (1 to 4), or 0: overlong, surrogate, truncated, beyond
 * U+10FFFF. */
size_t jb_utf8_length(const char *bytes, size_t available);

/* Length of the control character at bytes (C0, DEL, or C1 as UTF-8: U+0080 to U+009F, which some terminals
 * obey), or 0 when there is none. */
size_t jb_control_length(const char *bytes, size_t available);

/* Copies text for a terminal: control characters and invalid UTF-8 become '?'; cut to size. Returns ret. */
char *jb_text_display(const char *text, char *ret, size_t size);

#endif
