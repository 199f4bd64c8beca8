/* The verb `top`: a live table of watts. */
#include "base/array.h"
#include "base/decimal.h"
#include "cli/cli.h"
#include "cli/sampling.h"
#include "cli/top/top_view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: joulebook top [OPTIONS]\n"
    "\n"
    "Shows who takes how much power on this machine, live: by process, cgroup or container, with the host's "
    "total,\n"
    "its parts and how they were obtained above. What is shown sums to the host; what cannot be known is "
    "shown as\n"
    "unknown. Where standard output is no terminal it prints one plain table instead.\n"
    "\n"
    "options\n"
    "  --interval DURATION    time between samples (default 1s, at least 10ms)\n"
    "  --by KIND              process (default), cgroup or container (containers, pods, units, jobs, "
    "sessions)\n"
    "  --tree                 processes below their parents, cgroups below those that hold them\n"
    "  --sort KEY             power (default), energy, cpu, time, pid, group or name\n"
    "  --reverse              the other way round\n"
    "  --filter TEXT          only rows with TEXT in command or group; 'a|b': with either\n"
    "  --batch N              print N plain tables, one an interval, to standard output\n"
    "  --once                 the same as --batch 1\n"
    "  --limit N              at most N rows in a plain table\n"
    "  --json, --csv          with --batch: one JSON object a table, one a line; or CSV "
    "records\n" JB_SAMPLING_HELP "  --help                 print this\n"
    "\n"
    "keys\n"
    "  arrows PgUp PgDn Home End  move          F5 t      tree;  + - *  unfold, fold, either\n"
    "  F1 h ?  help                             F6 > .    choose the order;  I  the other way round\n"
    "  F2 g Tab  process, cgroup, container     W E C P T N  order by watts, energy, CPU (C, P), time, PID\n"
    "  F3 /    search, again: next              K  kernel threads as one row;  H  hide the host's own rows\n"
    "  F4 \\    filter                           i  hide rows that use nothing;  Enter  all about the row\n"
    "  Z p Space  pause                         R  energy counts from now\n"
    "  q F10 Esc  quit\n"
    "\n"
    "examples\n"
    "  joulebook top\n"
    "  joulebook top --by container --sort energy\n"
    "  joulebook top --batch 3 --interval 2s --json --limit 10\n"
    "\n"
    "exit status: 0 good, 2 wrong usage, 4 could not\n";

enum {
    INTERVAL,
    BY,
    TREE,
    SORT,
    REVERSE,
    FILTER,
    BATCH,
    ONCE,
    LIMIT,
    JSON,
    CSV,
    IDLE,
    PROCESS_LOAD,
    REPLAY,
    NVML,
    OPTION_COUNT,
};

#define RESET_EVERY_NS (30 * JB_SECOND_NS)

struct request {
    struct jb_top_settings settings;
    uint64_t batch; /* tables; 0: the screen */
    size_t limit;
    bool is_json, is_csv;
};

