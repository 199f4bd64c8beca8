/* One sysfs file that holds a number, kept open. */
#include "source/channel.h"

#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum jb_code jb_channel_open(const struct jb_root *root, const char *path, struct jb_error *error,
                             int *ret_descriptor) {
    int descriptor = jb_root_openat(root, path, O_RDONLY | O_NONBLOCK);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "%s%s", root->path, path);
    *ret_descriptor = descriptor;
    return JB_OK;
}

static enum jb_reading_state state_of_errno(int errnum) {
    switch (errnum) {
    case EACCES:
    case EPERM:
        return JB_READING_DENIED;
    case ENODEV:
    case ENXIO:
    case ENOENT:
    case ESRCH:
    case EBADF:
        return JB_READING_GONE;
    default:
        return JB_READING_NONE;
    }
}

void jb_channel_read(int descriptor, uint64_t factor, struct jb_reading *ret_reading) {
    char text[64];
    uint64_t value;
    ssize_t got;
    ret_reading->value = 0;
    do
        got = pread(descriptor, text, sizeof text, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        ret_reading->state = state_of_errno(errno);
        return;
    }
    ret_reading->state = JB_READING_NONE;
    if (jb_sysfs_uint64(text, (size_t)got, NULL, &value) || __builtin_mul_overflow(value, factor, &value))
        return;
    ret_reading->value = value;
    ret_reading->state = JB_READING_OK;
}

void jb_channel_id(const char *text, char *ret, size_t size) {
    const size_t hash_size = 18; /* '~', 16 digits, NUL */
    size_t length = 0, whole = strlen(text);
    bool changed = false;
    for (; length < whole && length + hash_size < size; length++) {
        char c = text[length];
        bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == ':' || c == '-';
        ret[length] = safe ? c : '_';
        changed = changed || !safe;
    }
    ret[length] = '\0';
    if (changed || length < whole || whole == 0)
        snprintf(ret + length, size - length, "~%016llx", (unsigned long long)jb_hash_bytes(text, whole));
}
