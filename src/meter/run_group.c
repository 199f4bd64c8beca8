/* Makes, enters, reads and removes the control groups of one command. */
#include "meter/run_group.h"

#include "load/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define NAME_CEILING  4096 /* runs at the same time below one group */
#define DEPTH_CEILING 16   /* of groups that a command makes below its own */
#define MOVE_ROUNDS   8    /* a process that forks meanwhile is met by the next round */

struct jb_run_group {
    bool is_v2;
    char path[JB_RUN_CGROUP_SIZE + 32];
    char name[32];                                        /* last component of path */
    int parent_descriptor;                                /* of the group above */
    int descriptor;                                       /* of the group itself; holds the lock */
    int procs_descriptor;                                 /* its cgroup.procs, to write to */
    uint64_t base_total_ns, base_user_ns, base_system_ns; /* a group used again does not start at 0 */
};

/* Whether a comma-separated list has the word. */
static bool list_has(const char *list, size_t length, const char *word) {
    size_t word_length = strlen(word);
    const char *end = list + length;
    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        size_t item = (size_t)((comma ? comma : end) - list);
        if (item == word_length && memcmp(list, word, item) == 0)
            return true;
        list += item + 1;
    }
    return false;
}

/* "N:controllers:/path" with that controller; v2 is the line that begins with "0::". */
static bool find_line(const char *self_cgroup, const char *controller, char *ret, size_t size) {
    for (const char *line = self_cgroup; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *list = memchr(line, ':', (size_t)(end - line));
        const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
        bool is_v2 = path && path == list + 1 && list == line + 1 && line[0] == '0';
        if (path && (*controller ? list_has(list + 1, (size_t)(path - list - 1), controller) : is_v2)) {
            size_t length = (size_t)(end - path - 1);
            if (length >= size || length == 0 || path[1] != '/')
                return false;
            memcpy(ret, path + 1, length);
            ret[length] = '\0';
            return true;
        }
        line = *end ? end + 1 : end;
    }
    return false;
}

enum jb_code jb_run_group_own_path(const char *self_cgroup, const char *controller, const char *prefix,
                                   struct jb_error *error, char ret_path[static JB_RUN_CGROUP_SIZE]) {
    char own[JB_RUN_CGROUP_SIZE];
    if (!find_line(self_cgroup, controller, own, sizeof own))
        return jb_error_set(error, JB_NO_DATA, "/proc/self/cgroup has no line for %s",
                            *controller ? controller : "cgroup v2");
    /* Without a namespace of its own a container sees the host's path, but only its part mounted. */
    size_t length = strlen(prefix);
    bool is_inside = strncmp(own, prefix, length) == 0 && (own[length] == '/' || own[length] == '\0');
    const char *path = is_inside ? own + length : "/";
    if (*path == '\0' || strncmp(path, "/..", 3) == 0)
        path = "/";
    memmove(ret_path, path, strlen(path) + 1);
    return JB_OK;
}

/* A whole small file of the group. */
static bool read_file(int folder, const char *name, char *ret, size_t size) {
    _cleanup_close_ int descriptor = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    size_t length;
    return jb_descriptor_read(descriptor, ret, size, NULL, &length) == JB_OK;
}

