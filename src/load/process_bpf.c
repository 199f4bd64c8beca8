/* The processes' load by BPF: one iterator run per sample for those that live, a ring of records for those
 * that ended since. */
#include "load/table.h"

#ifdef JB_HAVE_BPF

#include "base/array.h"
#include "bpf/process.skel.h"
#include "bpf/process_record.h"
#include "load/hierarchy.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Records are read straight into the sample. */
#define SAME_PLACE(field)                                                                                    \
    (offsetof(struct process_record, field) == offsetof(struct jb_process_usage, field) &&                   \
     sizeof((struct process_record){0}.field) == sizeof((struct jb_process_usage){0}.field))
static_assert(sizeof(struct process_record) == sizeof(struct jb_process_usage) && SAME_PLACE(pid) &&
                  SAME_PLACE(parent_pid) && SAME_PLACE(start_ns) && SAME_PLACE(cgroup_id) &&
                  SAME_PLACE(cpu_ns) && SAME_PLACE(comm) && SAME_PLACE(flags),
              "the kernel's records are laid out as usage");
static_assert((int)PROCESS_RECORD_KERNEL == (int)JB_PROCESS_KERNEL &&
                  (int)PROCESS_RECORD_EXITED == (int)JB_PROCESS_EXITED,
              "the kernel's flags are those of usage");

enum { ROOM_RECORDS = 1024 }; /* asked for at a time: the kernel gives at most 32 KiB for one read */

struct bpf_load {
    struct jb_load load;
    struct jb_process *skeleton;
    struct bpf_link *iterator, *ends;
    struct ring_buffer *ring;
    struct jb_sample *sample; /* where the ring's records go, while it is being emptied */
    enum jb_code ring_code;
    uint64_t lost_before, partial_before;
    bool pids_are_ours; /* pids in records are those that system calls take here */
};

static int take_end(void *context, void *bytes, size_t size) {
    struct bpf_load *self = context;
    struct jb_sample *sample = self->sample;
    if (size < sizeof(struct process_record))
        return 0;
    self->ring_code = jb_array_reserve(&sample->processes, &sample->process_capacity,
                                       sample->process_count + 1, JB_PROCESS_CEILING, "processes", NULL);
    if (self->ring_code)
        return -ENOMEM;
    memcpy(&sample->processes[sample->process_count++], bytes, sizeof(struct process_record));
    return 0;
}

/* The records of one run of the iterator, appended to the sample. */
static enum jb_code read_living(struct bpf_load *self, struct jb_sample *sample, struct jb_error *error) {
    _cleanup_close_ int descriptor = bpf_iter_create(bpf_link__fd(self->iterator));
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "BPF iterator over tasks");
    size_t bytes = sample->process_count * sizeof *sample->processes;
    for (;;) {
        size_t whole = bytes / sizeof *sample->processes;
        enum jb_code code = jb_array_reserve(&sample->processes, &sample->process_capacity,
                                             whole + ROOM_RECORDS, JB_PROCESS_CEILING, "processes", error);
        if (code)
            return code;
        size_t room = sample->process_capacity * sizeof *sample->processes - bytes;
        ssize_t got = read(descriptor, (char *)sample->processes + bytes, room);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return jb_error_set_errno(error, errno, "BPF iterator over tasks");
        if (got == 0)
            break;
        bytes += (size_t)got;
    }
    sample->process_count = bytes / sizeof *sample->processes;
    return JB_OK;
}

