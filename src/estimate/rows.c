/* Reads tables of rows to estimate, and writes them with their predictions. */
#include "estimate/rows.h"

#include "base/buffer.h"
#include "base/csv.h"

#include <errno.h>
#include <string.h>

#define COLUMN_CEILING 1024
#define FLUSH_BYTES    ((size_t)1 << 20)

static const char *const added[] = {"predicted_energy_j", "low_j", "high_j", "predicted_latency_s",
                                    "refusal"};

static const struct {
    const char *name;
    size_t offset;
} columns[] = {
#define JB_ROW_ENTRY(name) {#name, offsetof(struct jb_row, name)},
    JB_ROW_COLUMNS(JB_ROW_ENTRY)
#undef JB_ROW_ENTRY
};

struct jb_row_reader {
    struct jb_csv_reader *csv;
    char *name;
    char *header[COLUMN_CEILING];
    size_t header_count;
    size_t where[JB_COUNT(columns)]; /* in the header; SIZE_MAX: not there */
};

void jb_row_reader_free(struct jb_row_reader *reader) {
    if (!reader)
        return;
    for (size_t i = 0; i < reader->header_count; i++)
        free(reader->header[i]);
    jb_csv_reader_free(reader->csv);
    free(reader->name);
    free(reader);
}

static enum jb_code read_header(struct jb_row_reader *reader, struct jb_error *error) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader->csv, error, &fields, &count);
    if (code == JB_NO_DATA)
        return jb_error_set(error, JB_INPUT, "%s: the file is empty", reader->name);
    if (!code && count > COLUMN_CEILING)
        return jb_error_set(error, JB_LIMIT, "%s: more than %d columns", reader->name, COLUMN_CEILING);
    if (code)
        return jb_error_prefix(error, "%s", reader->name);
    for (size_t i = 0; i < JB_COUNT(columns); i++)
        reader->where[i] = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        reader->header[i] = strdup(fields[i]);
        if (!reader->header[i])
            return jb_error_set(error, JB_MEMORY, "no memory for the header");
        reader->header_count++;
        for (size_t j = 0; j < JB_COUNT(columns); j++) {
            if (strcmp(fields[i], columns[j].name) != 0)
                continue;
            if (reader->where[j] != SIZE_MAX)
                return jb_error_set(error, JB_INPUT, "%s: there are two columns %s", reader->name, fields[i]);
            reader->where[j] = i;
        }
    }
    static const size_t musts[] = {offsetof(struct jb_row, task), offsetof(struct jb_row, model_id),
                                   offsetof(struct jb_row, gpu)};
    for (size_t i = 0; i < JB_COUNT(columns); i++) {
        for (size_t j = 0; j < JB_COUNT(musts); j++) {
            if (columns[i].offset == musts[j] && reader->where[i] == SIZE_MAX)
                return jb_error_set(
                    error, JB_INPUT,
                    "%s: there is no column %s; rows need task, model_id and gpu at the least", reader->name,
                    columns[i].name);
        }
    }
    return JB_OK;
}

enum jb_code jb_row_reader_make(FILE *file, const char *name, struct jb_error *error,
                                struct jb_row_reader **ret_reader) {
    _cleanup_(jb_row_reader_free_cleanup) struct jb_row_reader *reader = calloc(1, sizeof *reader);
    if (reader)
        reader->name = strdup(name);
    if (!reader || !reader->name)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", name);
    enum jb_code code = jb_csv_reader_make(file, name, error, &reader->csv);
    if (!code)
        code = read_header(reader, error);
    if (!code)
        *ret_reader = JB_TAKE(reader);
    return code;
}

const char *const *jb_row_header(const struct jb_row_reader *reader, size_t *ret_count) {
    *ret_count = reader->header_count;
    return (const char *const *)reader->header;
}

