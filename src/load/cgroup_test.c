/* The cgroups' load: trees of v2, v1 and both, cgroups that come and go, and 1,000 real ones. */
#include "load/hierarchy.h"
#include "load/tree_test.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/cpu,cpuacct"

static void write_v2(const struct tree *tree, const char *path, const char *cpu_usec, const char *memory) {
    char file[4096], text[128];
    snprintf(file, sizeof file, V2 "%s/cpu.stat", path);
    snprintf(text, sizeof text, "usage_usec %s\nuser_usec 1\nsystem_usec 1\n", cpu_usec);
    tree_write(tree, file, text);
    snprintf(file, sizeof file, V2 "%s/memory.current", path);
    if (memory)
        tree_write(tree, file, memory);
}

static void make_v2(struct tree *tree) {
    tree_make(tree);
    tree_write(tree, "/proc/stat", "cpu  100 0 50 1000\n");
    tree_write(tree, V2 "/cgroup.controllers", "cpu memory\n");
    tree_write(tree, V2 "/cpu.stat", "usage_usec 999999\n");
    write_v2(tree, "/system.slice", "5000", "4096\n");
    write_v2(tree, "/system.slice/nginx.service", "3000", "2048\n");
    write_v2(tree, "/user.slice", "7", NULL);
}

static void test_v2(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    make_v2(&tree);
    tree_write(&tree, V2 "/no-cpu/other.file", "1\n");
    assert_int_equal(tree_open(&tree, &jb_load_cgroup, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.cgroup_count, 4);
    const struct jb_cgroup_usage *root = &tree.sample.cgroups[JB_CGROUP_ROOT];
    assert_string_equal(root->path, "/");
    assert_int_equal(root->parent, JB_CGROUP_ROOT);
    assert_true(root->approximate);
    assert_int_equal(root->cpu_ns, 1500000000); /* of /proc/stat: the root's cpu.stat is not exact */
    const struct jb_cgroup_usage *slice = tree_cgroup(&tree, "/system.slice");
    const struct jb_cgroup_usage *nginx = tree_cgroup(&tree, "/system.slice/nginx.service");
    const struct jb_cgroup_usage *user = tree_cgroup(&tree, "/user.slice");
    assert_true(slice && nginx && user);
    assert_int_equal(slice->cpu_ns, 5000000);
    assert_int_equal(slice->memory_bytes, 4096);
    assert_false(slice->approximate);
    assert_int_equal(slice->parent, JB_CGROUP_ROOT);
    assert_ptr_equal(&tree.sample.cgroups[nginx->parent], slice);
    assert_int_equal(nginx->cpu_ns, 3000000);
    assert_int_equal(user->memory_bytes, 0);
    struct stat status;
    char path[256];
    snprintf(path, sizeof path, "%s" V2 "/system.slice", tree.path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(slice->id, status.st_ino);
    /* The host's busy time, when it is in the sample already, is the root's. */
    tree.sample.cgroup_count = 0;
    tree.sample.host = (struct jb_host_usage){.present = true, .busy_ns = 2000000000};
    assert_int_equal(tree.load->ops->sample(tree.load, &tree.sample, &error), JB_OK);
    assert_int_equal(tree.sample.cgroups[JB_CGROUP_ROOT].cpu_ns, 2000000000);
    tree_end(&tree);
}

static void test_come_and_go(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    make_v2(&tree);
    assert_int_equal(tree_open(&tree, &jb_load_cgroup, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    uint32_t serial = tree_cgroup(&tree, "/system.slice/nginx.service")->serial;
    const char *text = tree_cgroup(&tree, "/system.slice/nginx.service")->path;
    /* Stays: same serial, same text. One more comes, with one below. */
    write_v2(&tree, "/system.slice/nginx.service", "4000", "2048\n");
    write_v2(&tree, "/system.slice/new.service", "10", "1\n");
    write_v2(&tree, "/system.slice/new.service/below", "9", "1\n");
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.cgroup_count, 6);
    assert_int_equal(tree_cgroup(&tree, "/system.slice/nginx.service")->serial, serial);
    assert_ptr_equal(tree_cgroup(&tree, "/system.slice/nginx.service")->path, text);
    assert_int_equal(tree_cgroup(&tree, "/system.slice/nginx.service")->cpu_ns, 4000000);
    uint32_t new_serial = tree_cgroup(&tree, "/system.slice/new.service")->serial;
    assert_int_not_equal(new_serial, serial);
    for (size_t i = 1; i < tree.sample.cgroup_count; i++)
        assert_true(tree.sample.cgroups[i].parent < i);
    /* The whole slice goes; what the others were stays. */
    tree_remove(&tree, V2 "/system.slice");
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.cgroup_count, 2);
    assert_non_null(tree_cgroup(&tree, "/user.slice"));
    assert_string_equal(text, "/system.slice/nginx.service");
    /* Made anew under the same name: a new serial. */
    write_v2(&tree, "/system.slice/nginx.service", "2", "2048\n");
    write_v2(&tree, "/system.slice", "2", "2048\n");
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.cgroup_count, 4);
    assert_true(tree_cgroup(&tree, "/system.slice/nginx.service")->serial > new_serial);
    /* A counter that went back within one sample was made anew as well. */
    serial = tree_cgroup(&tree, "/system.slice/nginx.service")->serial;
    write_v2(&tree, "/system.slice/nginx.service", "1", "2048\n");
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_true(tree_cgroup(&tree, "/system.slice/nginx.service")->serial > serial);
    assert_int_equal(tree_cgroup(&tree, "/system.slice/nginx.service")->cpu_ns, 1000);
    tree_end(&tree);
}

/* Bytes that no one expects in names, and a path that grows past what the kernel opens. */
static void test_hostile(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    make_v2(&tree);
    write_v2(&tree, "/esc\033[2J\n\\x2d\xff", "11", "1\n");
    write_v2(&tree, "/system.slice/..foo", "12", "garbage\n");
    write_v2(&tree, "/bad-cpu", "x", "1\n");
    /* A link leads nowhere. */
    char link[256];
    snprintf(link, sizeof link, "%s" V2 "/link", tree.path);
    assert_int_equal(symlink("/", link), 0);
    /* Folders of 200 bytes, one in the other: each is made from within the last. */
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    char start[256];
    snprintf(start, sizeof start, "%s" V2, tree.path);
    int descriptor = open(start, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 25; i++) {
        assert_int_equal(mkdirat(descriptor, name, 0755), 0);
        int below = openat(descriptor, name, O_RDONLY | O_DIRECTORY);
        int file = openat(below, "cpu.stat", O_WRONLY | O_CREAT, 0644);
        assert_true(below >= 0 && file >= 0);
        assert_int_equal(write(file, "usage_usec 1\n", 13), 13);
        close(file);
        close(descriptor);
        descriptor = below;
    }
    close(descriptor);
    assert_int_equal(tree_open(&tree, &jb_load_cgroup, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree_cgroup(&tree, "/esc\033[2J\n\\x2d\xff")->cpu_ns, 11000);
    assert_int_equal(tree_cgroup(&tree, "/system.slice/..foo")->memory_bytes, 0);
    assert_null(tree_cgroup(&tree, "/bad-cpu"));
    assert_null(tree_cgroup(&tree, "/link"));
    size_t deepest = 0;
    for (size_t i = 0; i < tree.sample.cgroup_count; i++) {
        if (strlen(tree.sample.cgroups[i].path) > deepest)
            deepest = strlen(tree.sample.cgroups[i].path);
    }
    assert_int_equal(deepest, 20 * 201); /* the deepest whose files can still be opened by path */
    tree_end(&tree);
}

static void test_v1(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    tree_make(&tree);
    tree_write(&tree, V1 "/cpuacct.usage", "9000\n");
    tree_write(&tree, V1 "/docker/cpuacct.usage", "800\n");
    tree_write(&tree, V1 "/docker/abc/cpuacct.usage", "700\n");
    tree_write(&tree, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "64\n");
    tree_write(&tree, "/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "32\n");
    assert_int_equal(tree_open(&tree, &jb_load_cgroup, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.cgroup_count, 3);
    assert_int_equal(tree.sample.cgroups[JB_CGROUP_ROOT].cpu_ns, 9000);
    assert_int_equal(tree.sample.cgroups[JB_CGROUP_ROOT].memory_bytes, 64);
    assert_false(tree.sample.cgroups[JB_CGROUP_ROOT].approximate);
    assert_int_equal(tree_cgroup(&tree, "/docker")->memory_bytes, 0);
    assert_int_equal(tree_cgroup(&tree, "/docker/abc")->cpu_ns, 700);
    assert_int_equal(tree_cgroup(&tree, "/docker/abc")->memory_bytes, 32);
    tree_end(&tree);
}

static void test_choice(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    struct jb_hierarchy hierarchy;
    tree_make(&tree);
    assert_int_equal(tree_open(&tree, &jb_load_cgroup, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "cpuacct"));
    /* Both, v2 empty: v1. */
    tree_write(&tree, V1 "/cpuacct.usage", "9\n");
    tree_write(&tree, V2 "/unified/cgroup.controllers", "\n");
    assert_int_equal(jb_hierarchy_find(&tree.root, &error, &hierarchy), JB_OK);
    assert_false(hierarchy.unified);
    assert_string_equal(hierarchy.mount, V1);
    assert_string_equal(jb_hierarchy_controller(&hierarchy), "cpuacct");
    /* Both, v2 in use. */
    tree_write(&tree, V2 "/unified/system.slice/cpu.stat", "usage_usec 1\n");
    assert_int_equal(jb_hierarchy_find(&tree.root, &error, &hierarchy), JB_OK);
    assert_true(hierarchy.unified);
    assert_string_equal(hierarchy.mount, V2 "/unified");
    /* Ids by path, within what is mounted and not above it. */
    int descriptor = jb_hierarchy_open(&hierarchy, &tree.root);
    assert_true(descriptor >= 0);
    uint64_t id = jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/system.slice");
    assert_true(id != 0);
    assert_true(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/") != 0);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/none"), 0);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/.."), 0);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/../../x"), 0);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/system.slice/../.."), 0);
    strcpy(hierarchy.prefix, "/docker/abc");
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/docker/abc/system.slice"), id);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/docker/abcd"), 0);
    assert_int_equal(jb_hierarchy_cgroup_id(&hierarchy, descriptor, "/system.slice"), 0);
    close(descriptor);
    tree_end(&tree);
}

