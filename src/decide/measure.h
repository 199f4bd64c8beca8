/* Units of a project's figures: what they measure, and how large they are. */
#ifndef JB_DECIDE_MEASURE_H
#define JB_DECIDE_MEASURE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define JB_NOUN_CEILING 64 /* things that are counted: requests, tokens, trips … */
#define JB_NOUN_SIZE    24

enum jb_base_dimension {
    JB_DIMENSION_ENERGY, /* in kWh */
    JB_DIMENSION_CARBON, /* in kg CO2e */
    JB_DIMENSION_MONEY,  /* in the project's currency */
    JB_DIMENSION_TIME,   /* in hours */
    JB_DIMENSION_MASS,   /* of material, in kg */
    JB_DIMENSION_VOLUME, /* in litres */
    JB_DIMENSION_LENGTH, /* in km */
    JB_DIMENSION_NOUNS,  /* the first noun */
    JB_DIMENSION_COUNT = JB_DIMENSION_NOUNS + JB_NOUN_CEILING,
};

/* Powers of the base dimensions: energy per request is energy^1 request^-1. */
struct jb_dimension {
    int8_t powers[JB_DIMENSION_COUNT];
};
#define JB_DIMENSION_SIZE 160 /* bytes that hold a dimension's text */

struct jb_measures {
    char currency[4];
    char nouns[JB_NOUN_CEILING][JB_NOUN_SIZE];
    size_t noun_count;
};

/* The units that every project has; currency: three capital letters. */
struct jb_measures jb_measures_make(const char currency[static 4]);
/* One more noun. JB_INPUT when it is a unit already, no word, or one too many. */
enum jb_code jb_measures_add(struct jb_measures *measures, const char *noun, struct jb_error *error);

/* "MWh", "requests", "million", "%": how many base units one is. False when there is no such unit. */
bool jb_measure_find(const struct jb_measures *measures, const char *word, double *ret_size,
                     struct jb_dimension *ret_dimension);
/* Whether an input may not be called so: everything that is found, but for plurals of nouns ("requests" may
 * be an input while "request" stays a unit). */
bool jb_measure_is_reserved(const struct jb_measures *measures, const char *word);
/* The unit that was probably meant; NULL when none is near. */
const char *jb_measure_near(const struct jb_measures *measures, const char *word);

/* to += power × from; false when a power would leave -8 … 8. */
bool jb_dimension_add(struct jb_dimension *to, const struct jb_dimension *from, int power);
bool jb_dimension_is(const struct jb_dimension *dimension, const struct jb_dimension *other);
/* "kWh/request", "1": for messages. Returns ret. */
char *jb_dimension_format(const struct jb_measures *measures, const struct jb_dimension *dimension,
                          char ret[static JB_DIMENSION_SIZE]);
struct jb_dimension jb_dimension_of(enum jb_base_dimension base, int power);

#define JB_HOURS_PER_YEAR 8766.0 /* 365.25 days */

#endif
