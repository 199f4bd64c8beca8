/* The ledger over whatever store the book lives in. */
#include "ledger/ledger.h"

#include "base/cleanup.h"
#include "ledger/site_settle.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct jb_ledger {
    char *url;
    struct jb_store *store;
    struct jb_site_touches touches; /* that are to be settled */
    bool is_held, is_begun;         /* a transaction */
    bool is_whole;                  /* which has everything until release */
};

/* The default book; makes its own folder (private to the user) when it is to be created. */
static enum jb_code default_path(enum jb_store_mode mode, struct jb_error *error, char ret[static PATH_MAX]) {
    const char *given = getenv("JOULEBOOK_BOOK");
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length;
    if (given && given[0]) {
        length = snprintf(ret, PATH_MAX, "%s", given);
        return length < PATH_MAX ? JB_OK : jb_error_set(error, JB_USAGE, "$JOULEBOOK_BOOK is too long");
    }
    char parent[PATH_MAX];
    if (geteuid() == 0) {
        length = snprintf(parent, sizeof parent, "/var/lib");
    } else if (data && data[0] == '/') {
        length = snprintf(parent, sizeof parent, "%s", data);
    } else {
        struct passwd *user = home && home[0] == '/' ? NULL : getpwuid(geteuid());
        if (!user && !(home && home[0] == '/'))
            return jb_error_set(error, JB_USAGE, "there is no home folder for the book; give --book PATH");
        length = snprintf(parent, sizeof parent, "%s/.local/share", user ? user->pw_dir : home);
    }
    if (length >= (int)sizeof parent || snprintf(ret, PATH_MAX, "%s/joulebook", parent) >= PATH_MAX - 16)
        return jb_error_set(error, JB_USAGE, "the path of the default book is too long; give --book PATH");
    if (mode == JB_STORE_CREATE) {
        for (char *slash = strchr(ret + 1, '/');; slash = strchr(slash + 1, '/')) {
            if (slash)
                *slash = '\0';
            /* What is not there yet is made for us alone; failing is left to the store to report. */
            mkdir(ret, geteuid() == 0 ? 0755 : 0700);
            if (!slash)
                break;
            *slash = '/';
        }
    }
    strcat(ret, "/book.db");
    return JB_OK;
}

/* The store of a URL and what follows its scheme. A path that has no scheme of ours is SQLite's. */
static enum jb_code find_store(const char *url, struct jb_error *error, const struct jb_store_ops **ret_ops,
                               const char **ret_location) {
    for (size_t i = 0; jb_store_table[i]; i++) {
        size_t length = strlen(jb_store_table[i]->scheme);
        if (strncmp(url, jb_store_table[i]->scheme, length) == 0 && url[length] == ':') {
            *ret_ops = jb_store_table[i];
            *ret_location = url + length + 1;
            return JB_OK;
        }
    }
    size_t scheme = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    if (scheme && strncmp(url + scheme, "://", 3) == 0)
        return jb_error_set(error, JB_UNSUPPORTED,
                            "this build has no store for %.*s:// books; give a path, or sqlite:PATH",
                            (int)scheme, url);
    *ret_ops = jb_store_table[0];
    *ret_location = url;
    return JB_OK;
}

enum jb_code jb_ledger_open(const char *url, enum jb_store_mode mode, struct jb_error *error,
                            struct jb_ledger **ret_ledger) {
    char path[PATH_MAX];
    const struct jb_store_ops *ops = NULL;
    const char *location = NULL;
    enum jb_code code = JB_OK;
    if (!url) {
        code = default_path(mode, error, path);
        url = path;
    }
    if (!code)
        code = find_store(url, error, &ops, &location);
    if (code)
        return code;
    struct jb_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger || !(ledger->url = strdup(url)))
        code = jb_error_set(error, JB_MEMORY, "no memory to open a ledger");
    else
        code = ops->open(location, mode, error, &ledger->store);
    if (code) {
        jb_ledger_close(ledger);
        return code;
    }
    *ret_ledger = ledger;
    return JB_OK;
}

