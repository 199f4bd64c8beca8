/* The processes' loads: the clock beneath a tree, and both on the running system. */
#include "load/hierarchy.h"
#include "load/process_name.h"
#include "load/tree_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock) {
    struct timespec time;
    return clock_gettime(clock, &time) < 0
               ? 0
               : (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void use_cpu(clockid_t clock, uint64_t ns) {
    uint64_t end_ns = clock_ns(clock) + ns;
    while (clock_ns(clock) < end_ns)
        ;
}

#define STAT(comm, parent, cpu, start)                                                                       \
    "5 (" comm ") S " parent " 1 1 0 -1 4194304 1 2 3 4 " cpu " 0 0 0 20 0 1 0 " start " 100 200\n"

static void test_tree(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    tree_make(&tree);
    assert_int_equal(tree_open(&tree, &jb_load_process_clock, &error), JB_NO_DATA);
    tree_write(&tree, "/proc/uptime", "1 1\n");
    assert_int_equal(tree_open(&tree, &jb_load_process_clock, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "hidepid"));
    tree_write(&tree, "/sys/fs/cgroup/cgroup.controllers", "\n");
    tree_write(&tree, "/sys/fs/cgroup/a.service/cpu.stat", "usage_usec 1\n");
    tree_write(&tree, "/proc/300/stat", STAT("third", "2", "30", "900"));
    tree_write(&tree, "/proc/300/cgroup", "0::/a.service\n");
    tree_write(&tree, "/proc/20/stat", STAT("x) S 9 (y", "1", "5", "100"));
    tree_write(&tree, "/proc/1/stat", STAT("\033[2J\n", "0", "7", "0"));
    tree_write(&tree, "/proc/77/stat", "torn");
    tree_write(&tree, "/proc/88/comm", "no stat\n");
    tree_write(&tree, "/proc/99999999999/stat", STAT("no pid", "0", "7", "0"));
    assert_int_equal(tree_open(&tree, &jb_load_process_clock, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.process_count, 3);
    const struct jb_process_usage *third = tree_process(&tree, 300), *odd = tree_process(&tree, 20);
    assert_true(third && odd && tree_process(&tree, 1));
    assert_string_equal(odd->comm, "x) S 9 (y");
    assert_int_equal(odd->parent_pid, 1);
    assert_int_equal(odd->cgroup_id, 0);
    assert_int_equal(third->cpu_ns, 300000000);
    assert_int_equal(third->start_ns, 9000000000);
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/a.service", tree.path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(third->cgroup_id, status.st_ino);
    /* The pid of one that ended goes to another; one is gone; one goes on. */
    tree_write(&tree, "/proc/300/stat", STAT("other", "2", "40", "950"));
    tree_write(&tree, "/proc/20/stat", STAT("x) S 9 (y", "1", "6", "100"));
    tree_remove(&tree, "/proc/1");
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.process_count, 2);
    assert_string_equal(tree_process(&tree, 300)->comm, "other");
    assert_int_equal(tree_process(&tree, 300)->start_ns, 9500000000);
    assert_int_equal(tree_process(&tree, 300)->cpu_ns, 400000000);
    assert_int_equal(tree_process(&tree, 20)->cpu_ns, 60000000);
    /* A process' time never goes backwards. */
    tree_write(&tree, "/proc/20/stat", STAT("x) S 9 (y", "1", "4", "100"));
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree_process(&tree, 20)->cpu_ns, 60000000);
    /* BPF shows the running kernel only. */
    struct jb_load *load = NULL;
    assert_int_equal(jb_load_process_bpf.open(&tree.context, &error, &load), JB_UNSUPPORTED);
    tree_end(&tree);
}

