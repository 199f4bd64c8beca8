/* Why a file is no bill, and what to do about it. */
#ifndef JB_IMPORT_BILL_REFUSE_H
#define JB_IMPORT_BILL_REFUSE_H

#include "import/bill_scan.h"

/* Returns JB_INPUT. name is for messages; opening: how the file begins. */
enum jb_code jb_bill_refuse(const struct jb_bill_files *files, const char *name,
                            const struct jb_bill_opening *opening, struct jb_error *error);
/* Returns JB_INPUT: the table has no column of that heading, or of that field where a format knows several.
 */
enum jb_code jb_bill_refuse_columns(const char *name, const struct jb_bill_format *format,
                                    const struct jb_scan_source *source, enum jb_bill_field field,
                                    struct jb_error *error);

#endif
