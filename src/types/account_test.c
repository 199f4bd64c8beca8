/* Account paths: validity, encoding of any bytes, cgroup paths, roles and pieces. */
#include "types/account.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void validates(void **state) {
    (void)state;
    static const char *const good[] = {"grid/KR",
                                       "host/h1",
                                       "host/h1/cgroup/system.slice/nginx.service",
                                       "caf\xc3\xa9",
                                       "a%2Fb/100%25",
                                       "...",
                                       " a ",
                                       "host/h1/cpu0/\xf0\x9f\x94\x8b"};
    static const struct {
        const char *path, *why;
    } bad[] = {{"", "empty"},
               {"/", "empty component"},
               {"/a", "empty component"},
               {"a/", "empty component"},
               {"a//b", "empty component"},
               {"a/./b", "'..'"},
               {"..", "'..'"},
               {"a/..", "'..'"},
               {"a\nb", "control"},
               {"a\x7f", "control"},
               {"a\xc2\x9b", "control"},
               {"a\xff", "UTF-8"},
               {"a\xc3/\xa9", "UTF-8"},
               {"100%", "%25"},
               {"%2", "%25"},
               {"a%2/5", "%25"},
               {"%2f", "%25"},
               {"%zz", "%25"}};
    struct jb_error error = {0};
    for (size_t i = 0; i < JB_COUNT(good); i++)
        assert_int_equal(jb_account_validate(good[i], &error), JB_OK);
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        assert_int_equal(jb_account_validate(bad[i].path, &error), JB_INPUT);
        if (!strstr(error.message, bad[i].why))
            fail_msg("'%s' lacks '%s'", error.message, bad[i].why);
    }
    char path[JB_ACCOUNT_SIZE + 1];
    memset(path, 'x', sizeof path);
    path[JB_ACCOUNT_SIZE] = '\0';
    assert_int_equal(jb_account_validate(path, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "1023"));
    path[JB_ACCOUNT_SIZE - 1] = '\0';
    assert_int_equal(jb_account_validate(path, &error), JB_OK);
}

static void check_encode(const char *bytes, size_t length, const char *expected) {
    char component[JB_COMPONENT_SIZE];
    assert_int_equal(jb_account_encode(bytes, length, component), strlen(expected));
    assert_string_equal(component, expected);
    assert_int_equal(jb_account_validate(component, NULL), JB_OK);
}

static void encodes_what_may_not_stand(void **state) {
    (void)state;
    check_encode("nginx", 5, "nginx");
    check_encode("", 0, "%00");
    check_encode(".", 1, "%2E");
    check_encode("..", 2, "%2E%2E");
    check_encode("...", 3, "...");
    check_encode("a/b", 3, "a%2Fb");
    check_encode("100%", 4, "100%25");
    check_encode("a\n\x1b\x7f", 4, "a%0A%1B%7F");
    check_encode("a\0b", 3, "a%00b");
    check_encode("\xc2\x9b"
                 "x",
                 3, "%C2%9Bx");
    check_encode("caf\xc3\xa9", 5, "caf\xc3\xa9");
    check_encode("caf\xc3", 4, "caf%C3");
    check_encode("~x~", 3, "%7Ex~");
}

/* Takes %XX back to bytes; what jb_account_encode did not cut is the same again. */
static size_t undo(const char *component, char *ret) {
    size_t out = 0;
    for (size_t i = 0; component[i]; i++) {
        if (component[i] == '%') {
            const char digits[] = {component[i + 1], component[i + 2], '\0'};
            ret[out++] = (char)strtoul(digits, NULL, 16);
            i += 2;
        } else {
            ret[out++] = component[i];
        }
    }
    return out;
}

static void encoding_loses_nothing_that_fits(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(13);
    for (int i = 0; i < 50000; i++) {
        char bytes[64], component[JB_COMPONENT_SIZE], again[JB_COMPONENT_SIZE];
        size_t length = 1 + (size_t)jb_random_below(&random, sizeof bytes - 1);
        bool printable = jb_random_below(&random, 2);
        for (size_t j = 0; j < length; j++)
            bytes[j] =
                (char)(printable ? 0x20 + jb_random_below(&random, 0x5f) : jb_random_below(&random, 256));
        size_t width = jb_account_encode(bytes, length, component);
        assert_int_equal(width, strlen(component));
        assert_int_equal(jb_account_validate(component, NULL), JB_OK);
        assert_null(strchr(component, '/'));
        assert_int_equal(undo(component, again), length);
        assert_memory_equal(again, bytes, length);
    }
}

