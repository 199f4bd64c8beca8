/* What a file of weights holds, from its header alone: .safetensors, the index of its shards, .gguf. */
#ifndef JB_ESTIMATE_WEIGHTS_H
#define JB_ESTIMATE_WEIGHTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JB_WEIGHTS_HEADER_CEILING  ((size_t)32 << 20) /* bytes of a header; real ones stay below 20 MB */
#define JB_WEIGHTS_TENSOR_CEILING  ((uint64_t)1 << 20)
#define JB_WEIGHTS_SHARD_CEILING   ((size_t)4096)
#define JB_WEIGHTS_ELEMENT_CEILING ((uint64_t)1000000000000000) /* 10^15 */

struct jb_weights {
    uint64_t tensor_count;
    uint64_t element_count;        /* all parameters */
    uint64_t byte_count;           /* of all tensors, as stored */
    uint64_t expert_element_count; /* of element_count: in experts of which a token uses some */
    uint32_t layer_count;          /* highest number of a layer, and one */
    uint32_t expert_count;         /* the same of an expert; 0: none */
    uint32_t experts_per_token;    /* 0: the file does not say (safetensors never does) */
    /* Numbers that a token of context adds over all layers; 0: the tensors have names or a packing from which
     * it cannot be told. Sliding windows are not seen. */
    uint64_t kv_per_token;
    bool is_packed; /* integers that hold several weights each: element_count is of the packed ones */
    char type[16];  /* the type in which most bytes are: "BF16", "Q4_K" … */
    uint64_t type_byte_count; /* bytes in that type */
};

/* Parameters that one token passes; 0 when there are experts and how many it uses is not known.
 * experts_per_token 0: as the file says. */
uint64_t jb_weights_active(const struct jb_weights *weights, uint32_t experts_per_token);

/* Reads the header at the beginning of a seekable file; name is for messages. JB_INPUT when it contradicts
 * itself or the length of the file. Memory is taken by what is there, never by what a length claims. */
enum jb_code jb_safetensors_read(FILE *file, const char *name, struct jb_error *error,
                                 struct jb_weights *ret_weights);
enum jb_code jb_gguf_read(FILE *file, const char *name, struct jb_error *error,
                          struct jb_weights *ret_weights);

/* Names of the shards in a model.safetensors.index.json, each once. Names with a '/' are JB_INPUT: shards lie
 * beside their index. */
struct jb_shards {
    char **names;
    size_t count;
};
enum jb_code jb_shards_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_shards *ret_shards);
void jb_shards_free(struct jb_shards *shards); /* NULL-safe; leaves it empty */

/* Opens a file of any of the three kinds, told apart by its first bytes; of an index, all its shards. */
enum jb_code jb_weights_open(const char *path, struct jb_error *error, struct jb_weights *ret_weights);

#endif
