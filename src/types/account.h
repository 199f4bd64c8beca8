/* Account paths: what is valid, what role a path has in the balance, and how it is taken apart. */
#ifndef JB_TYPES_ACCOUNT_H
#define JB_TYPES_ACCOUNT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JB_ACCOUNT_SIZE   1024 /* bytes of a path, with its NUL */
#define JB_COMPONENT_SIZE 224  /* bytes of one encoded component, with its NUL */

/* Dense id of an account within one open ledger (0, 1, 2 …). Not portable between books. */
typedef uint32_t jb_account_id;
#define JB_ACCOUNT_NONE UINT32_MAX

/* A path is 1 to 1023 bytes of valid UTF-8: components joined by '/', none empty, "." or "..", no control
 * characters. '%' only as %XX (upper-case hex), which is how bytes that may not stand there are written. */
enum jb_code jb_account_validate(const char *path, struct jb_error *error);

/* Any bytes → one valid component: '/', '%', control characters and invalid UTF-8 as %XX, also a '~' that
 * opens it; an empty one as %00; "." and ".." as %2E…; longer than fits: cut, then '~' and 16 hex digits of
 * the hash of the whole, so different names stay different. Returns the length. */
size_t jb_account_encode(const void *bytes, size_t length, char ret[static JB_COMPONENT_SIZE]);
/* The reverse for display: %XX back to bytes (control characters to '?'). Returns ret. */
char *jb_account_decode(const char *component, size_t length, char *ret, size_t size);

/* "host/<host>/cgroup/<path>" from the kernel's "/system.slice/nginx.service" ("/" alone gives the component
 * "root"). Components named process, exited or unattributed, which have a meaning of ours, and a real cgroup
 * named root, are written with their first letter as %XX. Too deep a path has its middle replaced by '~' and
 * a hash, so different paths stay different; the last component stays. Behind the path "/process/<name>"
 * fits. host: an encoded component. */
void jb_account_of_cgroup(const char *host, const char *cgroup_path, char ret[static JB_ACCOUNT_SIZE]);

enum jb_role {
    JB_SUPPLY,  /* grid/…, supply/…, hardware/…: amounts come from here */
    JB_THROUGH, /* site/…, host/<h>, host/<h>/<domain>, host/<h>/cgroup/…: inflow must equal outflow */
    JB_FINAL, /* idle, rest, kernel, interrupt, steal, overhead, exited, unattributed, process/<name>: a leaf;
               * site/<s>/it, overhead, water, unattributed and what is below them; below cloud/: compute,
               * gpu, memory, storage, network, serverless, included, unestimated, purchase, unused, credit,
               * refund, discount, tax, support, fee, adjustment */
    JB_VARIANCE, /* host/<h>/meter-variance, site/<s>/meter-variance: where inner meters exceeded the outer */
    JB_OTHER,    /* anything else (cloud/…): through when it has outflow, final when it has none */
};
enum jb_role jb_account_role(const char *path);

/* What a bill charges to an account below cloud/: use of which energy and embodied carbon are known (compute
 * … included), use of which energy alone is (network), use of which neither is (unestimated), or no use. */
enum jb_billed_use { JB_USE_NONE, JB_USE_KNOWN, JB_USE_ENERGY, JB_USE_UNKNOWN };
enum jb_billed_use jb_account_use(const char *path);

/* Pieces of a host account, as views into path (start and length; length 0 when there is no such piece). */
struct jb_account_parts {
    const char *host, *cgroup, *process, *leaf;
    size_t host_length, cgroup_length, process_length, leaf_length;
};
/* host: the component behind host/. cgroup: everything between cgroup/ and process/, exited or unattributed.
 * process: the component behind process/. leaf: the last component. */
struct jb_account_parts jb_account_split(const char *path);

/* The NAME, as the path has it, of a path site/NAME; NULL: it is another, or lies below one. */
const char *jb_account_site(const char *path);

/* Whether path is account or lies below it; account NULL: always. */
bool jb_account_is_within(const char *path, const char *account);

/* Length of the prefix of path that has `depth` components (the whole when it has fewer). depth ≥ 1. */
size_t jb_account_prefix(const char *path, unsigned depth);

#endif
