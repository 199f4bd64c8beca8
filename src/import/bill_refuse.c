/* Messages for files that are no bills: each names the mend. */
#include "import/bill_refuse.h"

#include <string.h>

/* The command is to be pasted into a shell: a name that would need quoting there is left to the reader. */
static enum jb_code refuse_parquet(const char *name, struct jb_error *error) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./:=@+,%~";
    static const char ending[] = ".parquet";
    size_t length = strlen(name), stem = length;
    bool is_plain = length < 150 && strspn(name, plain) == length && strcmp(name, "standard input") != 0;
    if (length > strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0)
        stem = length - strlen(ending);
    else
        is_plain = false; /* packed, or of another name: how to unpack it is not ours to say */
    if (!is_plain)
        return jb_error_set(error, JB_INPUT,
                            "%s: a Parquet file; turn it into CSV: duckdb -c \"COPY (FROM 'BILL.parquet') TO "
                            "'BILL.csv'\"",
                            name);
    return jb_error_set(error, JB_INPUT,
                        "%s: a Parquet file; turn it into CSV: duckdb -c \"COPY (FROM '%s') TO '%.*s.csv'\"",
                        name, name, (int)stem, name);
}

enum jb_code jb_bill_refuse(const struct jb_bill_files *files, const char *name,
                            const struct jb_bill_opening *opening, struct jb_error *error) {
    if (opening->is_parquet)
        return refuse_parquet(name, error);
    if (opening->is_empty)
        return jb_error_set(error, JB_INPUT, "%s: empty, not even a heading; was it copied whole?", name);
    if (opening->is_utf16)
        return jb_error_set(error, JB_INPUT,
                            "%s: UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)", name);
    if (opening->is_json_array)
        return jb_error_set(error, JB_INPUT,
                            "%s: one JSON array; turn it into an object a line: jq -c '.[]' '%s' > '%.200sl'",
                            name, name, name);
    if (files->format)
        return jb_error_set(error, JB_INPUT, "%s: not of the format %s: its heading lacks columns of it",
                            name, files->format->name);
    return jb_error_set(error, JB_INPUT,
                        "%s: of no format that is known; say which with --format, or describe it with --map",
                        name);
}

/* "its columns are a, b, …" */
static void list_columns(const struct jb_scan_source *source, struct jb_buffer *to) {
    size_t width = jb_scan_source_width(source);
    for (size_t i = 0; i < width && to->length < 200; i++)
        jb_buffer_printf(to, "%s\"%.40s\"", i ? ", " : "", jb_scan_source_heading(source, i));
    if (to->length >= 200)
        jb_buffer_add_string(to, ", …");
}

enum jb_code jb_bill_refuse_columns(const char *name, const struct jb_bill_format *format,
                                    const struct jb_scan_source *source, enum jb_bill_field field,
                                    struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer columns = {0};
    const char *heading = NULL;
    for (const struct jb_bill_column *column = format->columns; column->heading && !heading; column++)
        heading = column->field == field ? column->heading : NULL;
    list_columns(source, &columns);
    enum jb_code code = jb_buffer_check(&columns, error);
    if (code)
        return code;
    return jb_error_set(error, JB_INPUT, "%s: no column \"%.80s\", which is to be the %s; its columns are %s",
                        name, heading ? heading : "?", jb_bill_field_name(field), columns.bytes);
}
