/* What a cgroup is, from its path alone: the marks that container engines, Kubernetes, Slurm and systemd
 * leave in names. */
#include "base/text.h"
#include "load/load.h"

#include <stdio.h>
#include <string.h>

enum {
    COMPONENT_SIZE = 256, /* a name in a directory, with its NUL */
    ID_LENGTH = 64,       /* of a container */
    SHORT_LENGTH = 12,    /* of an id as people read it */
};

/* What the components above said about the ones below. */
struct context {
    char parent[COMPONENT_SIZE];
    char user[32]; /* of user-1000.slice */
    bool in_slurm, in_ecs;
};

static bool starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool equals(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

/* Takes the suffix off when it is there and something stays. */
static bool strip(char *text, const char *suffix) {
    size_t length = strlen(text), suffix_length = strlen(suffix);
    if (length <= suffix_length || !equals(text + length - suffix_length, suffix))
        return false;
    text[length - suffix_length] = '\0';
    return true;
}

static size_t hex_length(const char *text) {
    return strspn(text, "0123456789abcdef");
}

static bool is_container_id(const char *text) {
    return hex_length(text) == ID_LENGTH && text[ID_LENGTH] == '\0';
}

/* Fargate: 32 hex digits, '-', decimal digits. */
static bool is_fargate_id(const char *text) {
    return hex_length(text) == 32 && text[32] == '-' && text[33] &&
           text[33 + strspn(text + 33, "0123456789")] == '\0' && strlen(text) < 68;
}

static bool is_suffix_of_unit(const char *dot) {
    static const char *const suffixes[] = {".service", ".scope", ".slice", ".socket", ".mount", ".swap"};
    for (size_t i = 0; i < JB_COUNT(suffixes); i++) {
        if (equals(dot, suffixes[i]))
            return true;
    }
    return false;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* systemd's \x2d back to the byte it stands for. In place. */
static void unescape(char *text) {
    char *out = text;
    while (*text) {
        if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0 &&
            (hex_digit(text[2]) || hex_digit(text[3]))) {
            *out++ = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

static void set_container(struct jb_workload_name *name, const char *engine, const char *id) {
    name->kind = JB_WORKLOAD_CONTAINER;
    snprintf(name->engine, sizeof name->engine, "%s", engine);
    snprintf(name->container, sizeof name->container, "%.*s", (int)sizeof name->container - 1, id);
    if (is_container_id(id) || is_fargate_id(id))
        snprintf(name->name, sizeof name->name, "%.*s", SHORT_LENGTH, id);
    else
        jb_text_display(id, name->name, sizeof name->name);
}

/* A Kubernetes UID: 8-4-4-4-12 hex digits with '-' or '_', or 32 hex digits (static pods). */
static bool take_pod_uid(const char *text, struct jb_workload_name *name) {
    char uid[37];
    size_t length = strspn(text, "0123456789abcdef_-");
    if ((length != 36 && length != 32) || text[length] != '\0')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool is_dash = text[i] == '_' || text[i] == '-';
        bool wants_dash = length == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
        if (is_dash != wants_dash)
            return false;
        uid[i] = is_dash ? '-' : text[i];
    }
    uid[length] = '\0';
    name->kind = JB_WORKLOAD_POD;
    name->engine[0] = '\0'; /* the same for all of them: its containers tell */
    snprintf(name->pod, sizeof name->pod, "%s", uid);
    snprintf(name->name, sizeof name->name, "pod %.8s", uid);
    return true;
}

/* kubepods-burstable-pod<uid>.slice, kubelet-kubepods-pod<uid>.slice, pod<uid>. text without ".slice". */
static bool take_pod(const char *text, struct jb_workload_name *name) {
    if (starts(text, "pod"))
        return take_pod_uid(text + 3, name);
    const char *mark = strstr(text, "kubepods") ? strstr(text, "-pod") : NULL;
    return mark && take_pod_uid(mark + 4, name);
}

/* machine-libpod_pod_<id>.slice and libpod_pod_<id>. text without ".slice". */
static bool take_podman_pod(const char *text, struct jb_workload_name *name) {
    if (starts(text, "machine-") || starts(text, "user-"))
        text = strchr(text, '-') + 1;
    if (!starts(text, "libpod_pod_") || !is_container_id(text + strlen("libpod_pod_")))
        return false;
    text += strlen("libpod_pod_");
    name->kind = JB_WORKLOAD_POD;
    snprintf(name->engine, sizeof name->engine, "podman");
    snprintf(name->pod, sizeof name->pod, "%.*s", SHORT_LENGTH, text);
    snprintf(name->name, sizeof name->name, "pod %.*s", SHORT_LENGTH, text);
    return true;
}

/* <prefix><64 hex digits>, with or without ".scope". */
static bool take_prefixed_container(const char *component, struct jb_workload_name *name) {
    static const struct {
        const char *prefix, *engine;
        bool is_monitor;
    } marks[] = {
        {"docker-", "docker", false},       {"cri-containerd-", "containerd", false},
        {"nerdctl-", "containerd", false},  {"containerd-", "containerd", false},
        {"crio-conmon-", "cri-o", true},    {"crio-", "cri-o", false},
        {"libpod-conmon-", "podman", true}, {"libpod-payload-", "podman", false},
        {"libpod-", "podman", false},
    };
    char text[COMPONENT_SIZE];
    snprintf(text, sizeof text, "%s", component);
    strip(text, ".scope");
    for (size_t i = 0; i < JB_COUNT(marks); i++) {
        const char *id = text + strlen(marks[i].prefix);
        if (!starts(text, marks[i].prefix) || !is_container_id(id))
            continue;
        set_container(name, marks[i].engine, id);
        if (marks[i].is_monitor)
            snprintf(name->name, sizeof name->name, "conmon %.*s", SHORT_LENGTH, id);
        return true;
    }
    return false;
}

/* containerd and cri-o under the systemd driver without systemd's help: <slice>:cri-containerd:<id>. */
static bool take_colon_container(const char *component, struct jb_workload_name *name) {
    char text[COMPONENT_SIZE];
    snprintf(text, sizeof text, "%s", component);
    char *second = strrchr(text, ':');
    if (!second || !is_container_id(second + 1))
        return false;
    *second = '\0';
    char *first = strrchr(text, ':');
    const char *driver = first ? first + 1 : text;
    if (first)
        *first = '\0';
    strip(text, ".slice");
    (void)(take_pod(text, name) || take_podman_pod(text, name));
    const char *engine = equals(driver, "cri-containerd") ? "containerd"
                         : equals(driver, "crio")         ? "cri-o"
                         : equals(driver, "docker")       ? "docker"
                                                          : "";
    set_container(name, engine, second + 1);
    return true;
}

/* A bare id, whose engine only the name above can tell. */
static bool take_bare_container(const char *component, const struct context *context,
                                struct jb_workload_name *name) {
    static const char *const engines[][2] = {
        {"docker", "docker"},      {"actions_job", "docker"}, {"moby", "containerd"},
        {"default", "containerd"}, {"k8s.io", "containerd"},  {"libpod_parent", "podman"},
    };
    if (!is_container_id(component) && !(context->in_ecs && is_fargate_id(component)))
        return false;
    const char *engine = context->in_ecs ? "docker" : "";
    for (size_t i = 0; i < JB_COUNT(engines); i++) {
        if (equals(context->parent, engines[i][0]))
            engine = engines[i][1];
    }
    set_container(name, engine, component);
    return true;
}

/* LXC, LXD and Incus; machines of systemd (nspawn) and libvirt. */
static bool take_machine(const char *component, const struct context *context,
                         struct jb_workload_name *name) {
    char text[COMPONENT_SIZE];
    snprintf(text, sizeof text, "%s", component);
    static const char *const lxc[] = {"lxc.payload.", "lxc.monitor."};
    for (size_t i = 0; i < JB_COUNT(lxc); i++) {
        if (starts(text, lxc[i]) && text[strlen(lxc[i])]) {
            set_container(name, "lxc", text + strlen(lxc[i]));
            if (i == 1)
                jb_text_display(component, name->name, sizeof name->name);
            return true;
        }
    }
    if (equals(context->parent, "lxc") || equals(context->parent, "lxc.payload")) {
        set_container(name, "lxc", text);
        return true;
    }
    bool is_scope = strip(text, ".scope");
    if (is_scope && starts(text, "machine-") && text[strlen("machine-")]) {
        unescape(text);
        bool is_virtual = starts(text, "machine-qemu") || starts(text, "machine-lxc");
        set_container(name, is_virtual ? "libvirt" : "systemd-nspawn", text + strlen("machine-"));
        return true;
    }
    if (strip(text, ".service") && starts(text, "systemd-nspawn@") && text[strlen("systemd-nspawn@")]) {
        unescape(text);
        set_container(name, "systemd-nspawn", text + strlen("systemd-nspawn@"));
        return true;
    }
    return false;
}

/* job_17 and step_0 below a component of Slurm's. */
static bool take_slurm(const char *component, const struct context *context, struct jb_workload_name *name) {
    if (!context->in_slurm)
        return false;
    if (starts(component, "job_") && component[4] &&
        component[4 + strspn(component + 4, "0123456789")] == '\0' &&
        strlen(component + 4) < sizeof name->job) {
        name->kind = JB_WORKLOAD_JOB;
        snprintf(name->engine, sizeof name->engine, "slurm");
        snprintf(name->job, sizeof name->job, "%.*s", (int)sizeof name->job - 1, component + 4);
        snprintf(name->name, sizeof name->name, "job %s", name->job);
        return true;
    }
    if (starts(component, "step_") && component[5] && *name->job) {
        char step[32];
        jb_text_display(component + 5, step, sizeof step);
        snprintf(name->name, sizeof name->name, "job %s step %s", name->job, step);
        return true;
    }
    return false;
}

/* The application of app[-<launcher>]-<application>-<random>.scope or app-…@<random>.service, as desktops
 * name them. text without suffix, still escaped (so '-' separates). In place; false when it is none. */
static bool take_application(char *text, bool is_scope) {
    if (!starts(text, "app-"))
        return false;
    char *end = is_scope ? strrchr(text, '-') : strchr(text, '@');
    if (end && end > text + 4)
        *end = '\0';
    char *last = strrchr(text, '-');
    if (!last || !last[1])
        return false;
    memmove(text, last + 1, strlen(last + 1) + 1);
    return true;
}

static bool is_unit(const char *component) {
    const char *dot = strrchr(component, '.');
    return dot && dot != component && is_suffix_of_unit(dot);
}

static void take_unit(const char *component, struct context *context, struct jb_workload_name *name) {
    const char *dot = strrchr(component, '.');
    bool is_scope = equals(dot, ".scope");
    char text[COMPONENT_SIZE];
    snprintf(text, sizeof text, "%.*s", (int)(dot - component), component);
    name->kind = JB_WORKLOAD_UNIT;
    if (!*name->engine)
        snprintf(name->engine, sizeof name->engine, "systemd");
    if (equals(dot, ".slice") && starts(text, "user-") && strspn(text + 5, "0123456789") == strlen(text + 5))
        snprintf(context->user, sizeof context->user, "%.31s", text + 5);
    if (is_scope && starts(text, "session-") && text[8] && *context->user) {
        name->kind = JB_WORKLOAD_SESSION;
        char session[32];
        jb_text_display(text + 8, session, sizeof session);
        snprintf(name->name, sizeof name->name, "session %s of user %s", session, context->user);
        return;
    }
    (void)take_application(text, is_scope);
    unescape(text);
    jb_text_display(text, name->name, sizeof name->name);
}

static void take_component(const char *component, struct context *context, struct jb_workload_name *name) {
    char bare[COMPONENT_SIZE];
    snprintf(bare, sizeof bare, "%s", component);
    strip(bare, ".slice");
    bool is_recognised = take_prefixed_container(component, name) || take_colon_container(component, name) ||
                         take_bare_container(component, context, name) ||
                         take_machine(component, context, name) || take_slurm(component, context, name) ||
                         take_pod(bare, name) || take_podman_pod(bare, name);
    if (is_unit(component)) {
        if (!is_recognised)
            take_unit(component, context, name);
        snprintf(name->unit, sizeof name->unit, "%s", component);
    }
    context->in_slurm = context->in_slurm || strstr(component, "slurm");
    context->in_ecs = context->in_ecs || equals(component, "ecs");
    snprintf(context->parent, sizeof context->parent, "%s", component);
}

void jb_workload_name_parse(const char *cgroup_path, struct jb_workload_name *ret_name) {
    struct jb_workload_name name = {.kind = JB_WORKLOAD_CGROUP};
    struct context context = {0};
    char component[COMPONENT_SIZE] = "";
    for (const char *at = cgroup_path; *at;) {
        at += strspn(at, "/");
        size_t length = strcspn(at, "/");
        if (length > 0) {
            /* Longer than any file system's names: it says nothing, and is cut for display. */
            snprintf(component, sizeof component, "%.*s", (int)(length < 255 ? length : 255), at);
            if (length < sizeof component)
                take_component(component, &context, &name);
        }
        at += length;
    }
    if (name.kind == JB_WORKLOAD_CGROUP)
        jb_text_display(*component ? component : "root", name.name, sizeof name.name);
    *ret_name = name;
}
