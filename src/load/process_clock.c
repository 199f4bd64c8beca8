/* The processes' load without privileges: a listing of /proc and one CPU clock per process. */
#include "base/array.h"
#include "load/hierarchy.h"
#include "load/proc.h"
#include "load/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    LISTING_BYTES = 64 * 1024,
    VERIFY_TICKS = 8,   /* a process that is active is looked at again that often */
    TEXT_BYTES = 16384, /* /proc/PID/cgroup: a 4 kB path for each of a few hierarchies */
};

/* One entry of /proc that is a process. */
struct listed {
    int32_t pid;
    uint64_t inode; /* of its directory: another one when the pid was given to a new process */
};

struct known {
    struct jb_process_usage usage;
    uint64_t inode;
    uint64_t start_ticks;
    uint64_t verify_at; /* tick from which on it is looked at again, once it has used CPU time */
};

struct clock_load {
    struct jb_load load;
    const struct jb_root *root;
    int proc;        /* /proc, kept */
    bool has_clocks; /* clock_gettime tells CPU time; else /proc/PID/stat does (10 ms steps) */
    bool has_hierarchy;
    struct jb_hierarchy hierarchy;
    int hierarchy_descriptor;
    uint64_t user_hz, tick;
    struct listed *listed;
    size_t listed_count, listed_capacity;
    struct known *known, *before; /* by pid: of this sample and the one before */
    size_t known_count, known_capacity, before_count, before_capacity;
    char *text; /* LISTING_BYTES: listing, or one small file */
};

/* clockid_t of a process' CPU time: ~pid in the upper bits, CPUCLOCK_SCHED (2) below (include/linux/
 * posix-timers_types.h); clock_getcpuclockid() makes the same but asks the kernel once more. */
static clockid_t cpu_clock(int32_t pid) {
    return (clockid_t)((~(uint32_t)pid << 3) | 2U);
}

static bool read_clock(int32_t pid, uint64_t *ret_ns) {
    struct timespec time;
    if (clock_gettime(cpu_clock(pid), &time) < 0)
        return false;
    *ret_ns = (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
    return true;
}

/* A file of one process, whole, into self->text. */
static bool read_text(struct clock_load *self, int32_t pid, const char *name, size_t *ret_length) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    _cleanup_close_ int descriptor = self->root->is_real ? openat(self->proc, path + 6, O_RDONLY | O_CLOEXEC)
                                                         : jb_root_openat(self->root, path, O_RDONLY);
    return descriptor >= 0 && !jb_descriptor_read(descriptor, self->text, TEXT_BYTES, NULL, ret_length);
}

static bool read_stat(struct clock_load *self, int32_t pid, struct jb_proc_pid_stat *ret) {
    size_t length;
    return read_text(self, pid, "stat", &length) && !jb_proc_pid_stat_parse(self->text, length, NULL, ret);
}

static uint64_t read_cgroup(struct clock_load *self, int32_t pid) {
    size_t length;
    char path[4096];
    if (!self->has_hierarchy || !read_text(self, pid, "cgroup", &length) ||
        jb_proc_pid_cgroup_parse(self->text, length, jb_hierarchy_controller(&self->hierarchy), path,
                                 sizeof path, NULL))
        return 0;
    return jb_hierarchy_cgroup_id(&self->hierarchy, self->hierarchy_descriptor, path);
}

