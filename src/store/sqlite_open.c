/* Opening a book in SQLite: is it there, is it ours, may it be read, and is its schema the one we know. */
#include "store/sqlite.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int jb_sqlite_busy_ms = 5000;

#define HEADER_SIZE 100

/* What the first bytes of a file say. */
enum kind { KIND_MISSING, KIND_EMPTY, KIND_BOOK, KIND_FRESH /* SQLite's, nobody's yet */ };

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whether a write-ahead log with something in it stands beside the book. */
static bool has_log(const char *path) {
    char log[PATH_MAX];
    struct stat status;
    return (size_t)snprintf(log, sizeof log, "%s-wal", path) < sizeof log && stat(log, &status) == 0 &&
           status.st_size > 0;
}

static enum jb_code refuse_foreign(const char *path, struct jb_error *error) {
    return jb_error_set(error, JB_INPUT,
                        "%s is an SQLite database of another program; name another file as the book", path);
}

/* Whether a file is shorter than its header says, which SQLite notices only for whole pages. While there is a
 * log, pages may stand in that alone. */
static bool is_cut_off(const char *path, const unsigned char *header, off_t size) {
    uint32_t page_size = (uint32_t)header[16] << 8 | header[17];
    if (page_size == 1)
        page_size = 65536;
    bool knows_count = memcmp(header + 24, header + 92, 4) == 0;
    return page_size >= 512 && knows_count && !has_log(path) &&
           (size % page_size != 0 || size / page_size < (off_t)big_endian(header + 28));
}

/* Looks at the file without SQLite, which would touch a foreign database's log. */
static enum jb_code look(const char *path, struct jb_error *error, enum kind *ret_kind) {
    unsigned char header[HEADER_SIZE];
    struct stat status;
    _cleanup_close_ int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT) {
        *ret_kind = KIND_MISSING;
        return JB_OK;
    }
    if (descriptor < 0 && (errno == EACCES || errno == EPERM))
        return jb_error_set(error, JB_PERMISSION, "may not read the book %s; grant read permission on it",
                            path);
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        return jb_error_set_errno(error, errno, "could not open the book %s", path);
    if (S_ISDIR(status.st_mode))
        return jb_error_set(error, JB_INPUT, "%s is a folder, not a book; name a file in it", path);
    if (!S_ISREG(status.st_mode))
        return jb_error_set(error, JB_INPUT, "%s is no regular file, so it cannot be a book", path);
    ssize_t length = pread(descriptor, header, sizeof header, 0);
    /* The size after the header: another process may be making the book. */
    if (length < 0 || fstat(descriptor, &status) != 0)
        return jb_error_set_errno(error, errno, "could not read the book %s", path);
    if (length == 0) {
        *ret_kind = KIND_EMPTY;
        return JB_OK;
    }
    if (length < 16 || memcmp(header, "SQLite format 3", 16) != 0)
        return jb_error_set(error, JB_INPUT, "%s is not a joulebook book (nor any SQLite file)", path);
    if (length < HEADER_SIZE)
        return jb_error_set(error, JB_INPUT, "the book %s is cut off in its header; restore it from a copy",
                            path);
    uint32_t application = big_endian(header + 68);
    if (application != 0 && application != JB_SQLITE_APPLICATION)
        return refuse_foreign(path, error);
    if (header[20] != JB_SQLITE_SEAL_SIZE)
        return application ? jb_error_set(error, JB_INPUT,
                                          "the book %s is damaged: its pages have no checksums; restore it "
                                          "from a copy",
                                          path)
                           : refuse_foreign(path, error);
    if (is_cut_off(path, header, status.st_size))
        return jb_error_set(
            error, JB_INPUT,
            "the book %s is cut off: it has %lld bytes and should have more; restore it from a "
            "copy",
            path, (long long)status.st_size);
    *ret_kind = application ? KIND_BOOK : KIND_FRESH;
    return JB_OK;
}