enum jb_code jb_row_read(struct jb_row_reader *reader, struct jb_error *error, struct jb_row *ret_row,
                         const char *const **ret_fields, size_t *ret_count) {
    const char *const *fields;
    size_t count;
    enum jb_code code = jb_csv_read(reader->csv, error, &fields, &count);
    if (code == JB_NO_DATA)
        return code;
    if (!code && count != reader->header_count)
        code =
            jb_error_set(error, JB_INPUT, "%zu fields, and the header has %zu", count, reader->header_count);
    if (code) {
        jb_error_prefix(error, "%s, line %llu", reader->name, (unsigned long long)jb_csv_line(reader->csv));
        return code;
    }
    for (size_t i = 0; i < JB_COUNT(columns); i++) {
        const char *field = reader->where[i] == SIZE_MAX ? "" : fields[reader->where[i]];
        memcpy((char *)ret_row + columns[i].offset, &field, sizeof field);
    }
    *ret_fields = fields;
    *ret_count = count;
    return JB_OK;
}

static void add_fields(struct jb_buffer *line, const char *const *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i)
            jb_buffer_add_char(line, ',');
        jb_csv_add(line, fields[i]);
    }
}

static enum jb_code flush(struct jb_buffer *text, FILE *out, struct jb_error *error) {
    enum jb_code code = jb_buffer_check(text, error);
    if (!code && text->length && fwrite(text->bytes, 1, text->length, out) != text->length)
        code = jb_error_set_errno(error, errno, "writing the predictions");
    jb_buffer_clear(text);
    return code;
}

static void add_prediction(struct jb_buffer *text, const struct jb_job *job, const struct jb_energy *energy) {
    /* Per output token for text. */
    double share = job->is_picture ? 1 : energy->per_token_j / energy->energy_j;
    jb_buffer_printf(text, ",%.6g,%.6g,%.6g,%.6g,\n", energy->energy_j * share, energy->low_j * share,
                     energy->high_j * share, energy->latency_s);
}

enum jb_code jb_rows_estimate(const char *data_path, FILE *in, const char *in_name, FILE *out,
                              struct jb_error *error, struct jb_row_counts *ret_counts) {
    _cleanup_(jb_job_maker_free_cleanup) struct jb_job_maker *maker = NULL;
    _cleanup_(jb_energy_constants_free_cleanup) struct jb_energy_constants *constants = NULL;
    _cleanup_(jb_row_reader_free_cleanup) struct jb_row_reader *reader = NULL;
    _cleanup_buffer_ struct jb_buffer text = {0};
    struct jb_row_counts counts = {0};
    enum jb_code code = jb_job_maker_make(data_path, error, &maker);
    if (!code)
        code = jb_energy_constants_read(data_path, error, &constants);
    if (!code)
        code = jb_row_reader_make(in, in_name, error, &reader);
    if (code)
        return code;
    add_fields(&text, (const char *const *)reader->header, reader->header_count);
    for (size_t i = 0; i < JB_COUNT(added); i++)
        jb_buffer_printf(&text, ",%s", added[i]);
    jb_buffer_add_char(&text, '\n');
    const char *const *fields;
    struct jb_row row;
    size_t count;
    while (!(code = jb_row_read(reader, error, &row, &fields, &count))) {
        struct jb_job job;
        struct jb_energy energy;
        struct jb_error why = {0};
        add_fields(&text, fields, count);
        if (!jb_job_make(maker, &row, &why, &job) && !jb_job_estimate(constants, &job, &why, &energy)) {
            add_prediction(&text, &job, &energy);
            counts.estimated++;
        } else {
            jb_buffer_add_string(&text, ",,,,,");
            jb_csv_add(&text, why.message);
            jb_buffer_add_char(&text, '\n');
            counts.refused++;
        }
        if (text.length > FLUSH_BYTES && (code = flush(&text, out, error)))
            return code;
    }
    if (code != JB_NO_DATA)
        return code;
    code = flush(&text, out, error);
    if (!code && fflush(out) != 0)
        code = jb_error_set_errno(error, errno, "writing the predictions");
    if (!code)
        *ret_counts = counts;
    return code;
}
