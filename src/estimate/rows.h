/* Many estimates at once: a CSV with a row for each in, the same with predictions out. */
#ifndef JB_ESTIMATE_ROWS_H
#define JB_ESTIMATE_ROWS_H

#include "estimate/energy.h"
#include "estimate/resolve.h"

#include <stdint.h>
#include <stdio.h>

/* What the columns of such tables are: those of the tables that ML.ENERGY publishes, in any order. */
#define JB_ROW_COLUMNS(X)                                                                                    \
    X(dataset)                                                                                               \
    X(task)                                                                                                  \
    X(model_id)                                                                                              \
    X(params_total_b)                                                                                        \
    X(params_active_b)                                                                                       \
    X(weight_precision)                                                                                      \
    X(gpu)                                                                                                   \
    X(n_gpus)                                                                                                \
    X(ep)                                                                                                    \
    X(dp)                                                                                                    \
    X(pp)                                                                                                    \
    X(ring)                                                                                                  \
    X(max_num_seqs)                                                                                          \
    X(max_batch)                                                                                             \
    X(avg_batch_size)                                                                                        \
    X(avg_batch)                                                                                             \
    X(avg_output_tokens)                                                                                     \
    X(image_h)                                                                                               \
    X(image_w)                                                                                               \
    X(resolution)                                                                                            \
    X(frames)                                                                                                \
    X(steps)

/* The fields of a row; "" where it has none. */
struct jb_row {
#define JB_ROW_FIELD(name) const char *name;
    JB_ROW_COLUMNS(JB_ROW_FIELD)
#undef JB_ROW_FIELD
};

/* What a row asks for, with its model found; the constants of the energy model are not in it. */
struct jb_job {
    bool is_picture;
    bool is_vision; /* text out of images or video */
    struct jb_deployment deployment;
    struct jb_resolved model;    /* text */
    struct jb_diffuser diffuser; /* pictures */
    struct jb_text_work text;    /* the prompt is in the constants */
    struct jb_picture_work picture;
    size_t task; /* private to rows */
};

struct jb_job_maker; /* opaque: the tables, and models found lately */
enum jb_code jb_job_maker_make(const char *data_path, struct jb_error *error,
                               struct jb_job_maker **ret_maker);
void jb_job_maker_free(struct jb_job_maker *maker); /* NULL-safe */
JB_DEFINE_CLEANUP(struct jb_job_maker, jb_job_maker_free);

/* JB_USAGE or JB_INPUT with the column named and the mend. */
enum jb_code jb_job_make(struct jb_job_maker *maker, const struct jb_row *row, struct jb_error *error,
                         struct jb_job *ret_job);
enum jb_code jb_job_estimate(const struct jb_energy_constants *constants, const struct jb_job *job,
                             struct jb_error *error, struct jb_energy *ret_energy);

/* Reads rows from a table, whichever of the columns it has. */
struct jb_row_reader; /* opaque */
enum jb_code jb_row_reader_make(FILE *file, const char *name, struct jb_error *error,
                                struct jb_row_reader **ret_reader);
void jb_row_reader_free(struct jb_row_reader *reader); /* NULL-safe */
JB_DEFINE_CLEANUP(struct jb_row_reader, jb_row_reader_free);
/* JB_NO_DATA at the end. What is returned is valid until the next call. */
enum jb_code jb_row_read(struct jb_row_reader *reader, struct jb_error *error, struct jb_row *ret_row,
                         const char *const **ret_fields, size_t *ret_count);
/* The header. */
const char *const *jb_row_header(const struct jb_row_reader *reader, size_t *ret_count);

struct jb_row_counts {
    uint64_t estimated, refused;
};

/* All rows of `in` with, behind their own columns, predicted_energy_j (per output token for text, per image
 * or video otherwise), low_j, high_j, predicted_latency_s (of a request, image or video with the others of
 * its batch in flight) and refusal: why a row has no prediction, empty where it has one. data_path: the
 * folder with the tables. JB_INPUT with file and line where the file is no such table. */
enum jb_code jb_rows_estimate(const char *data_path, FILE *in, const char *in_name, FILE *out,
                              struct jb_error *error, struct jb_row_counts *ret_counts);

#endif