/* mkdir -p of everything before the last '/'. */
static enum jb_code make_folders(const char *path, struct jb_error *error) {
    char folder[PATH_MAX];
    if (strlen(path) >= sizeof folder)
        return jb_error_set(error, JB_INPUT, "the book's path is longer than %d bytes", PATH_MAX - 1);
    memcpy(folder, path, strlen(path) + 1);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            int errnum = errno;
            struct stat status;
            /* On a read-only medium mkdir may say so of a folder that is there. */
            if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
                return jb_error_set_errno(error, errnum, "could not make the folder %s", folder);
        }
        *slash = '/';
    }
    return JB_OK;
}

/* "file:" URI of a path; malloc'd, NULL: no memory. */
static char *immutable_uri(const char *path) {
    static const char digits[] = "0123456789ABCDEF";
    char *uri = malloc(strlen(path) * 3 + 32), *out = uri;
    if (!uri)
        return NULL;
    out += sprintf(out, "file:");
    for (const unsigned char *in = (const unsigned char *)path; *in; in++) {
        if (*in == '%' || *in == '?' || *in == '#' || *in < 0x20 || *in > 0x7e) {
            *out++ = '%';
            *out++ = digits[*in >> 4];
            *out++ = digits[*in & 15];
        } else {
            *out++ = (char)*in;
        }
    }
    memcpy(out, "?immutable=1", sizeof "?immutable=1");
    return uri;
}

/* Nothing that a hostile file brings along is run: no triggers, no views, no functions that do things. */
static int harden(sqlite3 *db) {
    static const int on[] = {SQLITE_DBCONFIG_DEFENSIVE};
    static const int off[] = {SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
                              SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION};
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < JB_COUNT(on); i++)
        result = sqlite3_db_config(db, on[i], 1, (int *)NULL);
    for (size_t i = 0; result == SQLITE_OK && i < JB_COUNT(off); i++)
        result = sqlite3_db_config(db, off[i], 0, (int *)NULL);
    return result;
}

enum jb_code jb_sqlite_connect(const char *path, enum jb_store_mode mode, bool is_immutable,
                               struct jb_error *error, sqlite3 **ret_db) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    _cleanup_free_ char *uri = NULL;
    if (is_immutable && !(uri = immutable_uri(path)))
        return jb_error_set(error, JB_MEMORY, "no memory to open the book %s", path);
    if (is_immutable)
        flags |= SQLITE_OPEN_URI;
    if (mode == JB_STORE_READ)
        flags |= SQLITE_OPEN_READONLY;
    else
        flags |= SQLITE_OPEN_READWRITE | (mode == JB_STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int reserved = JB_SQLITE_SEAL_SIZE;
    int result = jb_sqlite_add_vfs();
    if (result == SQLITE_OK)
        result = sqlite3_open_v2(uri ? uri : path, &db, flags, JB_SQLITE_VFS);
    if (result == SQLITE_OK) /* takes effect in a file that is still empty */
        result = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    if (result == SQLITE_OK)
        result = harden(db);
    if (result == SQLITE_OK)
        result = jb_sqlite_add_functions(db);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(db, jb_sqlite_busy_ms);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db,
                              "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                              "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
                              "PRAGMA foreign_keys = OFF",
                              NULL, NULL, NULL);
    if (result != SQLITE_OK) {
        enum jb_code code = db ? jb_sqlite_fail(db, path, "open", error)
                               : jb_error_set(error, JB_MEMORY, "no memory to open the book %s", path);
        sqlite3_close(db);
        return code;
    }
    *ret_db = db;
    return JB_OK;
}

/* Write-ahead mode is kept in the file; it cannot be set within the transaction that migrates. Where several
 * processes make a book at once SQLite does not wait but says busy, so we do. */
static enum jb_code set_write_ahead(struct jb_sqlite_store *store, struct jb_error *error) {
    const int pause_ms = 5;
    int result = SQLITE_BUSY;
    for (int waited_ms = 0; waited_ms <= jb_sqlite_busy_ms; waited_ms += pause_ms) {
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((result & 0xff) != SQLITE_BUSY)
            break;
        sqlite3_sleep(pause_ms);
    }
    return result == SQLITE_OK ? JB_OK : jb_sqlite_fail(store->db, store->path, "set up", error);
}

