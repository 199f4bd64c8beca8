/* Text helpers: globs, safe display of hostile bytes, width on a terminal. */
#ifndef JB_BASE_TEXT_H
#define JB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Glob over the whole of text: '*' any run (also of '/'), '?' one byte, '[a-z]' sets, '\' escapes. */
bool jb_text_matches(const char *pattern, const char *text);

/* Length of the valid UTF-8 sequence at bytes (1 to 4), or 0: overlong, surrogate, truncated, beyond
 * U+10FFFF. */
size_t jb_utf8_length(const char *bytes, size_t available);

/* Copies text for a terminal: control characters and invalid UTF-8 become '?'; cut to size. Returns ret. */
char *jb_text_display(const char *text, char *ret, size_t size);

#endif
