/* HTML: text of others made safe, for pages that stand alone. */
#ifndef JB_REPORT_HTML_H
#define JB_REPORT_HTML_H

#include "base/buffer.h"

/* Text as content or as the value of an attribute in double quotes: & < > " ' become entities, control
 * characters and invalid UTF-8 become U+FFFD (tab and newline a space). The same holds in XML, so in SVG. */
void jb_html_text(struct jb_buffer *out, const char *text);

/* <tag class="…">text</tag>; class NULL: none. */
void jb_html_element(struct jb_buffer *out, const char *tag, const char *class, const char *text);

#endif
