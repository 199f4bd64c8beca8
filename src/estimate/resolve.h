/* Which model a name means: exactly, by what is left of it without endings, nearly, or by its size. */
#ifndef JB_ESTIMATE_RESOLVE_H
#define JB_ESTIMATE_RESOLVE_H

#include "estimate/catalogue.h"
#include "estimate/diffuser.h"
#include "estimate/shape.h"

/* What else is known of a model than its name; 0: not. In parameters. */
struct jb_model_size {
    double total, active;
};

struct jb_resolved {
    struct jb_shape shape; /* is_typical: nothing but its size is known */
    uint32_t image_tokens; /* as in jb_architecture */
    bool has_sound;
};

/* "Org/Name" or "Name", in any case. Endings that do not change the shape (Instruct, FP8, 2507, AWQ …) may be
 * missing or there. A size that is given and more than half as far again from the model of that name
 * overrules the name. JB_USAGE, with near names, when neither name nor size says which. */
enum jb_code jb_resolve_language(const struct jb_catalogue *catalogue, const char *name,
                                 const struct jb_model_size *size, struct jb_error *error,
                                 struct jb_resolved *ret_resolved);

/* The same of a diffusion model. */
enum jb_code jb_resolve_diffuser(const struct jb_diffusers *diffusers, const char *name, bool is_video,
                                 const struct jb_model_size *size, struct jb_error *error,
                                 struct jb_diffuser *ret_diffuser);

/* "Qwen3-30B-A3B" → 30·10^9 and 3·10^9; "Mixtral-8x7B" → 46·10^9 and 13·10^9; zeros where there is none. */
struct jb_model_size jb_model_size_of_name(const char *name);

#endif
