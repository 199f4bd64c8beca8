/* The tree that the program takes for "/". */
#include "base/root.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum jb_code jb_root_open(const char *path, struct jb_error *error, struct jb_root *ret_root) {
    bool is_real = !path || !*path || strcmp(path, "/") == 0;
    const char *opened = is_real ? "/" : path;
    int descriptor = open(opened, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "root '%s'", opened);
    struct jb_root root = {.descriptor = descriptor, .is_real = is_real};
    snprintf(root.path, sizeof root.path, "%s", is_real ? "" : path);
    *ret_root = root;
    return JB_OK;
}

void jb_root_close(struct jb_root *root) {
    if (root && root->descriptor >= 0) {
        close(root->descriptor);
        root->descriptor = -1;
    }
}

int jb_root_openat(const struct jb_root *root, const char *path, int flags) {
    while (*path == '/')
        path++;
    if (root->is_real)
        return openat(root->descriptor, *path ? path : ".", flags | O_CLOEXEC);
    struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root->descriptor, *path ? path : ".", &how, sizeof how);
}

DIR *jb_root_opendir(const struct jb_root *root, const char *path) {
    int descriptor = jb_root_openat(root, path, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0)
        return NULL;
    DIR *directory = fdopendir(descriptor);
    if (!directory)
        close(descriptor);
    return directory;
}

bool jb_root_exists(const struct jb_root *root, const char *path) {
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_PATH);
    return descriptor >= 0;
}

enum jb_code jb_root_readlink(const struct jb_root *root, const char *path, char *ret, size_t size,
                              struct jb_error *error) {
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_PATH | O_NOFOLLOW);
    char target[4096];
    ssize_t length = descriptor < 0 ? -1 : readlinkat(descriptor, "", target, sizeof target - 1);
    if (length < 0)
        return jb_error_set_errno(error, errno, "%s%s", root->path, path);
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(ret, size, "%s", slash ? slash + 1 : target);
    return JB_OK;
}

enum jb_code jb_root_read(const struct jb_root *root, const char *path, struct jb_buffer *buffer,
                          struct jb_error *error) {
    jb_buffer_clear(buffer);
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "%s%s", root->path, path);
    const size_t ceiling = buffer->ceiling ? buffer->ceiling : JB_BUFFER_CEILING;
    for (;;) {
        /* At the ceiling one byte more is asked for, to tell a file that just fits from one that does not. */
        size_t left = ceiling - buffer->length, step = left < 4096 ? left : 4096;
        char probe, *room = step ? jb_buffer_room(buffer, step) : &probe;
        if (!room)
            return jb_error_set(error, JB_MEMORY, "%s%s: no memory to read it", root->path, path);
        ssize_t got = read(descriptor, room, step ? step : 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return jb_error_set_errno(error, errno, "%s%s", root->path, path);
        if (got == 0)
            break;
        if (!step)
            return jb_error_set(error, JB_LIMIT, "%s%s: larger than %zu bytes", root->path, path, ceiling);
        buffer->length += (size_t)got;
        buffer->bytes[buffer->length] = '\0';
    }
    return JB_OK;
}

enum jb_code jb_sysfs_uint64(const char *text, size_t length, struct jb_error *error, uint64_t *ret_value) {
    uint64_t value = 0;
    size_t i = 0;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return jb_error_set(error, JB_INPUT, "number out of range: '%.*s'",
                                (int)(length < 40 ? length : 40), text);
    }
    if (i == 0 || (i < length && text[i] != '\n' && text[i] != '\0'))
        return jb_error_set(error, JB_INPUT, "not a whole number: '%.*s'", (int)(length < 40 ? length : 40),
                            text);
    *ret_value = value;
    return JB_OK;
}

enum jb_code jb_descriptor_read(int descriptor, char *ret, size_t size, struct jb_error *error,
                                size_t *ret_length) {
    ssize_t got;
    do
        got = pread(descriptor, ret, size - 1, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return jb_error_set_errno(error, errno, "read");
    ret[got] = '\0';
    *ret_length = (size_t)got;
    return JB_OK;
}

static enum jb_code read_small(const struct jb_root *root, const char *path, char *ret, size_t size,
                               struct jb_error *error, size_t *ret_length) {
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "%s%s", root->path, path);
    enum jb_code code = jb_descriptor_read(descriptor, ret, size, error, ret_length);
    return code ? jb_error_prefix(error, "%s%s", root->path, path), code : JB_OK;
}

enum jb_code jb_root_read_uint64(const struct jb_root *root, const char *path, struct jb_error *error,
                                 uint64_t *ret_value) {
    char text[64];
    size_t length;
    enum jb_code code = read_small(root, path, text, sizeof text, error, &length);
    if (code)
        return code;
    code = jb_sysfs_uint64(text, length, error, ret_value);
    if (code)
        jb_error_prefix(error, "%s%s", root->path, path);
    return code;
}

enum jb_code jb_root_read_line(const struct jb_root *root, const char *path, char *ret, size_t size,
                               struct jb_error *error) {
    char text[4096];
    size_t length;
    enum jb_code code = read_small(root, path, text, sizeof text, error, &length);
    if (code)
        return code;
    size_t end = 0;
    for (; end < length && text[end] != '\n'; end++) {
        if (text[end] == '\0')
            text[end] = '?';
    }
    text[end] = '\0';
    jb_text_display(text, ret, size);
    return JB_OK;
}
