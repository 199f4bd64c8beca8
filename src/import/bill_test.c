/* How bills are found and read: headings, times, months, machines, tags, and what each kind of charge is. */
#include "import/bill_row.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void headings_by_their_letters(void **state) {
    (void)state;
    assert_true(jb_bill_heading_is("lineItem/UsageAmount", "line_item_usage_amount"));
    assert_true(jb_bill_heading_is("Billing Cycle", "BillingCycle"));
    assert_true(jb_bill_heading_is("账单信息/账单月份", "账单信息账单月份"));
    assert_false(jb_bill_heading_is("lineItem/UsageAmount", "lineItem/UsageAmount2"));
    assert_false(jb_bill_heading_is("cost", "costInBillingCurrency"));
    assert_false(jb_bill_heading_is("账期", "账单月份"));
}

static struct jb_bill_opening look(const char *text) {
    return jb_bill_look(text, strlen(text), NULL);
}

static void formats_by_heading(void **state) {
    static const struct {
        const char *text, *format;
        char separator;
    } cases[] = {
        {"ChargeCategory,BilledCost,ChargePeriodStart,x_Own\n", "focus", ','},
        {"\xef\xbb\xbf\"ChargePeriodStart\";\"BilledCost\";\"ChargeCategory\"\r\n", "focus", ';'},
        {"lineItem/UsageStartDate,lineItem/LineItemType,lineItem/UsageAmount\n", "aws", ','},
        {"line_item_usage_start_date\tline_item_line_item_type\tline_item_usage_amount\n", "aws", '\t'},
        {"date,meterCategory,quantity,costInBillingCurrency\n", "azure", ','},
        {"Date,MeterCategory,Quantity,UnitOfMeasure,Cost", "azure", ','},
        {"cost,service.description,sku.description,usage_start_time\n", "gcp", ','},
        {"cost|service_description|sku_description|usage_start_time\n", "gcp", '|'},
        {"账期,产品Code,应付金额\n", "alibaba", ','},
        {"BillingCycle,ProductCode,PretaxAmount\n", "alibaba", ','},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_bill_opening opening = look(cases[i].text);
        if (!opening.format || strcmp(opening.format->name, cases[i].format) != 0)
            fail_msg("%s is taken for %s", cases[i].text, opening.format ? opening.format->name : "nothing");
        assert_int_equal(opening.separator, cases[i].separator);
        assert_false(opening.is_json || opening.is_parquet);
    }
    static const char *const others[] = {"",
                                         "\n",
                                         "start,end,from,to,amount\n",
                                         "{\"start\": 1}\n",
                                         "\"",
                                         "PAR",
                                         "ChargeCategory,BilledCost\nChargePeriodStart\n"};
    for (size_t i = 0; i < JB_COUNT(others); i++)
        assert_null(look(others[i]).format);
    assert_true(look("PAR1\x15\x04").is_parquet);
    struct jb_bill_opening lines =
        look("{\"billing_account_id\":\"1\",\"service\":{},\"sku\":{},\"usage_start_time\":\"x\"}\n{");
    assert_true(lines.is_json && lines.format == &jb_bill_gcp);
    /* A format that is wanted is not taken for another. */
    const char *heading = "ChargeCategory,BilledCost,ChargePeriodStart\n";
    assert_null(jb_bill_look(heading, strlen(heading), &jb_bill_aws).format);
}

