/* One sysfs file that holds a number, kept open: what sources of the kernel's own meters share. */
#ifndef JB_SOURCE_CHANNEL_H
#define JB_SOURCE_CHANNEL_H

#include "base/root.h"
#include "types/domain.h"

/* Opens path beneath root for reading again and again. JB_OK, or JB_PERMISSION, JB_NO_DATA (not there),
 * JB_IO. */
enum jb_code jb_channel_open(const struct jb_root *root, const char *path, struct jb_error *error,
                             int *ret_descriptor);

/* Reads the number now: value and state of *ret_reading (the rest is left alone). Values are multiplied by
 * `factor` (1: µ units already). One system call, no allocation. A device that went away (ENODEV) is
 * JB_READING_GONE, one that has no data for the moment (EIO, ENODATA, empty, no number) JB_READING_NONE. */
void jb_channel_read(int descriptor, uint64_t factor, struct jb_reading *ret_reading);

/* Copies text so that it can stand in an id: letters, digits, '.', '_', ':' and '-' stay, the rest becomes
 * '_'; where something changed or was cut, a hash of the whole follows, so that different texts stay
 * different. */
void jb_channel_id(const char *text, char *ret, size_t size);

#endif
