/* One thread of a scan: reads a range of a table in blocks and finds its rows. */
#include "base/scan_worker.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Read at a time: it stays in the cache of a core until its rows are taken. */
#define BLOCK ((size_t)256 << 10)
#define LOOKS 8 /* parts of it that are indexed one at a time */

/* ---- bytes ------------------------------------------------------------------------------------------ */

static enum jb_code grow_text(struct jb_scan_worker *worker, size_t capacity, struct jb_error *error) {
    char *block = calloc(1, capacity + 2 * JB_SCAN_SLACK);
    if (!block)
        return jb_error_set(error, JB_MEMORY, "no memory to read %zu bytes", capacity);
    if (worker->text) {
        memcpy(block + JB_SCAN_SLACK, worker->text, worker->length);
        free(worker->text - JB_SCAN_SLACK);
    }
    worker->text = block + JB_SCAN_SLACK;
    worker->capacity = capacity;
    return JB_OK;
}

static enum jb_code read_bytes(struct jb_scan_worker *worker, char *bytes, size_t size,
                               struct jb_error *error, size_t *ret_length) {
    if (worker->descriptor < 0)
        return jb_stream_read(worker->input->source->stream, bytes, size, error, ret_length);
    uint64_t offset = worker->offset + worker->length;
    ssize_t length;
    do
        length = pread(worker->descriptor, bytes, size, (off_t)offset);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return jb_error_set_errno(error, errno, "%s", jb_stream_name(worker->input->source->stream));
    jb_stream_count(worker->input->source->stream, (size_t)length);
    *ret_length = (size_t)length;
    return JB_OK;
}

