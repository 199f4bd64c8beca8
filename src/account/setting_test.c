/* Settings: the example of the documentation reads as it says, and what is wrong is refused with place and
 * mend. */
#include "account/setting.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/time.h"
#include "factor/factor.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* cmocka compares floats; these are doubles. */
#define assert_near(a, b, allowed) assert_true(fabs((double)(a) - (double)(b)) <= (allowed))

static struct jb_setting *parse(const char *text) {
    struct jb_setting *setting = NULL;
    struct jb_error error = {0};
    if (jb_setting_parse(text, strlen(text), "s.ini", &error, &setting))
        fail_msg("%s", error.message);
    return setting;
}

static int64_t time_of(const char *text) {
    int64_t ns;
    assert_int_equal(jb_time_parse(text, NULL, &ns), JB_OK);
    return ns;
}

/* The ```ini block of docs/SPEC-setting.md. */
static struct jb_setting *parse_example(void) {
    char path[4096];
    _cleanup_buffer_ struct jb_buffer text = {0};
    snprintf(path, sizeof path, "%s/docs/SPEC-setting.md", getenv("JB_SOURCE_ROOT"));
    assert_int_equal(jb_factor_file_read(path, &text, NULL), JB_OK);
    char *start = strstr(text.bytes, "```ini\n");
    assert_non_null(start);
    start += strlen("```ini\n");
    *strstr(start, "```") = '\0';
    return parse(start);
}

static void the_documented_example_reads(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = parse_example();
    assert_int_equal(setting->site_count, 3);
    assert_int_equal(setting->contract_count, 2);
    assert_int_equal(setting->target_count, 2);
    const struct jb_site *seoul = jb_setting_site(setting, "seoul1"), *lab = jb_setting_site(setting, "lab");
    assert_string_equal(seoul->grid, "KR");
    assert_int_equal(seoul->accounts.count, 2);
    assert_near(seoul->pue.value, 1.25, 0);
    assert_near(seoul->pue.uncertainty, 0.02, 1e-15);
    assert_near(seoul->residual_g_per_kwh.value, 470, 0);
    assert_false(jb_declared_is_set(&seoul->grid_water_l_per_kwh));
    assert_true(isnan(seoul->grid_water_l_per_kwh.value));
    assert_true(isnan(seoul->latency_ms.uncertainty));
    assert_true(jb_setting_site(setting, "frankfurt")->is_provided);
    assert_int_equal(lab->pue_category, JB_PUE_CATEGORY_1);
    assert_string_equal(lab->intensity_series, "DE-hourly");
    const struct jb_contract *ppa = &setting->contracts[0], *green = &setting->contracts[1];
    assert_int_equal(ppa->from_ns, time_of("2026-01-01"));
    assert_int_equal(ppa->until_ns, time_of("2027-01-01"));
    assert_near(ppa->volume_kwh.value, 1.2e6, 0);
    assert_true(jb_contract_has_hours(ppa));
    assert_false(jb_contract_has_hours(green));
    assert_int_equal(green->market.count, 2);
    assert_string_equal(green->deliverable.items[0], "NO");
    const struct jb_tariff *tariff = jb_setting_tariff(setting, "seoul-industrial");
    assert_int_equal(tariff->rate_count, 3);
    assert_int_equal(tariff->utc_offset_minutes, 540);
    assert_int_equal(tariff->rates[0].weekdays, 0x1f);
    assert_int_equal(tariff->rates[0].months, 0xe0);
    assert_int_equal(tariff->rates[0].minute_from, 600);
    assert_int_equal(tariff->rates[2].minute_until, 1440);
    const struct jb_functional_unit *unit = jb_setting_unit(setting, "request");
    assert_int_equal(unit->amount_count, 2);
    assert_near(unit->amounts[0].amount, 8.2e6, 0);
    assert_string_equal(unit->amounts[1].label, "team=search");
    assert_int_equal(setting->targets[1].kind, JB_TARGET_CLEAN);
    assert_true(setting->targets[1].is_hourly);
    assert_int_equal(setting->targets[1].by_ns, time_of("2031-01-01"));
}

/* What the example names of the factors is there: whoever copies it gets figures. */
static void the_documented_example_names_factors(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = parse_example();
    _cleanup_(jb_factors_free_cleanup) struct jb_factors *factors = NULL;
    char data[4096];
    snprintf(data, sizeof data, "%s/data", getenv("JB_SOURCE_ROOT"));
    assert_int_equal(jb_factors_load(&(struct jb_factor_load){.data_path = data}, NULL, &factors), JB_OK);
    struct jb_factor_answer answer;
    for (size_t i = 0; i < setting->contract_count; i++) {
        struct jb_factor_query query = {.quantity = JB_TECHNOLOGY_INTENSITY,
                                        .subject = setting->contracts[i].technology,
                                        .at_ns = setting->contracts[i].from_ns,
                                        .allows_earlier = true};
        if (jb_factors_find(factors, &query, &answer))
            fail_msg("there is no technology_intensity/%s", query.subject);
    }
    for (size_t i = 0; i < setting->site_count; i++) {
        struct jb_factor_query query = {.quantity = JB_GRID_INTENSITY,
                                        .region = setting->sites[i].grid,
                                        .at_ns = time_of("2026-01-01"),
                                        .allows_earlier = true};
        if (jb_factors_find(factors, &query, &answer))
            fail_msg("there is no grid_intensity/%s", query.region);
    }
}

