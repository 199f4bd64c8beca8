/* Errors as values: formatting, errno mapping and exit statuses. */
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REASON_SIZE 128 /* kept free for strerror(), however long the name before it is */

enum jb_code(jb_error_set)(struct jb_error *error, enum jb_code code, const char *format, ...) {
    if (error) {
        /* Formatted aside first: an argument may point into the old message. */
        char text[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        jb_text_display(text, error->message, sizeof error->message);
        error->code = code;
    }
    return code;
}

enum jb_code(jb_error_set_errno)(struct jb_error *error, int errnum, const char *format, ...) {
    enum jb_code code = JB_IO;
    if (errnum == EACCES || errnum == EPERM)
        code = JB_PERMISSION;
    else if (errnum == ENOENT || errnum == ENODEV)
        code = JB_NO_DATA;
    else if (errnum == ENOMEM)
        code = JB_MEMORY;
    else if (errnum == EBUSY || errnum == EAGAIN)
        code = JB_BUSY;
    if (error) {
        char text[sizeof error->message - REASON_SIZE];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        jb_error_set(error, code, "%s: %s", text, strerror(errnum));
    }
    return code;
}

enum jb_code jb_error_prefix(struct jb_error *error, const char *format, ...) {
    if (!error)
        return JB_INTERNAL;
    char text[sizeof error->message / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return jb_error_set(error, error->code, "%s: %s", text, error->message);
}

int jb_error_exit_status(enum jb_code code) {
    switch (code) {
    case JB_OK:
        return 0;
    case JB_USAGE:
        return 2;
    case JB_INPUT:
        return 3;
    case JB_NO_DATA:
    case JB_PERMISSION:
    case JB_BUSY:
    case JB_IO:
    case JB_LIMIT:
    case JB_MEMORY:
    case JB_UNSUPPORTED:
    case JB_INTERNAL:
        return 4;
    }
    return 4;
}
