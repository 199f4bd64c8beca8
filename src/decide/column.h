/* Columns of data files, for distributions that are what was observed. */
#ifndef JB_DECIDE_COLUMN_H
#define JB_DECIDE_COLUMN_H

#include "decide/formula.h"

#define JB_COLUMN_CEILING 1000000 /* values */

/* Reads columns of CSV files with a heading that lie beside `folder` ("" or ending in '/'; kept by the
 * caller). */
struct jb_data_reader jb_column_reader(const char *folder);

#endif
