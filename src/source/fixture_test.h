/* For tests of sources: a copy of a stored tree that may be changed, and its source. */
#ifndef JB_SOURCE_FIXTURE_TEST_H
#define JB_SOURCE_FIXTURE_TEST_H

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/root.h"
#include "source/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Not every test uses every helper. */
#define JB_TEST_HELPER __attribute__((unused)) static

struct fixture {
    char path[64];
    struct jb_root root;
    struct jb_clock_fake fake;
    struct jb_source_context context;
    struct jb_source *source;
};

/* Copies tests/fixtures/<tree> to a new folder; NULL for an empty one. */
JB_TEST_HELPER void fixture_make(struct fixture *fixture, const char *tree) {
    const char *source_root = getenv("JB_SOURCE_ROOT");
    char command[4096];
    memset(fixture, 0, sizeof *fixture);
    strcpy(fixture->path, "/tmp/joulebook-source-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    assert_int_equal(chmod(fixture->path, 0755), 0);
    if (tree) {
        snprintf(command, sizeof command, "cp -a -- '%s/tests/fixtures/%s/.' '%s'",
                 source_root ? source_root : ".", tree, fixture->path);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(jb_root_open(fixture->path, NULL, &fixture->root), JB_OK);
    fixture->fake = jb_clock_fake_make(0, 1000 * JB_SECOND_NS);
    fixture->context = (struct jb_source_context){.root = &fixture->root, .clock = &fixture->fake.clock};
}

JB_TEST_HELPER void fixture_end(struct fixture *fixture) {
    char command[128];
    if (fixture->source)
        fixture->source->ops->close(fixture->source);
    jb_root_close(&fixture->root);
    snprintf(command, sizeof command, "rm -rf -- '%s'", fixture->path);
    assert_int_equal(system(command), 0);
}

/* Writes text to a file that is there, as the kernel would: in place, so that open descriptors see it. */
JB_TEST_HELPER void fixture_write(const struct fixture *fixture, const char *path, const char *text) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", fixture->path, path);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

JB_TEST_HELPER void fixture_shell(const struct fixture *fixture, const char *command) {
    char whole[1024];
    snprintf(whole, sizeof whole, "cd '%s' && %s", fixture->path, command);
    assert_int_equal(system(whole), 0);
}

JB_TEST_HELPER void fixture_open(struct fixture *fixture, const struct jb_source_ops *ops) {
    struct jb_error error = {0};
    enum jb_code code = jb_source_open(ops, &fixture->context, &error, &fixture->source);
    if (code)
        print_error("%s\n", error.message);
    assert_int_equal(code, JB_OK);
}

/* Index of the domain with that id. */
JB_TEST_HELPER size_t fixture_find(const struct fixture *fixture, const char *id) {
    const struct jb_domain *domains;
    size_t count = fixture->source->ops->domains(fixture->source, &domains);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(domains[i].id, id) == 0)
            return i;
    }
    for (size_t i = 0; i < count; i++)
        print_error("there is %s\n", domains[i].id);
    fail_msg("no domain %s", id);
    return 0;
}

JB_TEST_HELPER const struct jb_domain *fixture_domain(const struct fixture *fixture, const char *id) {
    const struct jb_domain *domains;
    fixture->source->ops->domains(fixture->source, &domains);
    return &domains[fixture_find(fixture, id)];
}

JB_TEST_HELPER struct jb_reading fixture_read(const struct fixture *fixture, const char *id) {
    struct jb_reading readings[256];
    fixture->source->ops->read(fixture->source, readings);
    return readings[fixture_find(fixture, id)];
}

#endif
