/* Cells of a scan: what the kernels leave of each column becomes ids and numbers, and bad rows are listed. */
#include "base/scan_worker.h"

#include "base/array.h"
#include "base/scan_decimal.h"
#include "base/time.h"

#include <string.h>

#define MEMO_CEILING ((size_t)1 << 13) /* texts remembered in one column; their places fit 16 bits */
#define SPREAD       8                 /* places of the index for each of them */

/* ---- memos ------------------------------------------------------------------------------------------ */

void jb_scan_memo_free(struct jb_scan_memo *memo) {
    free(memo->texts);
    free(memo->index);
    *memo = (struct jb_scan_memo){0};
}

enum jb_code jb_scan_memo_make(size_t capacity, struct jb_error *error, struct jb_scan_memo *ret_memo) {
    struct jb_scan_memo memo = {
        .texts = aligned_alloc(64, capacity * sizeof *memo.texts),
        .index = calloc(capacity * SPREAD, sizeof *memo.index),
        .mask = capacity * SPREAD - 1,
        .count = 1,
        .capacity = capacity,
    };
    if (!memo.texts || !memo.index) {
        jb_scan_memo_free(&memo);
        return jb_error_set(error, JB_MEMORY, "no memory to remember %zu texts", capacity);
    }
    /* No text has a NUL, and then more. */
    memset(&memo.texts[0], 0, sizeof memo.texts[0]);
    memo.texts[0].text[1] = '?';
    *ret_memo = memo;
    return JB_OK;
}

void jb_scan_memo_clear(struct jb_scan_memo *memo) {
    if (memo->count > 1)
        memset(memo->index, 0, (memo->mask + 1) * sizeof *memo->index);
    memo->count = 1;
    memo->is_steady = false;
}

/* Remembers a text as it stands in the file. A full memo grows, then forgets everything: times go by. */
static enum jb_code memo_add(struct jb_scan_worker *worker, size_t key, const char *text, size_t length,
                             uint32_t id, struct jb_error *error) {
    struct jb_scan_memo *memo = &worker->memos[key];
    if (length > JB_SCAN_MEMO_TEXT)
        return JB_OK;
    if (memo->count == memo->capacity && memo->capacity < MEMO_CEILING) {
        struct jb_scan_memo larger;
        enum jb_code code = jb_scan_memo_make(memo->capacity * 4, error, &larger);
        if (code)
            return code;
        jb_scan_memo_free(memo);
        *memo = larger;
    } else if (memo->count == memo->capacity) {
        jb_scan_memo_clear(memo);
    }
    size_t at = worker->layout->kernel->hash(text, length) & memo->mask;
    for (size_t probe = 0; probe < JB_SCAN_MEMO_PROBES; probe++, at = (at + 1) & memo->mask) {
        const struct jb_scan_memo_text *there = &memo->texts[memo->index[at]];
        if (memo->index[at] && memcmp(there->text, text, length) == 0 &&
            (length == JB_SCAN_MEMO_TEXT || there->text[length] == '\0'))
            break; /* twice in one batch */
        if (memo->index[at])
            continue;
        memo->index[at] = (uint16_t)memo->count;
        struct jb_scan_memo_text *known = &memo->texts[memo->count++];
        memset(known->text, 0, sizeof known->text);
        memcpy(known->text, text, length);
        known->id = id;
        break;
    }
    return JB_OK;
}

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