/* Number behind "key " at the start of a line; 0 when it is not there. */
static uint64_t read_key(const char *text, const char *key) {
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

static bool read_cpu(const struct jb_run_group *group, uint64_t *ret_total, uint64_t *ret_user,
                     uint64_t *ret_system) {
    char text[1024];
    if (group->is_v2) {
        if (!read_file(group->descriptor, "cpu.stat", text, sizeof text))
            return false;
        *ret_total = read_key(text, "usage_usec") * 1000;
        *ret_user = read_key(text, "user_usec") * 1000;
        *ret_system = read_key(text, "system_usec") * 1000;
        return true;
    }
    if (!read_file(group->descriptor, "cpuacct.usage", text, sizeof text))
        return false;
    *ret_total = strtoull(text, NULL, 10);
    *ret_user = *ret_system = 0;
    if (read_file(group->descriptor, "cpuacct.usage_user", text, sizeof text))
        *ret_user = strtoull(text, NULL, 10);
    if (read_file(group->descriptor, "cpuacct.usage_sys", text, sizeof text))
        *ret_system = strtoull(text, NULL, 10);
    return true;
}

static size_t count_members(int folder, unsigned depth, pid_t *ret_pids, size_t count) {
    _cleanup_close_ int descriptor = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *procs = descriptor >= 0 ? fdopen(dup(descriptor), "r") : NULL;
    int pid;
    while (procs && fscanf(procs, "%d", &pid) == 1) {
        if (ret_pids && count < JB_RUN_PID_CEILING)
            ret_pids[count] = pid;
        count++;
    }
    if (procs)
        fclose(procs);
    int copy = depth < DEPTH_CEILING ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    if (!entries && copy >= 0)
        close(copy);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        _cleanup_close_ int below = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0)
            count = count_members(below, depth + 1, ret_pids, count);
    }
    if (entries)
        closedir(entries);
    return count;
}