static void long_names_are_cut_and_stay_different(void **state) {
    (void)state;
    char a[5000], b[5000], first[JB_COMPONENT_SIZE], second[JB_COMPONENT_SIZE];
    memset(a, 'x', sizeof a);
    memcpy(b, a, sizeof b);
    b[sizeof b - 1] = 'y';
    size_t width = jb_account_encode(a, sizeof a, first);
    assert_true(width < JB_COMPONENT_SIZE);
    jb_account_encode(b, sizeof b, second);
    assert_string_not_equal(first, second);
    assert_int_equal(first[width - 17], '~');
    /* A real name that looks like a cut one is too long itself, and so is cut again. */
    jb_account_encode(first, width, second);
    assert_string_not_equal(first, second);
    /* Control characters triple, and still it fits; a character is never cut in two. */
    memset(a, '\n', sizeof a);
    assert_true(jb_account_encode(a, sizeof a, first) < JB_COMPONENT_SIZE);
    for (size_t shift = 0; shift < 4; shift++) {
        memset(a, 'x', shift);
        for (size_t i = shift; i + 4 <= sizeof a; i += 4)
            memcpy(a + i, "\xf0\x9f\x94\x8b", 4);
        jb_account_encode(a, sizeof a - 4, first);
        assert_int_equal(jb_account_validate(first, NULL), JB_OK);
    }
}

static void decodes_for_display(void **state) {
    (void)state;
    char shown[32], small[4];
    assert_string_equal(jb_account_decode("a%2Fb", 5, shown, sizeof shown), "a/b");
    assert_string_equal(jb_account_decode("%00", 3, shown, sizeof shown), "?");
    assert_string_equal(jb_account_decode("a%1B[2J", 7, shown, sizeof shown), "a?[2J");
    assert_string_equal(jb_account_decode("caf%C3%A9", 9, shown, sizeof shown), "caf\xc3\xa9");
    assert_string_equal(jb_account_decode("%2", 2, shown, sizeof shown), "%2");
    assert_string_equal(jb_account_decode("abc/def", 3, shown, sizeof shown), "abc");
    assert_string_equal(jb_account_decode("abcdef", 6, small, sizeof small), "abc");
}

static void check_cgroup(const char *cgroup, const char *expected) {
    char path[JB_ACCOUNT_SIZE];
    jb_account_of_cgroup("h1", cgroup, path);
    assert_string_equal(path, expected);
    assert_int_equal(jb_account_validate(path, NULL), JB_OK);
    assert_int_equal(jb_account_role(path), JB_THROUGH);
}

static void makes_accounts_of_cgroups(void **state) {
    (void)state;
    check_cgroup("/", "host/h1/cgroup/root");
    check_cgroup("", "host/h1/cgroup/root");
    check_cgroup("/system.slice/nginx.service", "host/h1/cgroup/system.slice/nginx.service");
    check_cgroup("/system.slice/nginx.service/", "host/h1/cgroup/system.slice/nginx.service");
    check_cgroup("//a///b", "host/h1/cgroup/a/b");
    check_cgroup("/a\nb/c%", "host/h1/cgroup/a%0Ab/c%25");
    check_cgroup("/../.", "host/h1/cgroup/%2E%2E/%2E");
    check_cgroup("/root", "host/h1/cgroup/%72oot");
    check_cgroup("/process", "host/h1/cgroup/%70rocess");
    check_cgroup("/exited/unattributed", "host/h1/cgroup/%65xited/%75nattributed");
    check_cgroup("/a/process/nginx", "host/h1/cgroup/a/%70rocess/nginx");
    check_cgroup("/%70rocess", "host/h1/cgroup/%2570rocess");
    check_cgroup("/processes/idle/kernel", "host/h1/cgroup/processes/idle/kernel");
    check_cgroup("/~0123456789abcdef", "host/h1/cgroup/%7E0123456789abcdef");
}

