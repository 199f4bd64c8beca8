/* What `top` shows, without a screen: ticks in; ordered, filtered, treed rows out. Pure. */
#ifndef JB_CLI_TOP_MODEL_H
#define JB_CLI_TOP_MODEL_H

#include "base/cleanup.h"
#include "meter/sampler.h"

#define JB_TOP_FILTER_SIZE   128
#define JB_TOP_COMMAND_SIZE  512
#define JB_TOP_SEGMENT_COUNT 16

enum jb_top_by { JB_TOP_BY_PROCESS, JB_TOP_BY_CGROUP, JB_TOP_BY_CONTAINER, JB_TOP_BY_COUNT };
enum jb_top_sort {
    JB_TOP_SORT_POWER,
    JB_TOP_SORT_ENERGY,
    JB_TOP_SORT_CPU,
    JB_TOP_SORT_TIME,
    JB_TOP_SORT_PID, /* number of processes, where rows are groups */
    JB_TOP_SORT_GROUP,
    JB_TOP_SORT_NAME,
    JB_TOP_SORT_COUNT
};

struct jb_top_settings {
    enum jb_top_by by;
    enum jb_top_sort sort;
    bool is_reversed;  /* the other way round than usual (figures: greatest first, names: first first) */
    bool is_tree;      /* processes below their parents, groups below the groups that hold them */
    bool hides_kernel; /* kernel threads as one row */
    bool hides_host;   /* what belongs to no workload: idle, rest, interrupts, steal, exited … */
    bool hides_quiet;  /* rows without power and CPU time in the last interval */
    char filter[JB_TOP_FILTER_SIZE]; /* rows with one of these texts, separated by '|'; "" all */
};

enum jb_top_kind {
    JB_TOP_PROCESS,
    JB_TOP_KERNEL_THREAD,
    JB_TOP_GROUP, /* a cgroup, or a container, pod, unit, job or session */
    JB_TOP_HOST,  /* a part of the host that is no workload, and what ended */
};

struct jb_top_row {
    uint64_t key; /* the same for the same thing in every tick */
    enum jb_top_kind kind;
    int32_t pid;            /* of processes */
    uint64_t start_ns;      /* of processes */
    uint32_t process_count; /* of groups */
    double power_w;         /* mean over the last interval; NaN unknown */
    double energy_j;        /* since start or reset; NaN when it was never known */
    double share;           /* of the host's power; NaN unknown */
    double cpus;            /* CPUs in use: 1 is one CPU all the time */
    uint64_t time_ns;       /* CPU time: of processes since they began, else since start or reset */
    const char *group;      /* of processes: short name of what they run in; of containers: what they are */
    const char *name;       /* command, path, or the host's part; any bytes */
    /* where it stands in the tree; 0 and false in a list */
    unsigned depth;
    bool has_children, is_collapsed; /* collapsed: its figures are those of all below it as well */
    bool is_last;                    /* of its siblings */
    uint64_t open_levels;            /* bit d: the ancestor at depth d has siblings further down */
};

/* A part of the host for the header: a booked domain, rest, or idle. */
struct jb_top_segment {
    char name[32];
    bool is_known;
    double power_w;
};
struct jb_top_summary {
    int64_t realtime_ns;
    int64_t since_ns;      /* length of what energy_j covers */
    bool is_first;         /* no interval has passed yet */
    double power_w;        /* NaN unknown */
    double energy_j;       /* NaN when it was never known */
    double uncertainty;    /* relative standard uncertainty of power_w; NaN unknown */
    double idle_power_w;   /* of the segments, the part that is idle; NaN unknown */
    bool has_authority;    /* an outermost meter says what the total is */
    enum jb_method method; /* of power_w */
    char sources[128];     /* "rapl, nvml"; "" none */
    char unknown[192];     /* booked domains without a value in this interval and why; "" none */
    struct jb_top_segment segments[JB_TOP_SEGMENT_COUNT];
    size_t segment_count;
    uint32_t process_count, cpu_count;
    double utilisation; /* 0 to 1; NaN unknown */
    /* of the rows that are shown */
    size_t shown_count, total_count;
    double shown_power_w;
};

struct jb_top_model; /* opaque */

enum jb_code jb_top_model_make(struct jb_error *error, struct jb_top_model **ret_model);
void jb_top_model_free(struct jb_top_model *model); /* NULL-safe */

/* Takes a tick in; slots[tick->slot_count]. The first tick of a sampler (elapsed 0) shows what is there. */
enum jb_code jb_top_model_update(struct jb_top_model *model, const struct jb_tick *tick,
                                 const struct jb_slot *slots, struct jb_error *error);
/* Energy and time of groups count from here. */
void jb_top_model_reset(struct jb_top_model *model);

/* Orders, filters and trees the last tick; rows are valid until the next update or arrange. The figures of
 * the rows, none hidden, sum to the host's: visible rows never count a joule twice. */
enum jb_code jb_top_model_arrange(struct jb_top_model *model, const struct jb_top_settings *settings,
                                  struct jb_error *error);
const struct jb_top_row *jb_top_model_rows(const struct jb_top_model *model, size_t *ret_count);
const struct jb_top_summary *jb_top_model_summary(const struct jb_top_model *model);

/* Index of the row with that key, or the count when it is not shown. */
size_t jb_top_model_find(const struct jb_top_model *model, uint64_t key);
/* Index of the next row, from `from` on (backwards: down to 0), that has the text; wraps; count: none. */
size_t jb_top_model_search(const struct jb_top_model *model, const char *text, size_t from, bool is_backward);

/* Folds what is below a row into it, or unfolds it. */
enum jb_code jb_top_model_collapse(struct jb_top_model *model, uint64_t key, bool is_collapsed,
                                   struct jb_error *error);

/* The full command line of a process, once it was read; a process whose comm changed (exec) needs it anew. */
bool jb_top_model_needs_command(const struct jb_top_model *model, const struct jb_top_row *row);
/* For the next arrange, and for the row at once. Cut to JB_TOP_COMMAND_SIZE. "" keeps the comm. */
enum jb_code jb_top_model_set_command(struct jb_top_model *model, uint64_t key, const char *command,
                                      struct jb_error *error);

const char *jb_top_sort_name(enum jb_top_sort sort);
bool jb_top_sort_parse(const char *text, enum jb_top_sort *ret_sort);
const char *jb_top_by_name(enum jb_top_by by);
bool jb_top_by_parse(const char *text, enum jb_top_by *ret_by);

JB_DEFINE_CLEANUP(struct jb_top_model, jb_top_model_free);

#endif
