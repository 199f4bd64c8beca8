/* Cells of a scan become ids and numbers, and bad rows are listed. */
#include "base/scan_worker.h"

#include "base/array.h"
#include "base/scan_decimal.h"
#include "base/time.h"

#include <string.h>

/* ---- cells ------------------------------------------------------------------------------------------ */

enum jb_code jb_scan_fault_set(struct jb_scan_fault *fault, size_t slot, size_t field, const char *what,
                               struct jb_error *error) {
    if (fault->what)
        return JB_OK; /* the first one counts */
    char *copy = strdup(what);
    if (!copy)
        return jb_error_set(error, JB_MEMORY, "no memory for a message");
    *fault = (struct jb_scan_fault){.slot = slot, .field = field, .what = copy};
    return JB_OK;
}

static enum jb_code fault_cell(struct jb_scan_worker *worker, size_t row, size_t slot, const char *what,
                               struct jb_error *error) {
    struct jb_scan_fault *fault = &worker->batch.faults[row];
    worker->batch.fault_count += fault->what == NULL;
    return jb_scan_fault_set(fault, slot, SIZE_MAX, what, error);
}

enum jb_code jb_scan_take_text(struct jb_scan_worker *worker, size_t slot_number, const char *text,
                               struct jb_error *why, uint32_t *ret_id) {
    const struct jb_scan_slot *slot = worker->layout->request->slots[slot_number];
    struct jb_scan_groups *groups = worker->range->groups;
    size_t key = worker->layout->place[slot_number];
    if (!*text && slot->is_required)
        return jb_error_set(why, JB_INPUT, "an empty cell; a %s was expected",
                            slot->kind == JB_SCAN_TIME ? "time" : "text");
    if (slot->kind == JB_SCAN_TEXT) {
        if (!*text || !slot->make_text)
            return jb_scan_groups_text(groups, key, text, why, ret_id);
        jb_buffer_clear(&worker->made);
        jb_buffer_add(&worker->made, "", 0);
        enum jb_code code = slot->make_text(slot, text, why, &worker->made);
        if (!code)
            code = jb_buffer_check(&worker->made, why);
        return code ? code : jb_scan_groups_text(groups, key, worker->made.bytes, why, ret_id);
    }
    int64_t time_ns = JB_SCAN_NO_TIME;
    enum jb_code code = JB_OK;
    if (*text)
        code =
            slot->make_time ? slot->make_time(slot, text, why, &time_ns) : jb_time_parse(text, why, &time_ns);
    if (!code && *text)
        time_ns = jb_time_floor(time_ns, slot->bucket_ns);
    return code ? code : jb_scan_groups_time(groups, key, time_ns, why, ret_id);
}

enum jb_code jb_scan_take_cell(struct jb_scan_worker *worker, size_t slot, size_t row, const char *bytes,
                               size_t length, struct jb_error *error, uint32_t *ret_id) {
    *ret_id = 0;
    jb_scan_unquote(bytes, length, &worker->cell);
    enum jb_code code = jb_buffer_check(&worker->cell, error);
    if (code)
        return code;
    struct jb_error why = {0};
    code = jb_scan_take_text(worker, slot, worker->cell.bytes, &why, ret_id);
    if (code == JB_INPUT)
        code = fault_cell(worker, row, slot, why.message, error);
    else if (code && error)
        *error = why;
    return code;
}

/* A number that is out of its quotes. */
static enum jb_code take_number_text(struct jb_scan_worker *worker, size_t slot_number, size_t row,
                                     const char *text, size_t length, struct jb_error *error) {
    const struct jb_scan_slot *slot = worker->layout->request->slots[slot_number];
    size_t at = worker->layout->place[slot_number] * JB_SCAN_BATCH + row;
    worker->batch.values[at] = 0;
    worker->batch.is_absent[at] = length == 0;
    worker->batch.has_absent[worker->layout->place[slot_number]] |= length == 0;
    if (length == 0 && !slot->is_required)
        return JB_OK;
    struct jb_error why = {0};
    enum jb_code code = length == 0 ? jb_error_set(&why, JB_INPUT, "an empty cell; a number was expected")
                                    : jb_scan_decimal_parse(text, length, slot->decimals, slot->may_round,
                                                            &why, &worker->batch.values[at]);
    return code ? fault_cell(worker, row, slot_number, why.message, error) : JB_OK;
}

