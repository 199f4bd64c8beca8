/* The verb `sources`: which power sources and loads this machine has, and what of them is booked. */
#include "attribute/delta.h"
#include "cli/cli.h"
#include "cli/sources_view.h"

#include <string.h>
#include <time.h>

/* Between two readings of counters, from which their power is found. RAPL refreshes each ms; the meter's own
 * interval is a second. */
#define PAUSE_NS 250000000

static const char help[] =
    "usage: joulebook sources [--replay FILE] [--json | --csv]\n"
    "\n"
    "Lists every power source that joulebook knows: whether this machine has it, and if\n"
    "not, why, and what to do about it. For each that is there, its domains as a tree:\n"
    "\n"
    "  BOOKED   what becomes of it, so that no joule is counted twice:\n"
    "             total   the outermost meter; its figure is the host's total\n"
    "             part    splits the total, or makes it up where there is none\n"
    "             inside  lies inside a part: shown, not booked\n"
    "             no      not booked; the reason stands below the table\n"
    "  READING  the counter, or the gauge, now\n"
    "  POWER    now: the gauge, or what the counter gained in a quarter of a second\n"
    "  STEP     resolution: the smallest step of the reading\n"
    "  WRAPS    how soon the counter starts anew at the greatest power; readings that\n"
    "           lie further apart leave the energy between them unknown\n"
    "  ±95 %    interval of an energy difference, from the studies that docs/sources/\n"
    "           cites\n"
    "\n"
    "Then the loads: who used the machine, and how that is found out.\n"
    "\n"
    "options\n"
    "  --replay FILE  play recorded or generated readings in place of all other sources\n"
    "                 (docs/sources/replay.md)\n"
    "  --json         one object; see docs/SPEC-output.md\n"
    "  --csv          one line a domain\n"
    "  --help         print this\n"
    "\n"
    "`joulebook --root DIR sources` looks at another /sys and /proc.\n"
    "\n"
    "exit status: 0 also when there is no source; 2 wrong usage, 3 a replay or setting that\n"
    "makes no sense, 4 a root or replay that cannot be read\n"
    "\n"
    "examples\n"
    "  joulebook sources\n"
    "  sudo joulebook sources --json | jq '.sources[].domains[]? | {id, place}'\n"
    "  joulebook --root tests/fixtures/laptop-psys sources\n";

/* Chooses the cover over all sources, and takes it over into the views of the domains. */
static enum jb_code choose_cover(struct sources_view *view, struct jb_error *error) {
    size_t total = 0, at = 0;
    for (size_t s = 0; s < view->source_count; s++)
        total += view->sources[s].domain_count;
    _cleanup_free_ struct jb_cover_entry *entries = calloc(total + 1, sizeof *entries);
    if (!entries)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++)
            entries[at++] = (struct jb_cover_entry){
                .domain = view->sources[s].domains[i].domain, .source = (uint32_t)s, .index = (int32_t)i};
    }
    jb_cover_choose(entries, total);
    at = 0;
    for (size_t s = 0; s < view->source_count; s++) {
        for (size_t i = 0; i < view->sources[s].domain_count; i++, at++) {
            view->sources[s].domains[i].place = entries[at].place;
            view->sources[s].domains[i].reason = entries[at].reason;
        }
    }
    return JB_OK;
}

/* Reads all sources: into `before`, or into `reading` with the power since. */
static enum jb_code read_all(struct sources_view *view, bool is_first, struct jb_error *error) {
    for (size_t s = 0; s < view->source_count; s++) {
        struct sources_source *source = &view->sources[s];
        _cleanup_free_ struct jb_reading *readings = calloc(source->domain_count + 1, sizeof *readings);
        if (!readings)
            return jb_error_set(error, JB_MEMORY, "out of memory");
        if (source->source)
            source->source->ops->read(source->source, readings);
        for (size_t i = 0; i < source->domain_count; i++) {
            struct sources_domain *domain = &source->domains[i];
            if (is_first) {
                domain->before = readings[i];
                continue;
            }
            domain->reading = readings[i];
            struct jb_delta delta =
                jb_delta(domain->domain, &domain->before, &domain->reading, 0, JB_MINUTE_NS);
            int64_t elapsed_ns = domain->reading.boottime_ns - domain->before.boottime_ns;
            domain->has_power = domain->reading.state == JB_READING_OK;
            domain->power_uw = domain->reading.value;
            if (domain->domain->form == JB_COUNTER) {
                domain->has_power = delta.state == JB_DELTA_KNOWN;
                domain->power_uw =
                    delta.state == JB_DELTA_KNOWN
                        ? (uint64_t)((jb_uint128)delta.energy_uj * JB_SECOND_NS / (uint64_t)elapsed_ns)
                        : 0;
            }
        }
    }
    return JB_OK;
}

