/* A main for fuzz targets without libFuzzer: feeds each file of the folders named, whole, then cut short at a
 * few places and with single bytes changed, so that a seed also tests its neighbours. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEIGHBOURS 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Each input is its own allocation of exactly its size, so that a sanitizer sees a read past its end. */
static void feed(const char *bytes, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void feed_neighbours(struct jb_buffer *seed) {
    struct jb_random random = jb_random_make(seed->length);
    feed(seed->bytes, seed->length);
    for (int i = 0; i < NEIGHBOURS && seed->length; i++) {
        size_t at = (size_t)jb_random_below(&random, seed->length);
        char kept = seed->bytes[at];
        feed(seed->bytes, at);
        seed->bytes[at] = (char)jb_random_uint64(&random);
        feed(seed->bytes, seed->length);
        seed->bytes[at] = kept;
    }
}

static int feed_file(const char *path) {
    _cleanup_fclose_ FILE *file = fopen(path, "rb");
    _cleanup_buffer_ struct jb_buffer seed = {0};
    char chunk[4096];
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    jb_buffer_add(&seed, "", 0);
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;)
        jb_buffer_add(&seed, chunk, got);
    if (ferror(file) || jb_buffer_check(&seed, NULL)) {
        fprintf(stderr, "%s: cannot be read whole\n", path);
        return 1;
    }
    printf("%s: %zu bytes\n", path, seed.length);
    fflush(stdout);
    feed_neighbours(&seed);
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_seed(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv) {
    int failed = argc < 2, count = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries = NULL;
        int found = scandir(argv[i], &entries, is_seed, by_name);
        if (found < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            return 1;
        }
        for (int j = 0; j < found; j++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entries[j]->d_name);
            failed |= feed_file(path);
            count++;
            free(entries[j]);
        }
        free(entries);
    }
    if (count == 0) {
        fprintf(stderr, "no seed to replay; usage: %s FOLDER…\n", argv[0]);
        return 1;
    }
    printf("%d seeds\n", count);
    return failed;
}
