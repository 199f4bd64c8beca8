/* The verb `label`. */
#include "cli/cli.h"

#include "base/text.h"
#include "ledger/consumer.h"
#include "report/view.h"

#include <inttypes.h>
#include <string.h>

#define OPERAND_CEILING 65

enum { LIST, JSON, CSV };

static bool is_clean(const char *text) {
    size_t left = strlen(text);
    while (left) {
        size_t length = jb_utf8_length(text, left);
        if (length == 0 || (unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

/* "key=value" for the pattern. Returns -1 to go on, or an exit status. */
static int parse_label(const struct jb_cli *cli, const char *pattern, const char *text,
                       struct jb_label *ret) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    const char *equals = strchr(text, '=');
    size_t key_length = equals ? (size_t)(equals - text) : 0;
    if (!equals || key_length == 0)
        return jb_cli_usage(cli, "'%.100s' is not KEY=VALUE", text);
    if (strspn(text, letters) != key_length || key_length >= sizeof ret->key)
        return jb_cli_usage(cli, "key '%.*s': up to %zu letters, digits, '.', '_', '-' and '/'",
                            (int)(key_length < 100 ? key_length : 100), text, sizeof ret->key - 1);
    if (strlen(equals + 1) >= sizeof ret->value || !is_clean(equals + 1))
        return jb_cli_usage(cli, "value of '%.*s': up to %zu bytes of UTF-8 without control characters",
                            (int)key_length, text, sizeof ret->value - 1);
    memset(ret, 0, sizeof *ret);
    strcpy(ret->pattern, pattern);
    memcpy(ret->key, text, key_length);
    strcpy(ret->value, equals + 1);
    return -1;
}

static uint64_t count_accounts(struct jb_ledger *ledger, const struct jb_label *label) {
    struct jb_store *store = jb_ledger_store(ledger);
    size_t count = store->ops->account_count(store);
    uint64_t matches = 0;
    for (size_t a = 0; a < count; a++)
        matches += jb_label_holds(label, jb_ledger_path(ledger, (jb_account_id)a));
    return matches;
}

/* Prints the labels that there are, or those just set. */
static int print_labels(const struct jb_cli *cli, struct jb_ledger *ledger, enum jb_form form,
                        const struct jb_label *labels, size_t count) {
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer out = {0};
    _cleanup_free_ struct jb_label_use *uses = calloc(count + 1, sizeof *uses);
    struct jb_view view = {.form = form, .layout = jb_layout_of_stdout(), .ledger = ledger, .out = &out};
    if (!uses)
        return jb_cli_fail(cli, jb_error_set(&error, JB_MEMORY, "no memory for the labels"), &error);
    for (size_t i = 0; i < count; i++)
        uses[i] =
            (struct jb_label_use){.label = &labels[i], .account_count = count_accounts(ledger, &labels[i])};
    enum jb_code code = jb_view_labels(&view, uses, count, &error);
    return code ? jb_cli_fail(cli, code, &error) : jb_cli_print(cli, &out);
}

static int list_labels(const struct jb_cli *cli, enum jb_form form) {
    struct jb_error error = {0};
    struct jb_ledger *ledger;
    _cleanup_free_ struct jb_label *labels = NULL;
    size_t count = 0;
    int status = jb_cli_open_book(cli, JB_STORE_READ, &ledger);
    if (status >= 0)
        return status;
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = store->ops->labels(store, &error, &labels, &count);
    status = code ? jb_cli_fail(cli, code, &error) : print_labels(cli, ledger, form, labels, count);
    jb_ledger_close(ledger);
    return status;
}

static int set_labels(const struct jb_cli *cli, enum jb_form form, const char *const *operands,
                      size_t count) {
    struct jb_error error = {0};
    struct jb_ledger *ledger;
    _cleanup_free_ struct jb_label *labels = calloc(count, sizeof *labels);
    const char *pattern = operands[0];
    size_t set = count - 1;
    if (!labels)
        return jb_cli_fail(cli, jb_error_set(&error, JB_MEMORY, "no memory for the labels"), &error);
    if (!*pattern || strlen(pattern) >= JB_ACCOUNT_SIZE || !is_clean(pattern))
        return jb_cli_usage(cli, "PATTERN: 1 to %d bytes of UTF-8 without control characters",
                            JB_ACCOUNT_SIZE - 1);
    if (set == 0)
        return jb_cli_usage(cli, "'%.200s' needs a KEY=VALUE", pattern);
    for (size_t i = 0; i < set; i++) {
        int status = parse_label(cli, pattern, operands[i + 1], &labels[i]);
        if (status >= 0)
            return status;
    }
    int status = jb_cli_open_book(cli, JB_STORE_WRITE, &ledger);
    if (status >= 0)
        return status;
    struct jb_store *store = jb_ledger_store(ledger);
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < set; i++)
        code = store->ops->label_set(store, &labels[i], &error);
    uint64_t matches = count_accounts(ledger, &labels[0]);
    if (code)
        status = jb_cli_fail(cli, code, &error);
    else if (form != JB_FORM_TEXT)
        status = print_labels(cli, ledger, form, labels, set);
    else
        status = 0;
    if (status == 0 && matches == 0)
        fprintf(stderr,
                "joulebook label: note: no account matches '%s' now; "
                "`joulebook statement --by account` lists them\n",
                pattern);
    else if (status == 0 && form == JB_FORM_TEXT)
        printf("'%s' holds for %" PRIu64 " account%s.\n", pattern, matches, matches == 1 ? "" : "s");
    jb_ledger_close(ledger);
    return status;
}

static int run(struct jb_cli *cli) {
    struct jb_option options[] = {
        [LIST] = {"--list", false, NULL},
        [JSON] = {"--json", false, NULL},
        [CSV] = {"--csv", false, NULL},
        {NULL, false, NULL},
    };
    const char *operands[OPERAND_CEILING];
    enum jb_form form;
    size_t operand_count;
    int status = jb_cli_parse(cli, &jb_verb_label, options, operands, OPERAND_CEILING, &operand_count, false);
    if (status < 0)
        status = jb_cli_form(cli, options[JSON].value, options[CSV].value, &form);
    if (status >= 0)
        return status;
    if (options[LIST].value && operand_count)
        return jb_cli_usage(cli, "--list takes no pattern");
    return operand_count ? set_labels(cli, form, operands, operand_count) : list_labels(cli, form);
}

const struct jb_verb jb_verb_label = {
    .name = "label",
    .summary = "set labels on accounts by pattern",
    .help = "usage: joulebook label 'PATTERN' KEY=VALUE...\n"
            "       joulebook label [--list] [--json | --csv]\n"
            "\n"
            "Labels say whose an account is: team, model, job. `joulebook statement --by label:team`\n"
            "then sums by them, also what was booked before the label was set. PATTERN is a glob over\n"
            "account paths: * is any run (also of /), ? one byte, [a-z] a set, \\ takes the next byte as\n"
            "it is. A label holds for what matches and for everything below it; of several, the one\n"
            "that was set last. Without PATTERN the labels are listed, in the order in which they were\n"
            "set, each with how many accounts it is for.\n"
            "\n"
            "KEY=    takes the label off again.\n"
            "\n"
            "options\n"
            "  --list         list the labels\n"
            "  --json, --csv  for machines\n"
            "\n"
            "examples\n"
            "  joulebook label 'host/*/cgroup/kubepods*' team=search\n"
            "  joulebook label '*/process/postgres' team=storage tier=gold\n"
            "  joulebook label 'host/*/cgroup/kubepods*' team=\n"
            "\n"
            "exit status: 0 done (with a note when no account matches now), 2 wrong usage, 3 the book is\n"
            "damaged or foreign, 4 could not\n",
    .run = run,
};