/* Records that the program could not sum are completed by the process' own clock. */
static void complete_partial(struct bpf_load *self, struct jb_sample *sample, size_t from) {
    uint64_t partial = self->skeleton->bss->partial_count;
    if (partial == self->partial_before)
        return;
    self->partial_before = partial;
    size_t kept = from;
    for (size_t i = from; i < sample->process_count; i++) {
        struct jb_process_usage usage = sample->processes[i];
        if (usage.flags & PROCESS_RECORD_PARTIAL) {
            struct timespec time;
            clockid_t clock = (clockid_t)((~(uint32_t)usage.pid << 3) | 2U); /* CPUCLOCK_SCHED */
            if (!self->pids_are_ours || clock_gettime(clock, &time) < 0)
                continue; /* left out this time, rather than shown with less than it had */
            usage.cpu_ns = (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
            usage.flags &= ~(uint32_t)PROCESS_RECORD_PARTIAL;
        }
        sample->processes[kept++] = usage;
    }
    sample->process_count = kept;
}

/* Ends first, the living after them: a process that ended is in no later sample, so none is there twice. */
static enum jb_code bpf_sample(struct jb_load *load, struct jb_sample *sample, struct jb_error *error) {
    struct bpf_load *self = (struct bpf_load *)load;
    self->sample = sample;
    self->ring_code = JB_OK;
    int taken = ring_buffer__consume(self->ring);
    self->sample = NULL;
    if (self->ring_code)
        return jb_error_set(error, self->ring_code, "no room for processes that ended");
    if (taken < 0)
        return jb_error_set_errno(error, -taken, "BPF ring of processes that ended");
    uint64_t lost = self->skeleton->bss->exits_lost;
    sample->exits_lost = lost - self->lost_before;
    self->lost_before = lost;
    size_t from = sample->process_count;
    enum jb_code code = read_living(self, sample, error);
    if (!code)
        complete_partial(self, sample, from);
    return code;
}

static void bpf_close(struct jb_load *load) {
    struct bpf_load *self = (struct bpf_load *)load;
    if (!self)
        return;
    ring_buffer__free(self->ring);
    bpf_link__destroy(self->iterator);
    bpf_link__destroy(self->ends);
    jb_process__destroy(self->skeleton);
    free(self);
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments) {
    (void)level, (void)format, (void)arguments;
    return 0;
}

/* Why the kernel refused, as far as it can be told, and the mend. */
static enum jb_code explain(const struct jb_root *root, int errnum, struct jb_error *error) {
    char lockdown[256] = "";
    (void)jb_root_read_line(root, "/sys/kernel/security/lockdown", lockdown, sizeof lockdown, NULL);
    if (strstr(lockdown, "[confidentiality]"))
        return jb_error_set(error, JB_PERMISSION,
                            "the kernel is locked down (confidentiality), so BPF may not read processes; "
                            "boot without lockdown=confidentiality");
    if (errnum == EPERM || errnum == EACCES)
        return jb_error_set(
            error, JB_PERMISSION,
            "BPF needs CAP_BPF and CAP_PERFMON (and CAP_SYS_RESOURCE before Linux 5.11): run as "
            "root, or setcap cap_bpf,cap_perfmon,cap_sys_resource+ep the program");
    if (errnum == ENOSYS || errnum == EINVAL || errnum == ENOENT || errnum == ESRCH || errnum == EOPNOTSUPP)
        return jb_error_set(
            error, JB_UNSUPPORTED,
            "this kernel does not take the BPF programs (%s): Linux 5.8 with BPF and BTF is needed",
            strerror(errnum));
    return jb_error_set_errno(error, errnum, "BPF programs");
}

static bool in_first_pid_namespace(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == 0xeffffffcU; /* PROC_PID_INIT_INO */
}

static enum jb_code start(struct bpf_load *self, const struct jb_load_context *context,
                          struct jb_error *error) {
    struct jb_hierarchy hierarchy = {.unified = true};
    (void)jb_hierarchy_find(context->root, NULL, &hierarchy);
    self->skeleton = jb_process__open();
    if (!self->skeleton)
        return explain(context->root, errno, error);
    self->skeleton->rodata->is_unified = hierarchy.unified;
    int result = jb_process__load(self->skeleton);
    if (result)
        return explain(context->root, -result, error);
    self->ends = bpf_program__attach(self->skeleton->progs.on_free);
    if (!self->ends)
        return explain(context->root, errno, error);
    self->iterator = bpf_program__attach_iter(self->skeleton->progs.on_task, NULL);
    if (!self->iterator)
        return explain(context->root, errno, error);
    self->ring = ring_buffer__new(bpf_map__fd(self->skeleton->maps.exits), take_end, self, NULL);
    if (!self->ring)
        return explain(context->root, errno, error);
    /* That it works shows at the first run. */
    _cleanup_close_ int descriptor = bpf_iter_create(bpf_link__fd(self->iterator));
    struct process_record first;
    if (descriptor < 0 || read(descriptor, &first, sizeof first) < (ssize_t)sizeof first)
        return explain(context->root, descriptor < 0 ? errno : EIO, error);
    return JB_OK;
}

static enum jb_code bpf_open(const struct jb_load_context *context, struct jb_error *error,
                             struct jb_load **ret_load) {
    if (!context->root->is_real)
        return jb_error_set(error, JB_UNSUPPORTED, "BPF shows the running kernel only, not %s",
                            context->root->path);
    if (!jb_root_exists(context->root, "/sys/kernel/btf/vmlinux"))
        return jb_error_set(
            error, JB_UNSUPPORTED,
            "/sys/kernel/btf/vmlinux is not there: a kernel with CONFIG_DEBUG_INFO_BTF is needed");
    struct bpf_load *self = calloc(1, sizeof *self);
    if (!self)
        return jb_error_set(error, JB_MEMORY, "no memory for the processes' load");
    self->load.ops = &jb_load_process_bpf;
    self->pids_are_ours = in_first_pid_namespace();
    libbpf_print_fn_t printer = libbpf_set_print(print_nothing);
    enum jb_code code = start(self, context, error);
    libbpf_set_print(printer);
    if (code) {
        bpf_close(&self->load);
        return code;
    }
    *ret_load = &self->load;
    return JB_OK;
}

#else

static enum jb_code bpf_open(const struct jb_load_context *context, struct jb_error *error,
                             struct jb_load **ret_load) {
    (void)context, (void)ret_load;
    return jb_error_set(error, JB_UNSUPPORTED, "built without BPF: build with clang and bpftool installed");
}

static enum jb_code bpf_sample(struct jb_load *load, struct jb_sample *sample, struct jb_error *error) {
    (void)load, (void)sample;
    return jb_error_set(error, JB_UNSUPPORTED, "built without BPF");
}

static void bpf_close(struct jb_load *load) {
    (void)load;
}

#endif

const struct jb_load_ops jb_load_process_bpf = {
    .name = "process_bpf",
    .summary = "CPU time of each process, those that ended too, from the kernel by BPF",
    .role = JB_LOAD_PROCESS,
    .open = bpf_open,
    .sample = bpf_sample,
    .close = bpf_close,
};
