/* The shape of a model from the config.json that Hugging Face keeps beside its weights. */
#ifndef JB_ESTIMATE_CONFIG_H
#define JB_ESTIMATE_CONFIG_H

#include "estimate/architecture.h"

#include <stddef.h>

#define JB_CONFIG_CEILING ((size_t)4 << 20) /* bytes of a config.json; real ones have a few thousand */

/* name is for messages. Understands nested text and vision configurations, mixtures of experts, latent
 * attention, sliding windows, and hybrids with linear attention or Mamba-2. JB_INPUT with the field named
 * when the file is no JSON, has no such shape, or names a kind of layer that is not known. */
enum jb_code jb_config_parse(const char *bytes, size_t length, const char *name, struct jb_error *error,
                             struct jb_architecture *ret_architecture);

#endif
