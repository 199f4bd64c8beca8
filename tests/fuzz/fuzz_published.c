/* Published figures and places of any bytes: what is read is in range and found again, what is not is told.
 * The first line that is "--" parts the two tables. */
#include "survey/published.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static FILE *open_bytes(const uint8_t *bytes, size_t size) {
    FILE *file = fmemopen(size ? (void *)(uintptr_t)bytes : (void *)(uintptr_t) "\n", size ? size : 1, "r");
    require(file != NULL);
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const uint8_t *parted = size > 4 ? memmem(bytes, size, "\n--\n", 4) : NULL;
    size_t first = parted ? (size_t)(parted - bytes) + 1 : size, second = parted ? first + 3 : size;
    struct jb_error error = {0};
    _cleanup_(jb_published_free_cleanup) struct jb_published *published = NULL;
    FILE *figures = open_bytes(bytes, first), *places = open_bytes(bytes + second, size - second);
    enum jb_code code = jb_published_read(figures, "figures", places, "places", &error, &published);
    fclose(figures);
    fclose(places);
    require(code == JB_OK ? published != NULL : error.message[0] != '\0');
    static const char *const names[] = {"", "a", "Asia", "Korea", "q", "yes"};
    for (size_t i = 0; published && i < JB_COUNT(names) * JB_COUNT(names); i++) {
        const struct jb_published_figure *found =
            jb_published_find(published, "q", names[i % JB_COUNT(names)], names[i / JB_COUNT(names)]);
        require(!found || (found->value >= 0 && found->value <= 100 && found->respondents >= 2));
        require(!found || strcmp(found->question, "q") == 0);
    }
    return 0;
}
