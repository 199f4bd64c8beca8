/* The tree that the program takes for "/": every /sys and /proc path is opened beneath it. */
#ifndef JB_BASE_ROOT_H
#define JB_BASE_ROOT_H

#include "base/buffer.h"
#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct jb_root {
    int descriptor;  /* O_PATH directory */
    bool is_real;    /* this is "/": kernel interfaces (BPF, perf, clocks of processes) may be used */
    char path[4096]; /* as given, for messages; "" when it is "/" */
};

/* path NULL or "/" is the real root. JB_NO_DATA when it is not there. */
enum jb_code jb_root_open(const char *path, struct jb_error *error, struct jb_root *ret_root);
void jb_root_close(struct jb_root *root); /* NULL-safe */

/* Opens beneath the root; path begins with '/'. Symbolic links that are absolute are not followed out of a
 * root that is not real. Returns a descriptor (caller closes) or -1 with errno. */
int jb_root_openat(const struct jb_root *root, const char *path, int flags);
DIR *jb_root_opendir(const struct jb_root *root, const char *path);
bool jb_root_exists(const struct jb_root *root, const char *path);

/* Basename of the link's target ("" when there is none), NUL-terminated into ret. */
enum jb_code jb_root_readlink(const struct jb_root *root, const char *path, char *ret, size_t size,
                              struct jb_error *error);

/* Whole file into buffer (cleared first), at most its ceiling (JB_LIMIT). JB_NO_DATA not there, JB_PERMISSION
 * may not be read: all name the path. */
enum jb_code jb_root_read(const struct jb_root *root, const char *path, struct jb_buffer *buffer,
                          struct jb_error *error);

/* A file that holds one unsigned number (sysfs); JB_INPUT when it holds anything else. */
enum jb_code jb_root_read_uint64(const struct jb_root *root, const char *path, struct jb_error *error,
                                 uint64_t *ret_value);

/* First line without its newline; control characters and broken UTF-8 become '?'; cut to size. */
enum jb_code jb_root_read_line(const struct jb_root *root, const char *path, char *ret, size_t size,
                               struct jb_error *error);

/* The same for a descriptor that is kept open (pread from 0): one system call per sample. */
enum jb_code jb_descriptor_read(int descriptor, char *ret, size_t size, struct jb_error *error,
                                size_t *ret_length);

/* Parses the number that opens `text` and is followed by '\n' or '\0'. Pure; fuzzed. */
enum jb_code jb_sysfs_uint64(const char *text, size_t length, struct jb_error *error, uint64_t *ret_value);

#define _cleanup_root_ _cleanup_(jb_root_close)

#endif
