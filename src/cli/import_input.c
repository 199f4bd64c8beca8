/* Opens what can be read only once: it is looked at before it is known who reads it. */
#include "cli/import_input.h"

#include "import/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_stream(void *cookie, char *bytes, size_t size) {
    size_t length;
    struct jb_error error = {0};
    if (jb_stream_read(cookie, bytes, size, &error, &length)) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)length;
}

/* -1: a plain file, a folder, or nothing that can be opened. */
static int open_once(const char *path) {
    struct stat status;
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

static enum jb_code open_input(struct import_inputs *inputs, size_t number, struct jb_progress *progress,
                               struct jb_error *error) {
    const char *path = inputs->paths[number];
    bool is_standard = strcmp(path, "-") == 0;
    if (jb_input_is_repeated(inputs->paths, number))
        return JB_OK;
    int descriptor = open_once(path);
    if (descriptor < 0)
        return is_standard ? jb_error_set_errno(error, errno, "standard input") : JB_OK;
    atomic_store_explicit(&progress->place, number + 1, memory_order_relaxed);
    enum jb_code code =
        jb_stream_open(descriptor, is_standard ? "standard input" : path, error, &inputs->streams[number]);
    if (code)
        return code;
    jb_stream_watch(inputs->streams[number], progress, number + 1);
    inputs->files[number] =
        fopencookie(inputs->streams[number], "r", (cookie_io_functions_t){.read = read_stream});
    return inputs->files[number] ? JB_OK : jb_error_set(error, JB_MEMORY, "%s: no memory to read it", path);
}

enum jb_code import_inputs_open(const char *const *paths, size_t count, struct jb_progress *progress,
                                struct jb_error *error, struct import_inputs *ret_inputs) {
    struct import_inputs inputs = {.paths = paths,
                                   .streams = calloc(count + 1, sizeof *inputs.streams),
                                   .files = calloc(count + 1, sizeof *inputs.files),
                                   .count = count};
    enum jb_code code = JB_OK;
    if (!inputs.streams || !inputs.files)
        code = jb_error_set(error, JB_MEMORY, "no memory for %zu files", count);
    for (size_t i = 0; !code && i < count; i++)
        code = open_input(&inputs, i, progress, error);
    if (code) {
        import_inputs_close(&inputs);
        return code;
    }
    *ret_inputs = inputs;
    return JB_OK;
}

void import_inputs_close(struct import_inputs *inputs) {
    for (size_t i = 0; inputs->files && i < inputs->count; i++) {
        if (inputs->files[i])
            fclose(inputs->files[i]);
    }
    for (size_t i = 0; inputs->streams && i < inputs->count; i++)
        jb_stream_free(inputs->streams[i]);
    free(inputs->files);
    free(inputs->streams);
    *inputs = (struct import_inputs){0};
}
