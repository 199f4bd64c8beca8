/* Tests of the additive cover over the machines that there are. */
#include "attribute/cover.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 32 };

struct machine {
    struct jb_domain domains[MOST];
    struct jb_cover_entry entries[MOST];
    size_t count;
};

static struct jb_domain *add(struct machine *machine, uint32_t source, enum jb_domain_kind kind,
                             const char *account) {
    assert_true(machine->count < MOST);
    struct jb_domain *domain = &machine->domains[machine->count];
    *domain = (struct jb_domain){.kind = kind, .parent = -1, .uncertainty_ppm = 10000};
    strcpy(domain->account, account);
    int32_t index = 0;
    for (size_t i = 0; i < machine->count; i++)
        index += machine->entries[i].source == source;
    machine->entries[machine->count] =
        (struct jb_cover_entry){.domain = domain, .source = source, .index = index};
    machine->count++;
    return domain;
}

/* places: one letter an entry: A authority, P part, I inside, - not booked. */
static void assert_cover(struct machine *machine, const char *places) {
    char got[MOST + 1] = "";
    jb_cover_choose(machine->entries, machine->count);
    for (size_t i = 0; i < machine->count; i++) {
        got[i] = "-API"[machine->entries[i].place];
        bool is_booked = got[i] == 'A' || got[i] == 'P';
        assert_non_null(machine->entries[i].reason);
        assert_int_equal(machine->entries[i].reason[0] == '\0', is_booked);
    }
    assert_string_equal(got, places);
}

static void test_sockets(void **state) {
    (void)state;
    struct machine one = {0};
    add(&one, 0, JB_PACKAGE, "cpu0");
    add(&one, 0, JB_CORE, "cpu0-core")->parent = 0;
    add(&one, 0, JB_UNCORE, "cpu0-uncore")->parent = 0;
    add(&one, 0, JB_DRAM, "dram0");
    assert_cover(&one, "PIIP");
    struct machine two = {0};
    add(&two, 0, JB_PACKAGE, "cpu0");
    add(&two, 0, JB_DRAM, "dram0");
    add(&two, 0, JB_PACKAGE, "cpu1");
    add(&two, 0, JB_DRAM, "dram1");
    assert_cover(&two, "PPPP");
    struct machine no_dram = {0};
    add(&no_dram, 0, JB_PACKAGE, "cpu0");
    assert_cover(&no_dram, "P");
    struct machine none = {0};
    assert_cover(&none, "");
}

static void test_laptop(void **state) {
    (void)state;
    struct machine laptop = {0};
    add(&laptop, 0, JB_PACKAGE, "cpu0");
    add(&laptop, 0, JB_CORE, "cpu0-core")->parent = 0;
    add(&laptop, 0, JB_PSYS, "psys");
    add(&laptop, 0, JB_DRAM, "dram0");
    add(&laptop, 1, JB_GPU, "gpu0");
    assert_cover(&laptop, "PIAPP");
    laptop.domains[2].state = JB_DOMAIN_DISABLED;
    assert_cover(&laptop, "PI-PP");
}

static void test_duplicates(void **state) {
    (void)state;
    struct machine mirrored = {0};
    add(&mirrored, 0, JB_PACKAGE, "cpu0");
    add(&mirrored, 0, JB_PACKAGE, "cpu0")->state = JB_DOMAIN_DUPLICATE;
    assert_cover(&mirrored, "P-");
    struct machine dies = {0};
    add(&dies, 0, JB_PACKAGE, "cpu0-die0");
    add(&dies, 0, JB_PACKAGE, "cpu0-die1");
    assert_cover(&dies, "PP");
    /* A second source that sees the socket whole, surer: it takes the place of both dies. */
    add(&dies, 1, JB_PACKAGE, "cpu0")->uncertainty_ppm = 5000;
    assert_cover(&dies, "--P");
    dies.domains[2].uncertainty_ppm = 10000;
    assert_cover(&dies, "PP-");
    struct machine mmio = {0};
    add(&mmio, 0, JB_PACKAGE, "cpu0");
    add(&mmio, 0, JB_PACKAGE, "cpu0")->state = JB_DOMAIN_DUPLICATE;
    add(&mmio, 0, JB_DRAM, "dram0");
    add(&mmio, 0, JB_DRAM, "dram0")->state = JB_DOMAIN_DUPLICATE;
    assert_cover(&mmio, "P-P-");
}

static void test_node(void **state) {
    (void)state;
    struct machine server = {0};
    add(&server, 0, JB_PSYS, "psys");
    add(&server, 0, JB_PACKAGE, "cpu0");
    add(&server, 0, JB_PACKAGE, "cpu1");
    add(&server, 1, JB_NODE, "node");
    add(&server, 2, JB_GPU, "gpu0");
    add(&server, 2, JB_GPU, "gpu1");
    add(&server, 3, JB_GPU, "gpu0"); /* another vendor's first one */
    assert_cover(&server, "IPPAPPP");
    struct machine two = {0};
    add(&two, 0, JB_NODE, "node")->uncertainty_ppm = 50000;
    add(&two, 0, JB_NODE, "node1")->uncertainty_ppm = 5000;
    add(&two, 1, JB_NODE, "node")->uncertainty_ppm = 5000;
    assert_cover(&two, "-A-");
    struct machine facility = {0};
    add(&facility, 0, JB_NODE, "node");
    add(&facility, 0, JB_FACILITY, "facility");
    add(&facility, 0, JB_PACKAGE, "cpu0");
    assert_cover(&facility, "IAP");
    /* Without packages psys is what is known of the CPU's side. */
    struct machine arm = {0};
    add(&arm, 0, JB_NODE, "node");
    add(&arm, 0, JB_PSYS, "psys");
    add(&arm, 0, JB_DRAM, "dram0");
    add(&arm, 0, JB_GPU, "gpu0");
    assert_cover(&arm, "APIP");
}

