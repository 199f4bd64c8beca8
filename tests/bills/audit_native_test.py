#!/usr/bin/env python3
"""Golden bills of Azure, Google Cloud and Alibaba Cloud in their own formats against an auditor's verdict on every row, as
audit_test.py does it for AWS and FOCUS.

usage: audit_native_test.py JOULEBOOK FOLDER_OF_THE_PROJECT
"""
import collections
import pathlib
import sys

sys.dont_write_bytecode = True
import audit_test  # noqa: E402

GIB = 1.073741824
MONTH = 730  # hours; Google Cloud's have 744
# vCPUs, GiB, microarchitecture ("" is not told), vCPUs of the server, accelerators and their TDP in W.
audit_test.MACHINES.update({
    'D2as v5': (2, 8, 'EPYC 3rd Gen', 96, 0, 0), 'E8-4ds v5': (8, 64, 'Ice Lake', 104, 0, 0), 'D8s v5': (8, 32, 'Ice Lake', 104, 0, 0),
    'NC24ads A100 v4': (24, 24 * 9.17, 'EPYC 3rd Gen', 96, 1, 300), 'ND96isr H100 v5': (96, 96 * 19.8, 'Sapphire Rapids', 96, 8, 700),
    'B1S': (1, 1, 'Broadwell', 64, 0, 0), 'A2 v2': (2, 4, 'Haswell', 40, 0, 0), 'D3 v2': (4, 14, 'Haswell', 40, 0, 0),
    'D2 v3': (2, 8, 'Broadwell', 64, 0, 0), 'P1v3': (2, 8, '', 96, 0, 0), 'B1': (1, 1.75, '', 96, 0, 0),
    'f1-micro': (0.2, 0.6, 'Skylake', 96, 0, 0), 'Cloud SQL 4 vCPU': (4, 15, '', 96, 0, 0),
    'ecs.c6.2xlarge': (8, 16, 'Cascade Lake', 104, 0, 0), 'ecs.gn7i-c16g1.4xlarge': (16, 94.4, 'Ice Lake', 128, 1, 150),
    'ecs.gn6v-c8g1.8xlarge': (32, 128, 'Skylake', 96, 4, 300), 'ecs.t6-c1m2.large': (2, 4, 'Skylake', 96, 0, 0),
    'ecs.ebmg7.32xlarge': (128, 512, 'Ice Lake', 128, 0, 0), 'ecs.g8y.large': (2, 8, 'EPYC 2nd Gen', 128, 0, 0),
    'ecs.c7.large': (2, 4, 'Ice Lake', 128, 0, 0), 'ecs.c7.xlarge': (4, 8, 'Ice Lake', 128, 0, 0), 'ecs.c7.4xlarge': (16, 32, 'Ice Lake', 128, 0, 0),
    'ecs.g6.large': (2, 8, 'Cascade Lake', 104, 0, 0), '2c1g': (2, 1, '', 96, 0, 0), '2c4g': (2, 4, '', 96, 0, 0), '2c8g': (2, 8, '', 96, 0, 0),
    '4c16g': (4, 16, '', 96, 0, 0), '8c8g': (8, 8, '', 96, 0, 0)})
# Families of cores that are billed without their memory: microarchitecture, vCPUs of the server.
FAMILIES = {'n2': ('Cascade Lake', 128), 'n2d': ('EPYC 2nd Gen', 224), 'e2': ('Skylake', 96), 'c2d': ('EPYC 3rd Gen', 112), 'n1': ('Skylake', 96),
            'c2': ('Cascade Lake', 60), 'm1': ('Broadwell', 160), 'c3': ('Sapphire Rapids', 176), 'any': ('', 96)}

# By the number of the row: (resource, how much of it, machine or family or W). What is not here used nothing, is counted by another
# row, or nobody knows what it is.
AZURE = {
    1: ('machine', 24, 'D4s v5'), 2: ('machine', 24, 'D4s v5'), 3: ('machine', 24, 'D2as v5'), 4: ('machine', 24, 'E8-4ds v5'),
    5: ('machine', 24, 'D8s v5'), 6: ('machine', 24, 'D8s v5'),  # covered by a reservation and by a savings plan; 9 and 10 are not used
    15: ('ssd', 0.032258 * 128 * GIB * MONTH * 3), 16: ('ssd', 0.032258 * 512 * GIB * MONTH * 3), 17: ('hdd', 0.032258 * 1024 * GIB * MONTH * 3),
    20: ('hdd', 100 * MONTH * 3), 21: ('hdd', 100 * MONTH * 6), 22: ('ssd', 10 * MONTH * 3), 24: ('network', 12.5),
    26: ('vcpu', 48), 28: ('ssd', 32 * MONTH * 3), 29: ('vcpu', 24), 30: ('serverless', 400000 / 3600), 32: ('core', 10, 'any'),
    33: ('memory', 20), 34: ('machine', 2, 'NC24ads A100 v4'), 35: ('machine', 1, 'ND96isr H100 v5'), 39: ('machine', 24, 'B1S'),
    42: ('machine', 0.01, 'D3 v2'), 43: ('machine', 7, 'D2 v3'), 44: ('machine', 1, 'A2 v2'), 46: ('machine', 24, 'P1v3'),
    47: ('machine', 24, 'B1'), 49: ('core', 24, 'any'), 50: ('core', 2, 'any'), 51: ('memory', 4 * GIB), 54: ('ssd', 2400 * GIB * 3),
    57: ('network', 10)}
