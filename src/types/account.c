/* Account paths: validity, role and pieces. */
#include "types/account.h"

#include "base/strings.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static size_t component_length(const char *path) {
    return strcspn(path, "/");
}

static bool component_is(const char *component, size_t length, const char *name) {
    return strlen(name) == length && memcmp(component, name, length) == 0;
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum jb_code jb_account_validate(const char *path, struct jb_error *error) {
    size_t total = strnlen(path, JB_ACCOUNT_SIZE);
    if (total == 0)
        return jb_error_set(error, JB_INPUT, "an account path is empty");
    if (total >= JB_ACCOUNT_SIZE)
        return jb_error_set(error, JB_INPUT, "account '%.60s…' is longer than %d bytes", path,
                            JB_ACCOUNT_SIZE - 1);
    for (const char *component = path;; component += component_length(component) + 1) {
        size_t length = component_length(component);
        if (length == 0)
            return jb_error_set(error, JB_INPUT,
                                "account '%.120s' has an empty component; remove the extra '/'", path);
        if (component_is(component, length, ".") || component_is(component, length, ".."))
            return jb_error_set(error, JB_INPUT, "account '%.120s' has a component '.' or '..'", path);
        for (size_t i = 0; i < length;) {
            unsigned char c = (unsigned char)component[i];
            size_t width = jb_utf8_length(component + i, length - i);
            if (width == 0 || c < 0x20 || c == 0x7f)
                return jb_error_set(
                    error, JB_INPUT,
                    "account '%.120s' has a control character or is not UTF-8; write it as %%XX", path);
            if (c == '%' && !(i + 2 < length && is_hex(component[i + 1]) && is_hex(component[i + 2])))
                return jb_error_set(error, JB_INPUT,
                                    "account '%.120s' has a '%%' that is not %%XX; write it as %%25", path);
            i += width;
        }
        if (component[length] == '\0')
            return JB_OK;
    }
}

size_t jb_account_encode(const void *bytes, size_t length, char ret[static JB_COMPONENT_SIZE]) {
    static const char digits[] = "0123456789ABCDEF";
    const char *in = bytes;
    size_t out = 0;
    bool dots = (length == 1 && in[0] == '.') || (length == 2 && in[0] == '.' && in[1] == '.');
    if (length == 0) {
        memcpy(ret, "%00", 4);
        return 3;
    }
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)in[i];
        size_t width = jb_utf8_length(in + i, length - i);
        bool escape = width == 0 || c < 0x20 || c == 0x7f || c == '/' || c == '%' || dots;
        size_t needed = escape ? 3 : width;
        if (out + needed + 17 >= JB_COMPONENT_SIZE) {
            out += (size_t)snprintf(ret + out, JB_COMPONENT_SIZE - out, "~%016llx",
                                    (unsigned long long)jb_hash_bytes(bytes, length));
            return out;
        }
        if (escape) {
            ret[out++] = '%';
            ret[out++] = digits[c >> 4];
            ret[out++] = digits[c & 15];
            i++;
        } else {
            memcpy(ret + out, in + i, width);
            out += width;
            i += width;
        }
    }
    ret[out] = '\0';
    return out;
}

