/* Helpers of the storage tests: a fresh book of any store, in a folder of its own that is removed again. */
#ifndef JB_STORE_TEST_BOOK_H
#define JB_STORE_TEST_BOOK_H

#include "store/store.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct jb_test_book {
    struct jb_store *store;
    const char *location;
    char folder[200], path[256];
};

/* Makes a folder; in memory where there is such a place, since books write through to the disk. */
static inline void jb_test_folder(char ret[static 200]) {
    const char *base = getenv("TMPDIR");
    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(ret, 200, "%.150s/jb-store-XXXXXX", base);
    assert_non_null(mkdtemp(ret));
}

/* Removes a folder of files. */
static inline void jb_test_folder_remove(const char *folder) {
    DIR *entries = opendir(folder);
    char path[600];
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        snprintf(path, sizeof path, "%.250s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

static inline void jb_test_book_open(struct jb_test_book *book, const struct jb_store_ops *ops) {
    struct jb_error error = {0};
    jb_test_folder(book->folder);
    snprintf(book->path, sizeof book->path, "%s/book.db", book->folder);
    book->location = book->path;
    if (ops->open(book->location, JB_STORE_CREATE, &error, &book->store) != JB_OK)
        fail_msg("open: %s", error.message);
}

static inline void jb_test_book_close(struct jb_test_book *book) {
    book->store->ops->close(book->store);
    jb_test_folder_remove(book->folder);
}

static inline jb_account_id jb_test_account(struct jb_test_book *book, const char *path) {
    struct jb_error error = {0};
    jb_account_id id = JB_ACCOUNT_NONE;
    if (book->store->ops->account_id(book->store, path, true, &error, &id) != JB_OK)
        fail_msg("account %s: %s", path, error.message);
    return id;
}

static inline void jb_test_append(struct jb_test_book *book, const struct jb_batch *batch, bool expect_new) {
    struct jb_error error = {0};
    bool is_new = !expect_new;
    if (book->store->ops->append(book->store, batch, &error, &is_new) != JB_OK)
        fail_msg("append: %s", error.message);
    assert_int_equal(is_new, expect_new);
}

/* Everything that the query covers, in one number. */
static inline jb_int128 jb_test_total(struct jb_test_book *book, struct jb_query query) {
    struct jb_error error = {0};
    struct jb_sum *sums = NULL;
    size_t count = 0;
    jb_int128 total = 0;
    if (book->store->ops->sums(book->store, &query, &error, &sums, &count) != JB_OK)
        fail_msg("sums: %s", error.message);
    for (size_t i = 0; i < count; i++)
        total += sums[i].amount;
    free(sums);
    return total;
}

#endif
