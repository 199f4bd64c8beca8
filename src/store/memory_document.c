/* Documents in the memory store. */
#include "store/memory_book.h"

#include "base/array.h"
#include "base/sha256.h"

#include <string.h>

enum jb_code jb_memory_document_put(struct jb_store *store, const void *bytes, size_t length,
                                    struct jb_error *error) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    struct jb_memory_document document = {.length = length};
    enum jb_code code = jb_document_check(length, error);
    if (!code)
        code = jb_memory_refuse_write(store, error);
    if (code)
        return code;
    jb_sha256(bytes, length, document.sha256);
    for (size_t i = 0; i < book->document_count; i++) {
        if (strcmp(book->documents[i].sha256, document.sha256) == 0)
            return JB_OK;
    }
    code = jb_array_reserve(&book->documents, &book->document_capacity, book->document_count + 1, 1000000,
                            "documents", error);
    if (code)
        return code;
    document.bytes = malloc(length + 1);
    if (!document.bytes)
        return jb_error_set(error, JB_MEMORY, "no memory for a document");
    memcpy(document.bytes, length ? bytes : "", length);
    book->documents[book->document_count++] = document;
    return JB_OK;
}

enum jb_code jb_memory_document_get(struct jb_store *store, const char *prefix, struct jb_error *error,
                                    struct jb_buffer *bytes) {
    const struct jb_memory_book *book = jb_memory_book_of(store);
    const struct jb_memory_document *found = NULL;
    size_t count = 0;
    enum jb_code code = jb_document_check_prefix(prefix, error);
    if (code)
        return code;
    for (size_t i = 0; i < book->document_count; i++) {
        if (strncmp(book->documents[i].sha256, prefix, strlen(prefix)) != 0)
            continue;
        found = &book->documents[i];
        count++;
    }
    if (count != 1)
        return jb_document_missing(prefix, count, error);
    jb_buffer_clear(bytes);
    jb_buffer_add(bytes, found->bytes, found->length);
    return jb_buffer_check(bytes, error);
}