static int by_pid(const void *a, const void *b) {
    const struct listed *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

/* A whole positive number and nothing else, or 0. */
static int32_t parse_pid(const char *name) {
    int32_t pid = 0;
    for (; *name; name++) {
        if (*name < '0' || *name > '9' || pid > (INT32_MAX - 9) / 10)
            return 0;
        pid = pid * 10 + (*name - '0');
    }
    return pid;
}

/* Layout of what getdents64 returns; glibc's readdir would copy each entry once more. */
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* The processes of /proc in the order of their pids (which is the kernel's; a copy's is sorted). */
static enum jb_code list_processes(struct clock_load *self, struct jb_error *error) {
    self->listed_count = 0;
    bool is_sorted = true;
    if (lseek(self->proc, 0, SEEK_SET) < 0)
        return jb_error_set_errno(error, errno, "%s/proc", self->root->path);
    for (;;) {
        long got = syscall(SYS_getdents64, self->proc, self->text, LISTING_BYTES);
        if (got < 0)
            return jb_error_set_errno(error, errno, "%s/proc", self->root->path);
        if (got == 0)
            break;
        enum jb_code code =
            jb_array_reserve(&self->listed, &self->listed_capacity,
                             self->listed_count + (size_t)got / sizeof(struct directory_entry),
                             JB_PROCESS_CEILING, "processes", error);
        if (code)
            return code;
        for (long at = 0; at < got;) {
            struct directory_entry *entry = (struct directory_entry *)(self->text + at);
            at += entry->length;
            int32_t pid = parse_pid(entry->name);
            if (!pid)
                continue;
            is_sorted = is_sorted && (!self->listed_count || self->listed[self->listed_count - 1].pid < pid);
            self->listed[self->listed_count++] = (struct listed){.pid = pid, .inode = entry->inode};
        }
    }
    if (!is_sorted)
        qsort(self->listed, self->listed_count, sizeof *self->listed, by_pid);
    return JB_OK;
}

/* Fills *known from the files of the process; the CPU time is left alone. */
static void describe(struct clock_load *self, const struct jb_proc_pid_stat *stat, struct known *known) {
    struct jb_process_usage *usage = &known->usage;
    memcpy(usage->comm, stat->comm, sizeof usage->comm);
    usage->parent_pid = stat->parent_pid;
    usage->start_ns = jb_ticks_ns(stat->start_ticks, self->user_hz);
    usage->flags = stat->flags & JB_PROC_KTHREAD ? JB_PROCESS_KERNEL : 0;
    usage->cgroup_id = read_cgroup(self, usage->pid);
    known->start_ticks = stat->start_ticks;
}

/* What is known of the listed process now; false when it is gone. before: the one that had the pid in the
 * last sample, or NULL. A pid that was given anew shows in the inode of its directory, in a clock that went
 * backwards, or at the latest when the files are looked at again. */
static bool sample_process(struct clock_load *self, struct listed listed, const struct known *before,
                           struct known *ret) {
    struct jb_proc_pid_stat stat;
    bool has_stat = false;
    uint64_t cpu_ns;
    if (self->has_clocks) {
        if (!read_clock(listed.pid, &cpu_ns))
            return false;
    } else {
        if (!read_stat(self, listed.pid, &stat))
            return false;
        has_stat = true;
        cpu_ns = jb_ticks_ns(stat.cpu_ticks, self->user_hz);
    }
    bool is_same = before && before->inode == listed.inode && cpu_ns >= before->usage.cpu_ns &&
                   (!has_stat || stat.start_ticks == before->start_ticks);
    bool is_due = is_same && cpu_ns > before->usage.cpu_ns && self->tick >= before->verify_at;
    if (is_same && !is_due) {
        *ret = *before;
        ret->usage.cpu_ns = cpu_ns;
        return true;
    }
    if (!has_stat && !read_stat(self, listed.pid, &stat))
        return false;
    bool is_known = before && stat.start_ticks == before->start_ticks;
    struct known known = {.usage = {.pid = listed.pid, .cpu_ns = cpu_ns}, .inode = listed.inode};
    if (is_known && cpu_ns < before->usage.cpu_ns)
        known.usage.cpu_ns = before->usage.cpu_ns;
    describe(self, &stat, &known);
    /* A new process often calls exec and is moved in its first moments: look again soon. */
    known.verify_at = self->tick + (is_known ? VERIFY_TICKS : 1);
    *ret = known;
    return true;
}

static enum jb_code clock_sample(struct jb_load *load, struct jb_sample *sample, struct jb_error *error) {
    struct clock_load *self = (struct clock_load *)load;
    enum jb_code code = list_processes(self, error);
    /* Some more than now, so that a few new processes do not allocate. */
    size_t room = self->listed_count + self->listed_count / 8 + 64;
    if (!code)
        code = jb_array_reserve(&self->before, &self->before_capacity,
                                self->before_capacity < self->listed_count ? room : 0, JB_PROCESS_CEILING,
                                "processes", error);
    if (!code)
        code = jb_array_reserve(&sample->processes, &sample->process_capacity,
                                sample->process_capacity < sample->process_count + self->listed_count
                                    ? sample->process_count + room
                                    : 0,
                                JB_PROCESS_CEILING, "processes", error);
    if (code)
        return code;
    /* What is known becomes what was; the older array is filled anew. */
    struct known *older = self->before;
    size_t older_capacity = self->before_capacity;
    self->before = self->known;
    self->before_count = self->known_count;
    self->before_capacity = self->known_capacity;
    self->known = older;
    self->known_capacity = older_capacity;
    self->known_count = 0;
    size_t cursor = 0;
    for (size_t i = 0; i < self->listed_count; i++) {
        struct listed listed = self->listed[i];
        while (cursor < self->before_count && self->before[cursor].usage.pid < listed.pid)
            cursor++;
        bool found = cursor < self->before_count && self->before[cursor].usage.pid == listed.pid;
        struct known *known = &self->known[self->known_count];
        if (!sample_process(self, listed, found ? &self->before[cursor] : NULL, known))
            continue;
        self->known_count++;
        sample->processes[sample->process_count++] = known->usage;
    }
    self->tick++;
    return JB_OK;
}

static void clock_close(struct jb_load *load) {
    struct clock_load *self = (struct clock_load *)load;
    if (!self)
        return;
    if (self->proc >= 0)
        close(self->proc);
    if (self->hierarchy_descriptor >= 0)
        close(self->hierarchy_descriptor);
    free(self->listed);
    free(self->known);
    free(self->before);
    free(self->text);
    free(self);
}

static enum jb_code clock_open(const struct jb_load_context *context, struct jb_error *error,
                               struct jb_load **ret_load) {
    struct clock_load *self = calloc(1, sizeof *self);
    if (!self)
        return jb_error_set(error, JB_MEMORY, "no memory for the processes' load");
    *self = (struct clock_load){.load = {.ops = &jb_load_process_clock},
                                .root = context->root,
                                .hierarchy_descriptor = -1,
                                .user_hz = (uint64_t)sysconf(_SC_CLK_TCK)};
    self->proc = jb_root_openat(context->root, "/proc", O_RDONLY | O_DIRECTORY);
    self->text = malloc(LISTING_BYTES);
    enum jb_code code = JB_OK;
    if (self->proc < 0)
        code = jb_error_set_errno(error, errno, "%s/proc", context->root->path);
    else if (!self->text)
        code = jb_error_set(error, JB_MEMORY, "no memory for the processes' load");
    else
        code = list_processes(self, error);
    if (!code && !self->listed_count)
        code =
            jb_error_set(error, JB_NO_DATA, "%s/proc lists no process: mount it, or see hidepid in proc(5)",
                         context->root->path);
    if (code) {
        clock_close(&self->load);
        return code;
    }
    uint64_t own_ns;
    self->has_clocks = context->root->is_real && read_clock(getpid(), &own_ns);
    self->has_hierarchy = !jb_hierarchy_find(context->root, NULL, &self->hierarchy);
    if (self->has_hierarchy)
        self->hierarchy_descriptor = jb_hierarchy_open(&self->hierarchy, context->root);
    *ret_load = &self->load;
    return JB_OK;
}

const struct jb_load_ops jb_load_process_clock = {
    .name = "process_clock",
    .summary = "CPU time of each process that lives, from its own clock (no privileges needed)",
    .role = JB_LOAD_PROCESS,
    .open = clock_open,
    .sample = clock_sample,
    .close = clock_close,
};
