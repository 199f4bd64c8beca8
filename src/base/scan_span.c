/* Columns of keys in a scan: what a row has in a span of them becomes one number, remembered by its text. */
#include "base/scan_worker.h"

#include <string.h>

#define MEMO_FIRST   ((size_t)256)     /* texts that a memo first has room for */
#define MEMO_CEILING ((size_t)1 << 13) /* texts that it remembers at most; their places fit 16 bits */
#define SPREAD       8                 /* places of the index for each of them */
#define WORTH        16 /* rows for each miss that make remembering a span of several keys pay */
#define TRIAL        ((uint64_t)1 << 16) /* rows after which that is judged */

/* ---- memos ------------------------------------------------------------------------------------------ */

void jb_scan_memo_free(struct jb_scan_memo *memo) {
    free(memo->texts);
    free(memo->index);
    *memo = (struct jb_scan_memo){0};
}

static enum jb_code make_memo(size_t capacity, struct jb_error *error, struct jb_scan_memo *ret_memo) {
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
static enum jb_code memo_add(const struct jb_scan_kernel *kernel, struct jb_scan_memo *memo, const char *text,
                             size_t length, uint32_t id, struct jb_error *error) {
    if (length > JB_SCAN_MEMO_TEXT)
        return JB_OK;
    if (memo->count == memo->capacity && memo->capacity < MEMO_CEILING) {
        struct jb_scan_memo larger;
        enum jb_code code = make_memo(memo->capacity * 4, error, &larger);
        if (code)
            return code;
        jb_scan_memo_free(memo);
        *memo = larger;
    } else if (memo->count == memo->capacity) {
        jb_scan_memo_clear(memo);
    }
    size_t at = kernel->hash(text, length) & memo->mask;
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

/* ---- spans ------------------------------------------------------------------------------------------ */

/* Where the text of columns first to last stands in a row. */
static const char *find_text(const struct jb_scan_rows_view *rows, size_t row, uint32_t first, uint32_t last,
                             size_t *ret_length) {
    const uint32_t *ends = &rows->ends[row * rows->width + first];
    uint32_t begin = ends[-1] + 1;
    *ret_length = (uint32_t)(ends[last - first] - begin);
    return rows->bytes + begin;
}

static enum jb_code use_memo(struct jb_scan_memo *memo, struct jb_error *error) {
    return memo->texts ? JB_OK : make_memo(MEMO_FIRST, error, memo);
}

/* One column of a key into ids[row * stride]. */
static enum jb_code take_key(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows, size_t key,
                             size_t stride, uint32_t *ids, struct jb_error *error) {
    const struct jb_scan_kernel *kernel = worker->layout->kernel;
    struct jb_scan_memo *memo = &worker->memos[key];
    size_t slot = worker->layout->key_slots[key], length;
    uint32_t field = worker->input->fields[slot];
    enum jb_code code = use_memo(memo, error);
    if (code)
        return code;
    kernel->texts(memo, rows, field, field, stride, ids, &worker->missed);
    for (size_t i = 0; !code && i < worker->missed.count; i++) {
        size_t row = worker->missed.rows[i];
        const char *text = find_text(rows, row, field, field, &length);
        uint32_t *id = &ids[row * stride];
        code = jb_scan_take_cell(worker, slot, row, text, length, error, id);
        if (!code && !worker->batch.faults[row].what)
            code = memo_add(kernel, memo, text, length, *id, error);
    }
    return code;
}

/* The cells of a row in the columns of a span, one by one. */
static enum jb_code take_apart(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                               struct jb_scan_span *span, size_t row, struct jb_error *error,
                               uint32_t *ret_id) {
    uint32_t ids[JB_SCAN_KEY_CEILING];
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < span->key_count; i++) {
        size_t slot = worker->layout->key_slots[span->keys[i]], length;
        uint32_t field = worker->input->fields[slot];
        const char *text = find_text(rows, row, field, field, &length);
        code = jb_scan_take_cell(worker, slot, row, text, length, error, &ids[i]);
    }
    return code ? code : jb_scan_groups_intern(worker->range->groups, span, ids, error, ret_id);
}

/* All rows in the columns of a span, whose texts differ too much to be remembered together. */
static enum jb_code take_all_apart(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                   struct jb_scan_span *span, size_t stride, uint32_t *ids,
                                   struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < span->key_count; i++)
        code = take_key(worker, rows, span->keys[i], 1, worker->cell_ids[i], error);
    for (size_t row = 0; !code && row < rows->count; row++) {
        uint32_t tuple[JB_SCAN_KEY_CEILING];
        for (size_t i = 0; i < span->key_count; i++)
            tuple[i] = worker->cell_ids[i][row];
        code = jb_scan_groups_intern(worker->range->groups, span, tuple, error, &ids[row * stride]);
    }
    return code;
}

static enum jb_code take_span(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                              struct jb_scan_span *span, struct jb_scan_memo *memo, size_t stride,
                              uint32_t *ids, struct jb_error *error) {
    const struct jb_scan_kernel *kernel = worker->layout->kernel;
    if (span->is_apart)
        return take_all_apart(worker, rows, span, stride, ids, error);
    enum jb_code code = use_memo(memo, error);
    if (code)
        return code;
    kernel->texts(memo, rows, span->first, span->last, stride, ids, &worker->missed);
    for (size_t i = 0; !code && i < worker->missed.count; i++) {
        size_t row = worker->missed.rows[i], length;
        const char *text = find_text(rows, row, span->first, span->last, &length);
        uint32_t *id = &ids[row * stride];
        code = take_apart(worker, rows, span, row, error, id);
        if (!code && !worker->batch.faults[row].what)
            code = memo_add(kernel, memo, text, length, *id, error);
    }
    span->row_count += rows->count;
    span->missed_count += worker->missed.count;
    if (span->row_count >= TRIAL) {
        span->is_apart = span->missed_count > span->row_count / WORTH;
        span->row_count = span->missed_count = 0;
    }
    return code;
}

enum jb_code jb_scan_take_spans(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                struct jb_error *error) {
    struct jb_scan_groups *groups = worker->range->groups;
    const size_t stride = groups->span_count;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < groups->span_count; i++) {
        struct jb_scan_span *span = &groups->spans[i];
        uint32_t *ids = worker->batch.ids + i;
        code = span->tuples ? take_span(worker, rows, span, &worker->span_memos[i], stride, ids, error)
                            : take_key(worker, rows, span->keys[0], stride, ids, error);
    }
    return code;
}
