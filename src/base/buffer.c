/* A byte buffer that grows up to a ceiling. */
#include "base/buffer.h"

#include <stdarg.h>
#include <string.h>

void jb_buffer_free(struct jb_buffer *buffer) {
    if (!buffer)
        return;
    free(buffer->bytes);
    *buffer = (struct jb_buffer){.ceiling = buffer->ceiling};
}

void jb_buffer_clear(struct jb_buffer *buffer) {
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

char *jb_buffer_room(struct jb_buffer *buffer, size_t more) {
    size_t ceiling = buffer->ceiling ? buffer->ceiling : JB_BUFFER_CEILING;
    if (buffer->failed || more > ceiling || buffer->length > ceiling - more) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->length + more + 1;
    if (needed > buffer->capacity) {
        size_t grown = buffer->capacity + buffer->capacity / 2 + 256;
        if (grown < needed)
            grown = needed;
        char *moved = realloc(buffer->bytes, grown);
        if (!moved) {
            buffer->failed = true;
            return NULL;
        }
        buffer->bytes = moved;
        buffer->capacity = grown;
        buffer->bytes[buffer->length] = '\0';
    }
    return buffer->bytes + buffer->length;
}

void jb_buffer_add(struct jb_buffer *buffer, const void *bytes, size_t length) {
    char *room = jb_buffer_room(buffer, length);
    if (!room)
        return;
    if (length)
        memcpy(room, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void jb_buffer_add_string(struct jb_buffer *buffer, const char *text) {
    jb_buffer_add(buffer, text, strlen(text));
}

void jb_buffer_add_char(struct jb_buffer *buffer, char c) {
    jb_buffer_add(buffer, &c, 1);
}

void jb_buffer_printf(struct jb_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *room = length < 0 ? NULL : jb_buffer_room(buffer, (size_t)length);
    if (!room) {
        buffer->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(room, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

enum jb_code jb_buffer_check(const struct jb_buffer *buffer, struct jb_error *error) {
    if (!buffer->failed)
        return JB_OK;
    return jb_error_set(error, JB_LIMIT, "more than %zu bytes of output in one piece, or no memory for it",
                        buffer->ceiling ? buffer->ceiling : JB_BUFFER_CEILING);
}
