/* Which cgroup hierarchy is metered. */
#include "load/hierarchy.h"

#include "load/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* What there is: v2, v1 cpuacct, v1 memory. */
struct found {
    char unified[4096], unified_prefix[4096];
    char cpuacct[4096], cpuacct_prefix[4096];
    char memory[4096], memory_prefix[4096];
};

/* The first mount of a kind counts, unless a later one shows the whole hierarchy and that one did not. */
static void keep_mount(const struct jb_mount *mount, char mount_point[static 4096],
                       char prefix[static 4096]) {
    bool is_whole = strcmp(mount->root, "/") == 0;
    if (*mount_point && !(is_whole && *prefix))
        return;
    memcpy(mount_point, mount->point, sizeof mount->point);
    snprintf(prefix, 4096, "%s", is_whole ? "" : mount->root);
}

static enum jb_code find_mounts(const struct jb_root *root, struct jb_error *error, struct found *ret) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = (size_t)16 << 20};
    enum jb_code code = jb_root_read(root, "/proc/self/mountinfo", &text, error);
    if (code)
        return code;
    const char *cursor = text.bytes, *end = text.bytes + text.length;
    struct jb_mount mount;
    while (jb_mountinfo_next(&cursor, end, &mount)) {
        size_t length = strlen(mount.options);
        if (strcmp(mount.type, "cgroup2") == 0)
            keep_mount(&mount, ret->unified, ret->unified_prefix);
        if (strcmp(mount.type, "cgroup") == 0 && jb_list_has(mount.options, length, "cpuacct"))
            keep_mount(&mount, ret->cpuacct, ret->cpuacct_prefix);
        if (strcmp(mount.type, "cgroup") == 0 && jb_list_has(mount.options, length, "memory"))
            keep_mount(&mount, ret->memory, ret->memory_prefix);
    }
    return JB_OK;
}

/* The first of the folders that has the file. */
static void probe(const struct jb_root *root, const char *const *folders, const char *file, char ret[4096]) {
    for (; *folders; folders++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", *folders, file);
        if (jb_root_exists(root, path)) {
            snprintf(ret, 4096, "%s", *folders);
            return;
        }
    }
}

static void find_usual_places(const struct jb_root *root, struct found *ret) {
    static const char *const unified[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
    static const char *const cpuacct[] = {"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpuacct,cpu",
                                          "/sys/fs/cgroup/cpuacct", NULL};
    static const char *const memory[] = {"/sys/fs/cgroup/memory", NULL};
    probe(root, unified, "cgroup.controllers", ret->unified);
    probe(root, cpuacct, "cpuacct.usage", ret->cpuacct);
    probe(root, memory, "memory.usage_in_bytes", ret->memory);
}

static bool has_children(const struct jb_root *root, const char *path) {
    DIR *directory = jb_root_opendir(root, path);
    if (!directory)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(directory));)
        found = entry->d_type == DT_DIR && entry->d_name[0] != '.';
    closedir(directory);
    return found;
}

enum jb_code jb_hierarchy_find(const struct jb_root *root, struct jb_error *error,
                               struct jb_hierarchy *ret_hierarchy) {
    struct found found = {0};
    /* Mount points are told as the reader's own process sees them: of no use beneath another root. */
    if (!root->is_real || find_mounts(root, NULL, &found) || (!*found.unified && !*found.cpuacct))
        find_usual_places(root, &found);
    if (!*found.unified && !*found.cpuacct)
        return jb_error_set(error, JB_NO_DATA,
                            "%s/sys/fs/cgroup: neither cgroup v2 nor the v1 cpuacct controller is mounted",
                            root->path);
    struct jb_hierarchy result = {.unified = *found.unified != '\0'};
    if (*found.unified && *found.cpuacct)
        result.unified = has_children(root, found.unified);
    memcpy(result.mount, result.unified ? found.unified : found.cpuacct, sizeof result.mount);
    memcpy(result.prefix, result.unified ? found.unified_prefix : found.cpuacct_prefix, sizeof result.prefix);
    /* Memory of v1 belongs to the same cgroup only where both hierarchies show the same subtree. */
    if (!result.unified && strcmp(found.memory_prefix, found.cpuacct_prefix) == 0)
        memcpy(result.memory_mount, found.memory, sizeof result.memory_mount);
    _cleanup_close_ int descriptor = jb_hierarchy_open(&result, root);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "%s%s", root->path, result.mount);
    struct statfs file_system;
    result.kernel = fstatfs(descriptor, &file_system) == 0 &&
                    (file_system.f_type == CGROUP2_SUPER_MAGIC || file_system.f_type == CGROUP_SUPER_MAGIC);
    *ret_hierarchy = result;
    return JB_OK;
}

int jb_hierarchy_open(const struct jb_hierarchy *hierarchy, const struct jb_root *root) {
    return jb_root_openat(root, hierarchy->mount, O_PATH | O_DIRECTORY);
}

const char *jb_hierarchy_controller(const struct jb_hierarchy *hierarchy) {
    return hierarchy->unified ? "" : "cpuacct";
}

/* A process outside of our cgroup namespace is told as "/../x": no path that leads up is followed. */
static bool leads_up(const char *path) {
    for (const char *at = path; (at = strstr(at, "/..")); at += 3) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

uint64_t jb_hierarchy_cgroup_id(const struct jb_hierarchy *hierarchy, int descriptor, const char *path) {
    size_t length = strlen(hierarchy->prefix);
    if (strncmp(path, hierarchy->prefix, length) != 0 || (path[length] && path[length] != '/') ||
        leads_up(path))
        return 0;
    path += length;
    while (*path == '/')
        path++;
    struct stat status;
    if (fstatat(descriptor, *path ? path : ".", &status, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return status.st_ino;
}