/* Brings a file that may be written to our version. */
static enum jb_code set_up(struct jb_sqlite_store *store, int64_t version, struct jb_error *error) {
    if (version == JB_SQLITE_VERSION)
        return JB_OK;
    enum jb_code code = version == 0 ? set_write_ahead(store, error) : JB_OK;
    return code ? code : jb_sqlite_migrate(store->db, store->path, JB_SQLITE_VERSION, error);
}

static enum jb_code check_version(struct jb_sqlite_store *store, int64_t version, struct jb_error *error) {
    if (version > JB_SQLITE_VERSION)
        return jb_error_set(
            error, JB_INPUT,
            "the book %s was made by a newer joulebook (schema %lld, this one knows up to %d); "
            "upgrade joulebook",
            store->path, (long long)version, JB_SQLITE_VERSION);
    if (store->mode == JB_STORE_READ && version < JB_SQLITE_VERSION)
        return version < 1
                   ? jb_error_set(error, JB_INPUT, "%s is no book yet: nothing was booked into it",
                                  store->path)
                   : jb_error_set(
                         error, JB_INPUT,
                         "the book %s was made by an older joulebook (schema %lld of %d); open it once "
                         "for writing, for example with `joulebook label`, to bring it forward",
                         store->path, (long long)version, JB_SQLITE_VERSION);
    return JB_OK;
}

