/* Interned tuples of numbers: equal tuples get one small dense id, as equal texts do in base/strings.h. */
#ifndef JB_BASE_TUPLES_H
#define JB_BASE_TUPLES_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdint.h>

struct jb_tuples; /* opaque */

/* width: numbers of a tuple, 1 or more. ceiling: most distinct tuples it takes (JB_LIMIT past it). what: they
 * are, for messages; it outlives the table. */
enum jb_code jb_tuples_make(size_t width, size_t ceiling, const char *what, struct jb_error *error,
                            struct jb_tuples **ret_tuples);
void jb_tuples_free(struct jb_tuples *tuples); /* NULL-safe */

/* Id of a tuple (copied when new): 0, 1, 2 … in order of first sight. */
enum jb_code jb_tuples_intern(struct jb_tuples *tuples, const uint32_t *tuple, struct jb_error *error,
                              uint32_t *ret_id);
const uint32_t *jb_tuples_at(const struct jb_tuples *tuples, uint32_t id); /* valid until the next intern */
size_t jb_tuples_count(const struct jb_tuples *tuples);

JB_DEFINE_CLEANUP(struct jb_tuples, jb_tuples_free);

#endif
