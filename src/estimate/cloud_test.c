/* Instance types, rules of usage, and the arithmetic of cloud estimates. */
#include "estimate/cloud_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jb_cloud *cloud;
static struct jb_factors *factors;

static int load(void **state) {
    char path[4096];
    struct jb_error error = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/data", getenv("JB_SOURCE_ROOT"));
    if (jb_cloud_load(path, &error, &cloud) ||
        jb_factors_load(&(struct jb_factor_load){.data_path = path}, &error, &factors))
        fail_msg("%s", error.message);
    return 0;
}

static int unload(void **state) {
    (void)state;
    jb_cloud_free(cloud);
    jb_factors_free(factors);
    return 0;
}

static void assert_close(double value, double expected, double relative) {
    if (!(fabs(value - expected) <= fabs(expected) * relative))
        fail_msg("%.12g is not %.12g", value, expected);
}

/* 10 vCPU-hours at 50 % between 0.74 and 3.5 W, PUE 1.135: 10 × 2.12 W × 1.135 / 1000. */
static void compute_by_hand(void **state) {
    (void)state;
    assert_close(jb_cloud_compute_kwh(10, 0.5, 0.74, 3.5, 1.135), 0.0240620, 1e-12);
    assert_close(jb_cloud_compute_kwh(20, 0.5, 0.74, 3.5, 1.135), 2 * 0.0240620, 1e-12);
    assert_true(jb_cloud_compute_kwh(10, 0.5, 0, 0, 1.135) == 0);
    assert_true(jb_cloud_compute_kwh(0, 0.5, 0.74, 3.5, 1.135) == 0);
}

/* 24 h of 1/96 of a server of 1.7957 t over four years of 8760 h: 12.81 g. */
static void embodied_by_hand(void **state) {
    (void)state;
    assert_close(jb_cloud_embodied_g(24, 1.0 / 96, 1795.7, 35040), 12.81, 5e-4);
    assert_close(jb_cloud_embodied_g(24, 1.0 / 96, 1795.7, 35040), 1795700.0 * 24 / 35040 / 96, 1e-12);
    assert_true(jb_cloud_embodied_g(24, 1.0 / 96, 0, 35040) == 0);
}

static void machines_by_name(void **state) {
    static const struct {
        const char *provider, *type, *name;
        double vcpus, memory_gib, gpus;
    } cases[] = {
        {"aws", "m5.xlarge", "m5.xlarge", 4, 16, 0},
        {"aws", "M5.XLARGE", "m5.xlarge", 4, 16, 0},
        {"aws", "db.r5.large", "r5.large", 2, 16, 0},
        {"aws", "cache.t3.micro", "t3.micro", 2, 1, 0},
        {"aws", "m5.large.search", "m5.large", 2, 8, 0},
        {"aws", "ml.g4dn.12xlarge", "g4dn.12xlarge", 48, 192, 4},
        {"aws", "p5.48xlarge", "p5.48xlarge", 192, 2048, 8},
        {"aws", "m7i.metal-24xl", "m7i.metal-24xl", 96, 384, 0},
        {"aws", "m6g.medium", "m6g.medium", 1, 4, 0},
        {"aws", "c7g.16xlarge", "c7g.16xlarge", 64, 128, 0},
        {"aws", "ra3.xlplus", "ra3.xlplus", 4, 32, 0},
        {"azure", "Standard_D4s_v5", "D4s v5", 4, 16, 0},
        {"azure", "D4s v5 Spot", "D4s v5", 4, 16, 0},
        {"azure", "D2 v3/D2s v3", "D2 v3", 2, 8, 0},
        {"azure", "E8-4ds v5", "E8-4ds v5", 8, 64, 0},
        {"azure", "Standard_D3_v2", "D3 v2", 4, 14, 0},
        {"azure", "B2ms", "B2MS", 2, 8, 0},
        {"azure", "Standard_NC24ads_A100_v4", "NC24ads A100 v4", 24, 220.08, 1},
        {"azure", "ND96isr H100 v5", "ND96isr H100 v5", 96, 1900.8, 8},
        {"azure", "Standard_NC4as_T4_v3", "NC4as T4 v3", 4, 28, 1},
        {"azure", "Standard_GS1", "Gs1", 2, 28, 0},
        {"azure", "Standard_E104ids_v5", "E104ids v5", 104, 832, 0},
        {"azure", "DC8as v5", "DC8as v5", 8, 32, 0},
        {"azure", "B4ls v2", "B4ls v2", 4, 16, 0},
        {"gcp", "n2-standard-4", "n2-standard-4", 4, 16, 0},
        {"gcp", "n2-custom-4-8192", "n2-custom-4-8192", 4, 8, 0},
        {"gcp", "custom-6-3072", "custom-6-3072", 6, 3, 0},
        {"gcp", "e2-micro", "e2-micro", 0.25, 1, 0},
        {"gcp", "a2-highgpu-1g", "a2-highgpu-1g", 12, 85, 1},
        {"gcp", "a3-highgpu-8g", "a3-highgpu-8g", 208, 1872, 8},
        {"alibaba", "ecs.g7.xlarge", "ecs.g7.xlarge", 4, 16, 0},
        {"alibaba", "ecs.c6.large", "ecs.c6.large", 2, 4, 0},
        {"alibaba", "ecs.gn7i-c16g1.4xlarge", "ecs.gn7i-c16g1.4xlarge", 16, 94.4, 1},
        {"alibaba", "ecs.gn7-c12g1.24xlarge", "ecs.gn7-c12g1.24xlarge", 96, 751.68, 8},
        {"alibaba", "ecs.t6-c1m2.large", "ecs.t6-c1m2.large", 2, 4, 0},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_cloud_machine machine;
        if (!jb_cloud_machine_find(cloud, cases[i].provider, cases[i].type, &machine))
            fail_msg("%s is not known", cases[i].type);
        if (strcmp(machine.name, cases[i].name) != 0)
            fail_msg("%s is called %s", cases[i].type, machine.name);
        assert_close(machine.vcpus, cases[i].vcpus, 1e-9);
        assert_close(machine.memory_gib, cases[i].memory_gib, 1e-9);
        assert_close(machine.gpus, cases[i].gpus, 1e-9);
        assert_int_equal(machine.gpus > 0, *machine.gpu != '\0');
    }
}

