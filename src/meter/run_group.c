/* Makes, enters, reads and removes the control groups of one command. */
#include "meter/run_group.h"

#include "base/decimal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define NAME_CEILING  4096 /* runs at the same time below one group */
#define DEPTH_CEILING 16   /* of groups that a command makes below its own */
#define MOVE_ROUNDS   8    /* a process that forks meanwhile is met by the next round */

struct hierarchy {
    enum jb_hierarchy kind;
    char path[JB_RUN_CGROUP_PATH_SIZE + 32];
    char name[32];                                        /* last component of path */
    int parent_descriptor;                                /* of the group above */
    int descriptor;                                       /* of the group itself; holds the lock */
    int procs_descriptor;                                 /* its cgroup.procs, to write to */
    uint64_t base_total_ns, base_user_ns, base_system_ns; /* a group used again does not start at 0 */
};

struct jb_run_group {
    struct hierarchy hierarchies[JB_RUN_HIERARCHY_CEILING];
    size_t count;
};

/* One space-separated field; \040 and the like, as mountinfo writes spaces, become bytes again. */
static const char *take_field(const char *text, char *ret, size_t size) {
    size_t length = 0;
    while (*text && *text != ' ' && *text != '\n') {
        char c = *text++;
        if (c == '\\' && text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' &&
            text[2] >= '0' && text[2] <= '7') {
            c = (char)((text[0] - '0') * 64 + (text[1] - '0') * 8 + (text[2] - '0'));
            text += 3;
        }
        if (length + 1 < size)
            ret[length++] = c;
    }
    ret[length] = '\0';
    return *text == ' ' ? text + 1 : text;
}

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

/* "36 35 98:0 /root /mount rw … - type source options" of one line. */
static bool line_is_mount(const char *line, enum jb_hierarchy hierarchy, char *ret_root, char *ret_point,
                          size_t size) {
    char skip[64], type[32], options[512];
    const char *cursor = line;
    for (int i = 0; i < 3; i++)
        cursor = take_field(cursor, skip, sizeof skip);
    cursor = take_field(cursor, ret_root, size);
    cursor = take_field(cursor, ret_point, size);
    const char *end = strchrnul(cursor, '\n');
    const char *dash = strstr(cursor, "- ");
    while (dash && dash < end && dash > cursor && dash[-1] != ' ')
        dash = strstr(dash + 1, "- ");
    if (!dash || dash >= end)
        return false;
    cursor = take_field(dash + 2, type, sizeof type);
    cursor = take_field(cursor, skip, sizeof skip);
    take_field(cursor, options, sizeof options);
    if (hierarchy == JB_HIERARCHY_V2)
        return strcmp(type, "cgroup2") == 0;
    return strcmp(type, "cgroup") == 0 && list_has(options, strlen(options), "cpuacct");
}

/* "N:controllers:/path" of /proc/self/cgroup; v2 is the line that begins with "0::". */
static bool find_own_path(const char *self_cgroup, enum jb_hierarchy hierarchy, char *ret, size_t size) {
    for (const char *line = self_cgroup; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *list = memchr(line, ':', (size_t)(end - line));
        const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
        if (path) {
            bool is_v2 = path == list + 1 && list == line + 1 && line[0] == '0';
            bool is_cpuacct = list_has(list + 1, (size_t)(path - list - 1), "cpuacct");
            if (hierarchy == JB_HIERARCHY_V2 ? is_v2 : is_cpuacct) {
                size_t length = (size_t)(end - path - 1);
                if (length >= size || length == 0 || path[1] != '/')
                    return false;
                memcpy(ret, path + 1, length);
                ret[length] = '\0';
                return true;
            }
        }
        line = *end ? end + 1 : end;
    }
    return false;
}

