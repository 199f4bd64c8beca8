/* Plots as inline SVG: shapes with classes, whose colours the page's style sheet says for light, dark and
 * paper. */
#ifndef JB_REPORT_SVG_H
#define JB_REPORT_SVG_H

#include "base/buffer.h"

/* A plot `width` × `height` units, drawn as wide as the page allows. name: unique in the page, letters only.
 * title and desc are what a screen reader says. */
void jb_svg_begin(struct jb_buffer *out, const char *name, double width, double height, const char *title,
                  const char *desc);
void jb_svg_end(struct jb_buffer *out);

void jb_svg_line(struct jb_buffer *out, const char *class, double x1, double y1, double x2, double y2);
void jb_svg_rect(struct jb_buffer *out, const char *class, double x, double y, double width, double height);
void jb_svg_circle(struct jb_buffer *out, const char *class, double x, double y, double radius);
/* anchor: "start", "middle" or "end". */
void jb_svg_text(struct jb_buffer *out, const char *class, double x, double y, const char *anchor,
                 const char *text);

/* Where values of a scale stand on the x axis. */
struct jb_svg_scale {
    double from, to;    /* values */
    double left, right; /* x of them */
};
double jb_svg_x(const struct jb_svg_scale *scale, double value);

/* Units that a text takes, about: a little more than on a wide screen, for a phone draws letters larger. */
double jb_svg_text_width(const char *text);

#endif