/* Classes of databases: help page "Primary ApsaraDB RDS instance types", as it lists them. */
static void databases_by_class(void **state) {
    static const struct {
        const char *provider, *type;
        double vcpus, memory_gib, copies;
    } cases[] = {
        {"alibaba", "mysql.n2.medium.1", 2, 4, 1},
        {"alibaba", "mysql.n2.small.1", 1, 2, 1},
        {"alibaba", "mysql.n1.micro.1", 1, 1, 1},
        {"alibaba", "mysql.n4.8xlarge.1", 56, 224, 1},
        {"alibaba", "mysql.x4.8xlarge.2", 64, 256, 2},
        {"alibaba", "mysql.x8.13large.xc", 52, 384, 2},
        {"alibaba", "mysql.x4.12xlarge.2", 96, 384, 2},
        {"alibaba", "mysql.x2.3xlarge.2c", 24, 48, 2},
        {"alibaba", "mysql.x8.medium.3", 2, 16, 3},
        {"alibaba", "mysqlro.x4.large.1", 4, 16, 1},
        {"alibaba", "rds.mysql.s2.large", 2, 4, 2},
        {"alibaba", "rds.pg.c1.xlarge", 8, 32, 2},
        {"alibaba", "pg.n2.2c.1m", 2, 4, 1},
        {"alibaba", "pg.n4.2c.2m", 2, 8, 2},
        {"alibaba", "mssql.x4.3xlarge.e2", 24, 96, 2},
        {"alibaba", "mssql.s2.medium.s2", 2, 4, 2},
        {"alibaba", "ppas.x4.small.2", 1, 4, 2},
        {"alibaba", "mariadb.x4.large.2", 4, 16, 2},
        {"alibaba", "dds.mongo.standard", 2, 4, 3},
        {"alibaba", "redis.master.stand.default", 2, 4, 2},
        {"alibaba", "redis.logic.sharding.2g.4db.0rodb.4proxy.default", 8, 8, 2},
        {"gcp", "Cloud SQL for MySQL: Regional - 4 vCPU + 15GB RAM in Americas", 4, 15, 1},
        {"gcp", "Cloud SQL for MySQL: Zonal - 1 vCPU + 3.75GB RAM in Americas", 1, 3.75, 1},
    };
    static const char *const unknown[][2] = {
        {"alibaba", "mysql.n2.medium"},
        {"alibaba", "mysql.z2.medium.1"},
        {"alibaba", "mysql.n.medium.1"},
        {"alibaba", "mysql.n2.huge.1"},
        {"alibaba", "mysql.n2.medium.9"},
        {"alibaba", "mysql.n99.medium.1"},
        {"alibaba", "oracle.n2.medium.1"},
        {"alibaba", "redis.logic.sharding.2g.0db.0rodb.4proxy.default"},
        {"alibaba", "pg.n2.c.1m"},
        {"alibaba", "mysql.n2.0c.1m"},
        {"gcp", "Zonal - vCPU + 15GB RAM in"},
        {"gcp", "Zonal - 4 vCPU + many GB RAM in"},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_cloud_machine machine;
        if (!jb_cloud_machine_find(cloud, cases[i].provider, cases[i].type, &machine))
            fail_msg("%s is not known", cases[i].type);
        if (machine.vcpus != cases[i].vcpus || machine.memory_gib != cases[i].memory_gib ||
            machine.copies != cases[i].copies)
            fail_msg("%s: %g vCPUs, %g GiB, %g copies", cases[i].type, machine.vcpus, machine.memory_gib,
                     machine.copies);
    }
    for (size_t i = 0; i < JB_COUNT(unknown); i++) {
        struct jb_cloud_machine machine;
        if (jb_cloud_machine_find(cloud, unknown[i][0], unknown[i][1], &machine))
            fail_msg("%s is taken for %g vCPUs", unknown[i][1], machine.vcpus);
    }
}

