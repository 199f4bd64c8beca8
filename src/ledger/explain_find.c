/* Finds the account that somebody means, and suggests some when there is none. */
#include "ledger/explain.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "ledger/consumer.h"
#include "store/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SUGGESTIONS 5

/* Accounts for a message, with commas; the rest is counted. */
struct list {
    char text[640];
    size_t length, count;
};

static void list_add(struct list *list, const char *path) {
    list->count++;
    if (list->count > SUGGESTIONS)
        return;
    int added = snprintf(list->text + list->length, sizeof list->text - list->length, "%s%.110s",
                         list->length ? ", " : "", path);
    if (added > 0 && (size_t)added < sizeof list->text - list->length)
        list->length += (size_t)added;
}

static bool ends_in(const char *path, const char *text) {
    size_t length = strlen(path), wanted = strlen(text);
    return length > wanted && strcmp(path + length - wanted, text) == 0 && path[length - wanted - 1] == '/';
}

/* Levenshtein distance of two short texts, without regard to case; SIZE_MAX when they are too long. */
static size_t distance(const char *a, const char *b) {
    size_t row[64], lengths[2] = {strlen(a), strlen(b)};
    if (lengths[0] >= JB_COUNT(row) || lengths[1] >= JB_COUNT(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= lengths[1]; j++)
        row[j] = j;
    for (size_t i = 1; i <= lengths[0]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lengths[1]; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + !same;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[lengths[1]];
}

static const char *last_component(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Accounts that hold the text, else those whose end is spelt nearly like it. */
static void suggest(struct jb_ledger *ledger, const char *text, struct list *list) {
    struct jb_store *store = jb_ledger_store(ledger);
    size_t count = store->ops->account_count(store);
    for (size_t a = 0; a < count; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        if (*text && strcasestr(path, text))
            list_add(list, path);
    }
    const char *wanted = last_component(text);
    for (size_t a = 0; !list->count && a < count; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        size_t far = distance(wanted, last_component(path));
        if (far <= 2 && far < strlen(wanted))
            list_add(list, path);
    }
    for (size_t a = 0; !list->count && a < count; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        if (strcasestr(path, wanted))
            list_add(list, path);
    }
}

static enum jb_code not_found(struct jb_ledger *ledger, const char *text, struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(ledger);
    struct list list = {0};
    if (store->ops->account_count(store) == 0)
        return jb_error_set(error, JB_NO_DATA, "the book is empty: it has no account '%.200s'", text);
    suggest(ledger, text, &list);
    if (list.count == 0)
        return jb_error_set(error, JB_NO_DATA,
                            "the book has no account '%.200s'; `joulebook statement --by account` lists them",
                            text);
    if (list.count > SUGGESTIONS)
        return jb_error_set(error, JB_NO_DATA,
                            "the book has no account '%.200s'; near it are %s and %zu more", text, list.text,
                            list.count - SUGGESTIONS);
    return jb_error_set(error, JB_NO_DATA, "the book has no account '%.200s'; did you mean %s?", text,
                        list.text);
}

static enum jb_code take_only(const struct list *list, const char *found, const char *text,
                              struct jb_error *error, char ret_account[static JB_ACCOUNT_SIZE]) {
    if (list->count == 1) {
        snprintf(ret_account, JB_ACCOUNT_SIZE, "%s", found);
        return JB_OK;
    }
    if (list->count > SUGGESTIONS)
        return jb_error_set(error, JB_USAGE, "'%.200s' may be %s or %zu others; name one", text, list->text,
                            list->count - SUGGESTIONS);
    return jb_error_set(error, JB_USAGE, "'%.200s' may be any of %s; name one", text, list->text);
}

enum jb_code jb_explain_resolve(struct jb_ledger *ledger, const char *text, struct jb_error *error,
                                char ret_account[static JB_ACCOUNT_SIZE]) {
    struct jb_store *store = jb_ledger_store(ledger);
    size_t count = store->ops->account_count(store);
    char wanted[JB_ACCOUNT_SIZE];
    if (strlen(text) >= sizeof wanted)
        return not_found(ledger, text, error);
    /* "host/h1/" is meant as host/h1. */
    snprintf(wanted, sizeof wanted, "%s", text);
    for (size_t length = strlen(wanted); length > 1 && wanted[length - 1] == '/'; length--)
        wanted[length - 1] = '\0';
    for (size_t a = 0; a < count && *wanted; a++) {
        if (jb_account_is_within(jb_ledger_path(ledger, (jb_account_id)a), wanted)) {
            snprintf(ret_account, JB_ACCOUNT_SIZE, "%s", wanted);
            return JB_OK;
        }
    }
    bool is_glob = strpbrk(wanted, "*?[") != NULL;
    struct list list = {0};
    const char *found = NULL;
    for (size_t a = 0; a < count && *wanted; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        if (is_glob ? !jb_text_matches(wanted, path) : !ends_in(path, wanted))
            continue;
        /* '*' also runs over '/': what lies below a match is part of it, not another one. */
        if (found && jb_account_is_within(path, found))
            continue;
        if (found && jb_account_is_within(found, path) && list.count == 1)
            list = (struct list){0};
        found = path;
        list_add(&list, path);
    }
    return list.count ? take_only(&list, found, wanted, error, ret_account) : not_found(ledger, text, error);
}
