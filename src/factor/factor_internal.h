/* What the files of the factor layer share: the collection under construction. */
#ifndef JB_FACTOR_FACTOR_INTERNAL_H
#define JB_FACTOR_FACTOR_INTERNAL_H

#include "base/strings.h"
#include "factor/factor.h"

#include <assert.h>

/* The rows of one id, and all that a look-up of its first row needs: half a cache line. */
struct jb_factor_series {
    uint32_t hash;             /* its upper half; the lower says which slot */
    uint32_t key;              /* where in the keys its id stands */
    uint32_t first;            /* of its rows */
    unsigned count : 31;       /* of them; 0: a free slot */
    unsigned is_linear : 1;    /* each begins where the one before ends, or later: at most one is valid */
    int64_t from_ns, until_ns; /* of its first row */
};
static_assert(sizeof(struct jb_factor_series) == 32, "two to a cache line");

struct jb_factor_span {
    int64_t from_ns, until_ns;
};

struct jb_factors {
    struct jb_factor_set *sets;
    struct jb_factor *items;
    char **files; /* of the sets, for messages */
    struct jb_factor_finding *findings;
    struct jb_factor_span *spans;   /* of the items, apart: a look-up reads these only */
    struct jb_factor_series *slots; /* a power of two of them */
    struct jb_buffer keys;      /* of each series quantity, region, provider, subject: one line to compare */
    struct jb_strings *strings; /* owns the texts of the rows */
    size_t set_count, set_capacity, file_capacity, count, capacity, finding_count, finding_capacity;
    size_t slot_count;
};

/* One row as its table has it. lines NULL: all fields stand on `line`. */
struct jb_factor_row {
    const char *const *names, *const *values;
    const uint32_t *lines;
    size_t count;
    uint32_t line;
};
/* What each column is; found once for a CSV heading, for every section of an INI file. */
struct jb_factor_columns {
    int provider, region, subject, from, until, year, quantity, value, unit, uncertainty, source, note;
    struct {
        int column;
        enum jb_quantity quantity;
    } values[JB_QUANTITY_COUNT];
    size_t value_count;
};

__attribute__((format(printf, 6, 7))) void jb_factor_find_fault(struct jb_factors *factors, bool is_error,
                                                                const char *file, uint32_t line,
                                                                const char *field, const char *format, ...);
/* false: a column is unknown, missing or there twice; findings say which. */
bool jb_factor_columns_of(struct jb_factors *factors, const struct jb_factor_row *heading, const char *file,
                          struct jb_factor_columns *ret_columns);
enum jb_code jb_factor_row_take(struct jb_factors *factors, uint32_t set, const char *file,
                                const struct jb_factor_columns *columns, const struct jb_factor_row *row,
                                struct jb_error *error);
enum jb_code jb_factor_csv_read(struct jb_factors *factors, uint32_t set, const char *file, const char *text,
                                size_t length, struct jb_error *error);
enum jb_code jb_factor_ini_read(struct jb_factors *factors, uint32_t set, const char *file, const char *text,
                                size_t length, struct jb_error *error);
/* 0 when both have the same quantity, provider, region and subject. */
int jb_factor_compare_ids(const struct jb_factor *a, const struct jb_factor *b);

#endif