static void test_modelled(void **state) {
    (void)state;
    struct machine model = {0};
    add(&model, 0, JB_NODE, "node")->method = JB_MODELLED;
    assert_cover(&model, "A");
    add(&model, 0, JB_PACKAGE, "cpu0")->method = JB_MODELLED;
    assert_cover(&model, "AP");
    /* The model knows nothing of a metered GPU, and includes what it says of the package. */
    add(&model, 1, JB_GPU, "gpu0");
    assert_cover(&model, "PIP");
    /* A real package, however unsure, drives the model out; so does a real node. */
    add(&model, 2, JB_PACKAGE, "cpu0")->uncertainty_ppm = 400000;
    assert_cover(&model, "--PP");
    model.domains[3].kind = JB_NODE;
    /* The node's meter is the total, and the model splits it. */
    assert_cover(&model, "-PPA");
    /* A measured psys beneath it is better than the model. */
    add(&model, 3, JB_PSYS, "psys");
    assert_cover(&model, "-IPAP");
    model.count--;
    /* Only denied meters: the model stands. */
    model.domains[3].state = JB_DOMAIN_DENIED;
    model.domains[2].state = JB_DOMAIN_DENIED;
    assert_cover(&model, "AP--");
    /* A laptop whose package is metered and whose memory is not: the model adds the memory. */
    struct machine laptop = {0};
    add(&laptop, 0, JB_PACKAGE, "cpu1");
    add(&laptop, 1, JB_PACKAGE, "cpu0")->method = JB_MODELLED;
    add(&laptop, 1, JB_DRAM, "dram0")->method = JB_MODELLED;
    assert_cover(&laptop, "P-P");
}

static void test_denied(void **state) {
    (void)state;
    struct machine denied = {0};
    add(&denied, 0, JB_PACKAGE, "cpu0")->state = JB_DOMAIN_DENIED;
    add(&denied, 0, JB_CORE, "cpu0-core")->parent = 0;
    add(&denied, 0, JB_DRAM, "dram0")->state = JB_DOMAIN_DENIED;
    add(&denied, 0, JB_PSYS, "psys")->state = JB_DOMAIN_DENIED;
    assert_cover(&denied, "----");
    assert_string_equal(denied.entries[0].reason, "it may not be read");
}

static void test_inside_part(void **state) {
    (void)state;
    struct machine slices = {0};
    add(&slices, 0, JB_PACKAGE, "cpu0");
    add(&slices, 1, JB_GPU, "gpu0");
    add(&slices, 1, JB_GPU, "gpu0-mig0")->parent = 0;
    add(&slices, 1, JB_DRAM, "gpu0-hbm")->parent = 1;
    assert_cover(&slices, "PPII");
    /* Parents that make no sense do not lead astray. */
    slices.domains[3].parent = 30;
    assert_cover(&slices, "PPIP");
    slices.domains[2].parent = 1;
    assert_cover(&slices, "PPPP");
}

/* Over random machines: one authority at most, each thing booked by one source, nothing unusable booked. */
static void test_random(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(7);
    for (int round = 0; round < 20000; round++) {
        struct machine machine = {0};
        size_t count = jb_random_below(&random, 12);
        uint32_t source = 0;
        for (size_t i = 0; i < count; i++) {
            char account[8] = {(char)('a' + (char)jb_random_below(&random, 3)), '\0'};
            source += jb_random_below(&random, 4) == 0;
            struct jb_domain *domain =
                add(&machine, source, (enum jb_domain_kind)jb_random_below(&random, 9), account);
            domain->state = (enum jb_domain_state)(jb_random_below(&random, 2) * jb_random_below(&random, 4));
            domain->method = jb_random_below(&random, 4) ? JB_MEASURED : JB_MODELLED;
            domain->uncertainty_ppm = (uint32_t)jb_random_below(&random, 3) * 1000;
        }
        jb_cover_choose(machine.entries, count);
        size_t authorities = 0, wholes = 0;
        for (size_t i = 0; i < count; i++) {
            const struct jb_cover_entry *entry = &machine.entries[i];
            authorities += entry->place == JB_COVER_AUTHORITY;
            bool is_booked = entry->place == JB_COVER_AUTHORITY || entry->place == JB_COVER_PART;
            wholes += entry->place == JB_COVER_PART && entry->domain->kind <= JB_PSYS;
            assert_true(!is_booked || entry->domain->state == JB_DOMAIN_OK);
            assert_true((entry->reason[0] == '\0') == is_booked);
            for (size_t j = 0; entry->place == JB_COVER_PART && j < i; j++) {
                const struct jb_cover_entry *other = &machine.entries[j];
                if (other->place == JB_COVER_PART && other->source != entry->source &&
                    (entry->domain->kind == JB_PACKAGE || entry->domain->kind == JB_DRAM))
                    assert_false(other->domain->kind == entry->domain->kind &&
                                 strcmp(other->domain->account, entry->domain->account) == 0);
            }
        }
        assert_true(authorities <= 1 && wholes <= 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),     cmocka_unit_test(test_laptop),
        cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_node),
        cmocka_unit_test(test_modelled),    cmocka_unit_test(test_denied),
        cmocka_unit_test(test_inside_part), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