static void test_names(void **state) {
    (void)state;
    static const char *const kernel[][2] = {
        {"kworker/0:1-eve", "kworker"},
        {"ksoftirqd/3", "ksoftirqd"},
        {"kswapd0", "kswapd"},
        {"scsi_eh_12", "scsi_eh"},
        {"rcu_preempt", "rcu_preempt"},
        {"irq/27-ahci", "irq"},
        {"", "unnamed"},
        {"/", "unnamed"},
        {"123", "123"},
    };
    for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++) {
        char comm[JB_COMM_SIZE] = "", name[JB_COMM_SIZE];
        strcpy(comm, kernel[i][0]);
        jb_process_name_kernel(comm, name);
        assert_string_equal(name, kernel[i][1]);
    }
    struct tree tree;
    char name[64], link[128];
    tree_make(&tree);
    tree_write(&tree, "/proc/7/stat", "");
    snprintf(link, sizeof link, "%s/proc/7/exe", tree.path);
    struct jb_process_usage process = {.pid = 7, .comm = "worker"};
    jb_process_name(&tree.root, &process, name, sizeof name);
    assert_string_equal(name, "worker");
    assert_int_equal(symlink("/usr/bin/python3.11", link), 0);
    jb_process_name(&tree.root, &process, name, sizeof name);
    assert_string_equal(name, "python3.11");
    assert_int_equal(unlink(link) + symlink("/opt/my app (deleted)", link), 0);
    jb_process_name(&tree.root, &process, name, sizeof name);
    assert_string_equal(name, "my app");
    process.flags = JB_PROCESS_EXITED; /* its pid may be another's by now */
    jb_process_name(&tree.root, &process, name, sizeof name);
    assert_string_equal(name, "worker");
    process = (struct jb_process_usage){.pid = 8};
    jb_process_name(&tree.root, &process, name, sizeof name);
    assert_string_equal(name, "unnamed");
    tree_end(&tree);
}

/* The load under test on the running system; skips where it does not work. */
static void open_real(struct tree *tree, void **state) {
    const struct jb_load_ops *ops = *state;
    struct jb_error error;
    tree_real(tree);
    if (tree_open(tree, ops, &error))
        tree_skip("%s: %s", ops->name, error.message);
    assert_int_equal(tree_sample(tree, &error), JB_OK);
}

static const struct jb_process_usage *sample_of(struct tree *tree, pid_t pid) {
    struct jb_error error;
    assert_int_equal(tree_sample(tree, &error), JB_OK);
    const struct jb_process_usage *process = tree_process(tree, pid);
    assert_non_null(process);
    return process;
}

static void test_self(void **state) {
    struct tree tree;
    open_real(&tree, state);
    assert_int_equal(prctl(PR_SET_NAME, "a) b (\n"), 0);
    for (int i = 0; i < 3; i++) /* the clock looks at a process again once it has used CPU time */
        use_cpu(CLOCK_PROCESS_CPUTIME_ID, 5000000), sample_of(&tree, getpid());
    uint64_t before_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), boot_ns = clock_ns(CLOCK_BOOTTIME);
    const struct jb_process_usage *self = sample_of(&tree, getpid());
    assert_true(self->cpu_ns <= clock_ns(CLOCK_PROCESS_CPUTIME_ID));
    /* The scheduler brings a running task's time up to date at the tick. */
    assert_true(self->cpu_ns + 100000000 >= before_ns);
    assert_int_equal(self->parent_pid, getppid());
    assert_int_equal(self->flags, 0);
    assert_true(self->start_ns > 0 && self->start_ns <= boot_ns);
    /* The iterator tells the name at once; the clock at its next look. */
    if (*state == &jb_load_process_bpf)
        assert_string_equal(self->comm, "a) b (\n");
    struct jb_hierarchy hierarchy;
    if (!jb_hierarchy_find(&tree.root, NULL, &hierarchy))
        assert_true(self->cgroup_id != 0);
    tree_end(&tree);
}

