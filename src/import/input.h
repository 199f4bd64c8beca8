/* The files of one import: found, hashed, and opened as often as a pass over them needs. */
#ifndef JB_IMPORT_INPUT_H
#define JB_IMPORT_INPUT_H

#include "base/progress.h"
#include "import/import.h"

struct jb_input {
    const char *path, *name;            /* name is for messages */
    FILE *spool;                        /* the copy of what cannot be read twice (pipe); else NULL */
    const struct jb_import_ops *format; /* NULL: nothing in it to read (empty, or the same as one before) */
    uint64_t hash;
    char identity[64]; /* of the batch of flows that name none: "import flows <hash of its bytes>" */
};

struct jb_inputs {
    struct jb_input *items;
    size_t count;
};

/* Looks at every file: format (NULL: found by the first bytes) and hash. JB_INPUT when it is of no known
 * format; a folder or a missing file is an error as well. files: by path,
 * what is open already ("-" is); NULL, or all NULL: none. progress: NULL, or
 * what gets the bytes read, but for those of files; its places are the paths. */
enum jb_code jb_inputs_open(const struct jb_import_ops *format, const char *const *paths, size_t count,
                            FILE *const *files, struct jb_progress *progress, struct jb_error *error,
                            struct jb_inputs *ret_inputs);
void jb_inputs_free(struct jb_inputs *inputs);

/* Whether the path stands among those before it, and so has nothing more to give. */
bool jb_input_is_repeated(const char *const *paths, size_t number);

/* The file at its beginning; the caller closes it. */
enum jb_code jb_input_open(const struct jb_input *input, struct jb_error *error, FILE **ret_file);

#endif
