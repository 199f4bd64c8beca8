/* How near two names are, so that a misspelt one can be answered with what was meant. */
#ifndef JB_ESTIMATE_NAMES_H
#define JB_ESTIMATE_NAMES_H

#include <stddef.h>

#define JB_NAME_SIZE 96 /* bytes of a model's name, its end counted */

/* Edits (insert, delete, replace) that make b of a, in any case: Wagner and Fischer, 1974. Both shorter than
 * JB_NAME_SIZE. */
size_t jb_name_distance(const char *a, const char *b);

/* What stands behind the '/': "Qwen2.5-7B" of "Qwen/Qwen2.5-7B". */
const char *jb_name_short(const char *name);

/* The three nearest, while names are offered one by one. */
struct jb_near_names {
    const char *names[3]; /* NULL: fewer were offered */
    size_t distances[3];
};
/* A name with a '/' is compared whole, others without what stands before it. Returns the distance. */
size_t jb_near_offer(struct jb_near_names *near, const char *wanted, const char *name);

#endif
