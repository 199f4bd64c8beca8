/* The cgroups there are, kept in step with the directories of one hierarchy. */
#include "load/cgroup_tree.h"

#include "base/array.h"
#include "load/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    PATH_BYTES = 4096,          /* longest path that the kernel opens, with its NUL */
    PATH_MARGIN = 32,           /* room for "/memory.usage_in_bytes" */
    DESCRIPTOR_MARGIN = 128,    /* left to the rest of the program */
    PATHS_CEILING = 1000 * 1000 /* distinct paths in the life of one meter */
};

static const char *cpu_file(const struct jb_cgroup_tree *tree) {
    return tree->hierarchy.unified ? "cpu.stat" : "cpuacct.usage";
}

static const char *memory_file(const struct jb_cgroup_tree *tree) {
    return tree->hierarchy.unified ? "memory.current" : "memory.usage_in_bytes";
}

static int open_file(int directory, const char *path, const char *name) {
    char full[PATH_BYTES];
    int length = snprintf(full, sizeof full, "%s%s%s", path + 1, path[1] ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof full) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return openat(directory, full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* Opens a file to be kept. When descriptors run short the soft limit is raised once, as far as it may be. */
static int open_kept(struct jb_cgroup_tree *tree, int directory, const char *path, const char *name) {
    if (!tree->hierarchy.kernel)
        return -1; /* a file that was replaced would go on telling its old text */
    struct rlimit limit = {0};
    int descriptor = open_file(directory, path, name);
    bool is_short = descriptor < 0 && errno == EMFILE;
    if (descriptor >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        is_short = (rlim_t)descriptor + DESCRIPTOR_MARGIN > limit.rlim_cur;
    if (!is_short)
        return descriptor;
    if (!tree->limit_raised && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        tree->limit_raised = true;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
            return descriptor >= 0 ? descriptor : open_file(directory, path, name);
    }
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static enum jb_code read_file(int descriptor, int directory, const char *path, const char *name, char *text,
                              size_t size, size_t *ret_length) {
    if (descriptor >= 0)
        return jb_descriptor_read(descriptor, text, size, NULL, ret_length);
    _cleanup_close_ int opened = open_file(directory, path, name);
    if (opened < 0)
        return jb_error_set_errno(NULL, errno, "%s", name);
    return jb_descriptor_read(opened, text, size, NULL, ret_length);
}

static enum jb_code read_cpu(const struct jb_cgroup_tree *tree, int descriptor, const char *path,
                             uint64_t *ret_ns) {
    char text[1024];
    size_t length;
    enum jb_code code =
        read_file(descriptor, tree->descriptor, path, cpu_file(tree), text, sizeof text, &length);
    if (code)
        return code;
    return tree->hierarchy.unified ? jb_cgroup_cpu_stat_parse(text, length, NULL, ret_ns)
                                   : jb_sysfs_uint64(text, length, NULL, ret_ns);
}

bool jb_cgroup_tree_root_is_exact(const struct jb_cgroup_tree *tree) {
    /* Only the root of the whole v2 hierarchy has no type; its cpu.stat is sampled by the tick. */
    if (!tree->hierarchy.unified)
        return true;
    struct stat status;
    return fstatat(tree->descriptor, "cgroup.type", &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void jb_cgroup_tree_read(struct jb_cgroup_tree *tree, size_t index) {
    struct jb_cgroup_node *node = &tree->nodes[index];
    uint64_t cpu_ns;
    enum jb_code code = read_cpu(tree, node->cpu, node->path, &cpu_ns);
    if (code == JB_NO_DATA) {
        node->gone = index != JB_CGROUP_ROOT;
        return;
    }
    if (!code) {
        if (cpu_ns < node->cpu_ns)
            node->serial = tree->next_serial++;
        node->cpu_ns = cpu_ns;
    }
    if (node->memory < 0 && node->cpu >= 0)
        return; /* not there; where nothing is kept it has to be looked for */
    char text[64];
    size_t length;
    uint64_t bytes;
    code = read_file(node->memory, tree->memory_descriptor, node->path, memory_file(tree), text, sizeof text,
                     &length);
    node->memory_bytes = !code && !jb_sysfs_uint64(text, length, NULL, &bytes) ? bytes : 0;
}

void jb_cgroup_tree_retry_memory(struct jb_cgroup_tree *tree, size_t index) {
    struct jb_cgroup_node *node = &tree->nodes[index];
    if (node->memory < 0 && tree->memory_descriptor >= 0)
        node->memory = open_kept(tree, tree->memory_descriptor, node->path, memory_file(tree));
}

static size_t slot_of(const struct jb_cgroup_tree *tree, uint64_t id) {
    size_t mask = tree->slot_count - 1, slot = jb_hash_uint64(id) & mask;
    while (tree->slots[slot] && tree->nodes[tree->slots[slot] - 1].id != id)
        slot = (slot + 1) & mask;
    return slot;
}

/* Builds the table of ids anew, with room for as many more as there are. */
static enum jb_code index_nodes(struct jb_cgroup_tree *tree, struct jb_error *error) {
    size_t wanted = 64;
    while (wanted < tree->count * 4)
        wanted *= 2;
    if (wanted > tree->slot_count) {
        enum jb_code code = jb_array_reserve(&tree->slots, &tree->slots_capacity, wanted,
                                             JB_CGROUP_CEILING * 16, "cgroups", error);
        if (code)
            return code;
        tree->slot_count = wanted;
    }
    memset(tree->slots, 0, tree->slot_count * sizeof *tree->slots);
    for (size_t i = 0; i < tree->count; i++) {
        if (!tree->nodes[i].gone)
            tree->slots[slot_of(tree, tree->nodes[i].id)] = (uint32_t)i + 1;
    }
    return JB_OK;
}

static void close_node(struct jb_cgroup_node *node) {
    if (node->cpu >= 0)
        close(node->cpu);
    if (node->memory >= 0)
        close(node->memory);
    node->cpu = node->memory = -1;
}

static enum jb_code add_node(struct jb_cgroup_tree *tree, uint64_t id, const char *path, size_t parent,
                             struct jb_error *error) {
    struct jb_cgroup_node node = {.id = id, .parent = (uint32_t)parent, .cpu = -1, .memory = -1};
    uint32_t path_id;
    if (tree->count >= JB_CGROUP_CEILING || jb_strings_intern(tree->paths, path, NULL, &path_id))
        return JB_OK; /* left to its parent */
    node.path = jb_strings_text(tree->paths, path_id);
    node.cpu = open_kept(tree, tree->descriptor, path, cpu_file(tree));
    if (read_cpu(tree, node.cpu, path, &node.cpu_ns)) {
        close_node(&node);
        return JB_OK;
    }
    if (tree->memory_descriptor >= 0)
        node.memory = open_kept(tree, tree->memory_descriptor, path, memory_file(tree));
    enum jb_code code =
        jb_array_reserve(&tree->nodes, &tree->capacity, tree->count + 1, JB_CGROUP_CEILING, "cgroups", error);
    if (code) {
        close_node(&node);
        return code;
    }
    node.serial = tree->next_serial++;
    node.seen = tree->update_number;
    node.is_new = true;
    tree->nodes[tree->count++] = node;
    tree->nodes[parent].child_count++;
    /* A table half full is built anew; until then the id goes into the old one. */
    if (tree->count * 2 > tree->slot_count)
        return index_nodes(tree, error);
    tree->slots[slot_of(tree, id)] = (uint32_t)tree->count;
    return JB_OK;
}

/* Takes one subdirectory of parent: known (seen again) or new. */
static enum jb_code take_child(struct jb_cgroup_tree *tree, size_t parent, const char *name,
                               struct jb_error *error) {
    char path[PATH_BYTES];
    const char *above = tree->nodes[parent].path;
    int length = snprintf(path, sizeof path, "%s/%s", above[1] ? above : "", name);
    if (length < 0 || (size_t)length >= sizeof path - PATH_MARGIN)
        return JB_OK;
    struct stat status;
    if (fstatat(tree->descriptor, path + 1, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
        return JB_OK;
    uint32_t found = tree->slots[slot_of(tree, status.st_ino)];
    struct jb_cgroup_node *node = found ? &tree->nodes[found - 1] : NULL;
    /* The kernel's ids are unique; the inodes of a copy may be used again at another place. */
    if (node && (tree->hierarchy.kernel || strcmp(node->path, path) == 0)) {
        node->seen = tree->update_number;
        return JB_OK;
    }
    if (node) {
        node->gone = true;
        node->id = UINT64_MAX; /* so that its id leads to the new one */
        enum jb_code code = index_nodes(tree, error);
        if (code)
            return code;
    }
    return add_node(tree, status.st_ino, path, parent, error);
}

static enum jb_code list_children(struct jb_cgroup_tree *tree, size_t parent, struct jb_error *error) {
    const char *path = tree->nodes[parent].path;
    int descriptor =
        openat(tree->descriptor, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    if (!directory) {
        if (descriptor >= 0)
            close(descriptor);
        return JB_OK; /* vanished, or may not be listed: its own counter has what is below */
    }
    enum jb_code code = JB_OK;
    bool had_children = tree->nodes[parent].child_count > 0;
    tree->nodes[parent].listed = tree->update_number;
    for (struct dirent *entry; !code && (entry = readdir(directory));) {
        if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0)
            code = take_child(tree, parent, entry->d_name, error);
    }
    closedir(directory);
    if (code || !had_children)
        return code;
    for (size_t i = parent + 1; i < tree->count; i++) {
        if (tree->nodes[i].parent == parent && tree->nodes[i].seen != tree->update_number)
            tree->nodes[i].gone = true;
    }
    return JB_OK;
}

/* Whether the directory has the subdirectories that are known, no more and no fewer. */
static bool is_in_step(struct jb_cgroup_tree *tree, size_t index) {
    struct jb_cgroup_node *node = &tree->nodes[index];
    struct stat status;
    if (fstatat(tree->descriptor, node->path[1] ? node->path + 1 : ".", &status, AT_SYMLINK_NOFOLLOW) < 0) {
        node->gone = index != JB_CGROUP_ROOT && errno == ENOENT;
        return true;
    }
    return tree->hierarchy.kernel && status.st_nlink == node->child_count + UINT64_C(2);
}

/* Removes nodes that are gone, and all below them; order stays, so parents stay before their children. */
static enum jb_code drop_gone(struct jb_cgroup_tree *tree, struct jb_error *error) {
    enum jb_code code = jb_array_reserve(&tree->moved, &tree->moved_capacity, tree->count, JB_CGROUP_CEILING,
                                         "cgroups", error);
    if (code)
        return code;
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        struct jb_cgroup_node node = tree->nodes[i];
        if (i > 0 && (node.gone || tree->moved[node.parent] == UINT32_MAX)) {
            close_node(&node);
            tree->moved[i] = UINT32_MAX;
            continue;
        }
        node.parent = i ? tree->moved[node.parent] : 0;
        tree->moved[i] = (uint32_t)kept;
        tree->nodes[kept++] = node;
    }
    tree->count = kept;
    return JB_OK;
}

static void count_children(struct jb_cgroup_tree *tree) {
    for (size_t i = 0; i < tree->count; i++)
        tree->nodes[i].child_count = 0;
    for (size_t i = 1; i < tree->count; i++)
        tree->nodes[tree->nodes[i].parent].child_count++;
}

enum jb_code jb_cgroup_tree_update(struct jb_cgroup_tree *tree, struct jb_error *error) {
    tree->update_number++;
    enum jb_code code = drop_gone(tree, error);
    if (!code)
        code = index_nodes(tree, error);
    if (code)
        return code;
    count_children(tree);
    for (size_t i = 0; i < tree->count; i++)
        tree->nodes[i].is_new = false;
    for (size_t i = 0; i < tree->count && !code; i++) {
        if (tree->nodes[i].gone)
            continue;
        size_t parent = tree->nodes[i].parent;
        if (!is_in_step(tree, i))
            code = list_children(tree, i, error);
        else if (tree->nodes[i].gone && tree->nodes[parent].listed != tree->update_number)
            code = list_children(tree, parent, error); /* another may have come in its stead */
    }
    if (!code)
        code = drop_gone(tree, error);
    for (size_t i = tree->count; i-- > 1;) {
        if (tree->nodes[i].is_new)
            tree->nodes[tree->nodes[i].parent].is_new = true;
    }
    return code;
}

enum jb_code jb_cgroup_tree_open(const struct jb_root *root, struct jb_error *error,
                                 struct jb_cgroup_tree *ret_tree) {
    struct jb_cgroup_tree tree = {.root = root, .descriptor = -1, .memory_descriptor = -1};
    enum jb_code code = jb_hierarchy_find(root, error, &tree.hierarchy);
    if (code)
        return code;
    tree.descriptor = jb_hierarchy_open(&tree.hierarchy, root);
    struct stat status;
    if (tree.descriptor < 0 || fstat(tree.descriptor, &status) < 0)
        code = jb_error_set_errno(error, errno, "%s%s", root->path, tree.hierarchy.mount);
    else if (tree.hierarchy.unified)
        tree.memory_descriptor = fcntl(tree.descriptor, F_DUPFD_CLOEXEC, 0);
    else if (*tree.hierarchy.memory_mount)
        tree.memory_descriptor = jb_root_openat(root, tree.hierarchy.memory_mount, O_PATH | O_DIRECTORY);
    if (!code)
        code = jb_strings_make(PATHS_CEILING, error, &tree.paths);
    if (!code)
        code = index_nodes(&tree, error);
    if (!code) {
        /* The root is there even where its own counter is not (v2 before Linux 5.8). */
        code = jb_array_reserve(&tree.nodes, &tree.capacity, 64, JB_CGROUP_CEILING, "cgroups", error);
        uint32_t path_id = 0;
        if (!code)
            code = jb_strings_intern(tree.paths, "/", error, &path_id);
        if (!code) {
            struct jb_cgroup_node *node = &tree.nodes[tree.count++];
            *node = (struct jb_cgroup_node){.id = status.st_ino, .cpu = -1, .memory = -1};
            node->path = jb_strings_text(tree.paths, path_id);
            node->serial = tree.next_serial++;
            node->cpu = open_kept(&tree, tree.descriptor, node->path, cpu_file(&tree));
            jb_cgroup_tree_retry_memory(&tree, JB_CGROUP_ROOT);
        }
    }
    if (code) {
        jb_cgroup_tree_close(&tree);
        return code;
    }
    *ret_tree = tree;
    return JB_OK;
}

void jb_cgroup_tree_close(struct jb_cgroup_tree *tree) {
    if (!tree)
        return;
    for (size_t i = 0; i < tree->count; i++)
        close_node(&tree->nodes[i]);
    free(tree->nodes);
    free(tree->slots);
    free(tree->moved);
    jb_strings_free(tree->paths);
    if (tree->descriptor >= 0)
        close(tree->descriptor);
    if (tree->memory_descriptor >= 0)
        close(tree->memory_descriptor);
    *tree = (struct jb_cgroup_tree){.descriptor = -1, .memory_descriptor = -1};
}
