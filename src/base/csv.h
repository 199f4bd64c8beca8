/* CSV after RFC 4180: a streaming reader with a ceiling per record, and a writer. */
#ifndef JB_BASE_CSV_H
#define JB_BASE_CSV_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

struct jb_csv_reader; /* opaque */

/* Reads from file (not closed). name is for messages. Accepts LF, CRLF, a UTF-8 BOM, quoted fields with
 * doubled quotes and newlines; a record of more than 16 MiB or 4096 fields is JB_LIMIT; UTF-16 and NUL bytes
 * are JB_INPUT. After an error nothing more can be read. */
enum jb_code jb_csv_reader_make(FILE *file, const char *name, struct jb_error *error,
                                struct jb_csv_reader **ret_reader);
void jb_csv_reader_free(struct jb_csv_reader *reader); /* NULL-safe */

/* Next record: fields[0 … count-1], valid until the next call. JB_NO_DATA at the end. Empty lines are
 * skipped. */
enum jb_code jb_csv_read(struct jb_csv_reader *reader, struct jb_error *error, const char *const **ret_fields,
                         size_t *ret_count);
/* Line of the file (from 1) on which the last record began, for messages. */
uint64_t jb_csv_line(const struct jb_csv_reader *reader);

/* Appends one field, quoted where it must be; write the separators with add_char. A row of a single empty
 * field would be an empty line, which readers skip: write it as "" yourself. */
void jb_csv_add(struct jb_buffer *buffer, const char *field);

JB_DEFINE_CLEANUP(struct jb_csv_reader, jb_csv_reader_free);

#endif
