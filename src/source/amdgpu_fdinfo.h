/* What the kernel tells in /proc/PID/fdinfo/FD of a DRM client: engine time and memory, of any driver. */
#ifndef JB_SOURCE_AMDGPU_FDINFO_H
#define JB_SOURCE_AMDGPU_FDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jb_drm_client {
    char driver[16];       /* "amdgpu", "i915", "xe" … */
    char device[16];       /* PCI address, "0000:03:00.0"; "" when the driver does not tell */
    uint64_t id;           /* drm-client-id: one open file, however many descriptors show it */
    uint64_t busy_ns;      /* over all engines, since the file was opened */
    uint64_t memory_bytes; /* on the device itself */
};

/* Reads the text of an fdinfo file (Linux, Documentation/gpu/drm-usage-stats.rst). False when it is not of a
 * DRM client that tells its driver and id; *ret_client is then untouched. Pure: any bytes are taken. */
bool jb_drm_fdinfo_parse(const char *text, size_t length, struct jb_drm_client *ret_client);

#endif
