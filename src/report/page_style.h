/* The style sheet of pages: light, dark and paper; colours that the colour-blind can tell apart. */
#ifndef JB_REPORT_PAGE_STYLE_H
#define JB_REPORT_PAGE_STYLE_H

#define JB_PAGE_COLOURS 8 /* classes part-0 … part-7 */
#define JB_PAGE_SHADES  9 /* classes shade-0 … shade-8, light to dark */
#define JB_PAGE_BRIGHT  6 /* text is bright from this shade on */

extern const char jb_page_style[];

#endif