/* Where the test may make cgroups: a folder of its own below the metered hierarchy. Skips where it may not.
 */
static void make_real(struct tree *tree, char path[PATH_MAX]) {
    struct jb_hierarchy hierarchy;
    struct jb_error error;
    tree_real(tree);
    if (jb_hierarchy_find(&tree->root, &error, &hierarchy))
        tree_skip("%s", error.message);
    snprintf(path, PATH_MAX, "%.4000s/joulebook-test-%d", hierarchy.mount, getpid());
    if (mkdir(path, 0755) < 0)
        tree_skip("no cgroup can be made at %s: %s", path, strerror(errno));
    if (tree_open(tree, &jb_load_cgroup, &error)) {
        rmdir(path);
        tree_skip("%s", error.message);
    }
    /* On a hybrid system the first cgroup that somebody makes in v2 moves the choice there. */
    struct jb_hierarchy again;
    if (jb_hierarchy_find(&tree->root, &error, &again) || strcmp(again.mount, hierarchy.mount) != 0) {
        rmdir(path);
        tree_end(tree);
        tree_skip("another program changed the hierarchies meanwhile");
    }
}

static int64_t used_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Runs a child in the cgroup that uses 30 ms, and waits for its end. */
static void work_in(const char *cgroup) {
    char file[PATH_MAX + 16];
    snprintf(file, sizeof file, "%s/cgroup.procs", cgroup);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int descriptor = open(file, O_WRONLY);
        if (descriptor < 0 || write(descriptor, "0", 1) != 1)
            _exit(1);
        for (int64_t end_ns = used_ns() + 30000000; used_ns() < end_ns;)
            ;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static const struct jb_cgroup_usage *below(const struct tree *tree, const char *suffix) {
    for (size_t i = 0; i < tree->sample.cgroup_count; i++) {
        const char *path = tree->sample.cgroups[i].path;
        size_t length = strlen(path), suffix_length = strlen(suffix);
        if (length >= suffix_length && strcmp(path + length - suffix_length, suffix) == 0)
            return &tree->sample.cgroups[i];
    }
    return NULL;
}

static void test_real_come_and_go(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    char path[PATH_MAX], a[PATH_MAX + 8], b[PATH_MAX + 8], suffix[64];
    make_real(&tree, path);
    snprintf(a, sizeof a, "%s/a", path);
    snprintf(b, sizeof b, "%s/b", path);
    snprintf(suffix, sizeof suffix, "joulebook-test-%d", getpid());
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_non_null(below(&tree, suffix));
    uint64_t start_ns = below(&tree, suffix)->cpu_ns;
    assert_int_equal(mkdir(a, 0755), 0);
    work_in(a);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    snprintf(suffix, sizeof suffix, "joulebook-test-%d/a", getpid());
    const struct jb_cgroup_usage *usage = below(&tree, suffix);
    assert_non_null(usage);
    assert_true(usage->cpu_ns >= 29000000);
    /* One goes and one comes between two samples: their number is the same. */
    assert_int_equal(rmdir(a), 0);
    assert_int_equal(mkdir(b, 0755), 0);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_null(below(&tree, suffix));
    snprintf(suffix, sizeof suffix, "joulebook-test-%d/b", getpid());
    assert_non_null(below(&tree, suffix));
    /* Came, worked and went unseen: the counter above has it. */
    assert_int_equal(rmdir(b), 0);
    assert_int_equal(mkdir(a, 0755), 0);
    work_in(a);
    assert_int_equal(rmdir(a), 0);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    snprintf(suffix, sizeof suffix, "joulebook-test-%d", getpid());
    usage = below(&tree, suffix);
    assert_non_null(usage);
    assert_true(usage->cpu_ns - start_ns >= 58000000);
    /* Its id is the one that a process in it is told to have. */
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(usage->id, status.st_ino);
    assert_int_equal(rmdir(path), 0);
    tree_end(&tree);
}

/* 1,000 cgroups: all seen, parents never below their children, nothing allocated once warm; also when there
 * are not descriptors enough to keep. */
static void test_real_thousand(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    struct tree tree;
    struct jb_error error;
    char path[PATH_MAX], child[PATH_MAX + 8];
    struct rlimit limit, few = {.rlim_cur = 512, .rlim_max = 512};
    make_real(&tree, path);
    for (int i = 0; i < COUNT; i++) {
        snprintf(child, sizeof child, "%s/%d", path, i);
        assert_int_equal(mkdir(child, 0755), 0);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few.rlim_max = limit.rlim_max; /* soft limit only: an unprivileged test could not raise it again */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_true(tree.sample.cgroup_count > COUNT);
    /* The load raised the limit as far as it may, and no further. */
    struct rlimit raised;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &raised), 0);
    assert_true(raised.rlim_cur == limit.rlim_max);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    size_t growths = jb_array_growths();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tree_sample(&tree, &error), JB_OK);
        uint64_t *sums = calloc(tree.sample.cgroup_count, sizeof *sums);
        assert_non_null(sums);
        for (size_t k = 1; k < tree.sample.cgroup_count; k++)
            sums[tree.sample.cgroups[k].parent] += tree.sample.cgroups[k].cpu_ns;
        for (size_t k = 0; k < tree.sample.cgroup_count; k++)
            assert_true(tree.sample.cgroups[k].approximate || tree.sample.cgroups[k].cpu_ns >= sums[k]);
        free(sums);
    }
    assert_int_equal(jb_array_growths(), growths);
    for (int i = 0; i < COUNT; i++) {
        snprintf(child, sizeof child, "%s/%d", path, i);
        assert_int_equal(rmdir(child), 0);
    }
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_true(tree.sample.cgroup_count < COUNT);
    assert_int_equal(rmdir(path), 0);
    tree_end(&tree);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_real_come_and_go),
        cmocka_unit_test(test_real_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
