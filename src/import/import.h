/* The seam of imports: one ops struct per format of other people's records, and how they are booked. */
#ifndef JB_IMPORT_IMPORT_H
#define JB_IMPORT_IMPORT_H

#include "types/flow.h"

#include <stdbool.h>
#include <stdio.h>

/* One flow as a file says it, checked in itself: accounts valid and different, start < end, amount within 64
 * bits. Texts are valid until the sink returns. */
struct jb_import_record {
    struct jb_flow flow;   /* its from and to are not set: ids belong to a ledger */
    const char *from, *to; /* account paths */
    const char *batch;     /* identity; "" when the file gives none: it then belongs to the file as a whole */
    uint64_t line;         /* where it stands, from 1 */
};

/* Where records go. Whoever takes them puts this struct first in its own. */
struct jb_import_sink {
    /* JB_OK to go on; anything else ends the parse and is returned by it. */
    enum jb_code (*record)(struct jb_import_sink *sink, const struct jb_import_record *record,
                           struct jb_error *error);
};

struct jb_import_ops {
    const char *name;    /* "flows", as in --format */
    const char *summary; /* one line for the help */

    /* Whether a file that opens with these bytes (up to 4096) can be of this format. Pure. */
    bool (*probe)(const char *bytes, size_t length);

    /* Reads file (seekable, at its beginning) to its end and hands every record to the sink, in order, in
     * bounded memory. name is for messages. Pure but for the reading: opens nothing, keeps nothing. JB_INPUT
     * names file, line, field and mend. JB_NO_DATA: the file has no record at all. */
    enum jb_code (*parse)(FILE *file, const char *name, struct jb_import_sink *sink, struct jb_error *error);
};

/* Every format there is, in the order in which they are tried on a file; ends with NULL. */
extern const struct jb_import_ops *const jb_import_table[];
/* By name; NULL when there is none. */
const struct jb_import_ops *jb_import_find(const char *name);

#endif