void jb_ledger_close(struct jb_ledger *ledger) {
    if (!ledger)
        return;
    assert(!ledger->is_begun);
    jb_site_touches_free(&ledger->touches);
    if (ledger->store)
        ledger->store->ops->close(ledger->store);
    free(ledger->url);
    free(ledger);
}

const char *jb_ledger_url(const struct jb_ledger *ledger) {
    return ledger->url;
}

struct jb_store *jb_ledger_store(struct jb_ledger *ledger) {
    return ledger->store;
}

enum jb_code jb_ledger_account(struct jb_ledger *ledger, const char *path, struct jb_error *error,
                               jb_account_id *ret_id) {
    return ledger->store->ops->account_id(ledger->store, path, true, error, ret_id);
}

const char *jb_ledger_path(struct jb_ledger *ledger, jb_account_id id) {
    const char *path = ledger->store->ops->account_path(ledger->store, id);
    return path ? path : "";
}

static enum jb_code begin(struct jb_ledger *ledger, struct jb_error *error) {
    enum jb_code code = ledger->is_begun ? JB_OK : ledger->store->ops->begin(ledger->store, error);
    ledger->is_begun = ledger->is_begun || !code;
    return code;
}

/* Settles what was touched, and ends the transaction. */
static enum jb_code end(struct jb_ledger *ledger, enum jb_code code, struct jb_error *error) {
    if (!ledger->is_begun)
        return code;
    if (!code)
        code = jb_site_touches_settle(&ledger->touches, ledger, error);
    ledger->touches.pending.count = 0;
    ledger->is_begun = false;
    return ledger->store->ops->end(ledger->store, code, error);
}

/* A batch (NULL: the reversal of `identity`) that may have to be settled with the meters of sites. */
static enum jb_code book(struct jb_ledger *ledger, const struct jb_batch *batch, const char *identity,
                         struct jb_error *error, bool *ret_new) {
    bool is_new = false;
    struct jb_store *store = ledger->store;
    enum jb_code code = begin(ledger, error);
    if (!code)
        code = jb_site_touches_find(&ledger->touches, ledger, batch, identity, error);
    if (!code)
        code = batch ? store->ops->append(store, batch, error, &is_new)
                     : store->ops->reverse(store, identity, error, &is_new);
    /* What touches no meter is booked at once, unless all is to be one. */
    if (code || !ledger->is_held || (ledger->touches.pending.count == 0 && !ledger->is_whole))
        code = end(ledger, code, error);
    if (!code)
        *ret_new = is_new;
    return code;
}

enum jb_code jb_ledger_append(struct jb_ledger *ledger, const struct jb_batch *batch, struct jb_error *error,
                              bool *ret_new) {
    if (!ledger->is_begun && !jb_site_may_touch(ledger, batch))
        return ledger->store->ops->append(ledger->store, batch, error, ret_new);
    return book(ledger, batch, NULL, error, ret_new);
}

enum jb_code jb_ledger_reverse(struct jb_ledger *ledger, const char *identity, struct jb_error *error,
                               bool *ret_new) {
    return book(ledger, NULL, identity, error, ret_new);
}

enum jb_code jb_ledger_begin(struct jb_ledger *ledger, struct jb_error *error) {
    enum jb_code code = begin(ledger, error);
    ledger->is_held = ledger->is_whole = !code;
    return code;
}

void jb_ledger_hold(struct jb_ledger *ledger) {
    assert(!ledger->is_held);
    ledger->is_held = true;
}

enum jb_code jb_ledger_release(struct jb_ledger *ledger, enum jb_code code, struct jb_error *error) {
    assert(ledger->is_held);
    ledger->is_held = ledger->is_whole = false;
    return end(ledger, code, error);
}
