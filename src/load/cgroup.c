/* The cgroups' load: CPU time and memory of every cgroup of one hierarchy, from kept descriptors. */
#include "base/array.h"
#include "load/cgroup_tree.h"
#include "load/proc.h"
#include "load/table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMORY_RETRY_TICKS = 64 };

struct cgroup_load {
    struct jb_load load;
    struct jb_cgroup_tree tree;
    bool root_is_exact;
    int counts; /* v2: cgroup.stat of the root, kept; −1: every directory is looked at each time */
    struct jb_buffer text; /* /proc/stat, where the root's CPU time has to come from there */
    uint64_t tick;
};

/* Whether the number of cgroups is the known one (v2 tells; read with a kept descriptor). */
static bool count_is_known(struct cgroup_load *self) {
    char text[1024];
    size_t length;
    if (self->counts < 0 || jb_descriptor_read(self->counts, text, sizeof text, NULL, &length))
        return false;
    static const char key[] = "nr_descendants ";
    uint64_t descendants;
    if (strncmp(text, key, sizeof key - 1) != 0)
        return false;
    const char *value = text + sizeof key - 1;
    size_t value_length = strcspn(value, "\n");
    return !jb_sysfs_uint64(value, value_length, NULL, &descendants) && descendants == self->tree.count - 1;
}

/* The root of v2 has no exact counter: it gets what the host was busy, so that both agree. */
static enum jb_code read_root(struct cgroup_load *self, const struct jb_sample *sample,
                              struct jb_error *error) {
    struct jb_cgroup_node *node = &self->tree.nodes[JB_CGROUP_ROOT];
    if (self->root_is_exact) {
        jb_cgroup_tree_read(&self->tree, JB_CGROUP_ROOT);
        return JB_OK;
    }
    struct jb_host_usage host = sample->host;
    if (!host.present) {
        enum jb_code code = jb_root_read(self->tree.root, "/proc/stat", &self->text, error);
        if (!code)
            code = jb_proc_stat_parse(self->text.bytes, self->text.length, (uint64_t)sysconf(_SC_CLK_TCK),
                                      error, &host);
        if (code)
            return jb_error_prefix(error, "CPU time of the root cgroup"), code;
    }
    if (host.busy_ns > node->cpu_ns)
        node->cpu_ns = host.busy_ns;
    return JB_OK;
}

/* Children are read before their parents, so a parent's value has in it what its children have shown. */
static bool read_nodes(struct cgroup_load *self, bool only_new) {
    bool any_gone = false;
    for (size_t i = self->tree.count; i-- > 1;) {
        if (only_new && !self->tree.nodes[i].is_new)
            continue;
        if ((self->tick + self->tree.nodes[i].serial) % MEMORY_RETRY_TICKS == 0)
            jb_cgroup_tree_retry_memory(&self->tree, i);
        jb_cgroup_tree_read(&self->tree, i);
        any_gone |= self->tree.nodes[i].gone;
    }
    return any_gone;
}

static enum jb_code cgroup_sample(struct jb_load *load, struct jb_sample *sample, struct jb_error *error) {
    struct cgroup_load *self = (struct cgroup_load *)load;
    struct jb_cgroup_tree *tree = &self->tree;
    enum jb_code code = count_is_known(self) ? JB_OK : jb_cgroup_tree_update(tree, error);
    if (!code && read_nodes(self, false)) {
        /* One that went may hide one that came: their number is the same. */
        code = jb_cgroup_tree_update(tree, error);
        if (!code)
            read_nodes(self, true);
    }
    if (!code)
        code = read_root(self, sample, error);
    if (!code)
        code = jb_array_reserve(&sample->cgroups, &sample->cgroup_capacity, tree->count, JB_CGROUP_CEILING,
                                "cgroups", error);
    if (code)
        return code;
    for (size_t i = 0; i < tree->count; i++) {
        const struct jb_cgroup_node *node = &tree->nodes[i];
        sample->cgroups[i] =
            (struct jb_cgroup_usage){.id = node->id,
                                     .path = node->path,
                                     .parent = node->parent,
                                     .serial = node->serial,
                                     .cpu_ns = node->cpu_ns,
                                     .memory_bytes = node->memory_bytes,
                                     .approximate = i == JB_CGROUP_ROOT && !self->root_is_exact};
    }
    sample->cgroup_count = tree->count;
    self->tick++;
    return JB_OK;
}

static void cgroup_close(struct jb_load *load) {
    struct cgroup_load *self = (struct cgroup_load *)load;
    if (!self)
        return;
    jb_cgroup_tree_close(&self->tree);
    if (self->counts >= 0)
        close(self->counts);
    jb_buffer_free(&self->text);
    free(self);
}

static enum jb_code cgroup_open(const struct jb_load_context *context, struct jb_error *error,
                                struct jb_load **ret_load) {
    struct cgroup_load *self = calloc(1, sizeof *self);
    if (!self)
        return jb_error_set(error, JB_MEMORY, "no memory for the cgroups' load");
    *self = (struct cgroup_load){.load = {.ops = &jb_load_cgroup}, .counts = -1};
    self->text.ceiling = (size_t)4 << 20;
    enum jb_code code = jb_cgroup_tree_open(context->root, error, &self->tree);
    if (code) {
        free(self);
        return code;
    }
    self->root_is_exact = jb_cgroup_tree_root_is_exact(&self->tree);
    if (self->tree.hierarchy.unified && self->tree.hierarchy.kernel)
        self->counts = openat(self->tree.descriptor, "cgroup.stat", O_RDONLY | O_CLOEXEC);
    *ret_load = &self->load;
    return JB_OK;
}

const struct jb_load_ops jb_load_cgroup = {
    .name = "cgroup",
    .summary = "CPU time and memory of every cgroup (v2, or v1 cpuacct)",
    .role = JB_LOAD_CGROUP,
    .open = cgroup_open,
    .sample = cgroup_sample,
    .close = cgroup_close,
};
