/* What verbs share: parsing their options, opening the book, failing with a clear line. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/time.h"
#include "cli/progress.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int jb_cli_fail(const struct jb_cli *cli, enum jb_code code, const struct jb_error *error) {
    progress_end();
    fflush(stdout);
    fprintf(stderr, "joulebook %s: %s\n", cli->argv[0], error->message);
    return jb_error_exit_status(code);
}

int jb_cli_usage(const struct jb_cli *cli, const char *format, ...) {
    struct jb_error error = {0};
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jb_error_set(&error, JB_USAGE, "%s", text);
    progress_end();
    fflush(stdout);
    fprintf(stderr, "joulebook %s: %s; try joulebook %s --help\n", cli->argv[0], error.message, cli->argv[0]);
    return 2;
}

static struct jb_option *find_option(struct jb_option *options, const char *argument,
                                     const char **ret_inline) {
    for (struct jb_option *option = options; option->name; option++) {
        size_t length = strlen(option->name);
        if (strncmp(argument, option->name, length) != 0)
            continue;
        if (argument[length] == '\0') {
            *ret_inline = NULL;
            return option;
        }
        if (argument[length] == '=') {
            *ret_inline = argument + length + 1;
            return option;
        }
    }
    return NULL;
}

int jb_cli_parse(const struct jb_cli *cli, const struct jb_verb *verb, struct jb_option *options,
                 const char **operands, size_t operand_ceiling, size_t *ret_operand_count,
                 bool stop_at_operand) {
    size_t count = 0;
    bool only_operands = false;
    for (int i = 1; i < cli->argc; i++) {
        const char *argument = cli->argv[i], *inline_value = NULL;
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (only_operands || argument[0] != '-' || argument[1] == '\0') {
            if (count >= operand_ceiling && !stop_at_operand)
                return jb_cli_usage(cli, "'%s' is one argument too many", argument);
            if (count < operand_ceiling)
                operands[count] = argument;
            count++;
            only_operands = only_operands || stop_at_operand;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            fputs(verb->brief ? verb->brief : verb->help, stdout);
            return 0;
        }
        struct jb_option *option = find_option(options, argument, &inline_value);
        if (!option)
            return jb_cli_usage(cli, "unknown option '%s'", argument);
        if (!option->takes_value && inline_value)
            return jb_cli_usage(cli, "%s takes no value", option->name);
        if (option->takes_value && !inline_value) {
            if (i + 1 >= cli->argc)
                return jb_cli_usage(cli, "%s needs a value", option->name);
            inline_value = cli->argv[++i];
        }
        option->value = inline_value ? inline_value : "";
    }
    *ret_operand_count = count;
    return -1;
}

int jb_cli_open_book(const struct jb_cli *cli, enum jb_store_mode mode, struct jb_ledger **ret_ledger) {
    struct jb_error error = {0};
    enum jb_code code = jb_ledger_open(cli->book, mode, &error, ret_ledger);
    return code ? jb_cli_fail(cli, code, &error) : -1;
}

int jb_cli_period(const struct jb_cli *cli, const char *from, const char *to, struct jb_query *ret_query) {
    struct jb_error error = {0};
    struct jb_query query = JB_QUERY_ALL;
    int64_t now_ns = jb_clock_system.realtime_ns(&jb_clock_system);
    if (from && jb_time_parse_relative(from, now_ns, &error, &query.from_ns))
        return jb_cli_usage(cli, "--from: %s", error.message);
    if (to && jb_time_parse_relative(to, now_ns, &error, &query.to_ns))
        return jb_cli_usage(cli, "--to: %s", error.message);
    if (query.from_ns >= query.to_ns)
        return jb_cli_usage(cli, "--from must be before --to");
    *ret_query = query;
    return -1;
}

int jb_cli_count(const struct jb_cli *cli, const char *option, const char *text, uint64_t low, uint64_t high,
                 uint64_t *ret) {
    uint64_t value;
    if (!text)
        return -1;
    if (jb_uint64_parse(text, NULL, &value) || value < low || value > high)
        return jb_cli_usage(cli, "%s: '%.60s' is no whole number from %llu to %llu", option, text,
                            (unsigned long long)low, (unsigned long long)high);
    *ret = value;
    return -1;
}

int jb_cli_group_by(const struct jb_cli *cli, const char *by, struct jb_statement_request *request) {
    static const struct {
        const char *name;
        enum jb_group_by by;
    } groups[] = {{"account", JB_BY_ACCOUNT},
                  {"host", JB_BY_HOST},
                  {"cgroup", JB_BY_CGROUP},
                  {"process", JB_BY_PROCESS}};
    for (size_t i = 0; i < JB_COUNT(groups); i++) {
        if (strcmp(by, groups[i].name) == 0) {
            request->by = groups[i].by;
            return -1;
        }
    }
    if (strncmp(by, "label:", 6) == 0 && by[6] && strlen(by + 6) < sizeof((struct jb_label *)0)->key) {
        request->by = JB_BY_LABEL;
        request->label_key = by + 6;
        return -1;
    }
    return jb_cli_usage(cli, "--by: '%.60s' is none of account, host, cgroup, process, label:KEY", by);
}

int jb_cli_form(const struct jb_cli *cli, const char *json, const char *csv, enum jb_form *ret_form) {
    if (json && csv)
        return jb_cli_usage(cli, "--json and --csv exclude each other");
    *ret_form = json ? JB_FORM_JSON : csv ? JB_FORM_CSV : JB_FORM_TEXT;
    return -1;
}

int jb_cli_print(const struct jb_cli *cli, const struct jb_buffer *buffer) {
    struct jb_error error = {0};
    enum jb_code code = jb_buffer_check(buffer, &error);
    if (code)
        return jb_cli_fail(cli, code, &error);
    progress_end();
    if (buffer->length == 0 ||
        (fwrite(buffer->bytes, 1, buffer->length, stdout) == buffer->length && fflush(stdout) == 0))
        return 0;
    /* Whoever closed the pipe (head, a pager) has seen enough, and wants no complaint. */
    if (errno == EPIPE)
        return 4;
    return jb_cli_fail(cli, jb_error_set_errno(&error, errno, "standard output"), &error);
}

