/* What running a model costs: time from a roofline, power from what the time is spent on, energy their
 * product. All figures are of the accelerators alone: no host, no cooling. */
#ifndef JB_ESTIMATE_ENERGY_H
#define JB_ESTIMATE_ENERGY_H

#include "estimate/accelerator.h"
#include "estimate/diffuser.h"
#include "estimate/shape.h"

/* The fitted constants: data/estimate/constants.csv, written by tools/fit-energy. */
struct jb_energy_constants; /* constants.h */
enum jb_code jb_energy_constants_read(const char *data_path, struct jb_error *error,
                                      struct jb_energy_constants **ret_constants);
void jb_energy_constants_free(struct jb_energy_constants *constants); /* NULL-safe */
JB_DEFINE_CLEANUP(struct jb_energy_constants, jb_energy_constants_free);

#define JB_ACCELERATOR_CEILING 65536U

/* What it runs on. The model is repeated data_parallel times, cut into pipeline_parallel stages, and each
 * matrix into accelerator_count ÷ (both) parts. */
struct jb_deployment {
    const struct jb_accelerator *accelerator;
    uint32_t accelerator_count;
    enum jb_precision weights;  /* caches and activations stay in bf16 */
    uint32_t data_parallel;     /* 0 means 1 */
    uint32_t pipeline_parallel; /* 0 means 1 */
    uint32_t ring_parallel;     /* pictures: of the parts, in rings (arXiv 2310.01889); the rest by heads */
    bool is_expert_parallel;    /* whole experts on each accelerator, instead of a slice of every one */
    bool passes_all_experts; /* kernels that go over all experts, chosen or not: fp8 in blocks (DeepGEMM) */
    bool is_old_software;    /* of 2024: the host plans each step while the accelerators wait */
    double memory_share;     /* of memory that may be filled: 0 means 0.9, as vLLM does */
    double host_step_s;      /* that a host shared with others keeps them waiting at each step */
};

/* Text out of text, images or video. */
struct jb_text_work {
    double input_tokens;       /* of text, per request */
    double cached_tokens;      /* of those: found in a prefix cache */
    double vision_tokens;      /* of images or video frames, per request, as the language model sees them */
    double output_tokens;      /* per request; at least 1 */
    double concurrency;        /* requests in flight, over all accelerators; 0: from rate_per_s */
    double rate_per_s;         /* requests arriving; 0: from concurrency. Both 0: one in flight */
    bool is_concurrency_known; /* by measurement: so many do fit, whatever memory seems to hold */
    double repeated_share;     /* of requests: those whose whole prompt is in the prefix cache */
    double attention_share; /* of prefill attention that is computed: 0 means 1; sparse attention has less */
};

/* An image or a clip out of text. 0 anywhere: the model's default. */
struct jb_picture_work {
    uint32_t width, height, frames, steps;
    double passes_per_step; /* 1: no guidance; 2: classifier-free guidance */
    uint32_t batch;         /* pictures made together */
};

struct jb_training_work {
    double tokens;          /* all that is trained on, epochs counted */
    double sequence_tokens; /* 0: 4,096 */
    double trained_share;   /* of parameters: 1 or 0 full; LoRA has 0.001 … 0.02 */
    double utilisation;     /* of peak operations (MFU): 0 means 0.40 */
};

enum jb_energy_unit { JB_PER_REQUEST, JB_PER_IMAGE, JB_PER_VIDEO, JB_PER_RUN };

/* An interval holds 95 %. Powers are of all accelerators together. */
struct jb_energy {
    enum jb_energy_unit unit;
    double energy_j, low_j, high_j; /* per unit */
    double per_token_j;             /* per output token (text) or trained token; 0 for pictures */
    /* Of energy_j. Text: reading the prompt, and the rest; pictures and training: 0 and all. */
    double prefill_j, decode_j;
    double latency_s;                       /* of one unit, with the others of its batch in flight */
    double first_token_s, between_tokens_s; /* text only */
    double units_per_s, tokens_per_s;       /* of the deployment */
    double power_w;
    double concurrency;  /* that it settles at */
    double memory_bytes; /* needed on each accelerator at that concurrency */
    double operations;   /* per unit, over all accelerators */
};

/* Each is JB_USAGE when the work makes no sense (the field is named), and JB_LIMIT when it does not fit: the
 * message says how many accelerators it needs, and so does *ret_needed (which may be NULL; also set on
 * success): the fewest, of the powers of two, on which the weights and one unit fit. */
enum jb_code jb_energy_of_text(const struct jb_energy_constants *constants, const struct jb_shape *shape,
                               const struct jb_deployment *deployment, const struct jb_text_work *work,
                               struct jb_error *error, uint32_t *ret_needed, struct jb_energy *ret_energy);
enum jb_code jb_energy_of_picture(const struct jb_energy_constants *constants,
                                  const struct jb_diffuser *diffuser, const struct jb_deployment *deployment,
                                  const struct jb_picture_work *work, struct jb_error *error,
                                  uint32_t *ret_needed, struct jb_energy *ret_energy);
enum jb_code jb_energy_of_training(const struct jb_energy_constants *constants, const struct jb_shape *shape,
                                   const struct jb_deployment *deployment,
                                   const struct jb_training_work *work, struct jb_error *error,
                                   uint32_t *ret_needed, struct jb_energy *ret_energy);

#endif
