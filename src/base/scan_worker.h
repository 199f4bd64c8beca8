/* One thread of a scan, shared by what finds rows and what takes their cells. */
#ifndef JB_BASE_SCAN_WORKER_H
#define JB_BASE_SCAN_WORKER_H

#include "base/scan_internal.h"

struct jb_scan_worker {
    const struct jb_scan_layout *layout;
    struct jb_scan_memory *memory;
    const atomic_bool *is_stopped;
    struct jb_scan_memo memos[JB_SCAN_SLOT_CEILING];       /* by key; made when they are needed */
    struct jb_scan_memo span_memos[JB_SCAN_SLOT_CEILING];  /* of spans of several keys */
    uint32_t cell_ids[JB_SCAN_KEY_CEILING][JB_SCAN_BATCH]; /* of a span, cell by cell */
    struct jb_scan_index index;
    uint32_t *ends; /* index.ends is one behind: before the first row ends nothing */
    struct jb_scan_batch batch;
    struct jb_scan_missed missed;
    struct jb_buffer cell, made;
    uint32_t row_ends[JB_SCAN_WIDTH_CEILING + 1]; /* [0] as in ends */

    /* Of the range in work. */
    struct jb_scan_range *range;
    const struct jb_scan_input *input;
    char *text; /* JB_SCAN_SLACK before and behind it */
    size_t block_size, capacity, length, at;
    uint64_t offset;  /* of text in the file, unpacked */
    int descriptor;   /* to read at offsets; -1: the stream is read */
    bool is_last;     /* all has been read; text then ends with a newline */
    bool is_ended;    /* and that newline was not in the file */
    bool has_begun;   /* a batch has been taken: the groups are laid out */
    bool needs_bytes; /* the row at `at` is not whole yet */
    bool is_over;     /* more bad rows than may be */
};

void jb_scan_memo_free(struct jb_scan_memo *memo);
/* Forgets all: ids are those of one range. */
void jb_scan_memo_clear(struct jb_scan_memo *memo);

/* What a text means as a key, in terms of the range. JB_INPUT: *why is what was expected. */
enum jb_code jb_scan_take_text(struct jb_scan_worker *worker, size_t slot, const char *text,
                               struct jb_error *why, uint32_t *ret_id);
/* A cell of a key as it stands in the file; one that is wrong is a fault of its row, and has the id 0. */
enum jb_code jb_scan_take_cell(struct jb_scan_worker *worker, size_t slot, size_t row, const char *bytes,
                               size_t length, struct jb_error *error, uint32_t *ret_id);
/* Fills the ids of the batch: what the rows have in the columns of keys. */
enum jb_code jb_scan_take_spans(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                                struct jb_error *error);

/* What is wrong with a row; the first that is said counts. */
enum jb_code jb_scan_fault_set(struct jb_scan_fault *fault, size_t slot, size_t field, const char *what,
                               struct jb_error *error);
/* Lists a bad row; takes the fault over. */
enum jb_code jb_scan_leave_out(struct jb_scan_worker *worker, uint64_t row, uint64_t line, uint64_t offset,
                               uint64_t length, struct jb_scan_fault *fault, struct jb_error *error);
/* Rows that were found, at most JB_SCAN_BATCH, are added to the groups; those with a fault are listed. line:
 * of the first, in its range. */
enum jb_code jb_scan_take_rows(struct jb_scan_worker *worker, const struct jb_scan_rows_view *rows,
                               uint64_t line, struct jb_error *error);
/* The same for one row whose texts are at hand, by slot. */
enum jb_code jb_scan_take_texts(struct jb_scan_worker *worker, const char *const *texts, uint64_t line,
                                struct jb_error *error);
uint64_t jb_scan_count_newlines(const char *bytes, size_t length);

#endif
