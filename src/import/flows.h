/* The format of our own: flows as CSV or as JSON lines, written by `export` and read back by `import`. */
#ifndef JB_IMPORT_FLOWS_H
#define JB_IMPORT_FLOWS_H

#include "base/buffer.h"
#include "import/import.h"

/* The fields of a flow, in the order in which they are written. */
enum jb_flow_field {
    JB_FIELD_START,
    JB_FIELD_END,
    JB_FIELD_FROM,
    JB_FIELD_TO,
    JB_FIELD_COMMODITY,
    JB_FIELD_AMOUNT,
    JB_FIELD_UNIT,
    JB_FIELD_METHOD,
    JB_FIELD_UNCERTAINTY,
    JB_FIELD_BATCH,
    JB_FIELD_COUNT,
};
extern const char *const jb_flow_field_names[JB_FIELD_COUNT];
/* Whether a flow says nothing without it: start, end, from, to and amount. */
bool jb_flow_field_is_needed(enum jb_flow_field field);

/* The texts of one row; NULL or "" where it has none. Those that are not needed
 * default to energy, the commodity's own unit, declared, unknown uncertainty, no batch. */
struct jb_flow_texts {
    const char *texts[JB_FIELD_COUNT];
};

/* Texts → record (its texts point into these). Pure. JB_INPUT: "field: what is wrong; mend". Amounts in a
 * unit other than the commodity's own ("1.5" "kWh") are turned into it, rounded half to even. */
enum jb_code jb_flow_texts_parse(const struct jb_flow_texts *row, struct jb_error *error,
                                 struct jb_import_record *ret_record);

/* The two notations. name is for messages; see jb_import_ops.parse. */
enum jb_code jb_flows_parse_csv(FILE *file, const char *name, struct jb_import_sink *sink,
                                struct jb_error *error);
enum jb_code jb_flows_parse_json(FILE *file, const char *name, struct jb_import_sink *sink,
                                 struct jb_error *error);

/* One flow as a line, in either notation: exactly what the parsers above read back. */
void jb_flows_write_csv_heading(struct jb_buffer *out);
void jb_flows_write_csv(const struct jb_import_record *record, struct jb_buffer *out);
void jb_flows_write_json(const struct jb_import_record *record, struct jb_buffer *out);

extern const struct jb_import_ops jb_import_flows;

#endif
