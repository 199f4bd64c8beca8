/* The cgroups there are, kept in step with the directories of one hierarchy. */
#ifndef JB_LOAD_CGROUP_TREE_H
#define JB_LOAD_CGROUP_TREE_H

#include "base/root.h"
#include "base/strings.h"
#include "load/hierarchy.h"
#include "types/usage.h"

struct jb_cgroup_node {
    uint64_t id;
    const char *path;      /* interned, valid until the tree closes */
    uint64_t cpu_ns;       /* last value read */
    uint64_t memory_bytes; /* last value read, 0 unknown */
    uint32_t parent;       /* index; always before its children */
    uint32_t serial;       /* never reused */
    uint32_t child_count;  /* known ones */
    uint32_t seen;         /* number of the update that last saw its directory */
    uint32_t listed;       /* number of the update that last listed it */
    int cpu, memory;       /* kept descriptors; −1: opened for each reading, or not there */
    bool gone;             /* to be dropped by the next update */
    bool is_new;           /* came with the last update, or has one below it that did */
};

struct jb_cgroup_tree {
    const struct jb_root *root;
    struct jb_hierarchy hierarchy;
    int descriptor, memory_descriptor; /* the mounted directories */
    struct jb_cgroup_node *nodes;      /* [0] is the root */
    size_t count, capacity;
    struct jb_strings *paths;
    uint32_t *slots;                   /* open addressing by id: index + 1, 0 empty */
    size_t slot_count, slots_capacity; /* slot_count: the part in use, a power of two */
    uint32_t *moved;                   /* new index by old one, while dropping */
    size_t moved_capacity;
    uint32_t next_serial, update_number;
    bool limit_raised;
};

enum jb_code jb_cgroup_tree_open(const struct jb_root *root, struct jb_error *error,
                                 struct jb_cgroup_tree *ret_tree);
void jb_cgroup_tree_close(struct jb_cgroup_tree *tree);

/* Drops what is gone and finds what is new. On the kernel's file system only directories whose number of
 * subdirectories differs from what is known are listed; in a copy every one. Cgroups past the ceiling, with
 * paths past 4 kB or without a readable CPU time are left to their parent, whose counter has them in it. */
enum jb_code jb_cgroup_tree_update(struct jb_cgroup_tree *tree, struct jb_error *error);

/* Reads the CPU time and memory of node; marks it gone when its directory is. The root of v2 has no exact
 * counter and is left alone (jb_cgroup_tree_root_is_exact). A counter that went backwards was made anew or
 * reset: the node gets a new serial. */
void jb_cgroup_tree_read(struct jb_cgroup_tree *tree, size_t index);

bool jb_cgroup_tree_root_is_exact(const struct jb_cgroup_tree *tree);

/* Looks for a memory counter that was not there before (the controller was switched on). */
void jb_cgroup_tree_retry_memory(struct jb_cgroup_tree *tree, size_t index);

#endif