enum jb_code jb_cgroup_place_find(const char *mountinfo, const char *self_cgroup, enum jb_hierarchy hierarchy,
                                  struct jb_error *error, struct jb_cgroup_place *ret_place) {
    const char *what = hierarchy == JB_HIERARCHY_V2 ? "cgroup v2" : "cgroup v1 cpuacct";
    char root[JB_RUN_CGROUP_PATH_SIZE], point[JB_RUN_CGROUP_PATH_SIZE], own[JB_RUN_CGROUP_PATH_SIZE];
    if (!find_own_path(self_cgroup, hierarchy, own, sizeof own))
        return jb_error_set(error, JB_NO_DATA, "%s: not in /proc/self/cgroup", what);
    for (const char *line = mountinfo; *line;) {
        const char *end = strchrnul(line, '\n');
        if (line_is_mount(line, hierarchy, root, point, sizeof point)) {
            /* Without a namespace of its own a container sees the host's path, but only its part mounted. */
            size_t prefix = strcmp(root, "/") == 0 ? 0 : strlen(root);
            bool inside = strncmp(own, root, prefix) == 0 && (own[prefix] == '/' || own[prefix] == '\0');
            const char *path = inside ? own + prefix : "/";
            if (*path == '\0' || strncmp(path, "/..", 3) == 0)
                path = "/";
            strcpy(ret_place->mount_point, point);
            strcpy(ret_place->path, path);
            return JB_OK;
        }
        line = *end ? end + 1 : end;
    }
    return jb_error_set(error, JB_NO_DATA, "%s: not mounted", what);
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

static bool read_cpu(const struct hierarchy *hierarchy, uint64_t *ret_total, uint64_t *ret_user,
                     uint64_t *ret_system) {
    char text[1024];
    if (hierarchy->kind == JB_HIERARCHY_V2) {
        if (!read_file(hierarchy->descriptor, "cpu.stat", text, sizeof text))
            return false;
        *ret_total = read_key(text, "usage_usec") * 1000;
        *ret_user = read_key(text, "user_usec") * 1000;
        *ret_system = read_key(text, "system_usec") * 1000;
        return true;
    }
    if (!read_file(hierarchy->descriptor, "cpuacct.usage", text, sizeof text))
        return false;
    *ret_total = strtoull(text, NULL, 10);
    *ret_user = *ret_system = 0;
    if (read_file(hierarchy->descriptor, "cpuacct.usage_user", text, sizeof text))
        *ret_user = strtoull(text, NULL, 10);
    if (read_file(hierarchy->descriptor, "cpuacct.usage_sys", text, sizeof text))
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

static void hierarchy_close(struct hierarchy *hierarchy) {
    if (hierarchy->procs_descriptor >= 0)
        close(hierarchy->procs_descriptor);
    if (hierarchy->descriptor >= 0)
        close(hierarchy->descriptor);
    if (hierarchy->parent_descriptor >= 0)
        close(hierarchy->parent_descriptor);
    hierarchy->procs_descriptor = hierarchy->descriptor = hierarchy->parent_descriptor = -1;
}

/* Sends every process of the group to the one above it. */
static void move_members_up(struct hierarchy *hierarchy) {
    _cleanup_close_ int above = openat(hierarchy->parent_descriptor, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    for (int round = 0; above >= 0 && round < MOVE_ROUNDS; round++) {
        _cleanup_close_ int inside = openat(hierarchy->descriptor, "cgroup.procs", O_RDONLY | O_CLOEXEC);
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

static void hierarchy_remove(struct hierarchy *hierarchy) {
    if (hierarchy->descriptor >= 0) {
        if (unlinkat(hierarchy->parent_descriptor, hierarchy->name, AT_REMOVEDIR) != 0) {
            move_members_up(hierarchy);
            /* When it still cannot go (groups below it), a later run takes it over once it is empty. */
            (void)unlinkat(hierarchy->parent_descriptor, hierarchy->name, AT_REMOVEDIR);
        }
    }
    hierarchy_close(hierarchy);
}

/* Takes "joulebook-run-<n>": made now, or left behind by a run that is gone. errno says why not. */
static bool take_name(struct hierarchy *hierarchy, unsigned number) {
    snprintf(hierarchy->name, sizeof hierarchy->name, "joulebook-run-%u", number);
    if (mkdirat(hierarchy->parent_descriptor, hierarchy->name, 0755) != 0 && errno != EEXIST)
        return false;
    int descriptor = openat(hierarchy->parent_descriptor, hierarchy->name,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    struct stat opened, named;
    bool is_ours = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && count_members(descriptor, 0, NULL, 0) == 0 &&
                   fstat(descriptor, &opened) == 0 &&
                   fstatat(hierarchy->parent_descriptor, hierarchy->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                   opened.st_ino == named.st_ino; /* not one that its owner removed meanwhile */
    int procs = is_ours ? openat(descriptor, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (procs < 0) {
        if (!is_ours)
            errno = EEXIST;
        close(descriptor);
        return false;
    }
    hierarchy->descriptor = descriptor;
    hierarchy->procs_descriptor = procs;
    return true;
}

static enum jb_code hierarchy_make(const struct jb_root *root, const struct jb_cgroup_place *place,
                                   enum jb_hierarchy kind, struct jb_error *error,
                                   struct hierarchy *ret_hierarchy) {
    struct hierarchy made = {.kind = kind, .parent_descriptor = -1, .descriptor = -1, .procs_descriptor = -1};
    char folder[2 * JB_RUN_CGROUP_PATH_SIZE];
    snprintf(folder, sizeof folder, "%s%s", place->mount_point, place->path);
    made.parent_descriptor = jb_root_openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made.parent_descriptor < 0)
        return jb_error_set_errno(error, errno, "%s", folder);
    for (unsigned number = 1; number <= NAME_CEILING; number++) {
        if (take_name(&made, number)) {
            snprintf(made.path, sizeof made.path, "%s/%s", strcmp(place->path, "/") == 0 ? "" : place->path,
                     made.name);
            if (!read_cpu(&made, &made.base_total_ns, &made.base_user_ns, &made.base_system_ns)) {
                hierarchy_remove(&made);
                return jb_error_set(error, JB_UNSUPPORTED, "%s: the group has no CPU counter", folder);
            }
            *ret_hierarchy = made;
            return JB_OK;
        }
        if (errno == EEXIST)
            continue;
        int errnum = errno;
        hierarchy_close(&made);
        return jb_error_set_errno(error, errnum, "%s: cannot make a control group", folder);
    }
    hierarchy_close(&made);
    return jb_error_set(error, JB_LIMIT, "%s: %d runs at once", folder, NAME_CEILING);
}

enum jb_code jb_run_group_make(const struct jb_root *root, struct jb_error *error,
                               struct jb_run_group **ret_group) {
    static const enum jb_hierarchy kinds[JB_RUN_HIERARCHY_CEILING] = {JB_HIERARCHY_V2,
                                                                      JB_HIERARCHY_V1_CPUACCT};
    if (!root->is_real)
        return jb_error_set(error, JB_UNSUPPORTED, "no control group is made beneath another root");
    _cleanup_buffer_ struct jb_buffer mountinfo = {0}, self_cgroup = {0};
    enum jb_code code = jb_root_read(root, "/proc/self/mountinfo", &mountinfo, error);
    if (!code)
        code = jb_root_read(root, "/proc/self/cgroup", &self_cgroup, error);
    if (code)
        return code;
    _cleanup_(jb_run_group_free_cleanup) struct jb_run_group *group = calloc(1, sizeof *group);
    _cleanup_free_ struct jb_cgroup_place *place = malloc(sizeof *place);
    if (!group || !place)
        return jb_error_set(error, JB_MEMORY, "control group: out of memory");
    struct jb_error first = {0};
    for (size_t i = 0; i < JB_RUN_HIERARCHY_CEILING; i++) {
        struct jb_error why = {0};
        code = jb_cgroup_place_find(mountinfo.bytes ? mountinfo.bytes : "",
                                    self_cgroup.bytes ? self_cgroup.bytes : "", kinds[i], &why, place);
        if (!code)
            code = hierarchy_make(root, place, kinds[i], &why, &group->hierarchies[group->count]);
        if (!code)
            group->count++;
        else if (!first.code || (first.code == JB_NO_DATA && why.code != JB_NO_DATA))
            first = why; /* one that is there but refuses tells more than one that is not there */
    }
    if (group->count == 0) {
        if (first.code == JB_PERMISSION || first.code == JB_IO)
            return jb_error_set(error, JB_PERMISSION,
                                "%s; run as root, or in a group of your own: systemd-run --user --scope …",
                                first.message);
        if (error)
            *error = first;
        return first.code;
    }
    *ret_group = JB_TAKE(group);
    return JB_OK;
}

void jb_run_group_free(struct jb_run_group *group) {
    for (size_t i = 0; group && i < group->count; i++)
        hierarchy_remove(&group->hierarchies[i]);
    free(group);
}

size_t jb_run_group_count(const struct jb_run_group *group) {
    return group->count;
}

const char *jb_run_group_path(const struct jb_run_group *group, size_t index) {
    assert(index < group->count);
    return group->hierarchies[index].path;
}

enum jb_hierarchy jb_run_group_hierarchy(const struct jb_run_group *group, size_t index) {
    assert(index < group->count);
    return group->hierarchies[index].kind;
}

bool jb_run_group_holds(const struct jb_run_group *group, const char *cgroup) {
    for (size_t i = 0; i < group->count; i++) {
        size_t length = strlen(group->hierarchies[i].path);
        if (strncmp(cgroup, group->hierarchies[i].path, length) == 0 &&
            (cgroup[length] == '\0' || cgroup[length] == '/'))
            return true;
    }
    return false;
}

unsigned jb_run_group_enter(const struct jb_run_group *group) {
    unsigned entered = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (write(group->hierarchies[i].procs_descriptor, "0", 1) == 1)
            entered |= 1u << i;
    }
    return entered;
}

bool jb_run_group_keep(struct jb_run_group *group, unsigned entered) {
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (entered & (1u << i))
            group->hierarchies[kept++] = group->hierarchies[i];
        else
            hierarchy_remove(&group->hierarchies[i]);
    }
    group->count = kept;
    return kept > 0;
}

enum jb_code jb_run_group_cpu(const struct jb_run_group *group, struct jb_error *error,
                              uint64_t *ret_total_ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns) {
    uint64_t total, user, system;
    for (size_t i = 0; i < group->count; i++) {
        const struct hierarchy *hierarchy = &group->hierarchies[i];
        if (!read_cpu(hierarchy, &total, &user, &system))
            continue;
        *ret_total_ns = total - hierarchy->base_total_ns;
        *ret_user_ns = user - hierarchy->base_user_ns;
        *ret_system_ns = system - hierarchy->base_system_ns;
        return JB_OK;
    }
    return jb_error_set(error, JB_IO, "the command's control group cannot be read any more");
}

size_t jb_run_group_members(const struct jb_run_group *group, pid_t ret_pids[JB_RUN_PID_CEILING]) {
    return group->count ? count_members(group->hierarchies[0].descriptor, 0, ret_pids, 0) : 0;
}