/* What a text means as a key. JB_INPUT says in *why what was expected. */
static enum jb_code key_of(struct jb_scan_worker *worker, size_t slot_number, const char *text,
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

/* One cell of a key, as it stands in the file. */
static enum jb_code take_key(struct jb_scan_worker *worker, size_t slot, size_t row, const char *bytes,
                             size_t length, struct jb_error *error) {
    struct jb_scan_batch *batch = &worker->batch;
    size_t key = worker->layout->place[slot];
    uint32_t id = 0;
    jb_scan_unquote(bytes, length, &worker->cell);
    enum jb_code code = jb_buffer_check(&worker->cell, error);
    if (code)
        return code;
    struct jb_error why = {0};
    code = key_of(worker, slot, worker->cell.bytes, &why, &id);
    if (code == JB_INPUT)
        code = fault_cell(worker, row, slot, why.message, error);
    else if (code && error)
        *error = why;
    else if (!code)
        code = memo_add(worker, key, bytes, length, id, error);
    batch->ids[row * worker->layout->id_count + key] = id;
    return code;
}

/* A number that is out of its quotes. */
static enum jb_code take_number_text(struct jb_scan_worker *worker, size_t slot_number, size_t row,
                                     const char *text, size_t length, struct jb_error *error) {
    const struct jb_scan_slot *slot = worker->layout->request->slots[slot_number];
    size_t at = worker->layout->place[slot_number] * JB_SCAN_BATCH + row;
    worker->batch.values[at] = 0;
    worker->batch.is_absent[at] = length == 0;
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

/* Cells that a kernel left. */
static enum jb_code take_missed(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                size_t slot, uint32_t field, struct jb_error *error) {
    bool is_number = worker->layout->request->slots[slot]->kind == JB_SCAN_DECIMAL;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < worker->missed.count; i++) {
        size_t row = worker->missed.rows[i];
        const uint32_t *end = &rows->ends[row * rows->width + field];
        const char *bytes = rows->bytes + (uint32_t)(end[-1] + 1);
        size_t length = (uint32_t)(end[0] - end[-1] - 1);
        code = is_number ? take_number(worker, slot, row, bytes, length, error)
                         : take_key(worker, slot, row, bytes, length, error);
    }
    return code;
}

/* A column that the table does not have is the same in all batches of a range. */
static enum jb_code take_nothing(struct jb_scan_worker *worker, size_t slot, struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    size_t place = layout->place[slot];
    if (layout->request->slots[slot]->kind == JB_SCAN_DECIMAL) {
        worker->range->groups->is_missing[place] = true;
        return JB_OK;
    }
    struct jb_error why = {0};
    uint32_t id = 0;
    enum jb_code code = key_of(worker, slot, "", &why, &id);
    if (code && error)
        *error = why;
    for (size_t row = 0; row < JB_SCAN_BATCH; row++)
        worker->batch.ids[row * layout->id_count + place] = id;
    return code;
}

static enum jb_code take_column(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                size_t slot_number, struct jb_error *error) {
    const struct jb_scan_layout *layout = worker->layout;
    const struct jb_scan_slot *slot = layout->request->slots[slot_number];
    struct jb_scan_batch *batch = &worker->batch;
    uint32_t field = worker->input->fields[slot_number];
    size_t place = layout->place[slot_number];
    if (field == JB_SCAN_NO_FIELD)
        return worker->has_begun ? JB_OK : take_nothing(worker, slot_number, error);
    if (slot->kind == JB_SCAN_DECIMAL) {
        memset(batch->is_absent + place * JB_SCAN_BATCH, 0, rows->count);
        layout->kernel->decimals(rows, field, slot->decimals, batch->values + place * JB_SCAN_BATCH,
                                 &worker->missed);
    } else {
        layout->kernel->texts(&worker->memos[place], rows, field, layout->id_count, batch->ids + place,
                              &worker->missed);
    }
    return take_missed(worker, rows, slot_number, field, error);
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
    size_t input_key = worker->layout->key_count;
    if (worker->layout->request->by_input) {
        for (size_t row = 0; row < count; row++)
            batch->ids[row * worker->layout->id_count + input_key] = batch->input;
    }
}

enum jb_code jb_scan_take_rows(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                               uint64_t line, struct jb_error *error) {
    enum jb_code code = JB_OK;
    clear_batch(worker, rows->count);
    for (size_t slot = 0; !code && slot < worker->layout->request->slot_count; slot++)
        code = take_column(worker, rows, slot, error);
    worker->has_begun = true;
    if (!code)
        code = jb_scan_groups_add(worker->range->groups, &worker->batch, error);
    if (!code)
        code = leave_out_faults(worker, rows, line, error);
    worker->range->row_count += rows->count;
    return code;
}

enum jb_code jb_scan_take_texts(struct jb_scan_worker *worker, const char *const *texts, uint64_t line,
                                struct jb_error *error) {
    const struct jb_scan_request *request = worker->layout->request;
    struct jb_scan_batch *batch = &worker->batch;
    enum jb_code code = JB_OK;
    clear_batch(worker, 1);
    for (size_t slot = 0; !code && slot < request->slot_count; slot++) {
        const char *text = texts[slot] ? texts[slot] : "";
        size_t place = worker->layout->place[slot];
        struct jb_error why = {0};
        uint32_t id = 0;
        if (request->slots[slot]->kind == JB_SCAN_DECIMAL) {
            code = take_number_text(worker, slot, 0, text, strlen(text), error);
            continue;
        }
        code = key_of(worker, slot, text, &why, &id);
        if (code == JB_INPUT)
            code = fault_cell(worker, 0, slot, why.message, error);
        else if (code && error)
            *error = why;
        batch->ids[place] = id;
    }
    if (!code)
        code = jb_scan_groups_add(worker->range->groups, batch, error);
    if (!code && batch->faults[0].what)
        code = jb_scan_leave_out(worker, batch->first_row, line, 0, 0, &batch->faults[0], error);
    worker->range->row_count++;
    return code;
}
