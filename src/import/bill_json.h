/* Rows of Google Cloud's billing export as JSON lines. */
#ifndef JB_IMPORT_BILL_JSON_H
#define JB_IMPORT_BILL_JSON_H

#include "base/scan.h"
#include "import/bill.h"

struct jb_bill_json; /* opaque: a struct jb_scan_rows at its start */

#define JB_BILL_PATH_CEILING 3

/* Where the text of a slot is: the first path of these in the object that has something. */
struct jb_bill_json_cell {
    const char *paths[JB_BILL_PATH_CEILING]; /* "service.description"; NULL: no more */
    struct jb_bill_json_cell *unit; /* of what is measured: a cell before it, which takes the path of the same
                                       number; NULL: none */
};

/* The stream stays the caller's, and so do the cells, one for each slot. A field that is an object or an
 * array is given as JSON, numbers as decimals; "credits" is the sum of the amounts of its items. */
enum jb_code jb_bill_json_make(struct jb_stream *stream, const struct jb_bill_json_cell *cells, size_t count,
                               struct jb_error *error, struct jb_bill_json **ret_json);
void jb_bill_json_free(struct jb_bill_json *json); /* NULL-safe */
struct jb_scan_rows *jb_bill_json_rows(struct jb_bill_json *json);

JB_DEFINE_CLEANUP(struct jb_bill_json, jb_bill_json_free);

#endif
