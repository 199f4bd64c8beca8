/* Rows of Google Cloud's billing export as JSON lines. */
#ifndef JB_IMPORT_BILL_JSON_H
#define JB_IMPORT_BILL_JSON_H

#include "base/scan.h"
#include "import/bill.h"

struct jb_bill_json; /* opaque: a struct jb_scan_rows at its start */

/* The stream stays the caller's. paths: for each slot the path of its field in the object
 * ("service.description"; NULL: none), kept by the caller. A field that is an object or an array is given as
 * JSON, numbers as decimals; "credits" is the sum of the amounts of its items. */
enum jb_code jb_bill_json_make(struct jb_stream *stream, const char *const *paths, size_t path_count,
                               struct jb_error *error, struct jb_bill_json **ret_json);
void jb_bill_json_free(struct jb_bill_json *json); /* NULL-safe */
struct jb_scan_rows *jb_bill_json_rows(struct jb_bill_json *json);

JB_DEFINE_CLEANUP(struct jb_bill_json, jb_bill_json_free);

#endif