static void times_of_all_kinds(void **state) {
    const int64_t day = INT64_C(1782864000000000000); /* 2026-07-01T00:00:00Z */
    static const int64_t zone_ns = INT64_C(8) * 3600 * 1000000000;
    const struct {
        const char *text;
        int64_t expected_ns;
    } cases[] = {
        {"2026-07-01", day},
        {"2026-07-01T00:00:00Z", day},
        {"2026-07-01 00:00:00 UTC", day},
        {"2026-07-01T09:00:00+09:00", day},
        {"2026-07-01 08:00:00", day}, /* eight hours ahead */
        {"07/01/2026", day},
        {"7/1/2026", day},
        {"2026/07/01", day},
        {"20260701", day},
        {"2026-07", day},
        {"202607", day},
        {"2026-07-01 09:00:00 ~ 10:00:00", day + JB_HOUR_NS},
    };
    static const char *const wrong[] = {
        "",
        "yesterday",
        "2026",
        "2026-7-1",
        "13/01/2026",
        "7/1/26",
        "7/123/2026",
        "/1/2026",
        "7//2026",
        "01.07.2026",
        "2026-07-01T",
        "2026-07-01T25:00:00Z",
        "202613",
        "2026-07 01",
        "2026-07-01 00:00:00 and much more than any time would ever need to be told"};
    struct jb_error error = {0};
    int64_t ns;
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        if (jb_bill_time_parse(cases[i].text, zone_ns, &error, &ns))
            fail_msg("%s", error.message);
        if (ns != cases[i].expected_ns)
            fail_msg("%s is %lld", cases[i].text, (long long)ns);
    }
    for (size_t i = 0; i < JB_COUNT(wrong); i++) {
        if (jb_bill_time_parse(wrong[i], 0, &error, &ns) != JB_INPUT)
            fail_msg("'%s' is taken for a time", wrong[i]);
    }
    _cleanup_buffer_ struct jb_buffer month = {0};
    assert_int_equal(jb_bill_month_parse("07/31/2026", &error, &month), JB_OK);
    assert_string_equal(month.bytes, "2026-07");
}

static void check_cells(const char *const (*cases)[2], size_t count,
                        void (*parse)(const char *text, struct jb_buffer *ret)) {
    for (size_t i = 0; i < count; i++) {
        _cleanup_buffer_ struct jb_buffer found = {0};
        parse(cases[i][0], &found);
        assert_string_equal(found.length ? found.bytes : "", cases[i][1]);
    }
}

static void machines_in_cells(void **state) {
    static const char *const cases[][2] = {
        {"m5.large", "m5.large"},
        {"{\"UsageType\":\"ComputeHR\",\"ServiceType\":\"Standard_D4s_v5\",\"VCPUs\":4}", "Standard_D4s_v5"},
        {"{\"InstanceType\": \"m5.xlarge\"}", "m5.xlarge"},
        {"[{\"key\":\"compute.googleapis.com/machine_spec\",\"value\":\"n2-standard-4\"}]", "n2-standard-4"},
        {"{\"F_InstanceType\": \"c5.large\", \"F_CoreCount\": 2}", "c5.large"},
        {"{\"VCPUs\":4}", ""},
        {"{InstanceType=m5.large, OperatingSystem='Linux, x'}", "m5.large"},
        {"{\"ServiceType\":", ""},
        {"[]", ""},
        {"", ""},
    };
    (void)state;
    check_cells(cases, JB_COUNT(cases), jb_bill_machine_parse);
}

static void what_labels_say_of_capacity(void **state) {
    static const char *const cases[][2] = {
        {"Used", "Used"},
        {"[{\"key\":\"compute.googleapis.com/is_unused_reservation\",\"value\":\"true\"}]", "unused"},
        {"{\"compute.googleapis.com/is_unused_reservation\": true}", "unused"},
        {"[{\"key\":\"compute.googleapis.com/is_unused_reservation\",\"value\":\"false\"}]", ""},
        {"[{\"key\":\"compute.googleapis.com/cores\",\"value\":\"4\"}]", ""},
        {"[", ""},
    };
    (void)state;
    check_cells(cases, JB_COUNT(cases), jb_bill_capacity_parse);
}

