/* The verb `meter`: the agent that measures this machine and books it. */
#include "account/setting.h"
#include "base/ini.h"
#include "base/root.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "factor/factor.h"
#include "meter/meter.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: joulebook [--book URL] meter [OPTIONS]\n"
    "\n"
    "Measures this machine at every interval and books the energy, split exactly over who used it, into the "
    "book.\n"
    "Quiet; on a terminal it shows one live line. SIGINT and SIGTERM book what has been measured and end "
    "it.\n"
    "After a crash the next start books the energy of the gap once, to `unattributed`.\n"
    "\n"
    "options\n"
    "  --interval DURATION    time between samples (default 1s, at least 10ms)\n"
    "  --book-every DURATION  time between bookings, on multiples of it in UTC (default 60s)\n"
    "  --for DURATION         end after this long (default: until a signal)\n"
    "  --idle POLICY          separate: idle energy stays on host/HOST/idle (default)\n"
    "                         by-use: shared like the active energy\n"
    "                         by-reservation: shared by the memory that cgroups hold\n"
    "  --keep DURATION        keep flows this long, then only their roll-ups by hour (default 32d; `all`: "
    "for good)\n"
    "  --site NAME            the site this machine stands in: account site/NAME (default local)\n"
    "  --grid ZONE            the grid that feeds it: account grid/ZONE, such as KR or DE (default unknown)\n"
    "  --process-load NAME    insist on process_bpf or process_clock\n"
    "  --replay FILE          play recorded readings in place of power meters\n"
    "  --nvml LIBRARY         load this library for NVIDIA GPUs\n"
    "  --quiet                no live line\n"
    "  --help                 print this\n"
    "\n"
    "With the global option --config FILE, options that are not given are read from its section [meter], as "
    "lines\n"
    "such as `book-every = 10s`. The file is the setting (docs/SPEC-setting.md); its other\n"
    "sections are for the verbs that value energy.\n"
    "A second meter on the same book and host is refused. `joulebook sources` tells what can be measured "
    "here.\n"
    "\n"
    "examples\n"
    "  joulebook meter --for 10m\n"
    "  joulebook --book host.db meter --interval 500ms --book-every 10s --site seoul1 --grid KR\n"
    "\n"
    "exit status: 0 ended as asked, 2 wrong usage, 3 the book is not a book, 4 could not\n";

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

enum { INTERVAL, BOOK_EVERY, FOR, IDLE, KEEP, SITE, GRID, PROCESS_LOAD, REPLAY, NVML, QUIET, OPTION_COUNT };

/* The same settings from the file of --config: section [meter], keys as the options without their dashes. */
struct settings {
    struct jb_option *options;
    char values[OPTION_COUNT][256];
};

static enum jb_code take_setting(const struct jb_ini_entry *entry, const char *path,
                                 struct settings *settings, struct jb_error *error) {
    const char *names[OPTION_COUNT], *fault = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        names[i] = settings->options[i].name + 2;
        if (strcmp(names[i], entry->name) != 0)
            continue;
        if (!settings->options[i].takes_value)
            fault = "this is set on the command line only";
        else if (strlen(entry->value) >= sizeof settings->values[i])
            fault = "the value is too long";
        else if (settings->values[i][0])
            fault = "this is set twice";
        if (fault)
            return jb_error_set(error, JB_INPUT, "%s, line %u, field %s: %s", path, entry->line, entry->name,
                                fault);
        snprintf(settings->values[i], sizeof settings->values[i], "%s", entry->value);
        return JB_OK;
    }
    const char *near = jb_ini_near(entry->name, names, OPTION_COUNT);
    return jb_error_set(error, JB_INPUT, "%s, line %u, field %.40s: there is no such setting%s%s%s", path,
                        entry->line, entry->name,
                        near ? "; did you mean '"
                             : "; they are the options of `joulebook meter --help` without --",
                        near ? near : "", near ? "'?" : "");
}

/* Settings that the command line does not give are taken from the file; its other sections, of which the
 * meter needs nothing, must be right as well. */
static enum jb_code read_settings(const char *path, struct settings *settings, struct jb_error *error) {
    _cleanup_buffer_ struct jb_buffer text = {.ceiling = JB_SETTING_FILE_CEILING};
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = NULL;
    _cleanup_(jb_ini_free_cleanup) struct jb_ini *ini = NULL;
    const struct jb_ini_entry *entries;
    enum jb_code code = jb_factor_file_read(path, &text, error);
    if (!code)
        code = jb_setting_parse(text.bytes ? text.bytes : "", text.length, path, error, &setting);
    if (!code)
        code = jb_ini_read(text.bytes ? text.bytes : "", text.length, path, error, &ini);
    if (code)
        return code;
    size_t count = jb_ini_entries(ini, &entries);
    for (size_t i = 0; i < count && !code; i++) {
        if (entries[i].name && strcmp(entries[i].section, "meter") == 0)
            code = take_setting(&entries[i], path, settings, error);
    }
    for (size_t i = 0; i < OPTION_COUNT && !code; i++) {
        if (!settings->options[i].value && settings->values[i][0])
            settings->options[i].value = settings->values[i];
    }
    return code;
}

