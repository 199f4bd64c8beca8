/* Uncertain inputs, and the products of them that a project's figures are. */
#ifndef JB_DECIDE_FORMULA_H
#define JB_DECIDE_FORMULA_H

#include "base/random.h"
#include "decide/measure.h"

#include <stddef.h>

enum jb_distribution_kind {
    JB_NORMAL,     /* a: mean, b: standard deviation */
    JB_LOGNORMAL,  /* a: median, b: geometric standard deviation */
    JB_TRIANGULAR, /* a: least, b: most likely, c: most */
    JB_UNIFORM,    /* a: least, b: most */
    JB_DATA,       /* values, each as likely as the others */
};

struct jb_distribution {
    enum jb_distribution_kind kind;
    double a, b, c;
    double *values; /* of JB_DATA, ascending; malloc'd */
    size_t value_count;
};

/* One draw. Reproducible: it depends on the generator's state alone. */
double jb_distribution_draw(const struct jb_distribution *distribution, struct jb_random *random);
double jb_distribution_median(const struct jb_distribution *distribution);
/* The central 95 %. */
void jb_distribution_interval(const struct jb_distribution *distribution, double *ret_low, double *ret_high);
/* All that can be drawn lies in it; infinite where there is no end. */
void jb_distribution_support(const struct jb_distribution *distribution, double *ret_low, double *ret_high);
/* JB_INPUT when the parameters are none of that kind. */
enum jb_code jb_distribution_check(const struct jb_distribution *distribution, struct jb_error *error);

/* The distribution of a factor or an estimate of which the 95 % interval is known: lognormal, so that it
 * stays positive. 0 < low < high. */
struct jb_distribution jb_distribution_of_interval(double low, double high);

#define JB_INPUT_NAME_SIZE 128
#define JB_INPUT_UNIT_SIZE 48

/* Something that is not known exactly. Its values are in the unit in which it was written. */
struct jb_uncertain {
    char name[JB_INPUT_NAME_SIZE]; /* "requests", "serving: amount" */
    char unit[JB_INPUT_UNIT_SIZE]; /* "million requests / month"; "" when it is a bare number */
    char source[256];              /* "" when none is given */
    struct jb_distribution distribution;
    double least, most; /* what makes sense, beyond what is likely: a share never leaves 0 … 1 */
    bool is_percent;    /* its values are shares that are shown in per cent */
};

#define JB_INPUT_CEILING 256

struct jb_uncertain_list {
    struct jb_uncertain *items;
    size_t count, capacity;
};
void jb_uncertain_free(struct jb_uncertain_list *inputs); /* NULL-safe; leaves it empty */
/* Takes over the values of a JB_DATA distribution. */
enum jb_code jb_uncertain_add(struct jb_uncertain_list *inputs, const struct jb_uncertain *input,
                              struct jb_error *error, uint16_t *ret_index);

#define JB_PRODUCT_FACTORS 16

/* constant × Π x^power × Π (1 − x)^complement, with x the values of inputs. */
struct jb_product {
    double constant;
    struct jb_dimension dimension;
    size_t count;
    struct {
        uint16_t input;
        int8_t power, complement;
    } factors[JB_PRODUCT_FACTORS]; /* each input once */
};

struct jb_product jb_product_of(double constant);
/* to × by^power, power 1 or -1. JB_INPUT when it has too many factors or too high powers. */
enum jb_code jb_product_multiply(struct jb_product *to, const struct jb_product *by, int power,
                                 struct jb_error *error);
/* to × (1 − by); by is one input without a unit, or a number. */
enum jb_code jb_product_multiply_complement(struct jb_product *to, const struct jb_product *by,
                                            struct jb_error *error);
/* values: of each input. */
double jb_product_value(const struct jb_product *product, const double *values);
/* Between which ends the product lies, whatever is drawn. Wider than need be where an input stands in it as
 * itself and as its complement. */
void jb_product_support(const struct jb_product *product, const struct jb_uncertain_list *inputs,
                        double *ret_low, double *ret_high);

/* Names that stand for products in formulas. */
struct jb_names {
    struct {
        const char *name;
        struct jb_product product;
    } items[JB_INPUT_CEILING];
    size_t count;
};

/* Reads the values of a column: made available to formulas by who may open files. Values are malloc'd,
 * finite, in any order. */
struct jb_data_reader {
    enum jb_code (*read)(const struct jb_data_reader *reader, const char *file, const char *column,
                         struct jb_error *error, double **ret_values, size_t *ret_count);
    const char *folder; /* beside which files lie */
};

/* What a formula may use. data NULL: data() is refused. */
struct jb_formula_scope {
    const struct jb_measures *measures;
    const struct jb_names *names;
    const struct jb_data_reader *data;
    struct jb_uncertain_list *inputs; /* distributions written in the formula are added */
    const char *input_name;           /* they are called so */
    const char *source;               /* of them; NULL: none */
};

/* "2 million requests / month", "users * triangular(1, 2, 4) requests / user / day", "requests": numbers with
 * units, distributions with units, and names, joined by *, / or "per". Work is from left to right. JB_INPUT
 * with what is wrong and the name or unit that was probably meant. */
enum jb_code jb_formula_parse(const char *text, const struct jb_formula_scope *scope, struct jb_error *error,
                              struct jb_product *ret_product);
/* Whether a name may be given to an input: a word that is no unit, no distribution and not "per". */
bool jb_formula_name_is_free(const struct jb_measures *measures, const char *name);

#define _cleanup_uncertain_ _cleanup_(jb_uncertain_free)

#endif