/* Connects and reads the version of a file that is ours, or nobody's yet. */
static enum jb_code connect_checked(struct jb_sqlite_store *store, struct jb_error *error,
                                    int64_t *ret_version) {
    int64_t application = 0, tables = 0;
    enum jb_code code = jb_sqlite_connect(store->path, store->mode, store->is_immutable, error, &store->db);
    /* SQLite falls back to reading where it may not write. */
    if (!code && store->mode != JB_STORE_READ && sqlite3_db_readonly(store->db, "main") == 1)
        code = jb_sqlite_refuse_readonly(store->path, "write", error);
    /* In one transaction: another process may be making the book. */
    if (!code && sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        code = jb_sqlite_fail(store->db, store->path, "open", error);
    if (!code)
        code = jb_sqlite_pragma_int(store->db, "PRAGMA application_id", store->path, error, &application);
    if (!code)
        code = jb_sqlite_pragma_int(store->db, "PRAGMA user_version", store->path, error, ret_version);
    if (!code)
        code = jb_sqlite_pragma_int(store->db, "SELECT count(*) FROM sqlite_schema", store->path, error,
                                    &tables);
    if (!code && sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        code = jb_sqlite_fail(store->db, store->path, "open", error);
    if (!code && application != JB_SQLITE_APPLICATION && (application || tables || *ret_version))
        code = refuse_foreign(store->path, error);
    return code;
}

/* SQLite reads a book in write-ahead mode only where it may keep its index of the log. Where it may not (a
 * read-only medium, a folder of another user) and there is no log, the file itself is all there is. */
static enum jb_code open_immutable(struct jb_sqlite_store *store, struct jb_error *error,
                                   int64_t *ret_version) {
    if (has_log(store->path))
        return jb_error_set(
            error, JB_PERMISSION,
            "may not read the book %s: batches of it stand in %s-wal, which takes write "
            "permission on the folder; copy both files to a folder of yours and name that copy",
            store->path, store->path);
    sqlite3_close(store->db);
    store->db = NULL;
    store->is_immutable = true;
    if (stat(store->path, &store->immutable_is) != 0)
        return jb_error_set_errno(error, errno, "could not open the book %s", store->path);
    return connect_checked(store, error, ret_version);
}

enum jb_code jb_sqlite_check_immutable(struct jb_sqlite_store *store, struct jb_error *error) {
    struct stat now;
    if (!store->is_immutable)
        return JB_OK;
    const struct stat *then = &store->immutable_is;
    if (stat(store->path, &now) == 0 && now.st_ino == then->st_ino && now.st_size == then->st_size &&
        now.st_mtim.tv_sec == then->st_mtim.tv_sec && now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
        return JB_OK;
    return jb_error_set(error, JB_BUSY, "the book %s was written while it was read; try again", store->path);
}

static enum jb_code open_store(struct jb_sqlite_store *store, struct jb_error *error) {
    int64_t version = 0;
    enum jb_code code = connect_checked(store, error, &version);
    if ((code == JB_IO || code == JB_PERMISSION) && store->mode == JB_STORE_READ)
        code = open_immutable(store, error, &version);
    if (!code)
        code = check_version(store, version, error);
    if (!code && store->mode != JB_STORE_READ)
        code = set_up(store, version, error);
    if (!code)
        code = jb_sqlite_begin(store, false, error);
    return code ? code : jb_sqlite_end(store, JB_OK, error);
}

/* Makes an empty book beside the place for it, and moves it there when it is whole: whoever is killed while
 * he makes one leaves none. Where that cannot be, nothing is done: the book is then made in its place, which
 * also says what is wrong. */
static void make_whole(const char *path) {
    char made[PATH_MAX], log[PATH_MAX + 8];
    int64_t version = 0;
    struct jb_sqlite_store making = {.path = made, .mode = JB_STORE_CREATE};
    if (snprintf(made, sizeof made, "%s.new-%ld", path, (long)getpid()) >= (int)sizeof made)
        return;
    unlink(made);
    enum jb_code code = connect_checked(&making, NULL, &version);
    if (!code)
        code = set_up(&making, version, NULL);
    if (sqlite3_close(making.db) == SQLITE_OK && !code)
        (void)!link(made, path); /* unless another process was faster */
    unlink(made);
    static const char *const logs[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < JB_COUNT(logs); i++) {
        snprintf(log, sizeof log, "%s%s", made, logs[i]);
        unlink(log);
    }
}

static enum jb_code check_place(const char *location, enum jb_store_mode mode, struct jb_error *error) {
    enum kind kind = KIND_MISSING;
    enum jb_code code;
    if (location[0] == '\0')
        return jb_error_set(error, JB_USAGE, "the book has no path; write sqlite:PATH");
    if (mode == JB_STORE_CREATE && (code = make_folders(location, error)))
        return code;
    code = look(location, error, &kind);
    if (!code && mode == JB_STORE_CREATE && kind == KIND_MISSING)
        make_whole(location);
    if (code || mode == JB_STORE_CREATE)
        return code;
    if (kind == KIND_MISSING)
        return jb_error_set(error, JB_NO_DATA, "there is no book at %s; `joulebook meter` makes one",
                            location);
    if (kind == KIND_EMPTY)
        return jb_error_set(error, JB_INPUT, "%s is empty: not a book; remove it, or restore it from a copy",
                            location);
    return JB_OK;
}

/* The absolute path of a file, or one that SQLite takes for nothing but a path while there is no file yet (it
 * has a meaning for ":memory:"); malloc'd, NULL: no memory. */
static char *resolve(const char *location) {
    char *path = realpath(location, NULL);
    if (!path && location[0] == '/')
        path = strdup(location);
    else if (!path && asprintf(&path, "./%s", location) < 0)
        path = NULL;
    return path;
}

enum jb_code jb_sqlite_open(const char *location, enum jb_store_mode mode, struct jb_error *error,
                            struct jb_store **ret_store) {
    enum jb_code code = check_place(location, mode, error);
    if (code)
        return code;
    struct jb_sqlite_store *store = calloc(1, sizeof *store);
    if (!store)
        return jb_error_set(error, JB_MEMORY, "no memory to open the book %s", location);
    store->base.ops = &jb_store_sqlite;
    store->mode = mode;
    store->path = resolve(location);
    code = store->path ? jb_strings_make((size_t)1 << 24, error, &store->accounts)
                       : jb_error_set(error, JB_MEMORY, "no memory to open the book %s", location);
    if (!code)
        code = open_store(store, error);
    if (code) {
        jb_store_sqlite.close(&store->base);
        return code;
    }
    /* Now that the file is there: every handle must name the book, and so its locks, alike. */
    char *resolved = realpath(store->path, NULL);
    if (resolved) {
        free(store->path);
        store->path = resolved;
    }
    *ret_store = &store->base;
    return JB_OK;
}
