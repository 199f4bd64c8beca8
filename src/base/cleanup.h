/* Scope-bound cleanup: free, close and fclose what a block opened, on every way out of it. */
#ifndef JB_BASE_CLEANUP_H
#define JB_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines jb_x_cleanup(T **) from a NULL-safe destructor void jb_x(T *). */
#define JB_DEFINE_CLEANUP(type, destructor)                                                                  \
    static inline void destructor##_cleanup(type **pointer) {                                                \
        destructor(*pointer);                                                                                \
    }                                                                                                        \
    struct jb_swallow_semicolon

static inline void jb_free_cleanup(void *pointer) {
    free(*(void **)pointer);
}

static inline void jb_close_cleanup(const int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
}

static inline void jb_fclose_cleanup(FILE **file) {
    if (*file)
        fclose(*file);
}

#define _cleanup_free_   _cleanup_(jb_free_cleanup)
#define _cleanup_close_  _cleanup_(jb_close_cleanup)
#define _cleanup_fclose_ _cleanup_(jb_fclose_cleanup)

/* Hands a pointer over: the variable forgets it, so its cleanup does nothing. */
#define JB_TAKE(pointer)                                                                                     \
    ({                                                                                                       \
        __typeof__(pointer) taken_ = (pointer);                                                              \
        (pointer) = NULL;                                                                                    \
        taken_;                                                                                              \
    })

#define JB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
