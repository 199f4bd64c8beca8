/* What the files of rank_places share. */
#ifndef JB_DECIDE_RANK_PLACES_INTERNAL_H
#define JB_DECIDE_RANK_PLACES_INTERNAL_H

#include "base/strings.h"
#include "decide/rank_places.h"

struct jb_rank_place {
    const char *provider, *region, *country, *name; /* texts of the places; country "" when not known */
    struct jb_evidence evidence[JB_CRITERION_COUNT];
};

struct jb_rank_places {
    struct jb_strings *texts;
    struct jb_rank_place *items;
    size_t count, capacity;
    char price_unit[32];
};

/* A copy that lives as long as the places. */
enum jb_code jb_rank_places_text(struct jb_rank_places *places, const char *text, struct jb_error *error,
                                 const char **ret_text);
/* Index of the place, appended when it is not there. */
enum jb_code jb_rank_places_index(struct jb_rank_places *places, const char *provider, const char *region,
                                  const char *country, struct jb_error *error, size_t *ret_index);

#endif