static void unknown_machines(void **state) {
    static const char *const types[][2] = {
        {"aws", ""},
        {"aws", "m5"},
        {"aws", "m5."},
        {"aws", ".large"},
        {"aws", "zz9.large"},
        {"aws", "m5.tiny"},
        {"aws", "m5.0xlarge"},
        {"aws", "g4dn.3xlarge"},
        {"aws", "m5.9999999xlarge"},
        {"azure", "Standard_"},
        {"azure", "Q4s_v9"},
        {"azure", "D_v5"},
        {"azure", "E8-ds_v5"},
        {"gcp", "n2-standard"},
        {"gcp", "n9-standard-4"},
        {"gcp", "a2-highgpu-3g"},
        {"alibaba", "ecs.g7"},
        {"alibaba", "ecs.q1.large"},
        {"alibaba", "ecs.gn7i.large"},
        {"oracle", "m5.large"},
        {"aws", "a name that is much longer than any name of an instance type that there is.large"}};
    struct jb_cloud_machine machine;
    (void)state;
    for (size_t i = 0; i < JB_COUNT(types); i++) {
        if (jb_cloud_machine_find(cloud, types[i][0], types[i][1], &machine))
            fail_msg("%s is taken for %s", types[i][1], machine.name);
    }
}

/* Every row of the tables is of a kind that the program can use. */
static void tables_are_whole(void **state) {
    static const char *const without_power[] = {"Amazon Trainium1", "AWS Inferentia2"};
    (void)state;
    assert_true(jb_strings_count(cloud->type_names) > 500);
    for (uint32_t i = 0; i < jb_strings_count(cloud->type_names); i++) {
        const struct jb_cloud_type *type = &cloud->types[i];
        struct jb_factor_answer answer;
        bool is_without = false;
        for (size_t j = 0; j < JB_COUNT(without_power); j++)
            is_without = is_without || strcmp(type->gpu, without_power[j]) == 0;
        struct jb_factor_query tdp = {.quantity = JB_TDP, .subject = type->gpu};
        if (*type->gpu && (jb_factors_find(factors, &tdp, &answer) == JB_OK) == is_without)
            fail_msg("%s: TDP of %s", jb_strings_text(cloud->type_names, i), type->gpu);
        struct jb_factor_query idle = {.quantity = JB_VCPU_IDLE, .subject = type->architecture};
        if (*type->architecture && jb_factors_find(factors, &idle, &answer))
            fail_msg("%s: power of %s", jb_strings_text(cloud->type_names, i), type->architecture);
        assert_true(type->vcpus > 0 || type->memory_gib_per_vcpu > 0);
    }
    /* Every exact type is found by its own name. */
    for (uint32_t i = 0; i < jb_strings_count(cloud->type_names); i++) {
        char provider[16];
        const char *key = jb_strings_text(cloud->type_names, i), *name = strchr(key, ' ') + 1;
        struct jb_cloud_machine machine;
        snprintf(provider, sizeof provider, "%.*s", (int)(name - key - 1), key);
        if (cloud->types[i].vcpus <= 0)
            continue;
        if (strncmp(name, "app:", 4) == 0) /* by rules of services alone */
            continue;
        if (!jb_cloud_machine_find(cloud, provider, name, &machine))
            fail_msg("%s is not found", key);
        assert_close(machine.vcpus, cloud->types[i].vcpus, 0);
        bool is_database = strncmp(name, "rds.", 4) == 0 || strncmp(name, "redis.", 6) == 0 ||
                           strncmp(name, "dds.", 4) == 0 || strncmp(name, "mysql.", 6) == 0 ||
                           strncmp(name, "pg.", 3) == 0;
        assert_int_equal(*machine.architecture == '\0', is_database); /* whose machines nobody tells */
    }
}