static void deep_cgroups_keep_head_and_tail(void **state) {
    (void)state;
    char cgroup[4096], other[4096], path[JB_ACCOUNT_SIZE], second[JB_ACCOUNT_SIZE];
    size_t length = 0;
    for (int i = 0; i < 150; i++)
        length += (size_t)snprintf(cgroup + length, sizeof cgroup - length, "/level-%d", i);
    jb_account_of_cgroup("h1", cgroup, path);
    assert_int_equal(jb_account_validate(path, NULL), JB_OK);
    assert_int_equal(strncmp(path, "host/h1/cgroup/level-0/level-1/", 31), 0);
    assert_non_null(strstr(path, "/~"));
    assert_string_equal(strrchr(path, '/'), "/level-149");
    assert_true(strlen(path) + strlen("/process/") + JB_COMPONENT_SIZE <= JB_ACCOUNT_SIZE);
    /* One byte in the middle makes another account. */
    memcpy(other, cgroup, sizeof other);
    *strstr(other, "level-120") = 'L';
    jb_account_of_cgroup("h1", other, second);
    assert_string_not_equal(path, second);
    assert_string_equal(strrchr(second, '/'), "/level-149");
}

static void every_length_of_cgroup_fits(void **state) {
    (void)state;
    char host[JB_COMPONENT_SIZE], path[JB_ACCOUNT_SIZE], cgroup[2048];
    memset(host, 'h', sizeof host);
    for (size_t host_length = 1; host_length < JB_COMPONENT_SIZE; host_length += 37) {
        host[host_length] = '\0';
        for (size_t length = 1; length < sizeof cgroup; length++) {
            for (size_t i = 0; i < length; i++)
                cgroup[i] = i % 23 ? 'c' : '/';
            cgroup[length] = '\0';
            jb_account_of_cgroup(host, cgroup, path);
            assert_true(strlen(path) + strlen("/process/") + JB_COMPONENT_SIZE <= JB_ACCOUNT_SIZE);
            assert_int_equal(jb_account_validate(path, NULL), JB_OK);
        }
        host[host_length] = 'h';
    }
}

static void knows_roles(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum jb_role role;
    } cases[] = {
        {"grid", JB_SUPPLY},
        {"grid/KR", JB_SUPPLY},
        {"supply/h1", JB_SUPPLY},
        {"hardware/h1", JB_SUPPLY},
        {"gridlock/x", JB_OTHER},
        {"site/seoul1", JB_THROUGH},
        {"site", JB_THROUGH},
        {"site/seoul1/overhead", JB_FINAL},
        {"site/seoul1/overhead/chiller", JB_FINAL},
        {"site/seoul1/it", JB_FINAL},
        {"site/seoul1/it/pdu1", JB_FINAL},
        {"site/seoul1/water", JB_FINAL},
        {"site/seoul1/unattributed", JB_FINAL},
        {"site/seoul1/meter-variance", JB_VARIANCE},
        {"site/seoul1/hall1", JB_THROUGH},
        {"site/seoul1/hall1/overhead", JB_FINAL},
        {"site/it", JB_THROUGH},
        {"site/overhead", JB_THROUGH},
        {"host", JB_OTHER},
        {"host/h1", JB_THROUGH},
        {"host/idle", JB_THROUGH},
        {"host/meter-variance", JB_THROUGH},
        {"host/h1/cpu0", JB_THROUGH},
        {"host/h1/idle", JB_FINAL},
        {"host/h1/rest", JB_FINAL},
        {"host/h1/kernel", JB_FINAL},
        {"host/h1/interrupt", JB_FINAL},
        {"host/h1/steal", JB_FINAL},
        {"host/h1/unattributed", JB_FINAL},
        {"host/h1/cpu0/idle", JB_FINAL},
        {"host/h1/meter-variance", JB_VARIANCE},
        {"host/h1/cgroup", JB_THROUGH},
        {"host/h1/cgroup/root", JB_THROUGH},
        {"host/h1/cgroup/idle", JB_THROUGH},
        {"host/h1/cgroup/a/kernel", JB_THROUGH},
        {"host/h1/cgroup/exited", JB_THROUGH},
        {"host/h1/cgroup/a/exited", JB_FINAL},
        {"host/h1/cgroup/a/unattributed", JB_FINAL},
        {"host/h1/cgroup/a/process/nginx", JB_FINAL},
        {"host/h1/cgroup/a/b/process/exited", JB_FINAL},
        {"cloud/aws/eu-west-1/ec2", JB_OTHER},
        {"cloud/aws/eu-west-1/ec2/1234/compute", JB_FINAL},
        {"cloud/aws/eu-west-1/ec2/1234/team=a/credit", JB_FINAL},
        {"cloud/aws/eu-west-1/ec2/1234/compute/x", JB_OTHER},
        {"other/compute", JB_OTHER},
        {"cloud/aws/eu-west-1/ec2/1234/unestimated", JB_FINAL},
        {"x", JB_OTHER},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        if (jb_account_role(cases[i].path) != cases[i].role)
            fail_msg("%s has role %d", cases[i].path, (int)jb_account_role(cases[i].path));
    }
}

