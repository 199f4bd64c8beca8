/* The root: files beneath another tree, links that try to leave it, hostile contents, ceilings. */
#include "base/root.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A folder of its own for each test; removed with what is in it. */
struct place {
    char path[64];
    struct jb_root root;
};

static void write_file(const struct place *place, const char *name, const void *bytes, size_t length) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", place->path, name);
    _cleanup_fclose_ FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static void write_text(const struct place *place, const char *name, const char *text) {
    write_file(place, name, text, strlen(text));
}

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    char folder[128];
    if (!place)
        return -1;
    strcpy(place->path, "/tmp/joulebook-root-XXXXXX");
    if (!mkdtemp(place->path))
        return -1;
    snprintf(folder, sizeof folder, "%s/sys", place->path);
    if (mkdir(folder, 0755) != 0)
        return -1;
    *state = place;
    return jb_root_open(place->path, NULL, &place->root) ? -1 : 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    static const char *const names[] = {"sys/a", "sys/b", "sys/c", "sys/link", "sys"};
    jb_root_close(&place->root);
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", place->path, names[i]);
        remove(path);
    }
    int failed = rmdir(place->path);
    free(place);
    return failed;
}

static void opens_the_real_one_and_others(void **state) {
    struct place *place = *state;
    struct jb_error error = {0};
    struct jb_root real;
    static const char *const names[] = {NULL, "", "/"};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        assert_int_equal(jb_root_open(names[i], &error, &real), JB_OK);
        assert_true(real.is_real);
        assert_string_equal(real.path, "");
        assert_true(jb_root_exists(&real, "/proc/self/stat"));
        jb_root_close(&real);
        assert_int_equal(real.descriptor, -1);
        jb_root_close(&real);
    }
    jb_root_close(NULL);
    assert_false(place->root.is_real);
    assert_string_equal(place->root.path, place->path);
    assert_int_equal(jb_root_open("/no/such/place", &error, &real), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/no/such/place"));
}

