/* For tests of loads: a tree in a temporary folder that stands for "/", and samples of one load. */
#ifndef JB_LOAD_TREE_TEST_H
#define JB_LOAD_TREE_TEST_H

#include "base/array.h"
#include "load/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define JB_TEST_HELPER static inline __attribute__((unused))

struct tree {
    char path[64];
    struct jb_root root;
    struct jb_load_context context;
    struct jb_load *load;
    struct jb_sample sample;
};

/* Skips the test and says why. */
#define tree_skip(...)                                                                                       \
    do {                                                                                                     \
        print_message("SKIP: " __VA_ARGS__);                                                                 \
        print_message("\n");                                                                                 \
        skip();                                                                                              \
    } while (0)

JB_TEST_HELPER void tree_make(struct tree *tree) {
    *tree = (struct tree){0};
    strcpy(tree->path, "/tmp/joulebook-load-test-XXXXXX");
    assert_non_null(mkdtemp(tree->path));
    assert_int_equal(jb_root_open(tree->path, NULL, &tree->root), JB_OK);
    tree->context = (struct jb_load_context){.root = &tree->root, .clock = &jb_clock_system};
}

/* The running system instead of a tree. */
JB_TEST_HELPER void tree_real(struct tree *tree) {
    *tree = (struct tree){0};
    assert_int_equal(jb_root_open("/", NULL, &tree->root), JB_OK);
    tree->context = (struct jb_load_context){.root = &tree->root, .clock = &jb_clock_system};
}

JB_TEST_HELPER void tree_end(struct tree *tree) {
    if (tree->load)
        tree->load->ops->close(tree->load);
    jb_root_close(&tree->root);
    free(tree->sample.cgroups);
    free(tree->sample.processes);
    if (*tree->path) {
        char command[128];
        snprintf(command, sizeof command, "rm -rf -- '%s'", tree->path);
        assert_int_equal(system(command), 0);
    }
}

/* Writes a file beneath the tree, and the folders above it. */
JB_TEST_HELPER void tree_write(const struct tree *tree, const char *path, const char *text) {
    char whole[8192];
    snprintf(whole, sizeof whole, "%s%s", tree->path, path);
    for (char *slash = whole + strlen(tree->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

JB_TEST_HELPER void tree_remove(const struct tree *tree, const char *path) {
    char command[512];
    snprintf(command, sizeof command, "rm -rf -- '%s%s'", tree->path, path);
    assert_int_equal(system(command), 0);
}

JB_TEST_HELPER enum jb_code tree_open(struct tree *tree, const struct jb_load_ops *ops,
                                      struct jb_error *error) {
    return ops->open(&tree->context, error, &tree->load);
}

JB_TEST_HELPER enum jb_code tree_sample(struct tree *tree, struct jb_error *error) {
    tree->sample.cgroup_count = tree->sample.process_count = 0;
    tree->sample.host.present = false;
    return tree->load->ops->sample(tree->load, &tree->sample, error);
}

JB_TEST_HELPER const struct jb_cgroup_usage *tree_cgroup(const struct tree *tree, const char *path) {
    for (size_t i = 0; i < tree->sample.cgroup_count; i++) {
        if (strcmp(tree->sample.cgroups[i].path, path) == 0)
            return &tree->sample.cgroups[i];
    }
    return NULL;
}

JB_TEST_HELPER const struct jb_process_usage *tree_process(const struct tree *tree, int32_t pid) {
    for (size_t i = 0; i < tree->sample.process_count; i++) {
        if (tree->sample.processes[i].pid == pid)
            return &tree->sample.processes[i];
    }
    return NULL;
}

#endif