struct request {
    struct jb_meter_options options;
    int64_t duration_ns; /* 0: until a signal */
    bool live;
    char site[JB_ACCOUNT_SIZE], grid[JB_ACCOUNT_SIZE];
};

static enum jb_code parse_idle(const char *text, struct jb_error *error, enum jb_idle_policy *ret_policy) {
    static const struct {
        const char *name;
        enum jb_idle_policy policy;
    } policies[] = {{"separate", JB_IDLE_SEPARATE},
                    {"by-use", JB_IDLE_BY_USE},
                    {"by-reservation", JB_IDLE_BY_RESERVATION}};
    for (size_t i = 0; i < JB_COUNT(policies); i++) {
        if (strcmp(text, policies[i].name) == 0) {
            *ret_policy = policies[i].policy;
            return JB_OK;
        }
    }
    return jb_error_set(error, JB_USAGE,
                        "'%.40s' is not a policy; expected separate, by-use or by-reservation", text);
}

/* "site/" or "grid/" with the name behind it, which must make a valid account of two components. */
static enum jb_code parse_place(const char *kind, const char *name, struct jb_error *error,
                                char ret[static JB_ACCOUNT_SIZE]) {
    if (!*name || strchr(name, '/') || strlen(name) >= JB_COMPONENT_SIZE)
        return jb_error_set(error, JB_USAGE, "'%.60s' is not a name for a %s: one word without '/'", name,
                            kind);
    snprintf(ret, JB_ACCOUNT_SIZE, "%s/%s", kind, name);
    return jb_account_validate(ret, error);
}

static int parse_options(struct jb_cli *cli, const struct jb_option *options, struct request *request) {
    struct jb_error error = {0};
    struct jb_meter_options *meter = &request->options;
    if (options[INTERVAL].value && jb_duration_parse(options[INTERVAL].value, &error, &meter->interval_ns))
        return jb_cli_usage(cli, "--interval: %s", error.message);
    if (meter->interval_ns < 10 * 1000000)
        return jb_cli_usage(cli, "--interval: at least 10ms");
    if (options[BOOK_EVERY].value &&
        jb_duration_parse(options[BOOK_EVERY].value, &error, &meter->book_every_ns))
        return jb_cli_usage(cli, "--book-every: %s", error.message);
    if (meter->book_every_ns < meter->interval_ns) {
        if (options[BOOK_EVERY].value)
            return jb_cli_usage(cli, "--book-every must not be shorter than --interval");
        meter->book_every_ns = meter->interval_ns;
    }
    if (options[FOR].value && jb_duration_parse(options[FOR].value, &error, &request->duration_ns))
        return jb_cli_usage(cli, "--for: %s", error.message);
    if (options[IDLE].value && parse_idle(options[IDLE].value, &error, &meter->sampler.idle))
        return jb_cli_usage(cli, "--idle: %s", error.message);
    if (options[KEEP].value && strcmp(options[KEEP].value, "all") == 0)
        meter->keep_ns = 0;
    else if (options[KEEP].value && jb_duration_parse(options[KEEP].value, &error, &meter->keep_ns))
        return jb_cli_usage(cli, "--keep: %s", error.message);
    if (parse_place("site", options[SITE].value ? options[SITE].value : "local", &error, request->site))
        return jb_cli_usage(cli, "--site: %s", error.message);
    if (parse_place("grid", options[GRID].value ? options[GRID].value : "unknown", &error, request->grid))
        return jb_cli_usage(cli, "--grid: %s", error.message);
    meter->site = request->site;
    meter->grid = request->grid;
    meter->sampler.process_load = options[PROCESS_LOAD].value;
    meter->sampler.replay_path = options[REPLAY].value;
    meter->sampler.nvml_library = options[NVML].value;
    request->live = !options[QUIET].value && isatty(STDERR_FILENO);
    return -1;
}