/* Opens every source of the table. Only one that was asked for (a replay) makes the verb fail. */
static enum jb_code open_sources(struct sources_view *view, const struct jb_source_context *context,
                                 struct jb_error *error) {
    size_t count = 0;
    while (jb_source_table[count])
        count++;
    view->sources = calloc(count, sizeof *view->sources);
    if (!view->sources)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    view->source_count = count;
    for (size_t s = 0; s < count; s++) {
        struct sources_source *source = &view->sources[s];
        const struct jb_domain *domains;
        source->ops = jb_source_table[s];
        source->code = jb_source_open(source->ops, context, &source->error, &source->source);
        if (source->code && context->replay_path && source->ops == &jb_source_replay)
            return jb_error_set(error, source->code, "%s", source->error.message);
        if (source->code) {
            source->source = NULL;
            continue;
        }
        source->domain_count = source->ops->domains(source->source, &domains);
        source->domains = calloc(source->domain_count + 1, sizeof *source->domains);
        if (!source->domains)
            return jb_error_set(error, JB_MEMORY, "out of memory");
        for (size_t i = 0; i < source->domain_count; i++)
            source->domains[i].domain = &domains[i];
    }
    return JB_OK;
}

/* Opens every load once; the first of each role that works is the one that is used. */
static enum jb_code try_loads(struct sources_view *view, const struct jb_load_context *context,
                              struct jb_error *error) {
    size_t count = 0;
    bool has_role[JB_LOAD_PROCESS + 1] = {false};
    while (jb_load_table[count])
        count++;
    view->loads = calloc(count + 1, sizeof *view->loads);
    if (!view->loads)
        return jb_error_set(error, JB_MEMORY, "out of memory");
    view->load_count = count;
    for (size_t i = 0; i < count; i++) {
        struct sources_load *load = &view->loads[i];
        struct jb_load *opened = NULL;
        load->ops = jb_load_table[i];
        load->code = load->ops->open(context, &load->error, &opened);
        if (load->code)
            continue;
        load->is_used = !has_role[load->ops->role];
        has_role[load->ops->role] = true;
        load->ops->close(opened);
    }
    return JB_OK;
}

static enum jb_code survey(struct jb_cli *cli, const struct jb_root *root, const char *replay_path,
                           struct sources_view *view, struct jb_error *error) {
    struct jb_source_context context = {.root = root,
                                        .clock = &jb_clock_system,
                                        .replay_path = replay_path,
                                        .data_path = jb_cli_data_path(cli)};
    struct jb_load_context load_context = {.root = root, .clock = &jb_clock_system};
    enum jb_code code = open_sources(view, &context, error);
    if (!code)
        code = choose_cover(view, error);
    if (!code)
        code = read_all(view, true, error);
    if (!code) {
        struct timespec pause = {.tv_nsec = PAUSE_NS};
        while (nanosleep(&pause, &pause) != 0)
            continue;
        code = read_all(view, false, error);
    }
    if (!code)
        code = try_loads(view, &load_context, error);
    return code;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        {.name = "--replay", .takes_value = true}, {.name = "--json"}, {.name = "--csv"}, {0}};
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_sources, options, NULL, 0, &operand_count, false);
    if (status >= 0)
        return status;
    if (options[1].value && options[2].value)
        return jb_cli_usage(cli, "--json and --csv exclude each other");
    _cleanup_(sources_view_clear) struct sources_view view = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    _cleanup_root_ struct jb_root root = {.descriptor = -1};
    struct jb_error error = {0};
    enum jb_code code = jb_root_open(cli->root, &error, &root);
    if (!code)
        code = survey(cli, &root, options[0].value, &view, &error);
    if (!code && options[1].value)
        sources_view_json(&view, &out);
    else if (!code && options[2].value)
        code = sources_view_csv(&view, &out, &error);
    else if (!code)
        code = sources_view_text(&view, &out, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

const struct jb_verb jb_verb_sources = {
    .name = "sources",
    .summary = "what power sources this machine has, and what of them is booked",
    .help = help,
    .run = run,
};
