/* Keeps an eye on the processes that have a GPU open.
 *
 * Looking through the descriptors of every process is dear (about 30 µs each), so it is spread: /proc is
 * listed every two seconds, processes that are new in the list are looked at a few times, since a program
 * opens the device some time after its start, and the old ones in turn, some at each listing. Known clients
 * are read at every question, one small file each. */
#include "source/amdgpu.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_EVERY_NS  (2 * JB_SECOND_NS)
#define LOOKS_WHEN_NEW 3  /* how often a new process is looked at, one listing after the other */
#define LOOKS_PER_TURN 64 /* old processes looked at per listing */
#define PID_CEILING    ((size_t)4194304) /* the kernel's own ceiling of pids */
/* More than this is not followed, so that a program that opens the device without end cannot hold the meter
 * up. */
#define HANDLE_CEILING     ((size_t)4096)
#define DESCRIPTOR_CEILING 4096 /* looked at per process */
#define PER_PROCESS        256  /* followed per process and look, so that one cannot crowd out the others */
#define FDINFO_SIZE        8192

struct seen {
    int32_t pid;
    uint32_t looks;
};

/* A descriptor of a process that shows a client. */
struct handle {
    int32_t pid, descriptor;
};

/* One client, as it stood when it was read last. */
struct client {
    struct jb_drm_client stand;
    int32_t pid;      /* who is charged: the first that was found with it */
    uint64_t busy_ns; /* since the question before */
    uint64_t round;   /* in which it was seen last */
};

struct jb_drm_watch {
    const struct jb_root *root;
    const struct jb_clock *clock;
    char driver[16];
    struct seen *seen, *next; /* by pid; the list before, and the one being made */
    size_t seen_count, seen_capacity, next_count, next_capacity;
    struct handle *handles;
    size_t handle_count, handle_capacity;
    struct client *clients;
    size_t client_count, client_capacity;
    struct jb_drm_use *uses;
    size_t use_capacity;
    size_t turn; /* where in the list of pids the turn of the old ones is */
    uint64_t round;
    int64_t listed_boottime_ns, asked_boottime_ns;
    bool is_started;
    size_t denied_count, allowed_count; /* of the processes looked at, since the start */
};

enum jb_code jb_drm_watch_make(const struct jb_root *root, const struct jb_clock *clock, const char *driver,
                               struct jb_error *error, struct jb_drm_watch **ret_watch) {
    struct jb_drm_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return jb_error_set(error, JB_MEMORY, "no memory to watch the users of GPUs");
    watch->root = root;
    watch->clock = clock;
    snprintf(watch->driver, sizeof watch->driver, "%s", driver);
    *ret_watch = watch;
    return JB_OK;
}

void jb_drm_watch_free(struct jb_drm_watch *watch) {
    if (!watch)
        return;
    free(watch->seen);
    free(watch->next);
    free(watch->handles);
    free(watch->clients);
    free(watch->uses);
    free(watch);
}

/* The number that is the whole name; −1 when it is none. */
static int32_t number_of(const char *name) {
    int64_t value = 0;
    const char *at = name;
    for (; isdigit((unsigned char)*at) && value <= INT32_MAX; at++)
        value = value * 10 + (*at - '0');
    return at == name || *at || value > INT32_MAX ? -1 : (int32_t)value;
}

static bool has_handle(const struct jb_drm_watch *watch, int32_t pid, int32_t descriptor) {
    for (size_t i = 0; i < watch->handle_count; i++) {
        if (watch->handles[i].pid == pid && watch->handles[i].descriptor == descriptor)
            return true;
    }
    return false;
}

static bool is_device_link(int directory, const char *name) {
    char target[64];
    ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    return strncmp(target, "/dev/dri/", strlen("/dev/dri/")) == 0;
}

/* Notes the descriptors of a process that lead to /dev/dri. In a recorded tree, which may lack the links,
 * every fdinfo file is taken; those that show no client are dropped when they are read. */