static int hex_value(char c) {
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

char *jb_account_decode(const char *component, size_t length, char *ret, size_t size) {
    char decoded[JB_ACCOUNT_SIZE];
    size_t out = 0;
    for (size_t i = 0; i < length && out + 1 < sizeof decoded; i++) {
        if (component[i] == '%' && i + 2 < length && is_hex(component[i + 1]) && is_hex(component[i + 2])) {
            int value = hex_value(component[i + 1]) * 16 + hex_value(component[i + 2]);
            decoded[out++] = (char)(value ? value : '?');
            i += 2;
        } else {
            decoded[out++] = component[i];
        }
    }
    decoded[out] = '\0';
    return jb_text_display(decoded, ret, size);
}

/* Names that mean something below a cgroup's account. */
static bool is_reserved(const char *component, size_t length) {
    return component_is(component, length, "process") || component_is(component, length, "exited") ||
           component_is(component, length, "unattributed") || component_is(component, length, "root");
}

void jb_account_of_cgroup(const char *host, const char *cgroup_path, char ret[static JB_ACCOUNT_SIZE]) {
    int opened = snprintf(ret, JB_ACCOUNT_SIZE, "host/%s/cgroup", host);
    size_t out = opened < JB_ACCOUNT_SIZE ? (size_t)opened : JB_ACCOUNT_SIZE - 1;
    const char *cursor = cgroup_path;
    bool any = false;
    /* 300 bytes are left for process/<name> behind the path. */
    const size_t room = JB_ACCOUNT_SIZE - 300;
    while (*cursor) {
        while (*cursor == '/')
            cursor++;
        size_t length = component_length(cursor);
        if (length == 0)
            break;
        char encoded[JB_COMPONENT_SIZE + 2];
        size_t width = jb_account_encode(cursor, length, encoded);
        if (is_reserved(encoded, width)) {
            char first = encoded[0];
            memmove(encoded + 3, encoded + 1, width);
            snprintf(encoded, 4, "%%%02X", (unsigned char)first);
            encoded[3] = cursor[1];
            width += 2;
        }
        if (out + width + 20 > room) {
            out += (size_t)snprintf(ret + out, JB_ACCOUNT_SIZE - out, "/~%016llx",
                                    (unsigned long long)jb_hash_bytes(cursor, strlen(cursor)));
            return;
        }
        out += (size_t)snprintf(ret + out, JB_ACCOUNT_SIZE - out, "/%s", encoded);
        any = true;
        cursor += length;
    }
    if (!any)
        snprintf(ret + out, JB_ACCOUNT_SIZE - out, "/root");
}

struct jb_account_parts jb_account_split(const char *path) {
    struct jb_account_parts parts = {0};
    const char *last = strrchr(path, '/');
    parts.leaf = last ? last + 1 : path;
    parts.leaf_length = strlen(parts.leaf);
    if (!starts_with(path, "host/"))
        return parts;
    parts.host = path + 5;
    parts.host_length = component_length(parts.host);
    const char *rest = parts.host + parts.host_length;
    if (!starts_with(rest, "/cgroup/"))
        return parts;
    parts.cgroup = rest + strlen("/cgroup/");
    const char *cursor = parts.cgroup;
    for (;;) {
        size_t length = component_length(cursor);
        bool ours = component_is(cursor, length, "process") || component_is(cursor, length, "exited") ||
                    component_is(cursor, length, "unattributed");
        if (ours && cursor > parts.cgroup) {
            parts.cgroup_length = (size_t)(cursor - 1 - parts.cgroup);
            if (component_is(cursor, length, "process") && cursor[length] == '/') {
                parts.process = cursor + length + 1;
                parts.process_length = component_length(parts.process);
            }
            return parts;
        }
        if (cursor[length] == '\0')
            break;
        cursor += length + 1;
    }
    parts.cgroup_length = strlen(parts.cgroup);
    return parts;
}

enum jb_role jb_account_role(const char *path) {
    static const char *const leaves[] = {"idle",  "rest",     "kernel", "interrupt",
                                         "steal", "overhead", "exited", "unattributed"};
    size_t first = component_length(path);
    if (component_is(path, first, "grid") || component_is(path, first, "supply") ||
        component_is(path, first, "hardware"))
        return JB_SUPPLY;
    struct jb_account_parts parts = jb_account_split(path);
    if (component_is(path, first, "site"))
        return component_is(parts.leaf, parts.leaf_length, "overhead") && strchr(path + 5, '/') ? JB_FINAL
                                                                                                : JB_THROUGH;
    if (!parts.host_length)
        return JB_OTHER;
    if (parts.process_length)
        return JB_FINAL;
    if (parts.cgroup_length) {
        /* Only what stands behind the cgroup's own path is a leaf of ours. */
        return parts.cgroup[parts.cgroup_length] == '\0' ? JB_THROUGH : JB_FINAL;
    }
    if (parts.leaf == parts.host)
        return JB_THROUGH;
    if (component_is(parts.leaf, parts.leaf_length, "meter-variance"))
        return JB_VARIANCE;
    for (size_t i = 0; i < JB_COUNT(leaves); i++) {
        if (component_is(parts.leaf, parts.leaf_length, leaves[i]))
            return JB_FINAL;
    }
    return JB_THROUGH;
}

size_t jb_account_prefix(const char *path, unsigned depth) {
    const char *cursor = path;
    for (;;) {
        cursor += component_length(cursor);
        if (*cursor == '\0' || --depth == 0)
            return (size_t)(cursor - path);
        cursor++;
    }
}
