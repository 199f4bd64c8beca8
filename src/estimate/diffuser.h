/* The models that make images and video by diffusion: data/models/diffusion.csv. */
#ifndef JB_ESTIMATE_DIFFUSER_H
#define JB_ESTIMATE_DIFFUSER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "estimate/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jb_denoiser {
    JB_DENOISER_TRANSFORMER, /* attention over all tokens of the picture (DiT, arXiv 2212.09748) */
    JB_DENOISER_LINEAR,      /* the same with linear attention (Sana, arXiv 2410.10629) */
    JB_DENOISER_UNET,        /* convolutions: work is given for a reference size, and follows the pixels */
};

struct jb_diffuser {
    char name[JB_NAME_SIZE]; /* "Wan-AI/Wan2.1-T2V-14B" */
    enum jb_denoiser denoiser;
    bool is_video;
    double parameters;      /* of the denoiser: all that is in memory */
    double passed;          /* of those: what one token of the picture passes in one step */
    double text_parameters; /* text encoders */
    uint32_t layer_count, hidden, head_count;
    uint32_t text_tokens; /* that take part in the denoiser's own attention; 0: text is attended across */
    uint32_t vae_stride, vae_stride_time, patch, patch_time; /* pixels per latent, latents per token */
    /* Times that a number as wide as the model goes to or from memory for a token in a layer, outside of
     * matrices and attention: norms, modulation, gates, rotation, activation. Counted from the code. */
    double traffic;
    double second_attention;     /* share of layers with a second attention over the picture */
    double reference_operations; /* UNet: of one pass at the default size; 0 for the others */
    uint32_t default_width, default_height, default_frames, default_steps;
    bool is_typical; /* from its size alone */
    bool is_guided;  /* classifier-free guidance: two passes a step unless told otherwise */
};

struct jb_diffusers; /* opaque */

/* data_path: the folder with the tables. JB_INPUT with line and column when a row cannot be. */
enum jb_code jb_diffusers_read(const char *data_path, struct jb_error *error,
                               struct jb_diffusers **ret_diffusers);
void jb_diffusers_free(struct jb_diffusers *diffusers); /* NULL-safe */

size_t jb_diffusers_count(const struct jb_diffusers *diffusers);
const struct jb_diffuser *jb_diffusers_item(const struct jb_diffusers *diffusers, size_t index);

/* By its whole name or what stands behind the '/', in any case, with or without "-diffusers" at the end.
 * JB_USAGE, with up to three near names in the message, when there is none. */
enum jb_code jb_diffusers_find(const struct jb_diffusers *diffusers, const char *name, struct jb_error *error,
                               const struct jb_diffuser **ret_diffuser);

/* Tokens of one picture or clip, text not among them: Wan at 832×480×81 has 32,760. frames 1: an image. The
 * first frame has latents of its own, the others come in groups of vae_stride_time. */
double jb_diffuser_tokens(const struct jb_diffuser *diffuser, uint32_t width, uint32_t height,
                          uint32_t frames);

JB_DEFINE_CLEANUP(struct jb_diffusers, jb_diffusers_free);

#endif
