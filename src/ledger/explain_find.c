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

/* Length of the path up to where it holds the text as whole components; 0 when it does not. */
static size_t length_to(const char *path, const char *text) {
    size_t wanted = strlen(text);
    for (const char *at = path; (at = strstr(at, text)) != NULL; at++) {
        if ((at == path || at[-1] == '/') && (at[wanted] == '\0' || at[wanted] == '/'))
            return (size_t)(at - path) + wanted;
    }
    return 0;
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

/* The different accounts that a text may mean, none of them below another; more than fit are only counted. */
struct candidates {
    char paths[SUGGESTIONS][JB_ACCOUNT_SIZE];
    size_t count, further;
};

static void candidates_add(struct candidates *candidates, const char *path) {
    size_t kept = 0;
    for (size_t i = 0; i < candidates->count; i++) {
        if (jb_account_is_within(path, candidates->paths[i]))
            return;
    }
    for (size_t i = 0; i < candidates->count; i++) {
        if (!jb_account_is_within(candidates->paths[i], path) && kept++ != i)
            strcpy(candidates->paths[kept - 1], candidates->paths[i]);
    }
    candidates->count = kept;
    if (kept == SUGGESTIONS)
        candidates->further++;
    else
        strcpy(candidates->paths[candidates->count++], path);
}

static enum jb_code take_only(const struct candidates *candidates, const char *text, struct jb_error *error,
                              char ret_account[static JB_ACCOUNT_SIZE]) {
    struct list list = {0};
    if (candidates->count == 1) {
        strcpy(ret_account, candidates->paths[0]);
        return JB_OK;
    }
    for (size_t i = 0; i < candidates->count; i++)
        list_add(&list, candidates->paths[i]);
    return jb_error_set(error, JB_USAGE, "'%.200s' may be any of %s%s; name one", text, list.text,
                        candidates->further ? " and others" : "");
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
    struct candidates candidates = {0};
    bool is_glob = strpbrk(wanted, "*?[") != NULL;
    for (size_t a = 0; a < count && *wanted; a++) {
        const char *path = jb_ledger_path(ledger, (jb_account_id)a);
        char whole[JB_ACCOUNT_SIZE];
        if (jb_account_is_within(path, wanted)) {
            strcpy(ret_account, wanted);
            return JB_OK;
        }
        size_t length = !is_glob ? length_to(path, wanted) : jb_text_matches(wanted, path) ? strlen(path) : 0;
        snprintf(whole, sizeof whole, "%.*s", (int)length, path);
        if (length)
            candidates_add(&candidates, whole);
    }
    return candidates.count ? take_only(&candidates, wanted, error, ret_account)
                            : not_found(ledger, text, error);
}