static void terms_in_cells(void **state) {
    const int64_t zone_ns = 8 * JB_HOUR_NS;
    static const struct {
        const char *end, *of;
        double hours;     /* 0: not known */
        int64_t from_day; /* of 2026; 0: not said */
    } cases[] = {
        {"1", "Month", 730, 0},
        {"2", "Year", 17520, 0},
        {"3", "月", 2190, 0},
        {"1 Month", "", 730, 0},
        {"1年", "", 8760, 0},
        {"0", "Month", 0, 0},
        {"999", "Month", 0, 0},
        {"15", "Day", 0, 0},
        {"86400", "秒", 0, 0},
        {"", "", 0, 0},
        {"1", "", 0, 0},
        {"2026-08-05 00:00:00", "2026-07-04 10:12:01", 32 * 24, 185},
        {"2026-08-20 00:00:00", "2026-07-20 00:00:00", 31 * 24, 201},
        {"2027-07-01 00:00:00", "2026-07-01 00:00:00", 365 * 24, 182},
        {"2026-03-01 00:00:00", "2026-01-31 09:00:00", 29 * 24, 31},
        {"2026-07-20 00:00:00", "2026-07-04 12:00:00", 0, 0}, /* the rest of a term */
        {"2026-08-20 00:00:00", "2026-07-04 12:00:00", 0, 0},
        {"2026-07-01 10:00:00", "2026-07-01 09:00:00", 0, 0}, /* an hour of use */
        {"2026-07-01 00:00:00", "2026-08-01 00:00:00", 0, 0},
        {"2026-08-01 00:00:00", "", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        _cleanup_buffer_ struct jb_buffer end = {0}, of = {0};
        struct jb_error why = {0};
        int64_t from_ns, expected = cases[i].from_day ? INT64_C(20453) + cases[i].from_day : 0;
        double hours;
        jb_bill_term_parse(cases[i].end, true, zone_ns, &end);
        jb_bill_term_parse(cases[i].of, false, zone_ns, &of);
        enum jb_code code =
            jb_bill_term_find(end.length ? end.bytes : "", of.length ? of.bytes : "", &why, &from_ns, &hours);
        if ((code == JB_OK) != (cases[i].hours > 0) || (code && code != JB_NO_DATA))
            fail_msg("%s %s: %s", cases[i].end, cases[i].of, why.message);
        if (code)
            continue;
        if (hours != cases[i].hours || from_ns != (expected ? expected * JB_DAY_NS : JB_BILL_NO_TIME))
            fail_msg("%s %s: %g hours from day %lld", cases[i].end, cases[i].of, hours,
                     (long long)(from_ns / JB_DAY_NS));
    }
}

static void tags_in_cells(void **state) {
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"{\"team\": \"a, b\", \"x\": 1}", "a, b"},
        {"{\"user:team\": \"a\"}", "a"},
        {"{\"user_team\": \"a\"}", "a"},
        {"{\"aws_created_by\": \"x\", \"user_te_am\": \"CUR 2.0 writes TeAm so\"}", "CUR 2.0 writes TeAm so"},
        {"{\"te_am\": \"a\"}", ""},
        {"{\"team\": 7}", "7"},
        {"{\"teams\": \"a\"}", ""},
        {"\"env\": \"p\",\"team\": \"b\"", "b"},
        {"[{\"key\":\"team\",\"value\":\"c\"}]", "c"},
        {"[{\"Key\":\"team\",\"Value\":\"c\"}]", "c"},
        {"key:env value:p; key:team value:d e", "d e"},
        {"env:p;team:f", "f"},
        {"teams:f;team=g", "g"},
        {"team", ""},
        {"", ""},
        {"{}", ""},
        /* maps as DuckDB writes them */
        {"{team=g}", "g"},
        {"{env=p, team=h i, x=}", "h i"},
        {"{a b='c, team=d', 'user:team'='it\\'s, {j}'}", "it's, {j}"},
        {"{team=k, l, env=p}", "k, l"},
        {"{team=a=b}", "a=b"},
        {"{env=p, team=NULL}", ""},
    };
    struct jb_error error = {0};
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        _cleanup_buffer_ struct jb_buffer value = {0};
        if (jb_bill_tag_parse(cases[i].text, "team", &error, &value))
            fail_msg("%s", error.message);
        if (strcmp(value.length ? value.bytes : "", cases[i].value) != 0)
            fail_msg("%s: %s", cases[i].text, value.bytes);
    }
    _cleanup_buffer_ struct jb_buffer value = {0};
    static const char *const wrong[] = {"{\"team\": ", "{team}",      "{team=a",
                                        "{team='a}",   "{team='a'b}", "{'team=a}"};
    for (size_t i = 0; i < JB_COUNT(wrong); i++)
        assert_int_equal(jb_bill_tag_parse(wrong[i], "team", &error, &value), JB_INPUT);
}