static enum jb_code look_at(struct jb_drm_watch *watch, int32_t pid, struct jb_error *error) {
    char path[48];
    bool has_links = watch->root->is_real;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, has_links ? "fd" : "fdinfo");
    DIR *directory = jb_root_opendir(watch->root, path);
    if (!directory) {
        watch->denied_count += errno == EACCES || errno == EPERM;
        return JB_OK;
    }
    watch->allowed_count++;
    enum jb_code code = JB_OK;
    const struct dirent *entry;
    size_t most = watch->handle_count + PER_PROCESS < HANDLE_CEILING ? watch->handle_count + PER_PROCESS
                                                                     : HANDLE_CEILING;
    for (int i = 0;
         !code && i < DESCRIPTOR_CEILING && watch->handle_count < most && (entry = readdir(directory)); i++) {
        int32_t descriptor = number_of(entry->d_name);
        if (descriptor < 0 || (has_links && !is_device_link(dirfd(directory), entry->d_name)) ||
            has_handle(watch, pid, descriptor))
            continue;
        code = jb_array_reserve(&watch->handles, &watch->handle_capacity, watch->handle_count + 1,
                                HANDLE_CEILING, "open GPU devices", error);
        if (!code)
            watch->handles[watch->handle_count++] = (struct handle){.pid = pid, .descriptor = descriptor};
    }
    closedir(directory);
    return code;
}

static int compare_seen(const void *a, const void *b) {
    int32_t x = ((const struct seen *)a)->pid, y = ((const struct seen *)b)->pid;
    return (x > y) - (x < y);
}

/* Lists /proc into watch->next, sorted, with what is known of each pid from the list before. */
static enum jb_code list_processes(struct jb_drm_watch *watch, struct jb_error *error) {
    DIR *directory = jb_root_opendir(watch->root, "/proc");
    if (!directory)
        return jb_error_set_errno(error, errno, "%s/proc", watch->root->path);
    enum jb_code code = JB_OK;
    const struct dirent *entry;
    watch->next_count = 0;
    bool is_sorted = true;
    while (!code && (entry = readdir(directory))) {
        int32_t pid = number_of(entry->d_name);
        if (pid <= 0)
            continue;
        code = jb_array_reserve(&watch->next, &watch->next_capacity, watch->next_count + 1, PID_CEILING,
                                "processes", error);
        if (code)
            break;
        is_sorted = is_sorted && (!watch->next_count || watch->next[watch->next_count - 1].pid < pid);
        watch->next[watch->next_count++] = (struct seen){.pid = pid};
    }
    closedir(directory);
    if (code)
        return code;
    if (!is_sorted) /* the kernel lists in order; other file systems do not */
        qsort(watch->next, watch->next_count, sizeof *watch->next, compare_seen);
    for (size_t i = 0, k = 0; i < watch->next_count; i++) {
        while (k < watch->seen_count && watch->seen[k].pid < watch->next[i].pid)
            k++;
        if (k < watch->seen_count && watch->seen[k].pid == watch->next[i].pid)
            watch->next[i].looks = watch->seen[k].looks;
    }
    struct seen *list = watch->seen;
    size_t capacity = watch->seen_capacity;
    watch->seen = watch->next;
    watch->seen_count = watch->next_count;
    watch->seen_capacity = watch->next_capacity;
    watch->next = list;
    watch->next_capacity = capacity;
    return JB_OK;
}

static enum jb_code search(struct jb_drm_watch *watch, struct jb_error *error) {
    enum jb_code code = list_processes(watch, error);
    for (size_t i = 0; !code && i < watch->seen_count; i++) {
        struct seen *seen = &watch->seen[i];
        if (seen->looks >= LOOKS_WHEN_NEW)
            continue;
        /* those that ran before us get one look now; they had their time */
        seen->looks = watch->is_started ? seen->looks + 1 : LOOKS_WHEN_NEW;
        code = look_at(watch, seen->pid, error);
    }
    for (size_t i = 0; !code && watch->is_started && i < LOOKS_PER_TURN && i < watch->seen_count; i++) {
        watch->turn = watch->turn + 1 < watch->seen_count ? watch->turn + 1 : 0;
        code = look_at(watch, watch->seen[watch->turn].pid, error);
    }
    return code;
}

static struct client *find_client(struct jb_drm_watch *watch, const struct jb_drm_client *stand) {
    for (size_t i = 0; i < watch->client_count; i++) {
        struct client *client = &watch->clients[i];
        if (client->stand.id == stand->id && strcmp(client->stand.device, stand->device) == 0)
            return client;
    }
    return NULL;
}

/* Takes what a descriptor shows. Several descriptors of one client are counted once in a round, for the
 * first. */
