/* Writes what `run` found out about a command. */
#include "cli/run_report.h"

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "report/number.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>

/* The process load for people: "process_bpf" is "bpf". */
static const char *load_name(const char *load) {
    return strncmp(load, "process_", 8) == 0 ? load + 8 : load;
}

char *jb_run_report_unknown(const struct jb_run_result *result, char *ret, size_t size) {
    const struct jb_run_energy *energy = &result->energy;
    ret[0] = '\0';
    if (result->figure.is_known)
        return ret;
    if (result->why_no_energy.code)
        snprintf(ret, size, "%s", result->why_no_energy.message);
    else if (energy->domain_count == 0)
        snprintf(ret, size, "no power source; see joulebook sources");
    else if (energy->is_known)
        snprintf(ret, size,
                 "only the whole host is metered, and no part of it that could be split; see joulebook "
                 "sources");
    else
        snprintf(ret, size, "%s gave no value; see joulebook sources", energy->domains[0].domain.account);
    return ret;
}

static const char *source_name(uint32_t source) {
    for (uint32_t i = 0; jb_source_table[i]; i++) {
        if (i == source)
            return jb_source_table[i]->name;
    }
    return "?";
}

/* "rapl cpu0 dram0, nvml gpu0": what was split. */
static void add_sources(const struct jb_run_energy *energy, struct jb_buffer *out) {
    uint32_t last = UINT32_MAX;
    for (size_t i = 0; i < energy->domain_count; i++) {
        const struct jb_run_domain *domain = &energy->domains[i];
        if (domain->place != JB_COVER_PART)
            continue;
        if (domain->source != last)
            jb_buffer_printf(out, "%s%s", last == UINT32_MAX ? "" : ", ", source_name(domain->source));
        jb_buffer_printf(out, " %s", domain->domain.account);
        last = domain->source;
    }
}

static void add_energy(const struct jb_run_result *result, struct jb_buffer *out) {
    const struct jb_run_figure *figure = &result->figure;
    char text[1024];
    if (!figure->is_known) {
        jb_buffer_printf(out, "energy     unknown: %s\n", jb_run_report_unknown(result, text, sizeof text));
        return;
    }
    const struct jb_unit joule = {.name = "J", .size = 1e6, .decimals = 6};
    int decimals = jb_number_decimals(&joule, figure->energy_uj, figure->low_uj, figure->high_uj);
    char amount[JB_NUMBER_SIZE], interval[JB_NUMBER_SIZE];
    jb_buffer_printf(out, "energy     %s J (%.3g Wh)",
                     jb_amount_format(&joule, figure->energy_uj, decimals, amount),
                     (double)figure->energy_uj / 3.6e9);
    if (isnan(figure->low_uj))
        jb_buffer_add_string(out, ", uncertainty unknown\n");
    else
        jb_buffer_printf(out, ", 95 %%: %s J\n",
                         jb_interval_format(&joule, figure->low_uj, figure->high_uj, decimals, interval));
    jb_buffer_printf(out, "method     %s from ", jb_method_name(figure->method));
    add_sources(&result->energy, out);
    jb_buffer_add_string(out, ", by CPU time");
    if (figure->unseen_share > 0.01)
        jb_buffer_printf(out, " (%.0f %% of it in processes that were not seen one by one)",
                         figure->unseen_share * 100);
    jb_buffer_add_char(out, '\n');
    if (result->wall_ns > 0)
        jb_buffer_printf(out, "power      %.3g W on average\n",
                         (double)figure->energy_uj / 1e6 / ((double)result->wall_ns / 1e9));
}

static double share_of_energy(const struct jb_run_result *result) {
    return result->figure.is_known && result->energy.host_uj > 0
               ? (double)result->figure.energy_uj / (double)result->energy.host_uj
               : NAN;
}

/* Of the CPU time that the host's CPUs had to give. */
static double share_of_capacity(const struct jb_run_result *result) {
    uint64_t all_ns = result->energy.busy_ns + result->energy.idle_ns;
    return all_ns > 0 ? fmin(1, (double)result->cpu_ns / (double)all_ns) : NAN;
}

static void add_shares(const struct jb_run_result *result, struct jb_buffer *out) {
    double energy = share_of_energy(result), capacity = share_of_capacity(result);
    if (isnan(energy) && isnan(capacity))
        return;
    jb_buffer_add_string(out, "share      ");
    if (!isnan(energy))
        jb_buffer_printf(out, "%.3g %% of the host's %.4g J%s", energy * 100,
                         (double)result->energy.host_uj / 1e6, isnan(capacity) ? "" : ", ");
    if (!isnan(capacity))
        jb_buffer_printf(out, "%.3g %% of its %u CPUs", capacity * 100, result->energy.cpu_count);
    jb_buffer_add_char(out, '\n');
}

