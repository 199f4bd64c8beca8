/* A layer between SQLite and the file that closes every page of a book with a checksum, and refuses a page
 * whose checksum is wrong: a flipped bit in an amount is no error to SQLite, and would be a wrong sum.
 *
 * The checksum of the page's number and content stands in the page's last 8 bytes, which SQLite is told to
 * reserve. The write-ahead log has checksums of its own. Pages are sealed as they are written into the file,
 * and checked as they are read from it. Other programs read a book as ever; one that writes it breaks the
 * seals. */
#include "store/sqlite.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#define SEAL_SIZE JB_SQLITE_SEAL_SIZE

struct sealed_file {
    sqlite3_file base;
    sqlite3_file *real;   /* stands behind this struct */
    uint32_t page_size;   /* 0 while the header was not seen */
    bool is_sealed;       /* the header says that pages have room for a seal */
    unsigned char *sheet; /* one page */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs sealed_vfs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int registered = SQLITE_ERROR;

/* Every step is one to one in the word and in what came before, so no single changed word goes unseen. */
static uint64_t seal_of(const unsigned char *page, uint32_t page_size, uint64_t number) {
    uint64_t hash = number * 0x9e3779b97f4a7c15ULL + 0x4a6f756c65626f6bULL;
    for (uint32_t i = 0; i + SEAL_SIZE < page_size; i += 8) {
        uint64_t word;
        memcpy(&word, page + i, sizeof word);
        hash = (hash ^ le64toh(word)) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 29;
    }
    return jb_hash_uint64(hash);
}

static struct sealed_file *sealed(sqlite3_file *file) {
    return (struct sealed_file *)file;
}

/* Learns page size and reserved bytes from the file's header. */
static void learn(struct sealed_file *file, const unsigned char *header) {
    if (memcmp(header, "SQLite format 3", 16) != 0)
        return;
    uint32_t page_size = (uint32_t)header[16] << 8 | header[17];
    if (page_size == 1)
        page_size = 65536;
    bool is_valid = page_size >= 512 && (page_size & (page_size - 1)) == 0;
    if (page_size != file->page_size) {
        sqlite3_free(file->sheet);
        file->sheet = NULL;
    }
    file->page_size = is_valid ? page_size : 0;
    file->is_sealed = is_valid && header[20] == SEAL_SIZE;
}

static bool is_page(const struct sealed_file *file, int amount, sqlite3_int64 offset) {
    return file->is_sealed && (uint32_t)amount == file->page_size && offset % file->page_size == 0;
}

static int sealed_read(sqlite3_file *base, void *bytes, int amount, sqlite3_int64 offset) {
    struct sealed_file *file = sealed(base);
    int result = file->real->pMethods->xRead(file->real, bytes, amount, offset);
    if (result != SQLITE_OK)
        return result;
    if (offset == 0 && amount >= 100)
        learn(file, bytes);
    if (!is_page(file, amount, offset))
        return SQLITE_OK;
    uint64_t stored;
    memcpy(&stored, (const char *)bytes + amount - SEAL_SIZE, sizeof stored);
    uint64_t expected = seal_of(bytes, file->page_size, (uint64_t)(offset / amount) + 1);
    return le64toh(stored) == expected ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int sealed_write(sqlite3_file *base, const void *bytes, int amount, sqlite3_int64 offset) {
    struct sealed_file *file = sealed(base);
    if (offset == 0 && amount >= 100)
        learn(file, bytes);
    if (!is_page(file, amount, offset))
        return file->real->pMethods->xWrite(file->real, bytes, amount, offset);
    if (!file->sheet && !(file->sheet = sqlite3_malloc(amount)))
        return SQLITE_NOMEM;
    uint64_t seal = htole64(seal_of(bytes, file->page_size, (uint64_t)(offset / amount) + 1));
    memcpy(file->sheet, bytes, (size_t)amount - SEAL_SIZE);
    memcpy(file->sheet + amount - SEAL_SIZE, &seal, sizeof seal);
    return file->real->pMethods->xWrite(file->real, file->sheet, amount, offset);
}

static int sealed_close(sqlite3_file *base) {
    struct sealed_file *file = sealed(base);
    sqlite3_free(file->sheet);
    file->sheet = NULL;
    return file->real->pMethods->xClose(file->real);
}

static int sealed_truncate(sqlite3_file *base, sqlite3_int64 size) {
    return sealed(base)->real->pMethods->xTruncate(sealed(base)->real, size);
}

static int sealed_sync(sqlite3_file *base, int flags) {
    return sealed(base)->real->pMethods->xSync(sealed(base)->real, flags);
}

static int sealed_size(sqlite3_file *base, sqlite3_int64 *size) {
    return sealed(base)->real->pMethods->xFileSize(sealed(base)->real, size);
}

static int sealed_lock(sqlite3_file *base, int level) {
    return sealed(base)->real->pMethods->xLock(sealed(base)->real, level);
}

static int sealed_unlock(sqlite3_file *base, int level) {
    return sealed(base)->real->pMethods->xUnlock(sealed(base)->real, level);
}

static int sealed_check_reserved(sqlite3_file *base, int *result) {
    return sealed(base)->real->pMethods->xCheckReservedLock(sealed(base)->real, result);
}

static int sealed_control(sqlite3_file *base, int operation, void *argument) {
    return sealed(base)->real->pMethods->xFileControl(sealed(base)->real, operation, argument);
}

static int sealed_sector_size(sqlite3_file *base) {
    return sealed(base)->real->pMethods->xSectorSize(sealed(base)->real);
}

static int sealed_characteristics(sqlite3_file *base) {
    return sealed(base)->real->pMethods->xDeviceCharacteristics(sealed(base)->real);
}

static int sealed_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **map) {
    return sealed(base)->real->pMethods->xShmMap(sealed(base)->real, page, size, extend, map);
}

static int sealed_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    return sealed(base)->real->pMethods->xShmLock(sealed(base)->real, offset, count, flags);
}