static void accounts_belong_to_the_first_site_that_holds(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting =
        parse("[site a]\naccounts = host/a*, cloud/x\n[site b]\naccounts = host/*\n[server s]\nhosts = a?\n"
              "embodied = 1 t\nlifetime = 48 months\n");
    assert_string_equal(jb_setting_site_of(setting, "host/a1/cgroup/x/process/y")->name, "a");
    assert_string_equal(jb_setting_site_of(setting, "host/b1/idle")->name, "b");
    assert_string_equal(jb_setting_site_of(setting, "cloud/x/ec2")->name, "a");
    assert_null(jb_setting_site_of(setting, "cloud/xy"));
    assert_null(jb_setting_site_of(setting, "grid/KR"));
    assert_string_equal(jb_setting_server_of(setting, "a1")->name, "s");
    assert_null(jb_setting_server_of(setting, "b1"));
    assert_near(setting->servers[0].embodied_kgco2e.value, 1000, 0);
    assert_near(setting->servers[0].lifetime_years.value, 4, 1e-12);
}

static void wrong_settings_name_place_and_mend(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[sit a]\n", "s.ini, line 1: [sit a] is no section of ours; did you mean [site NAME]?"},
        {"[xyzzy a]\n",
         "s.ini, line 1: [xyzzy a] is no section of ours; there are site, contract, tariff, server, "
         "unit, target and meter"},
        {"[site]\n", "s.ini, line 1: [site] needs a name, such as [site one]"},
        {"[site a]\n[site a]\n", "s.ini, line 2: there is a [site a] already, on line 1"},
        {"[site a]\npeu = 1.2\n", "s.ini, line 2, field peu: [site] has no such key; did you mean 'pue'?"},
        {"[target a]\nxxxxxxx = 1.2\n",
         "s.ini, line 2, field xxxxxxx: [target] has no such key; it has kind, site, value, by, basis"},
        {"[site a]\npue = 1.2\n\npue = 1.3\n",
         "s.ini, line 4, field pue: it is set twice in its section; keep one"},
        {"[site a]\npue =\n", "s.ini, line 2, field pue: it is empty; give a value, or remove the line"},
        {"[site a]\npue = 0.9\n", "s.ini, line 2, field pue: 0.9 is not within 1 to 5"},
        {"[site a]\npue = 1.2 kWh\n",
         "s.ini, line 2, field pue: 'kWh' is a unit where there is none; write the number alone"},
        {"[site a]\nintensity = 415\n",
         "s.ini, line 2, field intensity: '415' has no unit; add one of g/kWh, "
         "gCO2e/kWh, kg/kWh, kgCO2e/kWh, kg/MWh, kgCO2e/MWh, t/MWh, tCO2e/MWh"},
        {"[site a]\nwue = 1 gal/kWh\n",
         "s.ini, line 2, field wue: 'gal/kWh' is none of its units; write one of "
         "L/kWh, l/kWh, L/MWh, m3/MWh"},
        {"[site a]\nintensity = -1 g/kWh\n",
         "s.ini, line 2, field intensity: -1 g/kWh is not within 0 to 2500 g/kWh"},
        {"[site a]\nintensity = 1,5 g/kWh\n",
         "s.ini, line 2, field intensity: '1,5 g/kWh' is no number; write it like 12.5 g/kWh"},
        {"[site a]\nintensity = nan g/kWh\n",
         "s.ini, line 2, field intensity: 'nan g/kWh' is no number; write it like 12.5 g/kWh"},
        {"[site a]\npue = 1.2 +- 0.1\n",
         "s.ini, line 2, field pue: '+- 0.1' is no uncertainty; write one standard "
         "deviation in percent, such as '+- 5 %'"},
        {"[site a]\naccounts = a,,b\n",
         "s.ini, line 2, field accounts: 'a,,b' has an empty name; write a, b, c"},
        {"[site a]\noperator = me\n", "s.ini, line 2, field operator: 'me' is none of self, provider"},
        {"[site a]\ntariff = t\n", "s.ini, line 1: site a names tariff 't', and there is no [tariff t]"},
        {"[contract c]\nvolume = 1 MWh\nvintage = 2026\ntechnology = hydro\n",
         "s.ini, line 1: contract c does not say where it was generated; add zone (such as KR)"},
        {"[contract c]\nzone = KR\n",
         "s.ini, line 1: contract c has neither volume nor profile = series:NAME; give one"},
        {"[contract c]\nzone = KR\nvolume = 1 MWh\n",
         "s.ini, line 1: contract c has a volume of no period; give vintage = YEAR, or from and until"},
        {"[contract c]\nsites = x\n",
         "s.ini, line 1: contract c is for site 'x', and there is no such [site]"},
        {"[contract c]\nprofile = sun\n",
         "s.ini, line 2, field profile: 'sun' is no profile; write flat, or series:NAME"},
        {"[contract c]\nvintage = 2026-01\n",
         "s.ini, line 2, field vintage: '2026-01' is no year; write one such "
         "as 2026, or from and until"},
        {"[tariff t]\nrate = 1 EUR/kWh\n",
         "s.ini, line 2, field rate: put 'currency = …' above the first rate"},
        {"[tariff t]\ncurrency = EUR\nrate = 1 USD/kWh\n",
         "s.ini, line 3, field rate: 'USD/kWh' is none of its units; write one of EUR/kWh, EUR/MWh"},
        {"[tariff t]\ncurrency = EUR\nrate = 1 EUR/kWh mon-fry\n",
         "s.ini, line 3, field rate: 'mon-fry' is no time of a rate; write days (mon-fri), hours "
         "(08:00-20:00) or "
         "months (jun-aug)"},
        {"[tariff t]\ncurrency = EUR\nrate = 1 EUR/kWh 08:00-20:00\n",
         "s.ini, line 3: the last rate of tariff t holds at some times only; end with one for all others"},
        {"[tariff t]\ncurrency = EUR\nrate = 1 EUR/kWh\nrate = 2 EUR/kWh sat\n",
         "s.ini, line 3: this rate holds at all times, so those below it never do; put it last"},
        {"[tariff t]\ncurrency = EUR\nrate = 1 EUR/kWh\nrate = 2 EUR/kWh\n",
         "s.ini, line 3: this rate holds at all times, so those below it never do; put it last"},
        {"[server s]\nhosts = a\nembodied = 1 t\n",
         "s.ini, line 1: server s has no lifetime; add lifetime = 4 years"},
        {"[unit u]\n", "s.ini, line 1: unit u has no amount; add amount or file"},
        {"[unit u]\namount = 2026-01-01 2026-01-01 5\n",
         "s.ini, line 2, field amount: 2026-01-01 is not before 2026-01-01"},
        {"[unit u]\namount = 2026-01-01 2026-02-01 -5\n",
         "s.ini, line 2, field amount: '-5' is no amount of 0 or more"},
        {"[target pue]\nvalue = 1.2\n", "s.ini, line 1: target pue needs a value and by"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        struct jb_setting *setting = NULL;
        if (jb_setting_parse(cases[i].text, strlen(cases[i].text), "s.ini", &error, &setting) != JB_INPUT)
            fail_msg("taken: %s", cases[i].text);
        assert_null(setting);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void amounts_from_csv(void **state) {
    (void)state;
    static const struct {
        const char *csv, *message;
    } cases[] = {
        {"from,amount\n", "a.csv, line 1: the column 'until' is missing; the first line names the columns"},
        {"from,to,amount,x\n",
         "a.csv, line 1, field x: no such column; there are from, until, amount, account, label"},
        {"from,to,amount\n2026,2026,5\n",
         "a.csv, line 2, field until: it is not behind from; mend one of them"},
        {"from,to,amount\n2026,2027,x\n", "a.csv, line 2, field amount: 'x' is no amount of 0 or more"},
        {"from,to,amount\n2026,2027\n", "a.csv, line 2: 2 fields where the heading has 3"},
        {"", "a.csv, line 1: the file is empty; its first line names the columns"},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = parse("[unit u]\nfile = a.csv\n");
        assert_int_equal(
            jb_setting_add_amounts(setting, 0, cases[i].csv, strlen(cases[i].csv), "a.csv", &error),
            JB_INPUT);
        assert_string_equal(error.message, cases[i].message);
    }
    static const char good[] = "from,to,amount,label\n2026-01-01,2026-02-01,1000.5,team=a\n2026,2027,0,\n";
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = parse("[unit u]\nfile = a.csv\n");
    assert_int_equal(jb_setting_add_amounts(setting, 0, good, strlen(good), "a.csv", NULL), JB_OK);
    assert_int_equal(setting->units[0].amount_count, 2);
    assert_near(setting->units[0].amounts[0].amount, 1000.5, 0);
    assert_string_equal(setting->units[0].amounts[0].label, "team=a");
    assert_string_equal(setting->units[0].amounts[1].label, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example_reads),
        cmocka_unit_test(the_documented_example_names_factors),
        cmocka_unit_test(accounts_belong_to_the_first_site_that_holds),
        cmocka_unit_test(wrong_settings_name_place_and_mend),
        cmocka_unit_test(amounts_from_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