static void add_counting(const struct jb_run_result *result, struct jb_buffer *out) {
    char shown[JB_RUN_CGROUP_SIZE];
    jb_buffer_printf(out, "processes  %llu seen", (unsigned long long)result->seen);
    if (result->cgroup[0])
        jb_buffer_printf(out, ", counted by a control group of their own, %s\n",
                         jb_text_display(result->cgroup, shown, sizeof shown));
    else
        jb_buffer_printf(out, ", counted by descent (%s and rusage), since there is no control group: %s\n",
                         result->process_load[0] ? load_name(result->process_load) : "no process load",
                         result->why_no_group.message);
    if (result->left_count == 0)
        return;
    jb_buffer_printf(out, "still up   %zu process%s of the command (", result->left_count,
                     result->left_count == 1 ? "" : "es");
    for (size_t i = 0; i < result->left_count && i < JB_RUN_PID_CEILING; i++)
        jb_buffer_printf(out, "%s%d", i ? " " : "pid ", (int)result->left_pids[i]);
    jb_buffer_printf(out, "%s); what they use from now on is not counted, --wait-all would\n",
                     result->left_count > JB_RUN_PID_CEILING ? " …" : "");
}

static void add_unknown_parts(const struct jb_run_result *result, struct jb_buffer *out) {
    for (size_t i = 0; result->figure.is_known && i < result->energy.domain_count; i++) {
        const struct jb_run_domain *domain = &result->energy.domains[i];
        if (domain->unknown_ns > 0 && domain->place == JB_COVER_PART)
            jb_buffer_printf(out, "missing    %s gave no value for %.3g s: the energy is at least this\n",
                             domain->domain.account, (double)domain->unknown_ns / 1e9);
    }
}

static void add_book(const struct jb_run_report *report, struct jb_buffer *out) {
    if (report->book_error)
        jb_buffer_printf(out, "book       not booked: %s\n", report->book_error->message);
    else if (report->booking && !report->booking->is_booked)
        jb_buffer_printf(out, "book       not booked: %s\n", report->booking->why_not);
    else if (report->booking)
        jb_buffer_printf(out, "book       %s\n", report->booking->account);
}

void jb_run_report_text(const struct jb_run_report *report, struct jb_buffer *out) {
    const struct jb_run_result *result = report->result;
    jb_buffer_add_char(out, '\n');
    add_energy(result, out);
    jb_buffer_printf(out, "time       %.3f s, CPU %.3f s (user %.3f s, system %.3f s)\n",
                     (double)result->wall_ns / 1e9, (double)result->cpu_ns / 1e9,
                     (double)result->user_ns / 1e9, (double)result->system_ns / 1e9);
    add_shares(result, out);
    add_counting(result, out);
    add_unknown_parts(result, out);
    add_book(report, out);
}

/* --- JSON --- */

static void add_amount(struct jb_json *json, const char *key, bool is_known, jb_int128 value) {
    jb_json_key(json, key);
    if (is_known)
        jb_json_amount(json, value);
    else
        jb_json_null(json);
}

static void add_number(struct jb_json *json, const char *key, double value) {
    jb_json_key(json, key);
    jb_json_number(json, value);
}

static void add_string(struct jb_json *json, const char *key, const char *text) {
    jb_json_key(json, key);
    jb_json_string(json, text && *text ? text : NULL);
}

static void add_integer(struct jb_json *json, const char *key, int64_t value) {
    jb_json_key(json, key);
    jb_json_integer(json, value);
}

static void add_domains(struct jb_json *json, const struct jb_run_energy *energy) {
    jb_json_key(json, "domains");
    jb_json_array(json);
    for (size_t i = 0; i < energy->domain_count; i++) {
        const struct jb_run_domain *domain = &energy->domains[i];
        jb_json_object(json);
        add_string(json, "id", domain->domain.id);
        add_string(json, "source", source_name(domain->source));
        add_string(json, "account", domain->domain.account);
        add_string(json, "place", domain->place == JB_COVER_AUTHORITY ? "authority" : "part");
        add_string(json, "method", jb_method_name(domain->domain.method));
        add_amount(json, "host_energy_uj", domain->energy_uj > 0 || domain->unknown_ns == 0,
                   domain->energy_uj);
        add_amount(json, "host_idle_uj", domain->energy_uj > 0 || domain->unknown_ns == 0, domain->idle_uj);
        add_amount(json, "unknown_ns", true, domain->unknown_ns);
        jb_json_end(json, '}');
    }
    jb_json_end(json, ']');
}