static enum jb_code take(struct jb_drm_watch *watch, int32_t pid, const struct jb_drm_client *stand,
                         uint64_t elapsed_ns, struct jb_error *error) {
    struct client *client = find_client(watch, stand);
    if (client && client->round == watch->round)
        return JB_OK;
    if (client) {
        client->busy_ns = stand->busy_ns > client->stand.busy_ns ? stand->busy_ns - client->stand.busy_ns : 0;
    } else {
        enum jb_code code = jb_array_reserve(&watch->clients, &watch->client_capacity,
                                             watch->client_count + 1, HANDLE_CEILING, "users of GPUs", error);
        if (code)
            return code;
        client = &watch->clients[watch->client_count++];
        *client = (struct client){0};
        /* New since the last question, or found late: no more than could be done since then is charged. */
        if (watch->is_started)
            client->busy_ns = stand->busy_ns < elapsed_ns ? stand->busy_ns : elapsed_ns;
    }
    client->stand = *stand;
    client->pid = pid;
    client->round = watch->round;
    return JB_OK;
}

/* Reads every known descriptor; those that are closed, or show no client of the driver, are forgotten. */
static enum jb_code read_handles(struct jb_drm_watch *watch, uint64_t elapsed_ns, struct jb_error *error) {
    size_t kept = 0;
    enum jb_code code = JB_OK;
    for (size_t i = 0; i < watch->handle_count; i++) {
        struct handle handle = watch->handles[i];
        char path[64], text[FDINFO_SIZE];
        size_t length = 0;
        snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", handle.pid, handle.descriptor);
        _cleanup_close_ int descriptor = jb_root_openat(watch->root, path, O_RDONLY | O_NONBLOCK);
        struct jb_drm_client stand;
        if (descriptor < 0 || jb_descriptor_read(descriptor, text, sizeof text, NULL, &length) ||
            !jb_drm_fdinfo_parse(text, length, &stand) || strcmp(stand.driver, watch->driver) != 0)
            continue;
        watch->handles[kept++] = handle;
        if (!code)
            code = take(watch, handle.pid, &stand, elapsed_ns, error);
    }
    watch->handle_count = kept;
    return code;
}

/* Drops the clients that no descriptor shows any more and lists what the others did. */
static enum jb_code list_uses(struct jb_drm_watch *watch, struct jb_error *error, size_t *ret_count) {
    size_t kept = 0;
    for (size_t i = 0; i < watch->client_count; i++) {
        if (watch->clients[i].round == watch->round)
            watch->clients[kept++] = watch->clients[i];
    }
    watch->client_count = kept;
    enum jb_code code =
        jb_array_reserve(&watch->uses, &watch->use_capacity, kept, HANDLE_CEILING, "users of GPUs", error);
    for (size_t i = 0; !code && i < kept; i++)
        watch->uses[i] = (struct jb_drm_use){
            .device = watch->clients[i].stand.device,
            .pid = watch->clients[i].pid,
            .busy_ns = watch->clients[i].busy_ns,
            .memory_bytes = watch->clients[i].stand.memory_bytes,
        };
    if (!code)
        *ret_count = kept;
    return code;
}

enum jb_code jb_drm_watch_ask(struct jb_drm_watch *watch, struct jb_error *error,
                              const struct jb_drm_use **ret_uses, size_t *ret_count) {
    int64_t now_ns = watch->clock->boottime_ns(watch->clock);
    uint64_t elapsed_ns =
        now_ns > watch->asked_boottime_ns ? (uint64_t)(now_ns - watch->asked_boottime_ns) : 0;
    enum jb_code code = JB_OK;
    if (!watch->is_started || now_ns - watch->listed_boottime_ns >= LIST_EVERY_NS) {
        code = search(watch, error);
        watch->listed_boottime_ns = now_ns;
    }
    watch->round++;
    if (!code)
        code = read_handles(watch, elapsed_ns, error);
    size_t count = 0;
    if (!code)
        code = list_uses(watch, error, &count);
    if (code)
        return code;
    watch->asked_boottime_ns = now_ns;
    watch->is_started = true;
    if (count == 0 && watch->denied_count > watch->allowed_count)
        return jb_error_set(error, JB_PERMISSION,
                            "the descriptors of most processes may not be looked at: run as root, or grant "
                            "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
    *ret_uses = watch->uses;
    *ret_count = count;
    return JB_OK;
}
