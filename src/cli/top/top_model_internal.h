/* What the files of the model share. */
#ifndef JB_CLI_TOP_MODEL_INTERNAL_H
#define JB_CLI_TOP_MODEL_INTERNAL_H

#include "cli/top/top_tables.h"

#define JB_TOP_ROW_CEILING (JB_PROCESS_CEILING + 64)
#define JB_TOP_NO_ROW      UINT32_MAX

/* A row before it has its place. */
struct jb_top_candidate {
    struct jb_top_row row;
    uint32_t parent; /* index of another candidate, JB_TOP_NO_ROW none */
    bool is_wanted;  /* passes the filter */
    bool is_kept;    /* wanted, or something below it is */
};

struct jb_top_model {
    struct jb_top_tables tables;
    struct jb_top_summary summary;
    struct jb_top_settings settings;
    int64_t elapsed_ns;
    bool is_known, was_ever_known;
    bool has_processes;
    struct jb_top_candidate *candidates;
    size_t candidate_count, candidate_capacity;
    uint32_t *order; /* indexes of candidates: siblings together, in order */
    size_t order_capacity;
    uint32_t *first_child; /* by candidate: where its children begin in order */
    size_t first_child_capacity;
    uint32_t *group_row; /* scratch: group → candidate */
    size_t group_row_capacity;
    struct jb_top_row *rows;
    size_t row_count, row_capacity;
    uint64_t *collapsed; /* keys, unordered */
    size_t collapsed_count, collapsed_capacity;
};

/* Fills model->candidates for model->settings: every row there is, parents linked for groups; those of
 * processes are pids still. */
enum jb_code jb_top_model_gather(struct jb_top_model *model, struct jb_error *error);

/* Whether the row has the text (length bytes, without regard to case) in its name or group, or as its pid. */
bool jb_top_row_has(const struct jb_top_row *row, const char *text, size_t length);

#endif