/* A child that does `work`, says so, and waits for its end; returns once it has said so. */
static pid_t start_child(void (*work)(void)) {
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work();
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end_child(pid_t pid) {
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whether no thread of pid runs or wants to: one that waits for a CPU on a busy machine stands still too. */
static bool is_asleep(pid_t pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    assert_non_null(tasks);
    bool asleep = true;
    for (struct dirent *entry; asleep && (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.')
            continue;
        char line[512] = "";
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, entry->d_name);
        FILE *file = fopen(path, "r");
        if (file) /* not a line: the name in it may have newlines */
            line[fread(line, 1, sizeof line - 1, file)] = '\0';
        if (file)
            fclose(file);
        const char *state = strrchr(line, ')');
        asleep = !state || (state[2] != 'R' && state[2] != 'D');
    }
    closedir(tasks);
    return asleep;
}

/* Waits until pid (all its threads) sleeps, so that its clock stands still. */
static uint64_t resting_ns(pid_t pid) {
    clockid_t clock;
    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    for (uint64_t last = UINT64_MAX;;) {
        uint64_t now = clock_ns(clock);
        if (now == last && is_asleep(pid) && clock_ns(clock) == now)
            return now;
        last = now;
        usleep(20000);
    }
}

static void *burn(void *unused) {
    (void)unused;
    use_cpu(CLOCK_THREAD_CPUTIME_ID, 5000000);
    return NULL;
}

static void *wait_on(void *unused) {
    (void)unused;
    while (pause() < 0)
        ;
    return NULL;
}

static void start_threads(int count, void *(*routine)(void *), bool join) {
    pthread_t threads[8];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)128 << 10);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i % 8], &attributes, routine, NULL))
            _exit(2);
        if (join && i % 8 == 7) {
            for (int k = 0; k < 8; k++)
                pthread_join(threads[k], NULL);
        }
    }
}

static void work_threads(void) {
    start_threads(24, burn, true);
    start_threads(4, burn, false);
    start_threads(3, wait_on, false);
}

static void work_many_threads(void) {
    start_threads(1100, wait_on, false);
}

/* Threads that ended, threads that live: the process has the time of all, to the nanosecond. */
static void test_threads(void **state) {
    struct tree tree;
    open_real(&tree, state);
    pid_t pid = start_child(work_threads);
    uint64_t expected_ns = resting_ns(pid);
    assert_true(expected_ns >= 28 * 5000000);
    assert_int_equal(sample_of(&tree, pid)->cpu_ns, expected_ns);
    end_child(pid);
    pid = start_child(work_many_threads); /* more than the BPF program sums */
    expected_ns = resting_ns(pid);
    assert_int_equal(sample_of(&tree, pid)->cpu_ns, expected_ns);
    assert_int_equal(sample_of(&tree, pid)->flags, 0);
    end_child(pid);
    tree_end(&tree);
}

/* While threads come and go, a process' total never falls, and is never above its clock. */
static void test_monotone(void **state) {
    struct tree tree;
    open_real(&tree, state);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, burn, NULL) == 0)
                pthread_join(thread, NULL);
        }
    }
    clockid_t clock;
    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    uint64_t last_ns = 0;
    for (int i = 0; i < 300; i++) {
        uint64_t ns = sample_of(&tree, pid)->cpu_ns;
        assert_true(ns >= last_ns);
        assert_true(ns <= clock_ns(clock));
        last_ns = ns;
    }
    end_child(pid);
    tree_end(&tree);
}

static void *exec_sleep(void *unused) {
    (void)unused;
    use_cpu(CLOCK_THREAD_CPUTIME_ID, 5000000);
    execlp("sleep", "sleep", "60", (char *)NULL);
    return NULL;
}

