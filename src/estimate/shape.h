/* What of a language model costs energy: the matrices that a token passes, the experts, the KV cache. */
#ifndef JB_ESTIMATE_SHAPE_H
#define JB_ESTIMATE_SHAPE_H

#include "estimate/architecture.h"
#include "estimate/weights.h"

#include <stdbool.h>

/* Counts are of parameters (or numbers kept), summed over all layers; embeddings that are only looked up are
 * in total but in nothing else. */
struct jb_shape {
    double total;  /* all that must be in memory */
    double passed; /* matrices that every token passes: attention, dense and shared parts, router */
    double head;   /* the output matrix, passed by tokens that are sampled */
    double expert; /* one expert, summed over the layers that have experts; 0: none */
    double expert_count, experts_per_token, expert_layer_count;
    double vision;       /* the vision tower, passed by each of its patches */
    double vision_merge; /* patches along a side that make one token */
    double layer_count, hidden;
    double kv_heads;   /* over which tensor parallelism can split the KV cache */
    double kv_full;    /* numbers a token leaves in caches that keep every token */
    double kv_sliding; /* the same in caches that keep sliding_window tokens */
    double sliding_window;
    double query_full, query_sliding; /* width of all query heads, summed over those layers */
    /* The same of query_full while tokens are written. Latent attention multiplies queries with the latent
     * itself, which is as wide as the rank, and whose kernels fill up to all heads on every accelerator. */
    double query_written;
    bool is_latent;
    bool is_typical; /* from the size alone, as most models of that size are */
    double state;    /* numbers of a fixed state, one set a sequence (linear attention, state space) */
};

/* Of a validated architecture. */
struct jb_shape jb_shape_of_architecture(const struct jb_architecture *architecture);

/* Of what the header of a file of weights says; what it does not say (width, window) follows from models of
 * that size. JB_INPUT when experts are there and how many a token uses is neither in the file nor given
 * (experts_per_token 0: as the file says). */
enum jb_code jb_shape_of_weights(const struct jb_weights *weights, uint32_t experts_per_token,
                                 struct jb_error *error, struct jb_shape *ret_shape);

/* A typical model of that many parameters, for one of which nothing else is known; active = total: no
 * experts. JB_USAGE unless 0 < active <= total <= JB_PARAMETER_CEILING. */
enum jb_code jb_shape_of_counts(double total, double active, struct jb_error *error,
                                struct jb_shape *ret_shape);

/* What one token passes, head in. */
double jb_shape_active(const struct jb_shape *shape);

#endif
