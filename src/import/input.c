/* The files of one import. */
#include "import/input.h"

#include "base/cleanup.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK ((size_t)64 << 10)

void jb_inputs_free(struct jb_inputs *inputs) {
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->items[i].spool)
            fclose(inputs->items[i].spool);
    }
    free(inputs->items);
    *inputs = (struct jb_inputs){0};
}

/* A file without a name in $TMPDIR; where that cannot have one, in the system's own place. */
static FILE *open_spool(void) {
    const char *folder = getenv("TMPDIR");
    int descriptor = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return tmpfile();
    FILE *file = fdopen(descriptor, "w+");
    if (!file)
        close(descriptor);
    return file;
}

/* Copies what can be read only once into a file without a name. */
static enum jb_code spool(FILE *from, const char *name, struct jb_progress *progress, struct jb_error *error,
                          FILE **ret_spool) {
    _cleanup_free_ char *chunk = malloc(CHUNK);
    _cleanup_fclose_ FILE *to = open_spool();
    size_t length;
    if (!to)
        return jb_error_set_errno(error, errno, "a temporary file for %s (set TMPDIR to a folder with room)",
                                  name);
    if (!chunk)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", name);
    while ((length = fread(chunk, 1, CHUNK, from)) > 0) {
        if (fwrite(chunk, 1, length, to) != length)
            return jb_error_set_errno(error, errno, "copying %s to a temporary file", name);
        jb_progress_add(progress, length);
    }
    if (ferror(from))
        return jb_error_set_errno(error, errno, "%s", name);
    if (fflush(to) != 0)
        return jb_error_set_errno(error, errno, "copying %s to a temporary file", name);
    *ret_spool = JB_TAKE(to);
    return JB_OK;
}

enum jb_code jb_input_open(const struct jb_input *input, struct jb_error *error, FILE **ret_file) {
    FILE *file;
    if (input->spool) {
        int descriptor = fcntl(fileno(input->spool), F_DUPFD_CLOEXEC, 3);
        file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
        if (!file && descriptor >= 0)
            close(descriptor);
    } else {
        file = fopen(input->path, "re");
    }
    if (!file)
        return jb_error_set_errno(error, errno, "%s", input->name);
    if (fseek(file, 0, SEEK_SET) != 0) {
        fclose(file);
        return jb_error_set_errno(error, errno, "%s", input->name);
    }
    *ret_file = file;
    return JB_OK;
}

/* Looks at the path for the first time: what is no plain file is copied aside. file: of what is open already.
 */
static enum jb_code prepare(struct jb_input *input, FILE *file, struct jb_progress *progress,
                            struct jb_error *error) {
    struct stat status;
    if (strcmp(input->path, "-") == 0)
        input->name = "standard input";
    if (file)
        return spool(file, input->name, NULL, error, &input->spool);
    _cleanup_fclose_ FILE *opened = fopen(input->path, "re");
    if (!opened || fstat(fileno(opened), &status) != 0)
        return jb_error_set_errno(error, errno, "%s", input->path);
    if (S_ISDIR(status.st_mode))
        return jb_error_set(error, JB_INPUT, "%s: a folder; name the files in it", input->path);
    return S_ISREG(status.st_mode) ? JB_OK : spool(opened, input->path, progress, error, &input->spool);
}

/* Hash of the bytes, by whole chunks, so that it does not depend on how they are read. */
static enum jb_code examine(struct jb_input *input, const struct jb_import_ops *format,
                            struct jb_progress *progress, struct jb_error *error) {
    _cleanup_free_ char *chunk = malloc(CHUNK);
    _cleanup_fclose_ FILE *file = NULL;
    uint64_t hash = 0, total = 0;
    size_t length;
    if (!chunk)
        return jb_error_set(error, JB_MEMORY, "no memory to read %s", input->name);
    enum jb_code code = jb_input_open(input, error, &file);
    if (code)
        return code;
    while ((length = fread(chunk, 1, CHUNK, file)) > 0) {
        if (total == 0) {
            size_t opening = length < 4096 ? length : 4096;
            for (size_t i = 0; !format && jb_import_table[i]; i++) {
                if (jb_import_table[i]->probe(chunk, opening))
                    format = jb_import_table[i];
            }
            if (!format)
                return jb_error_set(
                    error, JB_INPUT,
                    "%s: of no format that is known; say which with --format, or describe a bill "
                    "with --map",
                    input->name);
        }
        total += length;
        if (!input->spool) /* counted when it came */
            jb_progress_add(progress, length);
        hash = jb_hash_uint64(hash ^ jb_hash_bytes(chunk, length) ^ total);
    }
    if (ferror(file))
        return jb_error_set_errno(error, errno, "%s", input->name);
    input->format = total ? format : NULL;
    input->hash = hash;
    snprintf(input->identity, sizeof input->identity, "import %.32s %016" PRIx64, format ? format->name : "",
             hash);
    return JB_OK;
}

bool jb_input_is_repeated(const char *const *paths, size_t number) {
    for (size_t i = 0; i < number; i++) {
        if (strcmp(paths[i], paths[number]) == 0)
            return true;
    }
    return false;
}

enum jb_code jb_inputs_open(const struct jb_import_ops *format, const char *const *paths, size_t count,
                            FILE *const *files, struct jb_progress *progress, struct jb_error *error,
                            struct jb_inputs *ret_inputs) {
    struct jb_inputs inputs = {.items = calloc(count + 1, sizeof *inputs.items)};
    enum jb_code code = JB_OK;
    if (!inputs.items)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu files", count);
    for (; !code && inputs.count < count; inputs.count++) {
        struct jb_input *input = &inputs.items[inputs.count];
        input->path = input->name = paths[inputs.count];
        if (jb_input_is_repeated(paths, inputs.count))
            continue;
        if (progress)
            atomic_store_explicit(&progress->place, inputs.count + 1, memory_order_relaxed);
        code = prepare(input, files ? files[inputs.count] : NULL, progress, error);
        if (!code)
            code = examine(input, format, progress, error);
        /* The same bytes twice are one file: nothing is booked twice. */
        for (size_t i = 0; !code && i < inputs.count; i++) {
            if (inputs.items[i].format && inputs.items[i].hash == input->hash)
                input->format = NULL;
        }
    }
    if (code) {
        jb_inputs_free(&inputs);
        return code;
    }
    *ret_inputs = inputs;
    return JB_OK;
}
