/* SHA-256 (FIPS 180-4): the identity of bytes that a statement rests on. */
#ifndef JB_BASE_SHA256_H
#define JB_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define JB_SHA256_SIZE 65 /* bytes that hold the digest in hex, with its NUL */

/* Lower-case hex digest of bytes, as sha256sum prints it. bytes may be NULL when length is 0. Returns ret. */
char *jb_sha256(const void *bytes, size_t length, char ret[static JB_SHA256_SIZE]);

#endif