static void add_figure(struct jb_json *json, const struct jb_run_result *result) {
    const struct jb_run_figure *figure = &result->figure;
    bool has_interval = figure->is_known && !isnan(figure->low_uj);
    char unknown[1024];
    add_amount(json, "energy_uj", figure->is_known, figure->energy_uj);
    add_amount(json, "energy_low_uj", has_interval, has_interval ? (jb_int128)figure->low_uj : 0);
    add_amount(json, "energy_high_uj", has_interval, has_interval ? (jb_int128)figure->high_uj : 0);
    add_number(json, "energy_wh", figure->is_known ? (double)figure->energy_uj / 3.6e9 : NAN);
    add_string(json, "method", figure->is_known ? jb_method_name(figure->method) : NULL);
    jb_json_key(json, "uncertainty_ppm");
    if (has_interval)
        jb_json_integer(json, figure->uncertainty_ppm);
    else
        jb_json_null(json);
    add_string(json, "unknown", jb_run_report_unknown(result, unknown, sizeof unknown));
    add_number(json, "power_w",
               figure->is_known && result->wall_ns > 0
                   ? (double)figure->energy_uj / 1e6 / ((double)result->wall_ns / 1e9)
                   : NAN);
    add_amount(json, "host_energy_uj", result->energy.is_known, result->energy.host_uj);
    add_number(json, "share_of_host_energy", share_of_energy(result));
    add_number(json, "share_of_host_cpu", share_of_capacity(result));
    add_number(json, "unseen_share_of_cpu", figure->is_known ? figure->unseen_share : NAN);
}

static void add_left(struct jb_json *json, const struct jb_run_result *result) {
    add_integer(json, "left_running", (int64_t)result->left_count);
    jb_json_key(json, "left_pids");
    jb_json_array(json);
    for (size_t i = 0; i < result->left_count && i < JB_RUN_PID_CEILING; i++)
        jb_json_integer(json, result->left_pids[i]);
    jb_json_end(json, ']');
}

static void add_booking(struct jb_json *json, const struct jb_run_report *report) {
    const struct jb_run_booking *booking = report->booking;
    jb_json_key(json, "booking");
    if (!booking && !report->book_error) {
        jb_json_null(json);
        return;
    }
    bool is_booked = booking && booking->is_booked;
    jb_json_object(json);
    jb_json_key(json, "booked");
    jb_json_boolean(json, is_booked);
    add_string(json, "batch", is_booked ? booking->identity : NULL);
    add_string(json, "account", is_booked ? booking->account : NULL);
    add_string(json, "why_not", report->book_error ? report->book_error->message : booking->why_not);
    jb_json_end(json, '}');
}

void jb_run_report_json(const struct jb_run_report *report, struct jb_buffer *out) {
    const struct jb_run_result *result = report->result;
    struct jb_json json = jb_json_make(out);
    char time[JB_TIME_SIZE];
    int status = result->child.wait_status;
    jb_json_object(&json);
    jb_json_key(&json, "command");
    jb_json_array(&json);
    for (char *const *word = report->argv; *word; word++)
        jb_json_string(&json, *word);
    jb_json_end(&json, ']');
    add_string(&json, "host", result->host);
    add_string(&json, "start", jb_time_format(result->start_realtime_ns, time));
    add_string(&json, "end", jb_time_format(result->end_realtime_ns, time));
    add_amount(&json, "wall_ns", true, result->wall_ns);
    add_amount(&json, "cpu_ns", true, result->cpu_ns);
    add_amount(&json, "cpu_user_ns", true, result->user_ns);
    add_amount(&json, "cpu_system_ns", true, result->system_ns);
    add_figure(&json, result);
    add_domains(&json, &result->energy);
    add_integer(&json, "processes", (int64_t)result->seen);
    add_string(&json, "process_load", result->process_load);
    add_string(&json, "counted_by", result->cgroup[0] ? "cgroup" : "descent");
    add_string(&json, "cgroup", result->cgroup);
    add_string(&json, "why_no_cgroup", result->cgroup[0] ? NULL : result->why_no_group.message);
    add_left(&json, result);
    jb_json_key(&json, "exit_status");
    if (WIFEXITED(status))
        jb_json_integer(&json, WEXITSTATUS(status));
    else
        jb_json_null(&json);
    jb_json_key(&json, "signal");
    if (WIFSIGNALED(status))
        jb_json_integer(&json, WTERMSIG(status));
    else
        jb_json_null(&json);
    add_booking(&json, report);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}
