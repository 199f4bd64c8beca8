/* The accelerators that models run on: data/estimate/accelerators.csv. */
#ifndef JB_ESTIMATE_ACCELERATOR_H
#define JB_ESTIMATE_ACCELERATOR_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* How weights are stored. The values are indices of operations_per_s. */
enum jb_precision {
    JB_BF16, /* and fp16 */
    JB_FP8,
    JB_INT8,
    JB_INT4,  /* weights of four bits with group scales, computed in bf16 */
    JB_MXFP4, /* microscaling fp4 (OCP MX, 2023): a scale of eight bits for each 32 weights */
    JB_PRECISION_COUNT,
};

/* "bf16" "bfloat16" "fp16" "float16" "fp8" "int8" "int4" "mxfp4" …, in any case. JB_USAGE with the list of
 * names otherwise. */
enum jb_code jb_precision_parse(const char *name, struct jb_error *error, enum jb_precision *ret_precision);
const char *jb_precision_name(enum jb_precision precision);
/* Bytes of one weight, scales in. */
double jb_precision_bytes(enum jb_precision precision);

struct jb_accelerator {
    char name[48];     /* "H100 SXM" */
    char aliases[160]; /* other names, separated by '|' */
    double idle_w;     /* a model loaded, nothing running */
    double tdp_w;      /* power limit as shipped */
    double memory_bytes;
    double bytes_per_s;        /* of its memory */
    double link_bytes_per_s;   /* to its neighbours in one server, one way */
    double exponentials_per_s; /* special-function units × their rate × boost clock: what bounds attention */
    bool is_measured;          /* runs on it were among those that the energy model was fitted to */
    double operations_per_s[JB_PRECISION_COUNT]; /* dense, as the maker states; bf16's where it has none */
};

struct jb_accelerators; /* opaque */

/* data_path: the folder with the tables. JB_INPUT with line and column when a row cannot be. */
enum jb_code jb_accelerators_read(const char *data_path, struct jb_error *error,
                                  struct jb_accelerators **ret_accelerators);
void jb_accelerators_free(struct jb_accelerators *accelerators); /* NULL-safe */

size_t jb_accelerators_count(const struct jb_accelerators *accelerators);
const struct jb_accelerator *jb_accelerators_item(const struct jb_accelerators *accelerators, size_t index);

/* By name or alias, in any case, blanks and '-' and '_' alike; "NVIDIA " and "AMD " in front may be there or
 * not. JB_USAGE, with the names that there are, when there is none. */
enum jb_code jb_accelerators_find(const struct jb_accelerators *accelerators, const char *name,
                                  struct jb_error *error, const struct jb_accelerator **ret_accelerator);

JB_DEFINE_CLEANUP(struct jb_accelerators, jb_accelerators_free);

#endif
