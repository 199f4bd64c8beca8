/* A small CSV table read whole: named columns, with numbers checked as they are asked for. */
#ifndef JB_ESTIMATE_FACTS_H
#define JB_ESTIMATE_FACTS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct jb_facts; /* opaque */

/* data_path/name, whose header must be `columns` exactly. JB_INPUT with file and line when it is not, or a
 * row has another number of fields. */
enum jb_code jb_facts_read(const char *data_path, const char *name, const char *const *columns,
                           size_t column_count, struct jb_error *error, struct jb_facts **ret_table);
void jb_facts_free(struct jb_facts *table); /* NULL-safe */

size_t jb_facts_count(const struct jb_facts *table);
const char *jb_facts_text(const struct jb_facts *table, size_t row, size_t column);

/* Finite, at least `floor`; JB_INPUT with file, line and column otherwise. An empty field is `empty`, and an
 * error where that is NAN. */
enum jb_code jb_facts_number(const struct jb_facts *table, size_t row, size_t column, double floor,
                             double empty, struct jb_error *error, double *ret_number);
/* A text of 1 to size - 1 bytes into ret. */
enum jb_code jb_facts_copy(const struct jb_facts *table, size_t row, size_t column, size_t size,
                           struct jb_error *error, char *ret);
/* JB_INPUT naming file, line and column. */
enum jb_code jb_facts_fault(const struct jb_facts *table, size_t row, size_t column, const char *why,
                            struct jb_error *error);

/* A finite number and nothing else, without blanks, "nan", "inf" or hexadecimal. */
enum jb_code jb_fact_number_parse(const char *text, struct jb_error *error, double *ret_number);

JB_DEFINE_CLEANUP(struct jb_facts, jb_facts_free);

#endif
