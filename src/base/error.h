/* Errors as values: a code that decides what to do, and a message that says where and how to mend it. */
#ifndef JB_BASE_ERROR_H
#define JB_BASE_ERROR_H

#include <stddef.h>

/* What a function that can fail returns. JB_OK is 0, so `if (code)` reads as "failed". */
enum jb_code {
    JB_OK = 0,
    JB_NO_DATA,     /* nothing there to read: not an error, and not zero */
    JB_USAGE,       /* the caller asked for something that makes no sense */
    JB_INPUT,       /* bytes from outside are wrong: message names file, row or line, field and mend */
    JB_PERMISSION,  /* not allowed: message names what to grant */
    JB_BUSY,        /* somebody else holds it (lock, second meter) */
    JB_IO,          /* disk, network or kernel refused (disk full, read-only, gone) */
    JB_LIMIT,       /* a ceiling of ours was reached */
    JB_MEMORY,      /* allocation failed */
    JB_UNSUPPORTED, /* this machine or build cannot do it */
    JB_INTERNAL,    /* a bug of ours, caught at a boundary */
};

struct jb_error {
    enum jb_code code;
    char message[1024]; /* one line of UTF-8, clean of control characters, no trailing newline */
};

/* Fills *error (which may be NULL) and returns code, so that callers write `return jb_error_set(…)`.
 * Control characters and broken UTF-8 that arguments bring in are replaced, so a hostile name cannot drive a
 * terminal. */
enum jb_code jb_error_set(struct jb_error *error, enum jb_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: EACCES and EPERM become JB_PERMISSION, ENOENT and ENODEV
 * JB_NO_DATA, ENOMEM JB_MEMORY, EBUSY and EAGAIN JB_BUSY, everything else JB_IO; ": " and strerror(errnum)
 * are appended. */
enum jb_code jb_error_set_errno(struct jb_error *error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "text: " before the message already in *error; keeps its code. NULL-safe. Returns that code. */
enum jb_code jb_error_prefix(struct jb_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* What these return, where clang's analyzer cannot look: never JB_OK. */
#define jb_error_set(error, code, ...)         (jb_error_set(error, code, __VA_ARGS__), (code))
#define jb_error_set_errno(error, errnum, ...) (jb_error_set_errno(error, errnum, __VA_ARGS__), JB_IO)
#endif

/* Exit status of the program for a code: 0 done, 2 usage, 3 bad input, 4 could not. (1 is a bad answer.) */
int jb_error_exit_status(enum jb_code code);

#endif
