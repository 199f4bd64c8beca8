/* Compares names of models. */
#include "estimate/names.h"

#include <assert.h>
#include <string.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

size_t jb_name_distance(const char *a, const char *b) {
    size_t row[JB_NAME_SIZE], width = strlen(b);
    assert(width < JB_NAME_SIZE);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t replaced = diagonal + (lower(a[i]) != lower(b[j]));
            size_t added = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = replaced < added ? replaced : added;
        }
    }
    return row[width];
}

const char *jb_name_short(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

size_t jb_near_offer(struct jb_near_names *near, const char *wanted, const char *name) {
    size_t edits = jb_name_distance(wanted, strchr(wanted, '/') ? name : jb_name_short(name)), at = 3;
    while (at > 0 && (!near->names[at - 1] || edits < near->distances[at - 1]))
        at--;
    for (size_t i = 3; i-- > at + 1;) {
        near->names[i] = near->names[i - 1];
        near->distances[i] = near->distances[i - 1];
    }
    if (at < 3) {
        near->names[at] = name;
        near->distances[at] = edits;
    }
    return edits;
}
