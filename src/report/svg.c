/* Shapes of SVG, with as many digits as a screen can show. */
#include "report/svg.h"

#include "report/html.h"
#include "report/table.h"

void jb_svg_begin(struct jb_buffer *out, const char *name, double width, double height, const char *title,
                  const char *desc) {
    jb_buffer_printf(out,
                     "<div class=\"plot\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                     "aria-labelledby=\"%s-title %s-desc\" "
                     "xmlns=\"http://www.w3.org/2000/svg\">\n<title id=\"%s-title\">",
                     width, height, name, name, name);
    jb_html_text(out, title);
    jb_buffer_printf(out, "</title>\n<desc id=\"%s-desc\">", name);
    jb_html_text(out, desc);
    jb_buffer_add_string(out, "</desc>\n");
}

void jb_svg_end(struct jb_buffer *out) {
    jb_buffer_add_string(out, "</svg></div>\n");
}

void jb_svg_line(struct jb_buffer *out, const char *class, double x1, double y1, double x2, double y2) {
    jb_buffer_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1,
                     y1, x2, y2);
}

void jb_svg_rect(struct jb_buffer *out, const char *class, double x, double y, double width, double height) {
    jb_buffer_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                     class, x, y, width > 0 ? width : 0, height);
}

void jb_svg_circle(struct jb_buffer *out, const char *class, double x, double y, double radius) {
    jb_buffer_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", class, x, y, radius);
}

void jb_svg_text(struct jb_buffer *out, const char *class, double x, double y, const char *anchor,
                 const char *text) {
    jb_buffer_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y,
                     anchor);
    jb_html_text(out, text);
    jb_buffer_add_string(out, "</text>\n");
}

double jb_svg_x(const struct jb_svg_scale *scale, double value) {
    return scale->left + (value - scale->from) / (scale->to - scale->from) * (scale->right - scale->left);
}

double jb_svg_text_width(const char *text) {
    return 9.6 * (double)jb_text_width(text);
}