GB_MONTH = 744 * GIB
GOOGLE = {
    1: ('core', 4, 'n2'), 2: ('memory', 16 * GIB), 3: ('core', 4, 'n2'), 4: ('core', 8, 'n2d'), 5: ('memory', 32 * GIB), 6: ('core', 2, 'e2'),
    7: ('memory', 8 * GIB), 8: ('core', 4, 'c2d'), 9: ('core', 1, 'n1'), 10: ('memory', 3.75 * GIB), 11: ('core', 4, 'c2'),
    12: ('core', 6, 'n1'), 13: ('memory', 10 * GIB), 15: ('machine', 1, 'f1-micro'), 16: ('gpu', 2, 70), 17: ('gpu', 1, 400), 18: ('gpu', 1, 72),
    20: ('ssd', 2 * GB_MONTH * 2), 21: ('ssd', 2 * GB_MONTH * 2), 22: ('hdd', 5 * GB_MONTH * 2), 23: ('ssd', GB_MONTH * 4),
    24: ('hdd', 3 * GB_MONTH * 2), 26: ('network', 12 * GIB), 28: ('hdd', 50 * GB_MONTH * 2), 30: ('core', 2, 'any'), 31: ('memory', 8 * GIB),
    32: ('ssd', GB_MONTH * 2), 33: ('core', 2, 'any'), 34: ('memory', 2 * GIB), 35: ('serverless', GIB), 37: ('hdd', 30 * GB_MONTH * 3),
    43: ('core', 4, 'n2'), 44: ('core', 4, 'n2'), 47: ('core', 4, 'c3'), 48: ('core', 0.001, 'e2'),
    49: ('idle core', 4, 'n2'),  # reserved and not used; 51 is a premium on 50
    50: ('core', 40, 'm1'), 52: ('hdd', GB_MONTH * 4), 53: ('ssd', 2 * GB_MONTH * 2), 56: ('core', 4, 'any'), 57: ('memory', 16 * GIB),
    58: ('hdd', GB_MONTH * 4), 59: ('machine', 2, 'Cloud SQL 4 vCPU'), 60: ('core', 2, 'any'), 61: ('memory', 8 * GIB), 63: ('network', 5 * GIB),
    64: ('core', 1, 'any'), 65: ('memory', 10 * GIB)}
ALIBABA = {
    1: ('machine', 24, 'ecs.g7.xlarge'), 2: ('machine', 24, 'ecs.g7.xlarge'), 3: ('machine', 24, 'ecs.c6.2xlarge'),
    4: ('machine', 2, 'ecs.gn7i-c16g1.4xlarge'), 5: ('machine', 1, 'ecs.gn6v-c8g1.8xlarge'), 6: ('machine', 24, 'ecs.t6-c1m2.large'),
    7: ('machine', 1, 'ecs.ebmg7.32xlarge'), 8: ('machine', 3, 'ecs.g8y.large'), 9: ('machine', 10, 'ecs.c7.large'), 12: ('ssd', 960 * 3),
    13: ('ssd', 4800 * 3), 14: ('hdd', 2400 * 3), 15: ('network', 12), 18: ('hdd', 100000 * 3), 19: ('network', 50), 21: ('hdd', 500 * 3),
    22: ('ssd', 2400 * 2), 23: ('machine', 24, '2c4g'), 24: ('machine', 48, '2c4g'), 25: ('machine', 48, '2c1g'), 27: ('network', 70),
    28: ('serverless', 10), 30: ('core', 20, 'any'),
    31: ('machine', 32 * 24, 'ecs.g6.large'),  # to 5 August; 45 changes an order, 47 is a reserved instance, 48 is bandwidth
    37: ('machine', 24, 'ecs.c7.xlarge'), 40: ('machine', 1, 'ecs.c7.4xlarge'), 41: ('machine', 1, 'ecs.c7.large'),
    44: ('machine', 31 * 24, 'ecs.g6.large'), 46: ('machine', 2 * 32 * 24, '4c16g'), 51: ('serverless', 1), 53: ('machine', 48, '2c8g'),
    54: ('machine', 72, '2c4g'), 55: ('machine', 48, '8c8g'), 58: ('core', 1, 'any'), 59: ('memory', 2), 61: ('ssd', 300)}