static void show_line(const struct jb_meter *meter, double power_w) {
    struct jb_meter_status status = jb_meter_status(meter);
    char power[32] = "power unknown", energy[32] = "";
    if (!isnan(power_w))
        snprintf(power, sizeof power, "%.2f W", power_w);
    if (status.any_known)
        snprintf(energy, sizeof energy, "  %.1f J", (double)status.energy_uj / 1e6);
    fprintf(stderr, "\r\033[K%s%s  %lld s  %llu batches booked  (Ctrl-C books the rest and ends)", power,
            energy, (long long)(status.elapsed_ns / JB_SECOND_NS), (unsigned long long)status.batch_count);
    fflush(stderr);
}

/* A complaint is printed once, not at every tick. */
static void complain(const struct jb_cli *cli, bool live, const struct jb_error *error,
                     char last[static sizeof error->message]) {
    if (strcmp(last, error->message) == 0)
        return;
    fprintf(stderr, "%sjoulebook %s: %s\n", live ? "\r\033[K" : "", cli->argv[0], error->message);
    memcpy(last, error->message, sizeof error->message);
}

static void wait_until(int64_t deadline_ns) {
    const struct timespec deadline = {.tv_sec = deadline_ns / JB_SECOND_NS,
                                      .tv_nsec = deadline_ns % JB_SECOND_NS};
    while (!stop_signal && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
        ;
}

static int loop(struct jb_cli *cli, struct jb_meter *meter, const struct request *request) {
    struct jb_error error = {0};
    char last[sizeof error.message] = "";
    const struct jb_clock *clock = &jb_clock_system;
    int64_t end_ns = request->duration_ns ? clock->monotonic_ns(clock) + request->duration_ns : INT64_MAX;
    while (!stop_signal) {
        int64_t next_ns = jb_meter_next_ns(meter);
        if (next_ns >= end_ns) {
            wait_until(end_ns);
            break;
        }
        wait_until(next_ns);
        if (stop_signal)
            break;
        if (jb_meter_step(meter, &error))
            complain(cli, request->live, &error, last);
        if (request->live)
            show_line(meter, jb_sampler_last(jb_meter_sampler(meter))->host_power_w);
    }
    if (request->live)
        fputs("\r\033[K", stderr);
    enum jb_code code = jb_meter_finish(meter, &error);
    return code ? jb_cli_fail(cli, code, &error) : 0;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[OPTION_COUNT + 1] = {
        [INTERVAL] = {.name = "--interval", .takes_value = true},
        [BOOK_EVERY] = {.name = "--book-every", .takes_value = true},
        [FOR] = {.name = "--for", .takes_value = true},
        [IDLE] = {.name = "--idle", .takes_value = true},
        [KEEP] = {.name = "--keep", .takes_value = true},
        [SITE] = {.name = "--site", .takes_value = true},
        [GRID] = {.name = "--grid", .takes_value = true},
        [PROCESS_LOAD] = {.name = "--process-load", .takes_value = true},
        [REPLAY] = {.name = "--replay", .takes_value = true},
        [NVML] = {.name = "--nvml", .takes_value = true},
        [QUIET] = {.name = "--quiet"},
    };
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_meter, options, NULL, 0, &operand_count, false);
    if (status >= 0)
        return status;
    struct settings settings = {.options = options};
    struct jb_error error = {0};
    enum jb_code code = cli->config ? read_settings(cli->config, &settings, &error) : JB_OK;
    if (code)
        return jb_cli_fail(cli, code, &error);
    struct request request = {
        .options = {.interval_ns = JB_SECOND_NS, .book_every_ns = JB_MINUTE_NS, .keep_ns = 32 * JB_DAY_NS}};
    status = parse_options(cli, options, &request);
    if (status >= 0)
        return status;

    _cleanup_root_ struct jb_root root = {.descriptor = -1};
    code = jb_root_open(cli->root, &error, &root);
    if (code)
        return jb_cli_fail(cli, code, &error);
    request.options.sampler.root = &root;
    request.options.sampler.clock = &jb_clock_system;
    request.options.sampler.data_path = jb_cli_data_path(cli);
    struct jb_ledger *ledger;
    status = jb_cli_open_book(cli, JB_STORE_CREATE, &ledger);
    if (status >= 0)
        return status;
    catch_signals();
    _cleanup_(jb_meter_close_cleanup) struct jb_meter *meter = NULL;
    code = jb_meter_open(ledger, &request.options, &error, &meter);
    status = code ? jb_cli_fail(cli, code, &error) : loop(cli, meter, &request);
    jb_meter_close(JB_TAKE(meter));
    jb_ledger_close(ledger);
    return status;
}

const struct jb_verb jb_verb_meter = {
    .name = "meter",
    .summary = "the agent that measures this machine and books it",
    .help = help,
    .run = run,
};