static void kinds_of_charges(void **state) {
    static const struct {
        const struct jb_bill_format *format;
        const char *charge, *status, *class, *service, *item;
        enum jb_bill_kind kind;
    } cases[] = {
        {&jb_bill_aws, "Usage", "", "", "AmazonEC2", "BoxUsage:m5.large", JB_BILL_USAGE},
        {&jb_bill_aws, "DiscountedUsage", "", "", "AmazonEC2", "BoxUsage:m5.large", JB_BILL_USAGE},
        {&jb_bill_aws, "SavingsPlanCoveredUsage", "", "", "AmazonEC2", "", JB_BILL_USAGE},
        {&jb_bill_aws, "SavingsPlanNegation", "", "", "AmazonEC2", "", JB_BILL_PURCHASE},
        {&jb_bill_aws, "SavingsPlanRecurringFee", "", "", "", "", JB_BILL_PURCHASE},
        {&jb_bill_aws, "SavingsPlanUpfrontFee", "", "", "", "", JB_BILL_PURCHASE},
        {&jb_bill_aws, "RIFee", "", "", "AmazonEC2", "", JB_BILL_PURCHASE},
        {&jb_bill_aws, "Fee", "", "", "AmazonRoute53", "", JB_BILL_FEE},
        {&jb_bill_aws, "Usage", "", "", "AWSSupportBusiness", "", JB_BILL_SUPPORT},
        {&jb_bill_aws, "PrivateRateDiscount", "", "", "", "", JB_BILL_DISCOUNT},
        {&jb_bill_aws, "Tax", "", "", "", "", JB_BILL_TAX},
        {&jb_bill_aws, "Credit", "", "", "", "", JB_BILL_CREDIT},
        {&jb_bill_aws, "Refund", "", "", "", "", JB_BILL_REFUND},
        {&jb_bill_aws, "Something", "", "", "", "", JB_BILL_UNKNOWN},
        {&jb_bill_focus, "Usage", "", "", "", "", JB_BILL_USAGE},
        {&jb_bill_focus, "Usage", "Used", "", "", "", JB_BILL_USAGE},
        {&jb_bill_focus, "Usage", "Unused", "", "", "", JB_BILL_UNUSED},
        {&jb_bill_focus, "Usage", "", "Correction", "", "", JB_BILL_REFUND},
        {&jb_bill_focus, "Purchase", "", "", "", "", JB_BILL_PURCHASE},
        {&jb_bill_focus, "Purchase", "", "", "Premium Support", "", JB_BILL_SUPPORT},
        {&jb_bill_focus, "Adjustment", "", "", "", "", JB_BILL_ADJUSTMENT},
        {&jb_bill_focus, "", "", "", "", "", JB_BILL_UNKNOWN},
        {&jb_bill_azure, "Usage", "Reservation", "Azure", "Virtual Machines", "", JB_BILL_USAGE},
        {&jb_bill_azure, "", "", "", "Virtual Machines", "", JB_BILL_USAGE},
        {&jb_bill_azure, "UnusedReservation", "Reservation", "", "Virtual Machines", "", JB_BILL_UNUSED},
        {&jb_bill_azure, "UnusedSavingsPlan", "", "", "", "", JB_BILL_UNUSED},
        {&jb_bill_azure, "Purchase", "Reservation", "", "Virtual Machines", "", JB_BILL_PURCHASE},
        {&jb_bill_azure, "Refund", "", "", "", "", JB_BILL_REFUND},
        {&jb_bill_azure, "Usage", "OnDemand", "SQL Database General Purpose - SQL License", "SQL Database",
         "vCore", JB_BILL_FEE},
        {&jb_bill_azure, "RoundingAdjustment", "", "", "", "", JB_BILL_ADJUSTMENT},
        {&jb_bill_gcp, "regular", "", "", "Compute Engine", "N2 Instance Core", JB_BILL_USAGE},
        {&jb_bill_gcp, "", "", "", "Compute Engine", "N2 Instance Core", JB_BILL_USAGE},
        {&jb_bill_gcp, "regular", "", "", "Compute Engine", "Commitment v1: Cpu in Iowa", JB_BILL_PURCHASE},
        {&jb_bill_gcp, "regular", "", "", "Support", "Enhanced", JB_BILL_SUPPORT},
        {&jb_bill_gcp, "tax", "", "", "Invoice", "", JB_BILL_TAX},
        {&jb_bill_gcp, "rounding_error", "", "", "Invoice", "", JB_BILL_ADJUSTMENT},
        {&jb_bill_alibaba, "PayAsYouGoBill", "PayAsYouGo", "", "ecs", "Instance Type", JB_BILL_USAGE},
        {&jb_bill_alibaba, "SubscriptionOrder", "Subscription", "", "ecs", "", JB_BILL_PREPAID},
        {&jb_bill_alibaba, "SubscriptionOrder", "Subscription", "Reserved Instance", "ecs", "",
         JB_BILL_PURCHASE},
        {&jb_bill_alibaba, "Refund", "Subscription", "", "ecs", "", JB_BILL_REFUND},
        {&jb_bill_alibaba, "云资源按量费用", "后付费", "", "ecs", "云服务器配置", JB_BILL_USAGE},
        {&jb_bill_alibaba, "订阅预付费用", "新购", "", "ecs", "云服务器配置", JB_BILL_PREPAID},
        {&jb_bill_alibaba, "订阅预付费用", "续费", "", "ecs", "云服务器配置", JB_BILL_PREPAID},
        {&jb_bill_alibaba, "订阅预付费用", "升级", "", "ecs", "云服务器配置", JB_BILL_UNKNOWN},
        {&jb_bill_alibaba, "订阅预付费用", "新购", "预留实例券", "ecs", "", JB_BILL_PURCHASE},
        {&jb_bill_alibaba, "订阅后付费用", "后付费", "", "ecs", "", JB_BILL_PURCHASE},
        {&jb_bill_alibaba, "订阅退订费用", "退订", "", "ecs", "", JB_BILL_REFUND},
        {&jb_bill_alibaba, "免费额度", "后付费", "", "fc", "", JB_BILL_USAGE},
        {&jb_bill_alibaba, "佣金费用", "", "", "ecs", "", JB_BILL_DISCOUNT},
        {&jb_bill_alibaba, "订阅退款费用", "退款", "", "ecs", "", JB_BILL_REFUND},
        {&jb_bill_alibaba, "抹零费用", "", "", "ecs", "", JB_BILL_ADJUSTMENT},
        {&jb_bill_alibaba, "订阅预付费用", "新购", "", "savingplan", "节省计划", JB_BILL_PURCHASE},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_bill_row row = {.format = cases[i].format};
        for (size_t f = 0; f < JB_BILL_FIELD_COUNT; f++)
            row.texts[f] = "";
        row.texts[JB_BILL_CHARGE] = cases[i].charge;
        row.texts[JB_BILL_STATUS] = cases[i].status;
        row.texts[JB_BILL_CLASS] = cases[i].class;
        row.texts[JB_BILL_SERVICE] = cases[i].service;
        row.texts[JB_BILL_ITEM] = cases[i].item;
        if (jb_bill_row_kind(&row) != cases[i].kind)
            fail_msg("%s, charge '%s' of '%s' is %s", cases[i].format->name, cases[i].charge,
                     cases[i].service, jb_bill_kind_name(jb_bill_row_kind(&row)));
    }
}