const char *jb_cli_data_path(const struct jb_cli *cli) {
    static char beside[PATH_MAX];
    const char *given = getenv("JOULEBOOK_DATA");
    (void)cli;
    if (given && *given)
        return given;
    /* A build folder lies beside data/: build/src/cli/joulebook → data; one folder further down in
     * build-check/. */
    ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - sizeof "/data");
    for (int up = 0; length > 0 && up < 5; up++) {
        while (length > 0 && beside[length - 1] != '/')
            length--;
        if (length == 0)
            break;
        length--;
        strcpy(beside + length, "/data");
        char probe[PATH_MAX + 32];
        snprintf(probe, sizeof probe, "%s/PROVENANCE.md", beside);
        if (access(probe, R_OK) == 0)
            return beside;
    }
    return JB_DATA_DIR;
}

enum jb_code jb_cli_own_factors_path(struct jb_error *error, char ret[static PATH_MAX]) {
    const char *given = getenv("JOULEBOOK_FACTORS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    struct passwd *user = NULL;
    int length;
    if (given && *given) {
        length = snprintf(ret, PATH_MAX, "%s", given);
    } else if (geteuid() == 0) {
        length = snprintf(ret, PATH_MAX, "/var/lib/joulebook/factors");
    } else if (data && data[0] == '/') {
        length = snprintf(ret, PATH_MAX, "%s/joulebook/factors", data);
    } else {
        user = home && home[0] == '/' ? NULL : getpwuid(geteuid());
        if (!user && !(home && home[0] == '/'))
            return jb_error_set(error, JB_USAGE,
                                "there is no home folder for own factor tables; set $JOULEBOOK_FACTORS");
        length = snprintf(ret, PATH_MAX, "%s/.local/share/joulebook/factors", user ? user->pw_dir : home);
    }
    return length < PATH_MAX
               ? JB_OK
               : jb_error_set(error, JB_USAGE, "the folder of own factor tables has too long a path");
}

enum jb_code jb_cli_factors(const struct jb_cli *cli, struct jb_error *error,
                            struct jb_factors **ret_factors) {
    char own_path[PATH_MAX];
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    enum jb_code code = jb_cli_own_factors_path(error, own_path);
    struct jb_factor_load load = {.data_path = jb_cli_data_path(cli), .own_path = own_path};
    if (!code)
        code = jb_factors_load(&load, error, &factors);
    if (!code)
        code = jb_factors_check(factors, error);
    if (!code)
        *ret_factors = JB_TAKE(factors);
    return code;
}

int jb_cli_load_factors(const struct jb_cli *cli, struct jb_factors **ret_factors) {
    struct jb_error error = {0};
    enum jb_code code = jb_cli_factors(cli, &error, ret_factors);
    return code ? jb_cli_fail(cli, code, &error) : -1;
}
