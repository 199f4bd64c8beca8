/* A file that appears whole or not at all: written aside, then moved to its name. */
#ifndef JB_REPORT_OUTPUT_H
#define JB_REPORT_OUTPUT_H

#include "base/buffer.h"

#include <stdbool.h>

struct jb_output {
    int descriptor;
    const char *name; /* for messages */
    char *path;       /* where it is to appear; NULL: written straight (standard output, a device) */
    bool is_closed;   /* a write failed because whoever read the pipe has gone: not worth a complaint */
    char *aside;      /* its name until then; NULL: it has none */
};

/* path (which must outlive the output) NULL or "-": standard output. A path that is there and no plain file
 * is written straight. */
enum jb_code jb_output_open(const char *path, struct jb_error *error, struct jb_output *ret_output);
/* Writes what is in buffer and clears it. */
enum jb_code jb_output_write(struct jb_output *output, struct jb_buffer *buffer, struct jb_error *error);
/* Makes it durable and lets it appear. */
enum jb_code jb_output_commit(struct jb_output *output, struct jb_error *error);
/* Drops what was not committed. NULL-safe; leaves it empty. */
void jb_output_close(struct jb_output *output);

#endif