/* One number, as it stands in the file. */
static enum jb_code take_number(struct jb_scan_worker *worker, size_t slot, size_t row, const char *bytes,
                                size_t length, struct jb_error *error) {
    jb_scan_unquote(bytes, length, &worker->cell);
    enum jb_code code = jb_buffer_check(&worker->cell, error);
    return code ? code : take_number_text(worker, slot, row, worker->cell.bytes, worker->cell.length, error);
}

/* ---- columns ---------------------------------------------------------------------------------------- */

static enum jb_code take_numbers(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                 size_t slot, struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    struct jb_scan_batch *batch = &worker->batch;
    uint32_t field = worker->input->fields[slot];
    size_t place = layout->place[slot];
    if (field == JB_SCAN_NO_FIELD)
        return JB_OK;
    memset(batch->is_absent + place * JB_SCAN_BATCH, 0, rows->count);
    batch->has_absent[place] = false;
    layout->kernel->decimals(rows, field, layout->request->slots[slot]->decimals,
                             batch->values + place * JB_SCAN_BATCH, &worker->missed);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < worker->missed.count; i++) {
        size_t row = worker->missed.rows[i];
        const uint32_t *end = &rows->ends[row * rows->width + field];
        code = take_number(worker, slot, row, rows->bytes + (uint32_t)(end[-1] + 1),
                           (uint32_t)(end[0] - end[-1] - 1), error);
    }
    return code;
}

/* Before the first row of a range: columns that the table does not have are the same in all of it. rows:
 * NULL when texts come one by one. */
static enum jb_code lay_out(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                            struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    struct jb_scan_groups *groups = worker->range->groups;
    const uint32_t *fields = rows ? worker->input->fields : NULL;
    for (size_t key = 0; fields && key < layout->key_count; key++) {
        struct jb_error why = {0};
        if (fields[layout->key_slots[key]] != JB_SCAN_NO_FIELD)
            continue;
        enum jb_code code =
            jb_scan_take_text(worker, layout->key_slots[key], "", &why, &groups->constants[key]);
        if (code && error)
            *error = why;
        if (code)
            return code;
    }
    groups->constants[layout->key_count] = (uint32_t)worker->range->input;
    worker->has_begun = true;
    enum jb_code code = jb_scan_groups_lay_out(groups, fields, rows, error);
    memset(worker->batch.ids, 0, JB_SCAN_BATCH * groups->span_count * sizeof *worker->batch.ids);
    return code;
}

/* ---- rows that are left out ------------------------------------------------------------------------- */

uint64_t jb_scan_count_newlines(const char *bytes, size_t length) {
    uint64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += bytes[i] == '\n';
    return count;
}

enum jb_code jb_scan_leave_out(struct jb_scan_worker *worker, uint64_t row, uint64_t line, uint64_t offset,
                               uint64_t length, struct jb_scan_fault *fault, struct jb_error *error) {
    struct jb_scan_range *range = worker->range;
    enum jb_code code = jb_array_reserve(&range->bad, &range->bad_capacity, range->bad_count + 1,
                                         SIZE_MAX / 2, "bad rows", error);
    if (code)
        return code;
    if (worker->is_ended && offset + length == worker->offset + worker->length)
        length--;
    range->bad[range->bad_count++] = (struct jb_scan_left_out){
        .row = row, .line = line, .offset = offset, .length = length, .fault = *fault};
    fault->what = NULL;
    worker->is_over = range->bad_count > worker->layout->request->bad_ceiling;
    return JB_OK;
}

