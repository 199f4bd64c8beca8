/* The models that ship by name: data/models/models.csv. */
#ifndef JB_ESTIMATE_CATALOGUE_H
#define JB_ESTIMATE_CATALOGUE_H

#include "base/cleanup.h"
#include "estimate/architecture.h"
#include "estimate/names.h"

#include <stddef.h>

struct jb_model {
    char name[JB_NAME_SIZE]; /* "Qwen/Qwen2.5-7B-Instruct" */
    struct jb_architecture architecture;
    uint64_t counted_millions, counted_active_millions; /* columns to check against; 0: none */
};

struct jb_catalogue; /* opaque */

/* data_path: the folder with the tables. JB_INPUT with line and column when a row cannot be. */
enum jb_code jb_catalogue_read(const char *data_path, struct jb_error *error,
                               struct jb_catalogue **ret_catalogue);
void jb_catalogue_free(struct jb_catalogue *catalogue); /* NULL-safe */

size_t jb_catalogue_count(const struct jb_catalogue *catalogue);
const struct jb_model *jb_catalogue_item(const struct jb_catalogue *catalogue, size_t index);

/* By its whole name or what stands behind the '/', in any case. JB_USAGE, with up to three near names in the
 * message, when there is none. */
enum jb_code jb_catalogue_find(const struct jb_catalogue *catalogue, const char *name, struct jb_error *error,
                               const struct jb_model **ret_model);

JB_DEFINE_CLEANUP(struct jb_catalogue, jb_catalogue_free);

#endif