static void names_of_providers_and_parts(void **state) {
    char name[JB_BILL_NAME_SIZE], other[JB_BILL_NAME_SIZE];
    char text[400];
    (void)state;
    assert_string_equal(jb_bill_provider("Amazon Web Services", name), "aws");
    assert_string_equal(jb_bill_provider("Microsoft", name), "azure");
    assert_string_equal(jb_bill_provider("Google Cloud", name), "gcp");
    assert_string_equal(jb_bill_provider("Oracle", name), "oracle");
    assert_string_equal(jb_bill_provider("", name), "unknown");
    assert_string_equal(jb_bill_name("a/b%", "-", name), "a%2Fb%25");
    /* Long names are cut, valid, and stay different. */
    for (size_t offset = 0; offset < 4; offset++) {
        memset(text, 'x', sizeof text);
        for (size_t i = offset; i + 3 < sizeof text; i += 3)
            memcpy(text + i, offset % 2 ? "\xe6\xb5\x8b" : "/x/", 3);
        text[sizeof text - 1] = '\0';
        jb_bill_name(text, "-", name);
        text[sizeof text - 2] = 'y';
        jb_bill_name(text, "-", other);
        assert_true(strlen(name) < JB_BILL_NAME_SIZE && jb_account_validate(name, NULL) == JB_OK);
        assert_string_not_equal(name, other);
    }
}