static void links_do_not_lead_out_of_it(void **state) {
    struct place *place = *state;
    char path[256], target[64];
    write_text(place, "sys/a", "inside\n");
    snprintf(path, sizeof path, "%s/sys/link", place->path);
    static const struct {
        const char *to;
        bool found;
    } cases[] = {{"/sys/a", true},
                 {"a", true},
                 {"../../../../../../sys/a", true},
                 {"/etc/passwd", false},
                 {"../../../etc/passwd", false},
                 {"link", false}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(symlink(cases[i].to, path), 0);
        assert_int_equal(jb_root_exists(&place->root, "/sys/link"), cases[i].found);
        assert_int_equal(jb_root_readlink(&place->root, "/sys/link", target, sizeof target, NULL), JB_OK);
        const char *slash = strrchr(cases[i].to, '/');
        assert_string_equal(target, slash ? slash + 1 : cases[i].to);
        assert_int_equal(unlink(path), 0);
    }
    struct jb_error error = {0};
    assert_int_equal(jb_root_readlink(&place->root, "/sys/link", target, sizeof target, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/sys/link"));
    assert_false(jb_root_exists(&place->root, "/../etc/passwd"));
}

static void reads_files_up_to_the_ceiling(void **state) {
    struct place *place = *state;
    struct jb_error error = {0};
    static char bytes[10000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    write_file(place, "sys/a", bytes, sizeof bytes);
    static const size_t ceilings[] = {10000, 10001, 4096 * 3, 0};
    for (size_t i = 0; i < JB_COUNT(ceilings); i++) {
        _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = ceilings[i]};
        assert_int_equal(jb_root_read(&place->root, "/sys/a", &buffer, &error), JB_OK);
        assert_int_equal(buffer.length, sizeof bytes);
        assert_memory_equal(buffer.bytes, bytes, sizeof bytes);
        assert_int_equal(buffer.bytes[buffer.length], 0);
    }
    static const size_t small[] = {9999, 1, 4096, 8192};
    for (size_t i = 0; i < JB_COUNT(small); i++) {
        _cleanup_buffer_ struct jb_buffer buffer = {.ceiling = small[i]};
        assert_int_equal(jb_root_read(&place->root, "/sys/a", &buffer, &error), JB_LIMIT);
        assert_non_null(strstr(error.message, "/sys/a"));
    }
    write_text(place, "sys/b", "");
    _cleanup_buffer_ struct jb_buffer buffer = {0};
    assert_int_equal(jb_root_read(&place->root, "/sys/b", &buffer, &error), JB_OK);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer.bytes, "");
    assert_int_equal(jb_root_read(&place->root, "/sys/none", &buffer, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/sys/none"));
    assert_int_equal(jb_root_read(&place->root, "/sys", &buffer, &error), JB_IO);
}

static void denied_is_not_missing(void **state) {
    struct place *place = *state;
    struct jb_error error = {0};
    _cleanup_buffer_ struct jb_buffer buffer = {0};
    uint64_t value = 17;
    const uid_t user = geteuid(), nobody = 65534;
    write_text(place, "sys/a", "1\n");
    char path[256];
    snprintf(path, sizeof path, "%s/sys/a", place->path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(place->path, 0755), 0);
    if (user == 0) /* whom no mode keeps out */
        assert_int_equal(seteuid(nobody), 0);
    enum jb_code whole = jb_root_read(&place->root, "/sys/a", &buffer, &error);
    enum jb_code number = jb_root_read_uint64(&place->root, "/sys/a", &error, &value);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(whole, JB_PERMISSION);
    assert_int_equal(number, JB_PERMISSION);
    assert_non_null(strstr(error.message, "/sys/a"));
    assert_int_equal(value, 17);
}

static void reads_numbers(void **state) {
    struct place *place = *state;
    static const struct {
        const char *text;
        enum jb_code code;
        uint64_t value;
    } cases[] = {
        {"0\n", JB_OK, 0},
        {"262143328850\n", JB_OK, UINT64_C(262143328850)},
        {"18446744073709551615\n", JB_OK, UINT64_MAX},
        {"7", JB_OK, 7},
        {"7\n8\n", JB_OK, 7},
        {"18446744073709551616\n", JB_INPUT, 0},
        {"99999999999999999999999999999999999999999999999999999999999999999999999999\n", JB_INPUT, 0},
        {"", JB_INPUT, 0},
        {"\n", JB_INPUT, 0},
        {"-1\n", JB_INPUT, 0},
        {" 1\n", JB_INPUT, 0},
        {"1 \n", JB_INPUT, 0},
        {"0x10\n", JB_INPUT, 0},
        {"<unsupported>\n", JB_INPUT, 0},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        uint64_t value = 0;
        write_text(place, "sys/a", cases[i].text);
        assert_int_equal(jb_root_read_uint64(&place->root, "/sys/a", &error, &value), cases[i].code);
        assert_true(value == cases[i].value);
        if (cases[i].code)
            assert_non_null(strstr(error.message, "/sys/a"));
        value = 0;
        assert_int_equal(jb_sysfs_uint64(cases[i].text, strlen(cases[i].text), &error, &value),
                         cases[i].code);
        assert_true(value == cases[i].value);
    }
    uint64_t value = 0;
    assert_int_equal(jb_sysfs_uint64("12\0xx", 5, NULL, &value), JB_OK);
    assert_int_equal(value, 12);
    assert_int_equal(jb_sysfs_uint64("129", 2, NULL, &value), JB_OK); /* bytes past the length are not read */
    assert_int_equal(value, 12);
}

static void reads_lines_that_cannot_harm(void **state) {
    struct place *place = *state;
    char line[16];
    static const struct {
        const char *text;
        size_t length;
        const char *line;
    } cases[] = {
        {"package-0\nmore\n", 15, "package-0"},
        {"", 0, ""},
        {"\n", 1, ""},
        {"a\x1b[31m\tb\n", 9, "a?[31m?b"},
        {"a\0b\n", 4, "a?b"},
        {"a\xff\xc2\x9b\n", 5, "a??"},
        {"0123456789abcdefghij\n", 21, "0123456789abcde"},
        {"0123456789abcd\xc3\xa9", 16, "0123456789abcd"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        write_file(place, "sys/a", cases[i].text, cases[i].length);
        assert_int_equal(jb_root_read_line(&place->root, "/sys/a", line, sizeof line, NULL), JB_OK);
        assert_string_equal(line, cases[i].line);
    }
    static char large[100000];
    memset(large, 'x', sizeof large);
    write_file(place, "sys/a", large, sizeof large);
    assert_int_equal(jb_root_read_line(&place->root, "/sys/a", line, sizeof line, NULL), JB_OK);
    assert_string_equal(line, "xxxxxxxxxxxxxxx");
    assert_int_equal(jb_root_read_line(&place->root, "/sys/none", line, sizeof line, NULL), JB_NO_DATA);
}

static void a_kept_descriptor_reads_again_from_the_start(void **state) {
    struct place *place = *state;
    char text[8];
    size_t length = 0;
    write_text(place, "sys/a", "111\n");
    _cleanup_close_ int descriptor = jb_root_openat(&place->root, "/sys/a", O_RDONLY);
    assert_true(descriptor >= 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(jb_descriptor_read(descriptor, text, sizeof text, NULL, &length), JB_OK);
        assert_int_equal(length, 4);
        assert_string_equal(text, "111\n");
    }
    write_text(place, "sys/a", "22\n");
    assert_int_equal(jb_descriptor_read(descriptor, text, sizeof text, NULL, &length), JB_OK);
    assert_string_equal(text, "22\n");
    write_text(place, "sys/a", "123456789");
    assert_int_equal(jb_descriptor_read(descriptor, text, sizeof text, NULL, &length), JB_OK);
    assert_string_equal(text, "1234567");
    assert_int_equal(jb_descriptor_read(-1, text, sizeof text, NULL, &length), JB_IO);
}

static void lists_folders(void **state) {
    struct place *place = *state;
    write_text(place, "sys/a", "");
    DIR *directory = jb_root_opendir(&place->root, "/sys");
    assert_non_null(directory);
    int found = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        found += strcmp(entry->d_name, "a") == 0;
    closedir(directory);
    assert_int_equal(found, 1);
    assert_null(jb_root_opendir(&place->root, "/sys/a"));
    assert_int_equal(errno, ENOTDIR);
    directory = jb_root_opendir(&place->root, "/");
    assert_non_null(directory);
    closedir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_the_real_one_and_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_do_not_lead_out_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_files_up_to_the_ceiling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(denied_is_not_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_lines_that_cannot_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_descriptor_reads_again_from_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_folders, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
