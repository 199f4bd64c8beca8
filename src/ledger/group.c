/* Which row of a statement an account belongs to, and what the row is called. */
#include "ledger/group.h"

#include "base/strings.h"
#include "ledger/consumer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define GROUP_CEILING ((size_t)1 << 24)

struct jb_grouping {
    struct jb_ledger *ledger;
    struct jb_statement_request request;
    struct jb_label *labels;
    size_t label_count;
    struct jb_strings *names;
    uint32_t *group_of; /* by account; JB_STRING_NONE: not known yet */
    size_t account_count;
};

void jb_grouping_free(struct jb_grouping *groups) {
    if (!groups)
        return;
    jb_strings_free(groups->names);
    free(groups->labels);
    free(groups->group_of);
    free(groups);
}

#define NAME_SIZE (JB_ACCOUNT_SIZE + 8)

/* A name of the machine's own. One that opens with '(' is written %28…, so that it cannot be taken for ours.
 */
static void set_own_name(const char *text, size_t length, char ret[static NAME_SIZE]) {
    bool is_like_ours = length > 0 && text[0] == '(';
    snprintf(ret, NAME_SIZE, "%s%.*s", is_like_ours ? "%28" : "", (int)(length - is_like_ours),
             text + is_like_ours);
}

static void set_leaf_name(const char *path, const struct jb_account_parts *parts, const char *otherwise,
                          char ret[static NAME_SIZE]) {
    if (jb_account_role(path) == JB_FINAL)
        snprintf(ret, NAME_SIZE, "(%.*s)", (int)parts->leaf_length, parts->leaf);
    else
        snprintf(ret, NAME_SIZE, "(%s)", otherwise);
}

/* Value of the label that was set last among those that hold for the path; NULL when there is none. */
static const char *label_value(const struct jb_label *labels, size_t count, const char *key,
                               const char *path) {
    for (size_t i = count; i-- > 0;) {
        if (strcmp(labels[i].key, key) == 0 && jb_label_holds(&labels[i], path))
            return labels[i].value;
    }
    return NULL;
}

static void group_name(const struct jb_statement_request *request, const struct jb_label *labels,
                       size_t label_count, const char *path, char ret[static NAME_SIZE]) {
    struct jb_account_parts parts = jb_account_split(path);
    const char *value;
    switch (request->by) {
    case JB_BY_ACCOUNT:
        snprintf(ret, NAME_SIZE, "%.*s",
                 (int)(request->depth ? jb_account_prefix(path, request->depth) : strlen(path)), path);
        return;
    case JB_BY_HOST:
        if (parts.host_length)
            set_own_name(parts.host, parts.host_length, ret);
        else
            snprintf(ret, NAME_SIZE, "(no host)");
        return;
    case JB_BY_CGROUP:
        if (parts.cgroup_length) {
            char cgroup[JB_ACCOUNT_SIZE];
            snprintf(cgroup, sizeof cgroup, "%.*s", (int)parts.cgroup_length, parts.cgroup);
            set_own_name(cgroup, request->depth ? jb_account_prefix(cgroup, request->depth) : strlen(cgroup),
                         ret);
        } else {
            set_leaf_name(path, &parts, "no cgroup", ret);
        }
        return;
    case JB_BY_PROCESS:
        if (parts.process_length)
            set_own_name(parts.process, parts.process_length, ret);
        else
            set_leaf_name(path, &parts, "no process", ret);
        return;
    case JB_BY_LABEL:
        value = label_value(labels, label_count, request->label_key, path);
        if (value)
            set_own_name(value, strlen(value), ret);
        else
            snprintf(ret, NAME_SIZE, "(no %.64s)", request->label_key);
        return;
    }
    assert(false);
}

enum jb_code jb_grouping_make(struct jb_ledger *ledger, const struct jb_statement_request *request,
                              struct jb_error *error, struct jb_grouping **ret_groups) {
    struct jb_store *store = jb_ledger_store(ledger);
    _cleanup_(jb_grouping_free_cleanup) struct jb_grouping *groups = calloc(1, sizeof *groups);
    assert(request->by != JB_BY_LABEL || request->label_key);
    if (!groups)
        return jb_error_set(error, JB_MEMORY, "no memory for the groups of a statement");
    groups->ledger = ledger;
    groups->request = *request;
    groups->account_count = store->ops->account_count(store);
    groups->group_of = malloc((groups->account_count + 1) * sizeof *groups->group_of);
    if (!groups->group_of)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu accounts", groups->account_count);
    for (size_t a = 0; a < groups->account_count; a++)
        groups->group_of[a] = JB_STRING_NONE;
    enum jb_code code = store->ops->labels(store, error, &groups->labels, &groups->label_count);
    if (!code)
        code = jb_strings_make(GROUP_CEILING, error, &groups->names);
    if (!code)
        *ret_groups = JB_TAKE(groups);
    return code;
}

enum jb_code jb_grouping_of(struct jb_grouping *groups, jb_account_id account, struct jb_error *error,
                            uint32_t *ret_group) {
    assert(account < groups->account_count);
    uint32_t *known = &groups->group_of[account];
    if (*known == JB_STRING_NONE) {
        char name[NAME_SIZE];
        group_name(&groups->request, groups->labels, groups->label_count,
                   jb_ledger_path(groups->ledger, account), name);
        enum jb_code code = jb_strings_intern(groups->names, name, error, known);
        if (code)
            return code;
    }
    *ret_group = *known;
    return JB_OK;
}

size_t jb_grouping_count(const struct jb_grouping *groups) {
    return jb_strings_count(groups->names);
}

const char *jb_grouping_name(const struct jb_grouping *groups, uint32_t group) {
    return jb_strings_text(groups->names, group);
}

uint32_t jb_grouping_find(const struct jb_grouping *groups, const char *name) {
    return jb_strings_find(groups->names, name);
}

const char *jb_grouping_label(const struct jb_grouping *groups, const char *key, jb_account_id account) {
    return label_value(groups->labels, groups->label_count, key, jb_ledger_path(groups->ledger, account));
}