/* Lists the rows of the batch that have a fault. line: of its first row. */
static enum jb_code leave_out_faults(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                     uint64_t line, struct jb_error *error) {
    struct jb_scan_batch *batch = &worker->batch;
    enum jb_code code = JB_OK;
    uint32_t begin = rows->ends[-1] + 1, counted = begin;
    if (!batch->fault_count)
        return JB_OK;
    for (size_t row = 0; !code && !worker->is_over && row < batch->count; row++) {
        uint32_t end = rows->ends[row * rows->width + rows->width - 1] + 1;
        if (batch->faults[row].what) {
            line += jb_scan_count_newlines(rows->bytes + counted, begin - counted);
            counted = begin;
            uint64_t offset = worker->offset + (uint64_t)(rows->bytes - worker->text) + begin;
            code = jb_scan_leave_out(worker, batch->first_row + row, line, offset, end - begin,
                                     &batch->faults[row], error);
        }
        begin = end;
    }
    return code;
}

static void clear_batch(struct jb_scan_worker *worker, size_t count) {
    struct jb_scan_batch *batch = &worker->batch;
    for (size_t row = 0; batch->fault_count && row < JB_SCAN_BATCH; row++) {
        free(batch->faults[row].what);
        batch->faults[row].what = NULL;
    }
    batch->fault_count = 0;
    batch->count = count;
    batch->first_row = worker->range->row_count;
    batch->input = (uint32_t)worker->range->input;
}

enum jb_code jb_scan_take_rows(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                               uint64_t line, struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    enum jb_code code = worker->has_begun ? JB_OK : lay_out(worker, rows, error);
    clear_batch(worker, rows->count);
    if (!code)
        code = jb_scan_take_spans(worker, rows, error);
    for (size_t sum = 0; !code && sum < layout->sum_count; sum++)
        code = take_numbers(worker, rows, layout->sum_slots[sum], error);
    if (!code)
        code = jb_scan_groups_add(worker->range->groups, &worker->batch, error);
    if (!code)
        code = leave_out_faults(worker, rows, line, error);
    worker->range->row_count += rows->count;
    return code;
}

enum jb_code jb_scan_take_texts(struct jb_scan_worker *worker, const char *const *texts, uint64_t line,
                                struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    struct jb_scan_groups *groups = worker->range->groups;
    struct jb_scan_batch *batch = &worker->batch;
    uint32_t ids[JB_SCAN_KEY_CEILING];
    enum jb_code code = worker->has_begun ? JB_OK : lay_out(worker, NULL, error);
    clear_batch(worker, 1);
    memset(batch->has_absent, 0, sizeof batch->has_absent);
    for (size_t slot = 0; !code && slot < layout->request->slot_count; slot++) {
        const char *text = texts[slot] ? texts[slot] : "";
        struct jb_error why = {0};
        if (layout->request->slots[slot]->kind == JB_SCAN_DECIMAL) {
            code = take_number_text(worker, slot, 0, text, strlen(text), error);
            continue;
        }
        uint32_t *id = &ids[layout->place[slot]];
        *id = 0;
        code = jb_scan_take_text(worker, slot, text, &why, id);
        if (code == JB_INPUT)
            code = fault_cell(worker, 0, slot, why.message, error);
        else if (code && error)
            *error = why;
    }
    ids[layout->key_count] = (uint32_t)worker->range->input;
    if (!code && groups->span_count)
        code = jb_scan_groups_intern(groups, &groups->spans[0], ids, error, &batch->ids[0]);
    if (!code)
        code = jb_scan_groups_add(groups, batch, error);
    if (!code && batch->faults[0].what)
        code = jb_scan_leave_out(worker, batch->first_row, line, 0, 0, &batch->faults[0], error);
    worker->range->row_count++;
    return code;
}