static void check_split(const char *path, const char *host, const char *cgroup, const char *process,
                        const char *leaf) {
    struct jb_account_parts parts = jb_account_split(path);
    char text[512], expected[512];
    snprintf(text, sizeof text, "%.*s|%.*s|%.*s|%.*s", (int)parts.host_length,
             parts.host_length ? parts.host : "", (int)parts.cgroup_length,
             parts.cgroup_length ? parts.cgroup : "", (int)parts.process_length,
             parts.process_length ? parts.process : "", (int)parts.leaf_length, parts.leaf);
    snprintf(expected, sizeof expected, "%s|%s|%s|%s", host, cgroup, process, leaf);
    assert_string_equal(text, expected);
}

static void takes_paths_apart(void **state) {
    (void)state;
    check_split("grid/KR", "", "", "", "KR");
    check_split("x", "", "", "", "x");
    check_split("host/h1", "h1", "", "", "h1");
    check_split("host/h1/cpu0/idle", "h1", "", "", "idle");
    check_split("host/h1/cgroup/root", "h1", "root", "", "root");
    check_split("host/h1/cgroup/a/b", "h1", "a/b", "", "b");
    check_split("host/h1/cgroup/a/b/process/nginx", "h1", "a/b", "nginx", "nginx");
    check_split("host/h1/cgroup/a/exited", "h1", "a", "", "exited");
    check_split("host/h1/cgroup/a/unattributed", "h1", "a", "", "unattributed");
    check_split("host/h1/cgroup/process/process/process", "h1", "process", "process", "process");
    check_split("host/h1/cgroups/a", "h1", "", "", "a");
}

static void cuts_prefixes(void **state) {
    (void)state;
    const char *path = "host/h1/cpu0";
    assert_int_equal(jb_account_prefix(path, 1), 4);
    assert_int_equal(jb_account_prefix(path, 2), 7);
    assert_int_equal(jb_account_prefix(path, 3), 12);
    assert_int_equal(jb_account_prefix(path, 4), 12);
    assert_int_equal(jb_account_prefix("x", 1), 1);
    assert_int_equal(jb_account_prefix("x", 9), 1);
}

static void a_site_is_named_by_its_own_account_alone(void **state) {
    (void)state;
    assert_string_equal(jb_account_site("site/seoul1"), "seoul1");
    assert_string_equal(jb_account_site("site/a%2Fb"), "a%2Fb");
    assert_null(jb_account_site("site/seoul1/it"));
    assert_null(jb_account_site("site"));
    assert_null(jb_account_site("sites/a"));
    assert_null(jb_account_site("grid/KR"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validates),
        cmocka_unit_test(encodes_what_may_not_stand),
        cmocka_unit_test(encoding_loses_nothing_that_fits),
        cmocka_unit_test(long_names_are_cut_and_stay_different),
        cmocka_unit_test(decodes_for_display),
        cmocka_unit_test(a_site_is_named_by_its_own_account_alone),
        cmocka_unit_test(makes_accounts_of_cgroups),
        cmocka_unit_test(deep_cgroups_keep_head_and_tail),
        cmocka_unit_test(every_length_of_cgroup_fits),
        cmocka_unit_test(knows_roles),
        cmocka_unit_test(takes_paths_apart),
        cmocka_unit_test(cuts_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
