/* Inside of the amdgpu source: which processes have a GPU open, found without reading every process each
 * time. */
#ifndef JB_SOURCE_AMDGPU_H
#define JB_SOURCE_AMDGPU_H

#include "source/amdgpu_fdinfo.h"
#include "source/source.h"

struct jb_drm_watch; /* opaque */

/* What one client did on the device with that PCI address since the last question. */
struct jb_drm_use {
    const char *device;
    int32_t pid;
    uint64_t busy_ns;
    uint64_t memory_bytes;
};

enum jb_code jb_drm_watch_make(const struct jb_root *root, const struct jb_clock *clock, const char *driver,
                               struct jb_error *error, struct jb_drm_watch **ret_watch);
void jb_drm_watch_free(struct jb_drm_watch *watch); /* NULL-safe */

/* Looks for clients where it is time to, and reads those that are known. *ret_uses stays valid until the next
 * call. The first call only sets the starting point of the busy times. JB_PERMISSION when no process but our
 * own may be looked into and none of them has a GPU open. */
enum jb_code jb_drm_watch_ask(struct jb_drm_watch *watch, struct jb_error *error,
                              const struct jb_drm_use **ret_uses, size_t *ret_count);

#endif
