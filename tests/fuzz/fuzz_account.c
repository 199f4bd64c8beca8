/* Account paths, components and cgroup paths of any bytes: what is made is valid, and every path has a role.
 */
#include "types/account.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void try_path(const char *path) {
    struct jb_account_parts parts = jb_account_split(path);
    size_t length = strlen(path);
    require(parts.leaf >= path && parts.leaf + parts.leaf_length <= path + length);
    if (parts.host_length)
        require(parts.host > path && parts.host + parts.host_length <= path + length);
    if (parts.cgroup_length)
        require(parts.cgroup > parts.host && parts.cgroup + parts.cgroup_length <= path + length);
    if (parts.process_length)
        require(parts.process > parts.cgroup && parts.process + parts.process_length <= path + length);
    (void)jb_account_role(path);
    for (unsigned depth = 1; depth < 8; depth++)
        require(jb_account_prefix(path, depth) <= length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char component[JB_COMPONENT_SIZE], path[JB_ACCOUNT_SIZE], shown[JB_COMPONENT_SIZE];
    require(jb_account_encode(bytes, size, component) == strlen(component));
    require(jb_account_validate(component, NULL) == JB_OK);
    require(strchr(component, '/') == NULL);
    jb_account_decode(component, strlen(component), shown, sizeof shown);

    _cleanup_buffer_ struct jb_buffer text = {0};
    jb_buffer_add(&text, bytes, size);
    jb_account_of_cgroup("h1", text.bytes, path);
    require(jb_account_validate(path, NULL) == JB_OK);
    require(jb_account_role(path) == JB_THROUGH);
    require(strlen(path) + JB_COMPONENT_SIZE + strlen("/process/") < JB_ACCOUNT_SIZE);
    try_path(path);
    if (jb_account_validate(text.bytes, NULL) == JB_OK)
        try_path(text.bytes);
    return 0;
}
