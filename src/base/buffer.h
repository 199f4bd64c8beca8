/* A byte buffer that grows up to a ceiling; always NUL-terminated behind its length. */
#ifndef JB_BASE_BUFFER_H
#define JB_BASE_BUFFER_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define JB_BUFFER_CEILING ((size_t)64 << 20)

struct jb_buffer {
    char *bytes;     /* NULL until first use; bytes[length] is '\0' after it */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t ceiling;  /* most bytes it may hold; 0 means JB_BUFFER_CEILING, 64 MiB */
    bool failed;     /* a write was refused (memory or ceiling); later writes do nothing */
};

void jb_buffer_free(struct jb_buffer *buffer); /* NULL-safe; leaves it empty and usable */
void jb_buffer_clear(struct jb_buffer *buffer);

/* Appends; on refusal sets failed and keeps what was there. Check jb_buffer_check once at the end. */
void jb_buffer_add(struct jb_buffer *buffer, const void *bytes, size_t length);
void jb_buffer_add_string(struct jb_buffer *buffer, const char *text);
void jb_buffer_add_char(struct jb_buffer *buffer, char c);
void jb_buffer_printf(struct jb_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* JB_OK, or JB_LIMIT/JB_MEMORY when a write was refused. */
enum jb_code jb_buffer_check(const struct jb_buffer *buffer, struct jb_error *error);

/* Makes room for `more` bytes behind length and returns where they go, or NULL. */
char *jb_buffer_room(struct jb_buffer *buffer, size_t more);

#define _cleanup_buffer_ _cleanup_(jb_buffer_free)

#endif