/* What lives as long as the verb. */
struct top {
    const struct jb_cli *cli;
    struct jb_sampling sampling;
    struct jb_sampler *sampler;
    struct jb_top_model *model;
    struct jb_top_about about;
    struct jb_slot *slots;
    size_t slot_capacity;
    int64_t reset_ns; /* boottime of the sampler's last reset */
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

static void catch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < JB_COUNT(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}

static int parse_count(const struct jb_cli *cli, const char *name, const char *text, uint64_t *ret_count) {
    struct jb_error error = {0};
    if (jb_uint64_parse(text, &error, ret_count) || *ret_count == 0)
        return jb_cli_usage(cli, "%s: '%s' is not a number from 1 on", name, text);
    return -1;
}

static int parse_request(const struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    struct jb_top_settings *settings = &request->settings;
    uint64_t limit = 0;
    int status = -1;
    if (options[BY].value && !jb_top_by_parse(options[BY].value, &settings->by))
        return jb_cli_usage(cli, "--by: '%s' is none of process, cgroup, container", options[BY].value);
    if (options[SORT].value && !jb_top_sort_parse(options[SORT].value, &settings->sort))
        return jb_cli_usage(cli, "--sort: '%s' is none of power, energy, cpu, time, pid, group, name",
                            options[SORT].value);
    settings->is_tree = options[TREE].value;
    settings->is_reversed = options[REVERSE].value;
    if (options[FILTER].value && strlen(options[FILTER].value) >= sizeof settings->filter)
        return jb_cli_usage(cli, "--filter: at most %zu bytes", sizeof settings->filter - 1);
    if (options[FILTER].value)
        memcpy(settings->filter, options[FILTER].value, strlen(options[FILTER].value) + 1);
    if (options[BATCH].value)
        status = parse_count(cli, "--batch", options[BATCH].value, &request->batch);
    if (status < 0 && options[LIMIT].value)
        status = parse_count(cli, "--limit", options[LIMIT].value, &limit);
    if (status >= 0)
        return status;
    request->limit = limit > SIZE_MAX ? SIZE_MAX : (size_t)limit;
    request->is_json = options[JSON].value;
    request->is_csv = options[CSV].value;
    if (request->is_json && request->is_csv)
        return jb_cli_usage(cli, "either --json or --csv");
    bool is_plain = options[ONCE].value || !isatty(STDOUT_FILENO);
    if (request->batch == 0 && is_plain)
        request->batch = 1;
    if (request->batch == 0 && (request->is_json || request->is_csv || request->limit))
        return jb_cli_usage(cli, "--json, --csv and --limit go with --batch N or --once");
    return -1;
}

/* --- one tick --- */

static enum jb_code take_tick(struct top *top, struct jb_error *error) {
    enum jb_code code = jb_sampler_tick(top->sampler, error);
    if (code)
        return code;
    const struct jb_tick *tick = jb_sampler_last(top->sampler);
    code = jb_array_reserve(&top->slots, &top->slot_capacity, tick->slot_count, JB_SLOT_CEILING + 1,
                            "workloads", error);
    if (code)
        return code;
    for (size_t i = 0; i < tick->slot_count; i++)
        top->slots[i] = jb_sampler_slot_or_none(top->sampler, (uint32_t)i);
    code = jb_top_model_update(top->model, tick, top->slots, error);
    if (code)
        return code;
    if (top->reset_ns == 0)
        top->reset_ns = tick->boottime_ns;
    if (tick->boottime_ns - top->reset_ns < RESET_EVERY_NS)
        return JB_OK;
    /* Gives unused rows back and looks for devices that came or went. */
    top->reset_ns = tick->boottime_ns;
    return jb_sampler_reset(top->sampler, error);
}

/* The command line of a process as one text; "" when it has none or may not be read. */
static void read_command(const struct jb_root *root, int32_t pid, char ret[static JB_TOP_COMMAND_SIZE]) {
    char path[64];
    ssize_t got = -1;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    _cleanup_close_ int descriptor = jb_root_openat(root, path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0)
        got = read(descriptor, ret, JB_TOP_COMMAND_SIZE - 1);
    size_t length = got > 0 ? (size_t)got : 0;
    while (length > 0 && (ret[length - 1] == '\0' || ret[length - 1] == ' '))
        length--;
    for (size_t i = 0; i < length; i++) {
        if (ret[i] == '\0')
            ret[i] = ' ';
    }
    ret[length] = '\0';
}

/* Reads the command lines that rows first … first + count − 1 still lack. */
static enum jb_code read_commands(struct top *top, size_t first, size_t count, struct jb_error *error) {
    char command[JB_TOP_COMMAND_SIZE];
    size_t row_count;
    const struct jb_top_row *rows = jb_top_model_rows(top->model, &row_count);
    enum jb_code code = JB_OK;
    for (size_t i = first; !code && i < row_count && i < first + count; i++) {
        if (!jb_top_model_needs_command(top->model, &rows[i]))
            continue;
        read_command(&top->sampling.root, rows[i].pid, command);
        code = jb_top_model_set_command(top->model, rows[i].key, command, error);
    }
    return code;
}

/* To filter and search by the whole command line every process needs its own. */
static enum jb_code read_all_commands(struct top *top, struct jb_error *error) {
    const struct jb_top_settings everything = {.by = JB_TOP_BY_PROCESS};
    enum jb_code code = jb_top_model_arrange(top->model, &everything, error);
    return code ? code : read_commands(top, 0, SIZE_MAX / 2, error);
}

static enum jb_code arrange(struct top *top, const struct jb_top_settings *settings, bool wants_all,
                            struct jb_error *error) {
    enum jb_code code = JB_OK;
    if (wants_all && settings->by == JB_TOP_BY_PROCESS)
        code = read_all_commands(top, error);
    return code ? code : jb_top_model_arrange(top->model, settings, error);
}

/* --- plain tables --- */

static void wait_until(int64_t deadline_ns) {
    const struct timespec deadline = {.tv_sec = deadline_ns / JB_SECOND_NS,
                                      .tv_nsec = deadline_ns % JB_SECOND_NS};
    while (!stop_signal && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
        continue;
}

static int print_tables(struct top *top, const struct request *request) {
    const struct jb_clock *clock = &jb_clock_system;
    const struct jb_top_settings *settings = &request->settings;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_error error = {0};
    enum jb_code code = take_tick(top, &error);
    int64_t due_ns = clock->monotonic_ns(clock);
    for (uint64_t i = 0; !code && i < request->batch && !stop_signal; i++) {
        due_ns += top->sampling.interval_ns;
        wait_until(due_ns);
        code = take_tick(top, &error);
        if (!code)
            code = arrange(top, settings, settings->filter[0], &error);
        if (!code)
            code = read_commands(top, 0, request->limit ? request->limit : SIZE_MAX / 2, &error);
        if (code)
            break;
        jb_buffer_clear(&out);
        if (request->is_json)
            jb_top_write_json(&top->about, top->model, settings, request->limit, &out);
        else if (request->is_csv)
            jb_top_write_csv(top->model, settings, request->limit, i == 0, &out);
        else
            jb_top_write_text(&top->about, top->model, settings, request->limit, &out);
        int status = jb_cli_print(top->cli, &out);
        if (status)
            return status;
    }
    return code ? jb_cli_fail(top->cli, code, &error) : 0;
}

/* --- the screen --- */

/* Arranges, places and draws; reads the command lines that came into sight. */
static void show(struct top *top, struct jb_top_view *view, bool is_arranged) {
    struct jb_error error = {0};
    size_t first, count;
    if (!is_arranged && arrange(top, jb_top_view_settings(view), jb_top_view_wants_all(view), &error))
        jb_top_view_say(view, error.message);
    jb_top_view_place(view, top->model, &first, &count);
    if (read_commands(top, first, count, &error))
        jb_top_view_say(view, error.message);
    jb_top_view_draw(view, &top->about, top->model);
}

static int run_screen(struct top *top, const struct request *request) {
    const struct jb_clock *clock = &jb_clock_system;
    struct jb_error error = {0};
    _cleanup_(jb_top_view_close_cleanup) struct jb_top_view *view = NULL;
    enum jb_code code = jb_top_view_open(&request->settings, &error, &view);
    if (code)
        return jb_cli_fail(top->cli, code, &error);
    catch_signals(); /* after the screen's library took some for itself */
    int64_t due_ns = clock->monotonic_ns(clock);
    bool is_ticked = false;
    while (!stop_signal) {
        int64_t now_ns = clock->monotonic_ns(clock);
        if (now_ns >= due_ns && !jb_top_view_is_paused(view)) {
            if (take_tick(top, &error))
                jb_top_view_say(view, error.message);
            show(top, view, false);
            /* The first figures come soon; a late tick does not make the next ones hurry. */
            int64_t soon_ns =
                top->sampling.interval_ns < JB_SECOND_NS / 4 ? top->sampling.interval_ns : JB_SECOND_NS / 4;
            due_ns += is_ticked ? top->sampling.interval_ns : soon_ns;
            is_ticked = true;
            now_ns = clock->monotonic_ns(clock);
            if (due_ns < now_ns)
                due_ns = now_ns + top->sampling.interval_ns;
        }
        int64_t wait_ms = jb_top_view_is_paused(view) ? 1000 : (due_ns - now_ns + 999999) / 1000000;
        enum jb_top_action action = jb_top_view_key(view, top->model,
                                                    wait_ms < 0       ? 0
                                                    : wait_ms > 60000 ? 60000
                                                                      : (int)wait_ms);
        if (action == JB_TOP_QUIT)
            break;
        if (action == JB_TOP_RESET)
            jb_top_model_reset(top->model);
        if (action != JB_TOP_NOTHING)
            show(top, view, action == JB_TOP_REDRAW);
    }
    return 0;
}

static int run_sampled(struct top *top, const struct request *request) {
    struct jb_error error = {0};
    top->sampling.options.want_processes = true;
    enum jb_code code = jb_sampler_open(&top->sampling.options, &error, &top->sampler);
    if (!code)
        code = jb_top_model_make(&error, &top->model);
    if (code)
        return jb_cli_fail(top->cli, code, &error);
    top->about = (struct jb_top_about){.host = jb_sampler_host(top->sampler),
                                       .process_load = jb_sampler_process_load(top->sampler)};
    if (request->batch == 0)
        return run_screen(top, request);
    catch_signals();
    return print_tables(top, request);
}

static int run(struct jb_cli *cli) {
    struct jb_option options[OPTION_COUNT + 1] = {
        [INTERVAL] = {.name = "--interval", .takes_value = true},
        [BY] = {.name = "--by", .takes_value = true},
        [TREE] = {.name = "--tree"},
        [SORT] = {.name = "--sort", .takes_value = true},
        [REVERSE] = {.name = "--reverse"},
        [FILTER] = {.name = "--filter", .takes_value = true},
        [BATCH] = {.name = "--batch", .takes_value = true},
        [ONCE] = {.name = "--once"},
        [LIMIT] = {.name = "--limit", .takes_value = true},
        [JSON] = {.name = "--json"},
        [CSV] = {.name = "--csv"},
        [IDLE] = {.name = "--idle", .takes_value = true},
        [PROCESS_LOAD] = {.name = "--process-load", .takes_value = true},
        [REPLAY] = {.name = "--replay", .takes_value = true},
        [NVML] = {.name = "--nvml", .takes_value = true},
    };
    size_t count;
    int status = jb_cli_parse(cli, &jb_verb_top, options, NULL, 0, &count, false);
    if (status >= 0)
        return status;
    struct request request = {0};
    status = parse_request(cli, options, &request);
    if (status >= 0)
        return status;
    struct top top = {.cli = cli};
    const struct jb_sampling_texts texts = {.interval = options[INTERVAL].value,
                                            .idle = options[IDLE].value,
                                            .replay = options[REPLAY].value,
                                            .nvml = options[NVML].value,
                                            .process_load = options[PROCESS_LOAD].value};
    status = jb_cli_sampling(cli, &texts, JB_SECOND_NS, &top.sampling);
    if (status >= 0)
        return status;
    status = run_sampled(&top, &request);
    jb_top_model_free(top.model);
    jb_sampler_close(top.sampler);
    jb_root_close(&top.sampling.root);
    free(top.slots);
    return status;
}

const struct jb_verb jb_verb_top = {
    .name = "top",
    .summary = "a live table of watts",
    .help = help,
    .run = run,
};
