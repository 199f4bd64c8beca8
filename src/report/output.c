/* A file that appears whole or not at all. */
#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* "folder" of "folder/file", "." of "file"; malloc'd. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static enum jb_code open_aside(const char *path, struct jb_error *error, struct jb_output *output) {
    _cleanup_free_ char *folder = folder_of(path);
    output->path = strdup(path);
    if (!folder || !output->path)
        return jb_error_set(error, JB_MEMORY, "no memory to write %s", path);
    /* Without a name it goes away by itself, even when the program is killed. */
    output->descriptor = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (output->descriptor >= 0)
        return JB_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return jb_error_set_errno(error, errno, "%s", path);
    if (asprintf(&output->aside, "%s.%ld.part", path, (long)getpid()) < 0) {
        output->aside = NULL;
        return jb_error_set(error, JB_MEMORY, "no memory to write %s", path);
    }
    output->descriptor = open(output->aside, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
    return output->descriptor < 0 ? jb_error_set_errno(error, errno, "%s", output->aside) : JB_OK;
}

enum jb_code jb_output_open(const char *path, struct jb_error *error, struct jb_output *ret_output) {
    struct jb_output output = {.descriptor = -1, .name = path};
    struct stat status;
    enum jb_code code = JB_OK;
    if (!path || strcmp(path, "-") == 0) {
        output.name = "standard output";
        output.descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        if (output.descriptor < 0)
            code = jb_error_set_errno(error, errno, "standard output");
    } else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        code = jb_error_set(error, JB_IO, "%s: a folder; name a file", path);
    } else if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        output.descriptor = open(path, O_WRONLY | O_CLOEXEC);
        if (output.descriptor < 0)
            code = jb_error_set_errno(error, errno, "%s", path);
    } else {
        code = open_aside(path, error, &output);
    }
    if (code) {
        jb_output_close(&output);
        return code;
    }
    *ret_output = output;
    return JB_OK;
}

enum jb_code jb_output_write(struct jb_output *output, struct jb_buffer *buffer, struct jb_error *error) {
    enum jb_code code = jb_buffer_check(buffer, error);
    for (size_t written = 0; !code && written < buffer->length;) {
        ssize_t length = write(output->descriptor, buffer->bytes + written, buffer->length - written);
        if (length > 0)
            written += (size_t)length;
        else if (length < 0 && errno != EINTR) {
            output->is_closed = errno == EPIPE;
            code = jb_error_set_errno(error, errno, "%s", output->name);
        }
    }
    jb_buffer_clear(buffer);
    return code;
}

enum jb_code jb_output_commit(struct jb_output *output, struct jb_error *error) {
    if (!output->path)
        return JB_OK;
    if (fsync(output->descriptor) != 0)
        return jb_error_set_errno(error, errno, "%s", output->path);
    if (!output->aside) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", output->descriptor);
        if (asprintf(&output->aside, "%s.%ld.part", output->path, (long)getpid()) < 0) {
            output->aside = NULL;
            return jb_error_set(error, JB_MEMORY, "no memory to write %s", output->path);
        }
        if (linkat(AT_FDCWD, link, AT_FDCWD, output->aside, AT_SYMLINK_FOLLOW) != 0)
            return jb_error_set_errno(error, errno, "%s", output->aside);
    }
    if (rename(output->aside, output->path) != 0)
        return jb_error_set_errno(error, errno, "%s", output->path);
    free(output->aside);
    output->aside = NULL;
    return JB_OK;
}

void jb_output_close(struct jb_output *output) {
    if (!output)
        return;
    if (output->aside)
        unlink(output->aside);
    if (output->descriptor >= 0)
        close(output->descriptor);
    free(output->aside);
    free(output->path);
    *output = (struct jb_output){.descriptor = -1};
}