static struct jb_cloud_use find_use(const char *provider, const char *service, const char *item,
                                    const char *machine, const char *unit) {
    struct jb_cloud_line line = {provider, service, item, machine, unit, false};
    struct jb_cloud_use use = {0};
    struct jb_error error = {0};
    if (jb_cloud_use_find(cloud, &line, &error, &use))
        fail_msg("%s %s: %s", service, item, error.message);
    return use;
}

static void uses_by_rule(void **state) {
    static const struct {
        const char *provider, *service, *item, *machine, *unit;
        enum jb_cloud_resource resource;
        double amount;
    } cases[] = {
        {"aws", "AmazonEC2", "EUW1-BoxUsage:m5.xlarge", "", "Hrs", JB_CLOUD_MACHINE, 1},
        {"aws", "AmazonEC2", "BoxUsage:m5.xlarge", "m5.xlarge", "Hours", JB_CLOUD_MACHINE, 1},
        {"aws", "ElasticMapReduce", "EUW1-BoxUsage:m5.xlarge", "m5.xlarge", "Hrs", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonRDS", "EU-Multi-AZUsage:db.r5.large", "", "Hrs", JB_CLOUD_MACHINE, 2},
        {"aws", "AmazonEC2", "EUW1-EBS:VolumeUsage.gp3", "", "GB-Mo", JB_CLOUD_SSD, 1460},
        {"aws", "AmazonS3", "EUW1-TimedStorage-ByteHrs", "", "GB-Mo", JB_CLOUD_HDD, 2190},
        {"aws", "AWSLambda", "EU-Lambda-GB-Second", "", "Lambda-GB-Second", JB_CLOUD_SERVERLESS, 1 / 3600.0},
        {"aws", "AmazonECS", "EU-Fargate-vCPU-Hours:perCPU", "", "hours", JB_CLOUD_CORE, 1},
        {"aws", "AmazonEC2", "EUW1-DataTransfer-Out-Bytes", "", "GB", JB_CLOUD_NETWORK, 1},
        {"aws", "AmazonEC2", "EUW1-DataTransfer-In-Bytes", "", "GB", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEC2", "EUW1-EUC1-AWS-In-Bytes", "", "GB", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEC2", "EUW1-DataTransfer-Regional-Bytes", "", "GB", JB_CLOUD_NETWORK, 0.5},
        {"aws", "AmazonS3", "EUW1-EUC1-S3RTC-Out-Bytes", "", "GB", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEC2", "EUW1-Reservation:m5.xlarge", "m5.xlarge", "Hrs", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEC2", "EUW1-UnusedBox:m5.xlarge", "m5.xlarge", "Hrs", JB_CLOUD_MACHINE, 1},
        {"aws", "AmazonEC2", "EUW1-HostUsage:m5", "m5", "Hrs", JB_CLOUD_MACHINE, 1},
        {"aws", "AmazonEC2", "EUW1-HostBoxUsage:m5.large", "m5.large", "Hrs", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEKS", "EUW1-EKS-EC2-vCPU-Hours", "", "vCPU-Hours", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonECS", "EUW1-ECS-EC2-GB-Hours", "", "GB-Hours", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonEKS", "EUW1-EKS-Auto:m5.large-management-hours", "", "hours", JB_CLOUD_INCLUDED, 1},
        {"aws", "8icvdr", "EUW1-SoftwareUsage:t2.small", "t2.small", "Hrs", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonRDS", "EU-ExtendedSupport:Yr1-Yr2:MySQL8.0", "", "vCPU-hour", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonRDS", "EU-Aurora:ServerlessV2Usage", "", "ACU-Hr", JB_CLOUD_MACHINE, 0.125},
        {"aws", "AmazonRDS", "EU-InstanceUsageIOOptimized:db.r6g.large", "", "Hrs", JB_CLOUD_MACHINE, 1},
        {"aws", "AmazonRDS", "EU-RDS:Multi-AZ-GP3-PIOPS", "", "IOPS-Mo", JB_CLOUD_INCLUDED, 1},
        {"aws", "AWSGlue", "EUW1-ETL-DPU-Hour", "", "DPU-Hour", JB_CLOUD_MACHINE, 1},
        {"aws", "AmazonECS", "EU-Fargate-EphemeralStorage-GB-Hours", "", "GB-Hours", JB_CLOUD_SSD, 1},
        {"aws", "AmazonECS", "EU-SpotUsage-Fargate-GB-Hours", "", "hours", JB_CLOUD_MEMORY, 1},
        {"aws", "AmazonECS", "EU-Fargate-Windows-vCPU-Hours:perCPU", "", "hours", JB_CLOUD_CORE, 1},
        {"aws", "AmazonECS", "EU-Fargate-Windows-OS-Hours:perCPU", "", "hours", JB_CLOUD_INCLUDED, 1},
        {"aws", "AWSLambda", "EU-Lambda-GB-Second-ARM", "", "Second", JB_CLOUD_SERVERLESS, 1 / 3600.0},
        {"aws", "AWSLambda", "EU-Lambda-Provisioned-GB-Second", "", "Lambda-GB-Second", JB_CLOUD_CORE,
         1 / 3600.0 / 1.769},
        {"aws", "ElasticMapReduce", "EMR-SERVERLESS-vCPUHours", "", "vCPU-Hours", JB_CLOUD_CORE, 1},
        {"aws", "ElasticMapReduce", "EMR-EKS-EC2-vCPUHours", "", "vCPU-Hours", JB_CLOUD_INCLUDED, 1},
        {"aws", "AmazonS3", "EUW1-TimedStorage-XZ-ByteHrs", "", "GB-Mo", JB_CLOUD_SSD, 1460},
        {"aws", "AmazonS3", "EUW1-EarlyDelete-GDA", "", "GB-Mo", JB_CLOUD_INCLUDED, 730},
        {"azure", "Virtual Machines", "D4s v5", "Standard_D4s_v5", "100 Hours", JB_CLOUD_MACHINE, 1},
        {"azure", "Virtual Machines", "D4s v5 Spot", "", "1 Hour", JB_CLOUD_MACHINE, 1},
        {"azure", "Virtual Machines Licenses", "4 vCPU VM License", "", "1 Hour", JB_CLOUD_INCLUDED, 1},
        {"azure", "Storage", "P10 LRS Disk", "", "1/Month", JB_CLOUD_SSD, 128 * 1.073741824 * 730 * 3},
        {"azure", "Storage", "Hot LRS Data Stored", "", "1 GB/Month", JB_CLOUD_HDD, 2190},
        {"azure", "Storage", "P10 LRS Disk Mount", "", "1/Month", JB_CLOUD_INCLUDED, 1},
        {"azure", "Azure App Service", "P1 v3 App", "", "1 Hour", JB_CLOUD_MACHINE, 1},
        {"azure", "Azure App Service", "B1", "", "1 Hour", JB_CLOUD_MACHINE, 1},
        {"azure", "SQL Database", "vCore", "", "1 Hour", JB_CLOUD_VCPU, 1},
        {"azure", "Virtual Network", "Intra-Region Ingress", "", "1 GB", JB_CLOUD_INCLUDED, 1},
        {"azure", "Azure Databricks", "Premium Jobs Compute DBU", "", "1 Hour", JB_CLOUD_INCLUDED, 1},
        {"gcp", "Kubernetes Engine", "Autopilot Pod mCPU Requests (us-east1)", "", "hour", JB_CLOUD_CORE,
         0.001},
        {"gcp", "Compute Engine", "Memory Optimized Upgrade Premium for Memory-optimized Instance Core", "",
         "hour", JB_CLOUD_INCLUDED, 1},
        {"gcp", "Cloud SQL", "Cloud SQL for MySQL: Regional - 4 vCPU + 15GB RAM in Americas", "", "hour",
         JB_CLOUD_MACHINE, 2},
        {"gcp", "Cloud SQL", "Cloud SQL for PostgreSQL: Regional - vCPU in Iowa", "", "hour", JB_CLOUD_CORE,
         2},
        {"alibaba", "rds", "实例规格", "mysql.x4.large.2c", "小时", JB_CLOUD_MACHINE, 2},
        {"gcp", "Compute Engine", "N2D AMD Instance Core running in Frankfurt", "", "hour", JB_CLOUD_CORE, 1},
        {"gcp", "Compute Engine", "N2 Instance Ram running in Frankfurt", "", "byte-seconds", JB_CLOUD_MEMORY,
         1e-9 / 3600},
        {"gcp", "Compute Engine", "Nvidia Tesla T4 GPU running in Belgium", "", "hour", JB_CLOUD_GPU, 1},
        {"gcp", "Compute Engine", "SSD backed PD Capacity", "", "gibibyte month", JB_CLOUD_SSD,
         2 * 744 * 1.073741824},
        {"gcp", "Compute Engine", "Regional SSD backed PD Capacity", "", "gibibyte month", JB_CLOUD_SSD,
         4 * 744 * 1.073741824},
        {"gcp", "Compute Engine", "Regional Storage PD Capacity", "", "gibibyte month", JB_CLOUD_HDD,
         4 * 744 * 1.073741824},
        {"alibaba", "ecs", "Instance Type", "ecs.g7.xlarge", "Hour", JB_CLOUD_MACHINE, 1},
        {"alibaba", "ecs", "云服务器配置", "ecs.g7.xlarge", "秒", JB_CLOUD_MACHINE, 1 / 3600.0},
        {"other", "anything", "cpu", "", "vCPU-Hours", JB_CLOUD_VCPU, 1},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_cloud_use use =
            find_use(cases[i].provider, cases[i].service, cases[i].item, cases[i].machine, cases[i].unit);
        if (use.resource != cases[i].resource)
            fail_msg("%s: resource %d", cases[i].item, (int)use.resource);
        assert_close(use.amount, cases[i].amount, 1e-6);
    }
    struct jb_cloud_use use =
        find_use("gcp", "Compute Engine", "Spot Preemptible N2D AMD Instance Core", "", "hour");
    assert_string_equal(use.machine.architecture, "EPYC 2nd Gen");
    use = find_use("gcp", "Compute Engine", "Spot Preemptible Compute optimized Core running in Iowa", "",
                   "hour");
    assert_string_equal(use.machine.architecture, "Cascade Lake");
    use = find_use("gcp", "Vertex AI", "Vertex AI: Training on N1 Instance Core", "", "hour");
    assert_string_equal(use.machine.architecture, "Skylake");
    use = find_use("gcp", "Compute Engine", "Quux Instance Core for compute", "", "hour");
    assert_string_equal(use.machine.architecture, "");
    use = find_use("gcp", "Compute Engine", "TpuV5p running in Iowa", "", "hour");
    assert_string_equal(use.gpu, "Google TPU v5p");
    use = find_use("gcp", "Compute Engine", "Nvidia Tesla T4 GPU", "", "hour");
    assert_string_equal(use.gpu, "NVIDIA Tesla T4");
    use = find_use("aws", "AmazonEC2", "EUW1-HostUsage:m5", "m5", "Hrs");
    assert_string_equal(use.machine.name, "m5.metal");
    assert_true(use.machine.vcpus == 96 && !use.is_idle);
    use = find_use("aws", "AmazonEC2", "EUW1-UnusedBox:m5.xlarge", "", "Hrs");
    assert_true(use.machine.vcpus == 4 && use.is_idle);
    use = find_use("aws", "AmazonRDS", "EU-Aurora:ServerlessV2Usage", "", "ACU-Hr");
    assert_true(use.machine.vcpus == 2 && use.machine.memory_gib == 16);
}

static void what_is_not_known_says_why(void **state) {
    static const struct {
        struct jb_cloud_line line;
        const char *why;
    } cases[] = {
        {{"aws", "AmazonEC2", "EUW1-BoxUsage:zz9.large", "", "Hrs", false}, "instance type"},
        {{"aws", "AmazonS3", "EUW1-Requests-Tier1", "", "Requests", false}, "unit 'Requests'"},
        {{"aws", "AmazonCloudWatch", "EU-DataProcessing-Bytes", "", "GB", false}, "DataProcessing-Bytes"},
        {{"aws", "AmazonEC2", "LoadBalancerUsage", "", "Hrs", false},
         "no energy is known of 'LoadBalancerUsage'"},
        {{"aws", "AmazonEC2", "EUW1-BoxUsage:m5.large", "", "", false}, "BoxUsage"},
        {{"", "", "", "", "", false}, "no energy"},
    };
    (void)state;
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_cloud_use use;
        struct jb_error error = {0};
        assert_int_equal(jb_cloud_use_find(cloud, &cases[i].line, &error, &use), JB_NO_DATA);
        if (!strstr(error.message, cases[i].why))
            fail_msg("%s", error.message);
    }
}

static struct jb_cloud_answer estimate(const char *provider, const char *region,
                                       const struct jb_cloud_use *use, double quantity) {
    struct jb_cloud_question question = {.factors = factors,
                                         .provider = provider,
                                         .region = region,
                                         .at_ns = INT64_C(1782864000000000000),
                                         .utilisation = 0.5,
                                         .utilisation_uncertainty = 0.2};
    struct jb_cloud_answer answer = {0};
    struct jb_error error = {0};
    if (jb_cloud_estimate(cloud, &question, use, quantity, &error, &answer))
        fail_msg("%s", error.message);
    return answer;
}

static void estimates_by_hand(void **state) {
    (void)state;
    /* Skylake 0.6235 to 4.0552 W at half load: 2.33935 W; 3 GiB beyond the first per vCPU; AWS's PUE. */
    struct jb_cloud_use use = find_use("aws", "AmazonEC2", "BoxUsage:m5.xlarge", "", "Hrs");
    struct jb_cloud_answer answer = estimate("aws", "eu-west-1", &use, 24);
    double expected_w = 4 * 2.33935 + 12 * 1.073741824 * 0.392;
    assert_close(answer.energy_kwh, 24 * expected_w * 1.135 / 1000, 1e-9);
    assert_true(answer.energy_uncertainty > 0.25 && answer.energy_uncertainty < 0.6);
    /* embodied_ccf.csv has 1230.46 kg or the like for each; a share of 4 of 96 vCPUs. */
    assert_true(answer.has_embodied);
    assert_true(answer.embodied_g > 24 / 35040.0 * 4 / 96 * 1e6 &&
                answer.embodied_g < 24 / 35040.0 * 4 / 96 * 3e6);
    /* No family: the provider's mean. */
    use = find_use("aws", "x", "y", "", "vCPU-Hours");
    answer = estimate("aws", "", &use, 10);
    assert_close(answer.energy_kwh, 0.0240620, 1e-9);
    /* Cascade Lake 0.6732 to 3.9285 W at half load, less the GiB that the line of its memory has. */
    use = find_use("gcp", "Compute Engine", "N2 Instance Core running in Belgium", "", "hour");
    answer = estimate("gcp", "europe-west1", &use, 10);
    assert_close(answer.energy_kwh, 10 * (2.30085 - 1.073741824 * 0.392) * 1.09 / 1000, 1e-9);
    /* T4: 70 W × (0.12 + 0.5 × 0.83) × PUE 1.09 */
    use = find_use("gcp", "Compute Engine", "Nvidia Tesla T4 GPU running in Belgium", "", "hour");
    answer = estimate("gcp", "europe-west1", &use, 10);
    assert_close(answer.energy_kwh, 10 * 70 * 0.535 * 1.09 / 1000, 1e-9);
    /* 1 TB-month on hard disks, three copies: 0.65 W × 730 h × 3 */
    use = find_use("aws", "AmazonS3", "TimedStorage-ByteHrs", "", "GB-Mo");
    answer = estimate("aws", "eu-west-1", &use, 1000);
    assert_close(answer.energy_kwh, 0.65 * 730 * 3 * 1.135 / 1000, 1e-9);
    /* 31.11 kg for 10 TB, 55 % of what its rack took, five years */
    assert_true(answer.has_embodied);
    assert_close(answer.embodied_g, 3111 / 0.55 * 730 * 3 / 43800, 1e-9);
    assert_close(answer.embodied_uncertainty, 0.5, 1e-9);
    use = find_use("aws", "AmazonEC2", "EUW1-EBS:VolumeUsage.gp3", "", "GB-Mo");
    answer = estimate("aws", "eu-west-1", &use, 1000);
    assert_close(answer.embodied_g, 46600 / 0.81 * 730 * 2 / 43800, 1e-9);
    /* An accelerator of 150 kg, and 1.388 kg a GB of memory, four years. */
    use = find_use("gcp", "Compute Engine", "Nvidia Tesla T4 GPU running in Belgium", "", "hour");
    answer = estimate("gcp", "europe-west1", &use, 24);
    assert_close(answer.embodied_g, 150e3 * 24 / 35040, 1e-9);
    use = find_use("aws", "AmazonECS", "EU-Fargate-GB-Hours", "", "hours");
    answer = estimate("aws", "eu-west-1", &use, 100);
    assert_close(answer.embodied_g, 1388 * 100 / 35040.0, 1e-9);
    /* 1/1.769 vCPU of 96 for a GB, and that GB. */
    use = find_use("aws", "AWSLambda", "EU-Lambda-GB-Second", "", "Lambda-GB-Second");
    answer = estimate("aws", "eu-west-1", &use, 3600);
    assert_close(answer.embodied_g, (1e6 / 96 / 1.769 + 1388) / 35040, 1e-7);
    /* Kept free: the machine at no load, with all that it took to build it. */
    use = find_use("aws", "AmazonEC2", "EUW1-UnusedBox:m5.xlarge", "", "Hrs");
    answer = estimate("aws", "eu-west-1", &use, 24);
    assert_close(answer.energy_kwh, 24 * (4 * 0.6235 + 12 * 1.073741824 * 0.392) * 1.135 / 1000, 1e-9);
    double embodied_g = answer.embodied_g;
    use = find_use("aws", "AmazonEC2", "EUW1-BoxUsage:m5.xlarge", "", "Hrs");
    answer = estimate("aws", "eu-west-1", &use, 24);
    assert_close(embodied_g, answer.embodied_g, 1e-12);
    /* What moves data took some carbon too, and nobody can say how much. */
    use = find_use("aws", "AmazonEC2", "EUW1-DataTransfer-Out-Bytes", "", "GB");
    answer = estimate("aws", "eu-west-1", &use, 10);
    assert_false(answer.has_embodied);
    assert_true(answer.energy_kwh > 0 && answer.embodied_g == 0);
}

static void estimates_are_linear(void **state) {
    (void)state;
    struct jb_cloud_use use = find_use("aws", "AmazonEC2", "BoxUsage:p4d.24xlarge", "", "Hrs");
    struct jb_cloud_answer one = estimate("aws", "eu-west-1", &use, 7.25),
                           two = estimate("aws", "eu-west-1", &use, 14.5),
                           none = estimate("aws", "eu-west-1", &use, 0);
    assert_true(two.energy_kwh == 2 * one.energy_kwh && two.embodied_g == 2 * one.embodied_g);
    assert_true(none.energy_kwh == 0 && none.embodied_g == 0);
}

static void unknown_factors_are_unknown(void **state) {
    struct jb_cloud_answer answer;
    struct jb_error error = {0};
    struct jb_cloud_question question = {
        .factors = factors, .provider = "oracle", .region = "", .utilisation = 0.5};
    (void)state;
    struct jb_cloud_use use = find_use("oracle", "x", "y", "", "vCPU-Hours");
    assert_int_equal(jb_cloud_estimate(cloud, &question, &use, 1, &error, &answer), JB_NO_DATA);
    assert_non_null(strstr(error.message, "pue"));
    question.provider = "aws";
    use = find_use("aws", "AmazonEC2", "BoxUsage:inf2.xlarge", "", "Hrs");
    assert_int_equal(jb_cloud_estimate(cloud, &question, &use, 1, &error, &answer), JB_NO_DATA);
    assert_non_null(strstr(error.message, "Inferentia2"));
}

static void regions_by_other_names(void **state) {
    (void)state;
    assert_string_equal(jb_cloud_region_find(cloud, "azure", "EU West"), "westeurope");
    assert_string_equal(jb_cloud_region_find(cloud, "aws", "EU (Ireland)"), "eu-west-1");
    assert_string_equal(jb_cloud_region_find(cloud, "alibaba", "华东1（杭州）"), "cn-hangzhou");
    assert_null(jb_cloud_region_find(cloud, "azure", "eu (ireland)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compute_by_hand),
        cmocka_unit_test(embodied_by_hand),
        cmocka_unit_test(machines_by_name),
        cmocka_unit_test(databases_by_class),
        cmocka_unit_test(unknown_machines),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(uses_by_rule),
        cmocka_unit_test(what_is_not_known_says_why),
        cmocka_unit_test(estimates_by_hand),
        cmocka_unit_test(estimates_are_linear),
        cmocka_unit_test(unknown_factors_are_unknown),
        cmocka_unit_test(regions_by_other_names),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
