/* What `import` reads from: files that can be read only once are opened once. */
#ifndef JB_CLI_IMPORT_INPUT_H
#define JB_CLI_IMPORT_INPUT_H

#include "base/stream.h"

#include <stdio.h>

/* Standard input ("-"), pipes and the like among the paths, open at their place; NULL for plain files, for
 * what cannot be opened (whoever reads it says why), and for a path that was named before. */
struct import_inputs {
    const char *const *paths;
    struct jb_stream **streams;
    FILE **files; /* the same streams, for those who read files */
    size_t count;
};

/* paths outlive it. Bytes that are read of them are counted. */
enum jb_code import_inputs_open(const char *const *paths, size_t count, struct jb_progress *progress,
                                struct jb_error *error, struct import_inputs *ret_inputs);
void import_inputs_close(struct import_inputs *inputs); /* NULL-safe in all that it has */

#endif
