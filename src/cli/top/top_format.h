/* Figures and header lines of `top` as text, for the screen and for plain tables alike. */
#ifndef JB_CLI_TOP_FORMAT_H
#define JB_CLI_TOP_FORMAT_H

#include "base/buffer.h"
#include "cli/top/top_model.h"

#define JB_TOP_CELL_SIZE 32

/* What the model does not know. */
struct jb_top_about {
    const char *host;         /* encoded */
    const char *process_load; /* "process_bpf", "" none */
};

enum jb_top_column {
    JB_TOP_COLUMN_PID, /* of groups: number of processes */
    JB_TOP_COLUMN_POWER,
    JB_TOP_COLUMN_ENERGY,
    JB_TOP_COLUMN_SHARE,
    JB_TOP_COLUMN_CPU,
    JB_TOP_COLUMN_TIME,
    JB_TOP_COLUMN_GROUP,
    JB_TOP_COLUMN_NAME,
    JB_TOP_COLUMN_COUNT
};

/* Columns that fit, and how wide each is; the name gets the rest. widths[i] 0: not shown. */
void jb_top_layout(unsigned width, unsigned widths[JB_TOP_COLUMN_COUNT]);
const char *jb_top_column_title(enum jb_top_by by, enum jb_top_column column);
/* By which column a sort key orders. */
enum jb_top_column jb_top_column_of_sort(enum jb_top_sort sort);

/* A figure of the row, without padding; the columns group and name are texts of the row itself. Returns ret.
 */
char *jb_top_cell(const struct jb_top_row *row, enum jb_top_column column, char ret[static JB_TOP_CELL_SIZE]);

char *jb_top_power(double power_w, char ret[static JB_TOP_CELL_SIZE]);   /* "12.3 W", "unknown" */
char *jb_top_energy(double energy_j, char ret[static JB_TOP_CELL_SIZE]); /* "1.23 kJ", "unknown" */

/* Tree lines before a name, "│  ├─ " or in ASCII "|  `- ", then "+ " when the row is folded. Returns ret. */
char *jb_top_tree_prefix(const struct jb_top_row *row, bool is_utf8, char *ret, size_t size);

/* Header lines without newline; hostile bytes in names are replaced. */
void jb_top_title_line(const struct jb_top_about *about, const struct jb_top_summary *summary,
                       struct jb_buffer *out);
void jb_top_power_line(const struct jb_top_summary *summary, struct jb_buffer *out);
void jb_top_parts_line(const struct jb_top_summary *summary, struct jb_buffer *out);

/* A whole plain table, JSON object (one line) or CSV records of what is arranged, at most limit rows (0:
 * all). */
void jb_top_write_text(const struct jb_top_about *about, const struct jb_top_model *model,
                       const struct jb_top_settings *settings, size_t limit, struct jb_buffer *out);
void jb_top_write_json(const struct jb_top_about *about, const struct jb_top_model *model,
                       const struct jb_top_settings *settings, size_t limit, struct jb_buffer *out);
void jb_top_write_csv(const struct jb_top_model *model, const struct jb_top_settings *settings, size_t limit,
                      bool with_heading, struct jb_buffer *out);

#endif