static void regions_by_any_name(void **state) {
    static const char *const cases[][4] = {
        {"aws", "eu-west-1", "", "eu-west-1"},
        {"aws", "eu-west-1a", "", "eu-west-1"},
        {"aws", "EU (Ireland)", "", "eu-west-1"},
        {"aws", "", "EUC1-BoxUsage:m5.large", "eu-central-1"},
        {"aws", "", "BoxUsage:m5.large", "global"},
        {"azure", "West Europe", "", "westeurope"},
        {"azure", "EU West", "", "westeurope"},
        {"azure", "WestEurope", "", "westeurope"},
        {"gcp", "europe-west4-b", "", "europe-west4"},
        {"gcp", "", "", "global"},
        {"alibaba", "华东1（杭州）", "", "cn-hangzhou"},
        {"alibaba", "mars", "", "mars"},
    };
    char path[4096], name[JB_BILL_NAME_SIZE];
    struct jb_error error = {0};
    _cleanup_(jb_cloud_free_cleanup) struct jb_cloud *cloud = NULL;
    _cleanup_(jb_regions_free_cleanup) struct jb_regions *regions = NULL;
    (void)state;
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    if (jb_cloud_load(path, &error, &cloud) || jb_regions_load(path, &error, &regions))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        const struct jb_region *region;
        jb_bill_region(cloud, regions, cases[i][0], cases[i][1], cases[i][2], &region, name);
        assert_string_equal(name, cases[i][3]);
        assert_int_equal(region != NULL, strcmp(name, "global") != 0 && strcmp(name, "mars") != 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headings_by_their_letters),
        cmocka_unit_test(formats_by_heading),
        cmocka_unit_test(times_of_all_kinds),
        cmocka_unit_test(machines_in_cells),
        cmocka_unit_test(what_labels_say_of_capacity),
        cmocka_unit_test(terms_in_cells),
        cmocka_unit_test(tags_in_cells),
        cmocka_unit_test(kinds_of_charges),
        cmocka_unit_test(names_of_providers_and_parts),
        cmocka_unit_test(regions_by_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