/* Reads more behind what has not been taken yet. The last byte of all becomes a newline if it is none. */
static enum jb_code fill(struct jb_scan_worker *worker, struct jb_error *error) {
    assert(!worker->is_last);
    size_t rest = worker->length - worker->at;
    memmove(worker->text, worker->text + worker->at, rest);
    worker->offset += worker->at;
    worker->length = rest;
    worker->at = 0;
    /* One byte stays free for that newline. */
    if (rest + worker->block_size / 2 + 1 > worker->capacity) {
        enum jb_code code = grow_text(worker, worker->capacity * 2, error);
        if (code)
            return code;
    }
    size_t length;
    enum jb_code code = read_bytes(worker, worker->text + rest, worker->capacity - rest - 1, error, &length);
    if (code)
        return code;
    worker->length += length;
    if (length == 0) {
        worker->is_last = true;
        worker->is_ended = worker->length && worker->text[worker->length - 1] != '\n';
        if (worker->is_ended)
            worker->text[worker->length++] = '\n';
    }
    return JB_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

/* Rows one by one, up to `reach` bytes: takes the good ones, lists the bad ones. */
static enum jb_code take_slowly(struct jb_scan_worker *worker, size_t reach, struct jb_error *error) {
    const struct jb_scan_source *source = worker->input->source;
    struct jb_scan_range *range = worker->range;
    size_t begin = worker->at;
    while (worker->at - begin < reach && !worker->is_over) {
        const char *bytes = worker->text + worker->at;
        struct jb_scan_row row = {.ends = worker->row_ends + 1};
        jb_scan_row_take(bytes, worker->length - worker->at, worker->is_last, source->separator,
                         source->width, &row);
        enum jb_code code = JB_OK;
        uint64_t line = range->line_count;
        if (row.kind == JB_SCAN_ROW_CUT) {
            worker->needs_bytes = worker->at == begin;
            return JB_OK;
        }
        if (row.kind == JB_SCAN_ROW_HUGE)
            return jb_error_set(error, JB_INPUT, "%s", row.what);
        if (row.kind == JB_SCAN_ROW_GOOD) {
            worker->row_ends[0] = UINT32_MAX;
            struct jb_scan_rows_view view = {
                .bytes = bytes, .ends = worker->row_ends + 1, .width = source->width, .count = 1};
            code = jb_scan_take_rows(worker, &view, line, error);
        } else if (row.kind == JB_SCAN_ROW_BAD) {
            struct jb_scan_fault fault = {0};
            code = jb_scan_fault_set(&fault, JB_SCAN_NO_SLOT, row.field, row.what, error);
            if (!code)
                code = jb_scan_leave_out(worker, range->row_count++, line, worker->offset + worker->at,
                                         row.length, &fault, error);
        }
        range->line_count += jb_scan_count_newlines(bytes, row.length);
        worker->at += row.length;
        if (code)
            return code;
    }
    return JB_OK;
}

/* Whether every row that the index found has its width; *ret_count: how many. */
static bool is_regular(const struct jb_scan_index *index, const char *bytes, size_t width,
                       size_t *ret_count) {
    size_t count = index->count / width;
    if (index->is_odd || width == 1) /* in a single column, an empty line is no row */
        return false;
    /* Each row ends with a newline, and there are no others. */
    if (index->newline_count != count)
        return false;
    const uint32_t *end = index->ends + width - 1;
    size_t wrong = 0;
    for (size_t row = 0; row < count; row++, end += width)
        wrong += bytes[*end] != '\n';
    *ret_count = count;
    return wrong == 0;
}

/* What can be taken of the next `reach` bytes. */
static enum jb_code take_some(struct jb_scan_worker *worker, size_t reach, struct jb_error *error) {
    const struct jb_scan_source *source = worker->input->source;
    struct jb_scan_index *index = &worker->index;
    const char *bytes = worker->text + worker->at;
    size_t count = 0, available = worker->length - worker->at;
    size_t length = reach < available ? reach : available;
    worker->layout->kernel->index(bytes, length, source->separator, index);
    if (!is_regular(index, bytes, source->width, &count))
        return take_slowly(worker, length, error);
    if (count == 0 && (length < available || worker->is_last)) /* one row, longer than this */
        return take_slowly(worker, 1, error);
    worker->needs_bytes = count == 0;
    for (size_t row = 0; row < count && !worker->is_over; row += JB_SCAN_BATCH) {
        size_t batch = count - row < JB_SCAN_BATCH ? count - row : JB_SCAN_BATCH;
        const uint32_t *ends = index->ends + row * source->width;
        struct jb_scan_rows_view view = {.bytes = bytes,
                                         .ends = ends,
                                         .width = source->width,
                                         .count = batch,
                                         .is_plain = !index->has_quotes && !index->has_returns};
        size_t begin = (uint32_t)(ends[-1] + 1), end = ends[batch * source->width - 1] + 1;
        enum jb_code code = jb_scan_take_rows(worker, &view, worker->range->line_count, error);
        if (code)
            return code;
        worker->range->line_count +=
            index->has_quotes ? jb_scan_count_newlines(bytes + begin, end - begin) : batch;
        worker->at += end - begin;
    }
    return JB_OK;
}

static enum jb_code scan_text(struct jb_scan_worker *worker, struct jb_error *error) {
    struct jb_scan_range *range = worker->range;
    const size_t look = worker->block_size / LOOKS;
    while (!worker->is_over) {
        uint64_t offset = worker->offset + worker->at;
        if (offset >= range->end || (worker->is_last && worker->at == worker->length))
            break;
        uint64_t left = range->end - offset;
        enum jb_code code = JB_OK;
        worker->needs_bytes = worker->at == worker->length;
        if (!worker->needs_bytes)
            code = take_some(worker, left < look ? (size_t)left : look, error);
        if (!code && worker->needs_bytes)
            code = atomic_load_explicit(worker->is_stopped, memory_order_relaxed) ? JB_NO_DATA
                                                                                  : fill(worker, error);
        if (code)
            return code;
    }
    range->stop = worker->offset + worker->at;
    return JB_OK;
}

/* ---- ranges ----------------------------------------------------------------------------------------- */

/* How many whole rows stand behind the byte at `begin` of the window, if that byte is inside quotes or not;
 * SIZE_MAX when one of them is bad. *ret_start: where the first begins; SIZE_MAX: nowhere. */
static size_t count_rows_behind(struct jb_scan_worker *worker, size_t begin, bool is_inside,
                                size_t *ret_start) {
    const struct jb_scan_source *source = worker->input->source;
    const char *text = worker->text;
    size_t at = begin, count = 0;
    for (; at < worker->length && (is_inside || text[at] != '\n'); at++)
        is_inside ^= text[at] == '"';
    *ret_start = at < worker->length ? at + 1 : SIZE_MAX;
    for (at++; at < worker->length; count++) {
        struct jb_scan_row row = {.ends = worker->row_ends + 1};
        jb_scan_row_take(text + at, worker->length - at, worker->is_last, source->separator, source->width,
                         &row);
        if (row.kind == JB_SCAN_ROW_BAD || row.kind == JB_SCAN_ROW_HUGE)
            return SIZE_MAX;
        if (row.kind == JB_SCAN_ROW_CUT)
            break;
        at += row.length;
    }
    return count;
}

/* Where the first row from range->begin on begins, if what is near it does not deceive: rows behind it are
 * good only when it is known whether it stands inside quotes. Whoever has the range before knows. (Ge et al.,
 * "Speculative Distributed CSV Data Parsing for Big Data Analytics", SIGMOD 2019.) */
static enum jb_code guess_start(struct jb_scan_worker *worker, struct jb_error *error) {
    struct jb_scan_range *range = worker->range;
    worker->offset = range->begin - 1;
    enum jb_code code = fill(worker, error);
    if (code)
        return code;
    size_t outside_start, inside_start;
    size_t outside = count_rows_behind(worker, 0, false, &outside_start);
    size_t inside = count_rows_behind(worker, 0, true, &inside_start);
    bool is_inside = outside == SIZE_MAX || (inside != SIZE_MAX && inside > outside);
    size_t start = is_inside ? inside_start : outside_start;
    range->start = start == SIZE_MAX ? UINT64_MAX : worker->offset + start;
    worker->at = start == SIZE_MAX ? worker->length : start;
    return JB_OK;
}

static enum jb_code scan_source(struct jb_scan_worker *worker, struct jb_error *error) {
    struct jb_scan_range *range = worker->range;
    uint64_t begin, end;
    worker->descriptor = jb_stream_file(worker->input->source->stream, &begin, &end);
    worker->offset = range->start = range->begin;
    enum jb_code code = range->is_first ? JB_OK : guess_start(worker, error);
    if (!code && range->start == UINT64_MAX)
        return JB_OK; /* the range before will tell */
    return code ? code : scan_text(worker, error);
}

static enum jb_code scan_rows(struct jb_scan_worker *worker, struct jb_error *error) {
    struct jb_scan_rows *rows = worker->input->rows;
    while (!worker->is_over) {
        const char *const *texts;
        struct jb_error why = {0};
        uint64_t line = 1;
        if (atomic_load_explicit(worker->is_stopped, memory_order_relaxed))
            return JB_NO_DATA;
        enum jb_code code = rows->next(rows, &why, &texts, &line);
        if (code == JB_NO_DATA)
            break;
        struct jb_scan_fault fault = {0};
        if (code == JB_INPUT) {
            code = jb_scan_fault_set(&fault, JB_SCAN_NO_SLOT, SIZE_MAX, why.message, error);
            if (!code)
                code = jb_scan_leave_out(worker, worker->range->row_count++, line - 1, 0, 0, &fault, error);
        } else if (code) {
            *error = why;
        } else {
            code = jb_scan_take_texts(worker, texts, line - 1, error);
        }
        if (code)
            return code;
    }
    return JB_OK;
}

void jb_scan_worker_scan(struct jb_scan_worker *worker, struct jb_scan_range *range) {
    worker->range = range;
    worker->input = &worker->layout->request->inputs[range->input];
    worker->length = worker->at = 0;
    worker->is_last = worker->is_ended = worker->is_over = worker->has_begun = false;
    for (size_t key = 0; key < JB_SCAN_SLOT_CEILING; key++) {
        jb_scan_memo_clear(&worker->memos[key]);
        jb_scan_memo_clear(&worker->span_memos[key]);
    }
    range->code = jb_scan_groups_make(worker->layout, worker->memory, &range->error, &range->groups);
    if (!range->code)
        range->code =
            worker->input->source ? scan_source(worker, &range->error) : scan_rows(worker, &range->error);
}

void jb_scan_range_clear(struct jb_scan_range *range) {
    for (size_t i = 0; i < range->bad_count; i++)
        free(range->bad[i].fault.what);
    free(range->bad);
    jb_scan_groups_free(range->groups);
    range->bad = NULL;
    range->groups = NULL;
    range->bad_count = range->bad_capacity = 0;
    range->row_count = range->line_count = 0;
    range->code = JB_OK;
}

enum jb_code jb_scan_worker_make(const struct jb_scan_layout *layout, struct jb_scan_memory *memory,
                                 const atomic_bool *is_stopped, struct jb_error *error,
                                 struct jb_scan_worker **ret_worker) {
    _cleanup_(jb_scan_worker_free_cleanup) struct jb_scan_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return jb_error_set(error, JB_MEMORY, "no memory for a thread of the scan");
    worker->layout = layout;
    worker->memory = memory;
    worker->is_stopped = is_stopped;
    struct jb_scan_batch *batch = &worker->batch;
    worker->ends = calloc(JB_SCAN_ENDS + 64 + 1, sizeof *worker->ends);
    batch->ids = aligned_alloc(64, JB_SCAN_BATCH * JB_SCAN_ID_CEILING * sizeof *batch->ids);
    batch->values = calloc(JB_SCAN_BATCH * (layout->sum_count + 1), sizeof *batch->values);
    batch->is_absent = calloc(JB_SCAN_BATCH * (layout->sum_count + 1), sizeof *batch->is_absent);
    if (!worker->ends || !batch->ids || !batch->values || !batch->is_absent)
        return jb_error_set(error, JB_MEMORY, "no memory for a thread of the scan");
    worker->ends[0] = UINT32_MAX;
    worker->index.ends = worker->ends + 1;
    worker->block_size = layout->request->block_size ? layout->request->block_size : BLOCK;
    enum jb_code code = grow_text(worker, worker->block_size, error);
    if (!code)
        *ret_worker = JB_TAKE(worker);
    return code;
}

void jb_scan_worker_free(struct jb_scan_worker *worker) {
    if (!worker)
        return;
    for (size_t key = 0; key < JB_SCAN_SLOT_CEILING; key++)
        jb_scan_memo_free(&worker->memos[key]), jb_scan_memo_free(&worker->span_memos[key]);
    for (size_t row = 0; row < JB_SCAN_BATCH; row++)
        free(worker->batch.faults[row].what);
    free(worker->batch.ids);
    free(worker->batch.values);
    free(worker->batch.is_absent);
    free(worker->ends);
    jb_buffer_free(&worker->cell);
    jb_buffer_free(&worker->made);
    if (worker->text)
        free(worker->text - JB_SCAN_SLACK);
    free(worker);
}
