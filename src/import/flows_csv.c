/* Flows as CSV: columns are found by the names in the heading, in any order. */
#include "import/flows.h"

#include "base/csv.h"

#include <string.h>

#define COLUMN_NONE SIZE_MAX

struct heading {
    size_t column_of[JB_FIELD_COUNT]; /* COLUMN_NONE: the file has none */
    size_t column_count;
};

static int find_field(const char *name) {
    for (int i = 0; i < JB_FIELD_COUNT; i++) {
        if (strcmp(jb_flow_field_names[i], name) == 0)
            return i;
    }
    return -1;
}

static enum jb_code read_heading(struct jb_csv_reader *reader, const char *name, struct jb_error *error,
                                 struct heading *ret_heading) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader, error, &fields, &count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_NO_DATA, "%s: empty", name);
    if (code)
        return code;
    unsigned long long line = jb_csv_line(reader);
    for (int i = 0; i < JB_FIELD_COUNT; i++)
        ret_heading->column_of[i] = COLUMN_NONE;
    for (size_t c = 0; c < count; c++) {
        int field = find_field(fields[c]);
        if (field < 0)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %llu, column %zu: '%.60s' is no field of a flow; the heading needs "
                                "start,end,from,to,amount and may have "
                                "commodity,unit,method,uncertainty_ppm,batch",
                                name, line, c + 1, fields[c]);
        if (ret_heading->column_of[field] != COLUMN_NONE)
            return jb_error_set(error, JB_INPUT,
                                "%s, line %llu, column %zu: '%s' stands twice in the heading", name, line,
                                c + 1, fields[c]);
        ret_heading->column_of[field] = c;
    }
    for (enum jb_flow_field i = 0; i < JB_FIELD_COUNT; i++) {
        if (jb_flow_field_is_needed(i) && ret_heading->column_of[i] == COLUMN_NONE)
            return jb_error_set(error, JB_INPUT, "%s, line %llu: the heading has no column '%s'", name, line,
                                jb_flow_field_names[i]);
    }
    ret_heading->column_count = count;
    return JB_OK;
}

enum jb_code jb_flows_parse_csv(FILE *file, const char *name, struct jb_import_sink *sink,
                                struct jb_error *error) {
    _cleanup_(jb_csv_reader_free_cleanup) struct jb_csv_reader *reader = NULL;
    struct heading heading = {0};
    const char *const *fields;
    size_t count;
    bool any = false;
    enum jb_code code = jb_csv_reader_make(file, name, error, &reader);
    if (!code)
        code = read_heading(reader, name, error, &heading);
    if (code)
        return code;
    while ((code = jb_csv_read(reader, error, &fields, &count)) == JB_OK) {
        struct jb_flow_texts row = {0};
        struct jb_import_record record;
        unsigned long long line = jb_csv_line(reader);
        if (count != heading.column_count)
            return jb_error_set(error, JB_INPUT, "%s, line %llu: %zu fields, but the heading has %zu", name,
                                line, count, heading.column_count);
        for (int i = 0; i < JB_FIELD_COUNT; i++) {
            if (heading.column_of[i] != COLUMN_NONE)
                row.texts[i] = fields[heading.column_of[i]];
        }
        code = jb_flow_texts_parse(&row, error, &record);
        if (code) {
            jb_error_prefix(error, "%s, line %llu", name, line);
            return code;
        }
        record.line = line;
        code = sink->record(sink, &record, error);
        if (code)
            return code;
        any = true;
    }
    if (code != JB_NO_DATA)
        return code;
    return any ? JB_OK : jb_error_set(error, JB_NO_DATA, "%s: a heading, but no flow", name);
}
