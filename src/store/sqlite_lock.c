/* Named locks beside a book in SQLite: a file each, locked for as long as its holder lives. */
#include "store/sqlite.h"

#include "base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* <book>.<name>.lock, the name as an account's component; a hash where the file name would be too long. */
static enum jb_code lock_path(const char *book, const char *name, struct jb_error *error,
                              char ret[static PATH_MAX]) {
    char component[JB_COMPONENT_SIZE];
    jb_account_encode(name, strlen(name), component);
    const char *slash = strrchr(book, '/');
    if (strlen(slash ? slash + 1 : book) + strlen(component) + strlen("..lock") > NAME_MAX)
        snprintf(component, sizeof component, "%016llx",
                 (unsigned long long)jb_hash_bytes(name, strlen(name)));
    if (snprintf(ret, PATH_MAX, "%s.%s.lock", book, component) >= PATH_MAX)
        return jb_error_set(error, JB_INPUT, "the book's path is too long for its lock '%.60s'", name);
    return JB_OK;
}

/* Whoever has it, by what it wrote: "process 123", or "another process". */
static enum jb_code busy(int descriptor, const char *name, const char *book, struct jb_error *error) {
    char text[32] = {0};
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    size_t digits = length > 0 ? strspn(text, "0123456789") : 0;
    text[digits] = '\0';
    return jb_error_set(error, JB_BUSY, "'%s' on the book %s is held by %s%s; end that one first", name, book,
                        digits ? "process " : "another process", text);
}

enum jb_code jb_sqlite_lock(struct jb_store *base, const char *name, struct jb_error *error) {
    struct jb_sqlite_store *store = jb_sqlite_of(base);
    char path[PATH_MAX], pid[32];
    for (size_t i = 0; i < store->lock_count; i++) {
        if (strcmp(store->locks[i].name, name) == 0)
            return JB_OK;
    }
    if (name[0] == '\0' || strlen(name) >= sizeof store->locks->name)
        return jb_error_set(error, JB_USAGE, "lock name '%.40s' is not 1 to 255 bytes", name);
    enum jb_code code = lock_path(store->path, name, error, path);
    if (!code)
        code = jb_array_reserve(&store->locks, &store->lock_capacity, store->lock_count + 1, 1024, "locks",
                                error);
    if (code)
        return code;
    _cleanup_close_ int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (descriptor < 0)
        return jb_error_set_errno(error, errno, "could not make the lock file %s", path);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? busy(descriptor, name, store->path, error)
                                    : jb_error_set_errno(error, errno, "could not lock %s", path);
    /* The pid only helps whoever finds it locked; a full disk must not keep us from the lock. */
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, pid, (size_t)length, 0) != length)
        (void)!ftruncate(descriptor, 0);
    struct jb_sqlite_lock *lock = &store->locks[store->lock_count++];
    memcpy(lock->name, name, strlen(name) + 1);
    lock->descriptor = descriptor;
    descriptor = -1;
    return JB_OK;
}

/* The files stay: removing one could take it from under a process that has just opened it. */
void jb_sqlite_unlock_all(struct jb_sqlite_store *store) {
    for (size_t i = 0; i < store->lock_count; i++)
        close(store->locks[i].descriptor);
    free(store->locks);
    store->locks = NULL;
    store->lock_count = 0;
}