/* Sends every process of the group to the one above it. */
static void move_members_up(struct jb_run_group *group) {
    _cleanup_close_ int above = openat(group->parent_descriptor, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    for (int round = 0; above >= 0 && round < MOVE_ROUNDS; round++) {
        _cleanup_close_ int inside = openat(group->descriptor, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *procs = inside >= 0 ? fdopen(dup(inside), "r") : NULL;
        int pid;
        bool any = false;
        while (procs && fscanf(procs, "%d", &pid) == 1) {
            any = true;
            if (dprintf(above, "%d\n", pid) < 0)
                continue; /* it ended, or may not be moved: the next round sees */
        }
        if (procs)
            fclose(procs);
        if (!any)
            return;
    }
}

/* Takes "joulebook-run-<n>": made now, or left behind by a run that is gone. errno says why not. */
static bool take_name(struct jb_run_group *group, unsigned number) {
    snprintf(group->name, sizeof group->name, "joulebook-run-%u", number);
    if (mkdirat(group->parent_descriptor, group->name, 0755) != 0 && errno != EEXIST)
        return false;
    int descriptor =
        openat(group->parent_descriptor, group->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    struct stat opened, named;
    bool is_ours = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && count_members(descriptor, 0, NULL, 0) == 0 &&
                   fstat(descriptor, &opened) == 0 &&
                   fstatat(group->parent_descriptor, group->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                   opened.st_ino == named.st_ino; /* not one that its owner removed meanwhile */
    int procs = is_ours ? openat(descriptor, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (procs < 0) {
        if (!is_ours)
            errno = EEXIST;
        close(descriptor);
        return false;
    }
    group->descriptor = descriptor;
    group->procs_descriptor = procs;
    return true;
}

/* In the folder of the own group. */
static enum jb_code make_below(const struct jb_root *root, const char *folder, const char *own_path,
                               struct jb_run_group *group, struct jb_error *error) {
    group->parent_descriptor = jb_root_openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group->parent_descriptor < 0)
        return jb_error_set_errno(error, errno, "%s", folder);
    for (unsigned number = 1; number <= NAME_CEILING; number++) {
        if (!take_name(group, number)) {
            if (errno == EEXIST)
                continue;
            return jb_error_set_errno(error, errno, "%s: cannot make a control group", folder);
        }
        snprintf(group->path, sizeof group->path, "%s/%s", strcmp(own_path, "/") == 0 ? "" : own_path,
                 group->name);
        if (!read_cpu(group, &group->base_total_ns, &group->base_user_ns, &group->base_system_ns))
            return jb_error_set(error, JB_UNSUPPORTED, "%s: the control group has no CPU counter", folder);
        return JB_OK;
    }
    return jb_error_set(error, JB_LIMIT, "%s: %d runs at once", folder, NAME_CEILING);
}

static enum jb_code make(const struct jb_root *root, struct jb_run_group *group, struct jb_error *error) {
    _cleanup_free_ struct jb_hierarchy *hierarchy = malloc(sizeof *hierarchy);
    _cleanup_buffer_ struct jb_buffer self_cgroup = {0};
    char path[JB_RUN_CGROUP_SIZE], folder[2 * JB_RUN_CGROUP_SIZE];
    if (!hierarchy)
        return jb_error_set(error, JB_MEMORY, "control group: out of memory");
    enum jb_code code = jb_hierarchy_find(root, error, hierarchy);
    if (!code)
        code = jb_root_read(root, "/proc/self/cgroup", &self_cgroup, error);
    if (!code)
        code = jb_run_group_own_path(self_cgroup.bytes ? self_cgroup.bytes : "",
                                     jb_hierarchy_controller(hierarchy), hierarchy->prefix, error, path);
    if (code)
        return code;
    group->is_v2 = hierarchy->unified;
    snprintf(folder, sizeof folder, "%s%s", hierarchy->mount, path);
    return make_below(root, folder, path, group, error);
}

enum jb_code jb_run_group_make(const struct jb_root *root, struct jb_error *error,
                               struct jb_run_group **ret_group) {
    if (!root->is_real)
        return jb_error_set(error, JB_UNSUPPORTED, "no control group is made beneath another root");
    _cleanup_(jb_run_group_free_cleanup) struct jb_run_group *group = calloc(1, sizeof *group);
    if (!group)
        return jb_error_set(error, JB_MEMORY, "control group: out of memory");
    group->parent_descriptor = group->descriptor = group->procs_descriptor = -1;
    struct jb_error why = {0};
    enum jb_code code = make(root, group, &why);
    if (code == JB_PERMISSION || code == JB_IO) /* a file system mounted read-only is JB_IO */
        return jb_error_set(
            error, JB_PERMISSION,
            "%s; run it as root, or in a group of your own: systemd-run --user --scope joulebook "
            "run …",
            why.message);
    if (code) {
        if (error)
            *error = why;
        return code;
    }
    *ret_group = JB_TAKE(group);
    return JB_OK;
}

void jb_run_group_free(struct jb_run_group *group) {
    if (!group)
        return;
    if (group->descriptor >= 0 && unlinkat(group->parent_descriptor, group->name, AT_REMOVEDIR) != 0) {
        move_members_up(group);
        /* When it still cannot go (groups below it), a later run takes it over once it is empty. */
        (void)unlinkat(group->parent_descriptor, group->name, AT_REMOVEDIR);
    }
    const int descriptors[] = {group->procs_descriptor, group->descriptor, group->parent_descriptor};
    for (size_t i = 0; i < JB_COUNT(descriptors); i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    }
    free(group);
}

const char *jb_run_group_path(const struct jb_run_group *group) {
    return group->path;
}

bool jb_run_group_holds(const struct jb_run_group *group, const char *cgroup) {
    size_t length = strlen(group->path);
    return strncmp(cgroup, group->path, length) == 0 && (cgroup[length] == '\0' || cgroup[length] == '/');
}

bool jb_run_group_enter(const struct jb_run_group *group) {
    return write(group->procs_descriptor, "0", 1) == 1;
}

enum jb_code jb_run_group_cpu(const struct jb_run_group *group, struct jb_error *error,
                              uint64_t *ret_total_ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns) {
    uint64_t total, user, system;
    if (!read_cpu(group, &total, &user, &system))
        return jb_error_set(error, JB_IO, "the command's control group cannot be read any more");
    *ret_total_ns = total - group->base_total_ns;
    *ret_user_ns = user - group->base_user_ns;
    *ret_system_ns = system - group->base_system_ns;
    return JB_OK;
}

size_t jb_run_group_members(const struct jb_run_group *group, pid_t ret_pids[JB_RUN_PID_CEILING]) {
    return count_members(group->descriptor, 0, ret_pids, 0);
}
