/* Escaping is the one way that text gets into a page. */
#include "report/html.h"

#include "base/text.h"

#include <string.h>

void jb_html_text(struct jb_buffer *out, const char *text) {
    size_t left = strlen(text);
    while (left) {
        size_t length = jb_utf8_length(text, left);
        if (length == 0 || jb_control_length(text, left)) {
            length = length ? length : 1;
            jb_buffer_add_string(out, *text == '\t' || *text == '\n' ? " " : "\xef\xbf\xbd");
        } else if (*text == '&') {
            jb_buffer_add_string(out, "&amp;");
        } else if (*text == '<') {
            jb_buffer_add_string(out, "&lt;");
        } else if (*text == '>') {
            jb_buffer_add_string(out, "&gt;");
        } else if (*text == '"') {
            jb_buffer_add_string(out, "&quot;");
        } else if (*text == '\'') {
            jb_buffer_add_string(out, "&#39;");
        } else {
            jb_buffer_add(out, text, length);
        }
        text += length, left -= length;
    }
}

void jb_html_element(struct jb_buffer *out, const char *tag, const char *class, const char *text) {
    if (class)
        jb_buffer_printf(out, "<%s class=\"%s\">", tag, class);
    else
        jb_buffer_printf(out, "<%s>", tag);
    jb_html_text(out, text);
    jb_buffer_printf(out, "</%s>\n", tag);
}
