/* Account paths: validity, role and pieces. */
#include "types/account.h"

#include "base/cleanup.h"
#include "base/strings.h"
#include "base/text.h"

#include <assert.h>
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
            if (width == 0 || jb_control_length(component + i, length - i))
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

/* "%XX", without a NUL; returns 3. */
static size_t write_escape(unsigned char c, char *ret) {
    static const char digits[] = "0123456789ABCDEF";
    ret[0] = '%';
    ret[1] = digits[c >> 4];
    ret[2] = digits[c & 15];
    return 3;
}

size_t jb_account_encode(const void *bytes, size_t length, char ret[static JB_COMPONENT_SIZE]) {
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
        /* A '~' that opens a component is escaped, so that no name looks like a hash of ours. */
        bool escape = width == 0 || jb_control_length(in + i, length - i) || c == '/' || c == '%' || dots ||
                      (c == '~' && i == 0);
        size_t needed = escape ? 3 : width;
        if (out + needed + 17 >= JB_COMPONENT_SIZE) {
            out += (size_t)snprintf(ret + out, JB_COMPONENT_SIZE - out, "~%016llx",
                                    (unsigned long long)jb_hash_bytes(bytes, length));
            return out;
        }
        if (escape) {
            out += write_escape(c, ret + out);
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

/* One component of a cgroup's path, encoded; reserved names with their first letter as %XX. */
static size_t encode_cgroup_component(const char *name, size_t length, char ret[static JB_COMPONENT_SIZE]) {
    if (!is_reserved(name, length))
        return jb_account_encode(name, length, ret);
    size_t out = write_escape((unsigned char)name[0], ret);
    memcpy(ret + out, name + 1, length - 1);
    out += length - 1;
    ret[out] = '\0';
    return out;
}

/* The component at *cursor, past slashes, encoded into ret; 0 at the end. Moves the cursor behind it. */
static size_t next_component(const char **cursor, char ret[static JB_COMPONENT_SIZE]) {
    while (**cursor == '/')
        (*cursor)++;
    size_t length = component_length(*cursor);
    if (length == 0)
        return 0;
    size_t width = encode_cgroup_component(*cursor, length, ret);
    *cursor += length;
    return width;
}

/* The last component of path, encoded. */
static size_t last_component(const char *path, char ret[static JB_COMPONENT_SIZE]) {
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return encode_cgroup_component(path + start, end - start, ret);
}

void jb_account_of_cgroup(const char *host, const char *cgroup_path, char ret[static JB_ACCOUNT_SIZE]) {
    enum { HASH_WIDTH = 17 };
    /* What stays free behind the path holds "/process/<name>". */
    const size_t room = JB_ACCOUNT_SIZE - JB_COMPONENT_SIZE - sizeof "/process/";
    char component[JB_COMPONENT_SIZE], last[JB_COMPONENT_SIZE];
    assert(strlen(host) < JB_COMPONENT_SIZE);
    size_t out = (size_t)snprintf(ret, JB_ACCOUNT_SIZE, "host/%s/cgroup", host);
    size_t whole = 0, width;
    for (const char *cursor = cgroup_path; (width = next_component(&cursor, component)) > 0;)
        whole += 1 + width;
    if (whole == 0) {
        snprintf(ret + out, JB_ACCOUNT_SIZE - out, "/root");
        return;
    }
    bool fits = out + whole <= room;
    size_t kept = fits ? 0 : 1 + HASH_WIDTH + 1 + last_component(cgroup_path, last);
    const char *cursor = cgroup_path;
    for (;;) {
        const char *rest = cursor;
        width = next_component(&cursor, component);
        if (width == 0)
            return;
        if (out + 1 + width + kept > room) {
            snprintf(ret + out, JB_ACCOUNT_SIZE - out, "/~%016llx/%s",
                     (unsigned long long)jb_hash_bytes(rest, strlen(rest)), last);
            return;
        }
        ret[out++] = '/';
        memcpy(ret + out, component, width + 1);
        out += width;
    }
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

static bool is_any(const char *component, size_t length, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (component_is(component, length, names[i]))
            return true;
    }
    return false;
}

/* What a bill books to: what was used, or what a charge was for that used nothing. */
static const char *const used_leaves[] = {"compute", "gpu",        "memory",  "storage",
                                          "network", "serverless", "included"};
static const char *const charge_leaves[] = {"purchase", "unused",  "credit", "refund",    "discount",
                                            "tax",      "support", "fee",    "adjustment"};

enum jb_billed_use jb_account_use(const char *path) {
    struct jb_account_parts parts = jb_account_split(path);
    if (!component_is(path, component_length(path), "cloud"))
        return JB_USE_NONE;
    if (component_is(parts.leaf, parts.leaf_length, "unestimated"))
        return JB_USE_UNKNOWN;
    if (component_is(parts.leaf, parts.leaf_length, "network"))
        return JB_USE_ENERGY;
    return is_any(parts.leaf, parts.leaf_length, used_leaves, JB_COUNT(used_leaves)) ? JB_USE_KNOWN
                                                                                     : JB_USE_NONE;
}

/* site/<s>/…: what a site uses itself (it, overhead, water and what is below them) is final. */
static enum jb_role site_role(const char *path, const struct jb_account_parts *parts) {
    static const char *const uses[] = {"it", "overhead", "water", "unattributed"};
    const char *site = path + strlen("site"), *use;
    if (*site != '/' || !(use = strchr(site + 1, '/')))
        return JB_THROUGH;
    use++;
    size_t length = component_length(use);
    if (component_is(use, length, "meter-variance"))
        return JB_VARIANCE;
    for (size_t i = 0; i < JB_COUNT(uses); i++) {
        if (component_is(use, length, uses[i]))
            return JB_FINAL;
    }
    return component_is(parts->leaf, parts->leaf_length, "overhead") ? JB_FINAL : JB_THROUGH;
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
        return site_role(path, &parts);
    if (component_is(path, first, "cloud") &&
        (jb_account_use(path) != JB_USE_NONE ||
         is_any(parts.leaf, parts.leaf_length, charge_leaves, JB_COUNT(charge_leaves))))
        return JB_FINAL;
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
    return is_any(parts.leaf, parts.leaf_length, leaves, JB_COUNT(leaves)) ? JB_FINAL : JB_THROUGH;
}

const char *jb_account_site(const char *path) {
    static const char start[] = "site/";
    if (strncmp(path, start, sizeof start - 1) != 0 || strchr(path + sizeof start - 1, '/'))
        return NULL;
    return path + sizeof start - 1;
}

bool jb_account_is_within(const char *path, const char *account) {
    if (!account)
        return true;
    size_t length = strlen(account);
    return strncmp(path, account, length) == 0 && (path[length] == '\0' || path[length] == '/');
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