/* exec in a thread that is not the leader: the same process, with all its time. */
static void test_exec(void **state) {
    struct tree tree;
    open_real(&tree, state);
    int closed_by_exec[2];
    assert_int_equal(pipe2(closed_by_exec, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        use_cpu(CLOCK_THREAD_CPUTIME_ID, 20000000);
        raise(SIGSTOP);
        pthread_t thread;
        pthread_create(&thread, NULL, exec_sleep, NULL);
        for (;;)
            pause();
    }
    close(closed_by_exec[1]);
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    struct jb_process_usage before = *sample_of(&tree, pid);
    assert_true(before.cpu_ns >= 20000000);
    kill(pid, SIGCONT);
    char byte;
    assert_int_equal(read(closed_by_exec[0], &byte, 1), 0);
    close(closed_by_exec[0]);
    uint64_t expected_ns = resting_ns(pid);
    struct jb_process_usage after = *sample_of(&tree, pid);
    assert_true(after.start_ns == before.start_ns);
    assert_true(after.cpu_ns >= before.cpu_ns + 5000000);
    assert_int_equal(after.cpu_ns, expected_ns);
    assert_string_equal(after.comm, "sleep");
    end_child(pid);
    tree_end(&tree);
}

/* Forks with a pid that is wished for; −1 where that is not permitted. */
static pid_t fork_as(pid_t pid) {
    struct clone_args arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static pid_t burn_as(pid_t wanted, uint64_t ns) {
    pid_t pid = wanted ? fork_as(wanted) : fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        use_cpu(CLOCK_PROCESS_CPUTIME_ID, ns);
        raise(SIGSTOP);
        _exit(0);
    }
    int status;
    if (pid > 0)
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    return pid;
}

/* A pid that is used again, by one with more CPU time than the last had: another process. */
static void test_reuse(void **state) {
    struct tree tree;
    open_real(&tree, state);
    pid_t pid = burn_as(0, 20000000);
    struct jb_process_usage first = *sample_of(&tree, pid);
    end_child(pid);
    pid_t again = burn_as(pid, 60000000);
    if (again < 0) {
        tree_end(&tree);
        tree_skip("a pid cannot be chosen (clone3 with set_tid): %s", strerror(errno));
    }
    assert_int_equal(again, pid);
    struct jb_error error;
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    const struct jb_process_usage *second = NULL;
    for (size_t i = 0; i < tree.sample.process_count; i++) {
        const struct jb_process_usage *process = &tree.sample.processes[i];
        if (process->pid == pid && !(process->flags & JB_PROCESS_EXITED))
            second = process;
    }
    assert_non_null(second);
    assert_true(second->start_ns > first.start_ns);
    assert_true(second->cpu_ns >= 60000000);
    end_child(pid);
    tree_end(&tree);
}

static int sleep_on(void *unused) {
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pause() < 0)
        ;
    return 0;
}

enum { MANY = 5000, STACK_BYTES = 8192 };

/* Processes that share our memory, which is many times cheaper to start than a copy of it. */
static size_t start_many(pid_t pids[static MANY], char *stacks) {
    size_t count = 0;
    for (; count < MANY; count++) {
        pids[count] = clone(sleep_on, stacks + (count + 1) * STACK_BYTES, CLONE_VM | SIGCHLD, NULL);
        if (pids[count] < 0)
            break;
    }
    return count;
}

static size_t count_children(const struct jb_sample *sample) {
    size_t count = 0;
    for (size_t i = 0; i < sample->process_count; i++)
        count +=
            sample->processes[i].parent_pid == getpid() && !(sample->processes[i].flags & JB_PROCESS_EXITED);
    return count;
}

/* 5,000 processes, each seen once, nothing allocated for them once warm. */
static void test_many(void **state) {
    (void)state;
    static const struct jb_load_ops *const both[] = {&jb_load_process_clock, &jb_load_process_bpf};
    struct jb_error error;
    pid_t *pids = calloc(MANY, sizeof *pids);
    char *stacks = aligned_alloc(64, (size_t)MANY * STACK_BYTES);
    assert_true(pids && stacks);
    size_t count = start_many(pids, stacks), seen[2] = {0}, growths[2] = {0};
    bool opened[2] = {false};
    for (size_t i = 0; i < 2; i++) {
        struct tree tree;
        tree_real(&tree);
        opened[i] = tree_open(&tree, both[i], &error) == JB_OK;
        for (int k = 0; opened[i] && k < 5; k++) {
            if (k == 4)
                growths[i] = jb_array_growths();
            assert_int_equal(tree_sample(&tree, &error), JB_OK);
        }
        growths[i] = opened[i] ? jb_array_growths() - growths[i] : 0;
        seen[i] = count_children(&tree.sample);
        tree_end(&tree);
        if (!opened[i])
            print_message("SKIP: %s: %s\n", both[i]->name, error.message);
    }
    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        waitpid(pids[i], NULL, 0);
    free(pids);
    free(stacks);
    for (size_t i = 0; i < 2; i++) {
        if (!opened[i])
            continue;
        assert_int_equal(seen[i], count);
        assert_int_equal(growths[i], 0);
    }
    if (count < MANY)
        tree_skip("only %zu of %d processes could be started", count, (int)MANY);
}

#define FOR(test, ops)                                                                                       \
    { #test " " #ops, test, NULL, NULL, (void *)(uintptr_t)&ops }
#define BOTH(test) FOR(test, jb_load_process_clock), FOR(test, jb_load_process_bpf)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_names),
        BOTH(test_self),
        BOTH(test_threads),
        BOTH(test_monotone),
        BOTH(test_exec),
        BOTH(test_reuse),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
