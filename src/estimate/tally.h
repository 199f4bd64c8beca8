/* Sums up the tensors of a file as they are named; shared by the readers of weights. */
#ifndef JB_ESTIMATE_TALLY_H
#define JB_ESTIMATE_TALLY_H

#include "estimate/weights.h"

#define JB_TENSOR_DIMENSIONS 8
#define JB_TALLY_TYPES       64

struct jb_tensor {
    const char *name;
    const char *type;
    uint64_t shape[JB_TENSOR_DIMENSIONS]; /* outermost first, as PyTorch has it: rows, columns */
    size_t dimension_count;
    uint64_t byte_count;
};

struct jb_tally {
    struct jb_weights weights;
    struct {
        char name[16];
        uint64_t byte_count;
    } types[JB_TALLY_TYPES];
    size_t type_count;
};

/* Product of the shape. JB_INPUT past JB_WEIGHTS_ELEMENT_CEILING. */
enum jb_code jb_tensor_elements(const struct jb_tensor *tensor, struct jb_error *error, uint64_t *ret_count);

enum jb_code jb_tally_add(struct jb_tally *tally, const struct jb_tensor *tensor, struct jb_error *error);
/* The sums of `from` into `to`, for shards. */
enum jb_code jb_weights_merge(struct jb_weights *to, const struct jb_weights *from, struct jb_error *error);
struct jb_weights jb_tally_finish(const struct jb_tally *tally);

#endif