BEGINS = {44: '2026-07-20'}  # of a term that is paid before it

# What data centres add: data/factors/cloud_pue_ccf.csv, cloud_ecologits.csv, cloud_alibaba.csv; of regions, cloud_ccf.csv.
PUE = {'azure': 1.185, 'gcp': 1.09, 'alibaba': 1.19}
PUE_OF_REGION = {'cn-hangzhou': 1.3, 'cn-beijing': 1.2}


def one(tables, provider, resource, machine):
    """kWh without PUE, and g CO2e, of one of the resource."""
    if not resource.endswith('core'):
        return tables.one(provider, resource, machine)
    architecture, server_vcpus = FAMILIES[machine]
    idle, full = tables.vcpus.get(architecture) or tables.vcpus[provider]
    watts = (idle if resource == 'idle core' else (idle + full) / 2) - GIB * 0.392
    return watts / 1000, tables.constant('server_kgco2e') * 1000 / 35040 / server_vcpus


def day_of(text):
    """2026-07-01 of 20260701, 7/1/2026 and times."""
    if '/' in text:
        month, day, year = text.split('/')
        return f'{year}-{int(month):02}-{int(day):02}'
    return f'{text[:4]}-{text[4:6]}-{text[6:]}' if len(text) == 8 else text[:10]


def add_expected(provider, rows, columns, verdicts, tables, sums):
    for number, row in enumerate(rows, 1):
        start, service, account = day_of(row[columns['start']]), row[columns['service']], row[columns['account']] or row[columns['payer']]
        start = BEGINS.get(number, start) if provider == 'alibaba' else start
        money = sum(float(row[column] or 0) for column in columns['money'])
        sums['money', provider, service, account, row[columns['currency']]] += money * 1e6
        if number in verdicts:
            resource, amount, *machine = verdicts[number]
            energy, embodied = one(tables, provider, resource, *(machine or [None]))
            pue = PUE_OF_REGION.get(row[columns['region']], PUE[provider])
            sums['energy', start, service, account, provider] += energy * amount * pue * 3.6e12
            if embodied is not None:
                sums['embodied', start, service, account, provider] += embodied * amount * 1e6


def add_found(flows, sums):
    for flow in flows:
        is_back = flow['from'].startswith('cloud/')
        _, provider, _, service, account, *_ = flow['from' if is_back else 'to'].split('/')
        key = (flow['commodity'], flow['start'][:10], service, account, provider)
        if flow['commodity'] not in ('energy', 'embodied'):
            key = ('money', provider, service, account, flow['commodity'])
        sums[key] += int(flow['amount']) * (-1 if is_back else 1)


def main():
    program, project = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    fixtures, tables = project / 'tests/golden/fixtures', audit_test.Tables(project / 'data')
    # Where no microarchitecture is told, the provider's mean stands in.
    for provider in PUE:
        key = provider if ('vcpu_idle_w', provider) in tables.constants else ''
        tables.vcpus[provider] = (tables.constant('vcpu_idle_w', key), tables.constant('vcpu_full_w', key))
        tables.constants['vcpu_idle_w', provider], tables.constants['vcpu_full_w', provider] = tables.vcpus[provider]
    bills = [('azure', 'bill-azure.csv', AZURE, {'start': 'date', 'service': 'meterCategory', 'account': 'subscriptionId', 'payer': 'billingAccountId',
                                                 'money': ['costInBillingCurrency'], 'currency': 'billingCurrency', 'region': 'resourceLocation'}),
             ('gcp', 'bill-gcp.csv', GOOGLE, {'start': 'usage_start_time', 'service': 'service.description', 'account': 'project.id',
                                              'payer': 'billing_account_id', 'money': ['cost', 'credits.amount'], 'currency': 'currency',
                                              'region': 'location.region'}),
             ('alibaba', 'bill-alibaba.csv', ALIBABA, {'start': '账单信息/账单日期', 'service': '产品信息/产品Code', 'account': '身份信息/资源归属账号ID',
                                                       'payer': '身份信息/资源购买账号ID', 'money': ['应付信息/应付金额（含税）'],
                                                       'currency': '定价信息/定价币种', 'region': '资源信息/地域Code'})]
    expected, found, row_count, use_count = collections.Counter(), collections.Counter(), 0, 0
    for provider, name, verdicts, columns in bills:
        rows = audit_test.read(fixtures / name)
        row_count, use_count = row_count + len(rows), use_count + len(verdicts)
        tables.vcpus[''] = tables.vcpus[provider]
        add_expected(provider, rows, columns, verdicts, tables, expected)
    add_found(audit_test.book(program, [fixtures / name for _, name, _, _ in bills]), found)
    audit_test.judge(expected, found, 1e-9, f'{row_count} rows of {len(bills)} bills, {use_count} of them use')


if __name__ == '__main__':
    main()