static void sealed_shm_barrier(sqlite3_file *base) {
    sealed(base)->real->pMethods->xShmBarrier(sealed(base)->real);
}

static int sealed_shm_unmap(sqlite3_file *base, int delete) {
    return sealed(base)->real->pMethods->xShmUnmap(sealed(base)->real, delete);
}

/* Version 2: with a shared index of the log, without mapping the file, which would go past the checks. */
static const sqlite3_io_methods sealed_methods = {
    .iVersion = 2,
    .xClose = sealed_close,
    .xRead = sealed_read,
    .xWrite = sealed_write,
    .xTruncate = sealed_truncate,
    .xSync = sealed_sync,
    .xFileSize = sealed_size,
    .xLock = sealed_lock,
    .xUnlock = sealed_unlock,
    .xCheckReservedLock = sealed_check_reserved,
    .xFileControl = sealed_control,
    .xSectorSize = sealed_sector_size,
    .xDeviceCharacteristics = sealed_characteristics,
    .xShmMap = sealed_shm_map,
    .xShmLock = sealed_shm_lock,
    .xShmBarrier = sealed_shm_barrier,
    .xShmUnmap = sealed_shm_unmap,
};

static int sealed_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags) {
    (void)vfs;
    if (!(flags & SQLITE_OPEN_MAIN_DB)) /* logs and scratch files are as ever */
        return real_vfs->xOpen(real_vfs, name, base, flags, ret_flags);
    struct sealed_file *file = sealed(base);
    *file = (struct sealed_file){.real = (sqlite3_file *)(file + 1)};
    int result = real_vfs->xOpen(real_vfs, name, file->real, flags, ret_flags);
    if (file->real->pMethods) {
        /* Also when opening failed: SQLite closes whatever has methods. */
        file->base.pMethods = &sealed_methods;
    }
    return result;
}

static void register_once(void) {
    real_vfs = sqlite3_vfs_find(NULL);
    if (!real_vfs)
        return;
    sealed_vfs = *real_vfs;
    sealed_vfs.zName = JB_SQLITE_VFS;
    sealed_vfs.szOsFile = (int)sizeof(struct sealed_file) + real_vfs->szOsFile;
    sealed_vfs.pNext = NULL;
    sealed_vfs.xOpen = sealed_open;
    registered = sqlite3_vfs_register(&sealed_vfs, 0);
}

int jb_sqlite_add_vfs(void) {
    pthread_once(&once, register_once);
    return registered;
}
