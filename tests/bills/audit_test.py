#!/usr/bin/env python3
"""Golden bills against an auditor's verdict on every row: what it used by hand, energy and embodied carbon by formulas
written anew over the tables in data/, money by adding up the bill itself.

usage: audit_test.py JOULEBOOK FOLDER_OF_THE_PROJECT
"""
import collections
import csv
import pathlib
import subprocess
import sys
import tempfile

# Machines that the bills name: vCPUs, GiB, microarchitecture, vCPUs of the server, accelerators and their TDP in W.
MACHINES = {
    'm5.large': (2, 8, 'Skylake', 96, 0, 0), 'm5.xlarge': (4, 16, 'Skylake', 96, 0, 0), 'm5.2xlarge': (8, 32, 'Skylake', 96, 0, 0),
    'm5.metal': (96, 384, 'Skylake', 96, 0, 0), 'r5.2xlarge': (8, 64, 'Skylake', 96, 0, 0), 'c5.large': (2, 4, 'Skylake', 96, 0, 0),
    'r5.large': (2, 16, 'Skylake', 96, 0, 0), 'm5.8xlarge': (32, 128, 'Skylake', 96, 0, 0), 'c6g.4xlarge': (16, 32, 'EPYC 2nd Gen', 64, 0, 0),
    't2.micro': (1, 1, 'Broadwell', 72, 0, 0), 't3.micro': (2, 1, 'Skylake', 96, 0, 0), 'm6i.large': (2, 8, 'Ice Lake', 128, 0, 0),
    'g5.xlarge': (4, 16, 'EPYC 2nd Gen', 192, 1, 150),
    'p5.48xlarge': (192, 2048, 'EPYC 3rd Gen', 192, 8, 700), 'm5.4xlarge': (16, 64, 'Skylake', 96, 0, 0), 'c5.xlarge': (4, 8, 'Skylake', 96, 0, 0),
    'D4s v5': (4, 16, 'Ice Lake', 104, 0, 0), 'n2-standard-4': (4, 16, 'Cascade Lake', 128, 0, 0),
    'N2 vCPU': (1, 0, 'Cascade Lake', 128, 0, 0), 'ecs.g7.xlarge': (4, 16, 'Ice Lake', 128, 0, 0),
    'ecs.gn6i-c4g1.xlarge': (4, 15, 'Skylake', 96, 1, 70),
    'r6g.large': (2, 16, 'EPYC 2nd Gen', 64, 0, 0), 'ra3.xlplus': (4, 32, 'Skylake', 96, 0, 0),
    'p4d.24xlarge': (96, 1152, 'Cascade Lake', 96, 8, 400)}

# id: (resource, how much of it, machine), by the provider's documents. Rows that are not here used nothing, or nobody knows
# what. Hours of machines, vCPUs and capacity kept idle; GB-hours of memory, SSD, HDD and serverless; GB of network.
MONTH_H = 730
LEGACY = {
    'a01': ('machine', 1, 'm5.xlarge'), 'a02': ('machine', 1, 'm5.xlarge'), 'a03': ('machine', 0.5, 'c5.large'),
    'a04': ('machine', 1, 'r5.2xlarge'), 'a06': ('machine', 1, 'c6g.4xlarge'), 'a17': ('ssd', 13.5 * MONTH_H * 2),
    'a18': ('hdd', 20 * MONTH_H * 2), 'a19': ('hdd', 8 * MONTH_H * 3), 'a21': ('hdd', 500.25 * MONTH_H * 3),
    'a22': ('hdd', 51200 * MONTH_H * 3), 'a24': ('network', 42.5), 'a26': ('serverless', 100), 'a28': ('core', 10), 'a29': ('memory', 20),
    'a30': ('machine', 24, 'r5.large'), 'a31': ('machine', 48, 'm5.large'), 'a32': ('ssd', 100 * MONTH_H * 2),
    'a33': ('machine', 24, 't3.micro'), 'a34': ('machine', 24, 'm5.large'), 'a36': ('machine', 2, 'p4d.24xlarge'),
    'a37': ('machine', 3, 'g5.xlarge'), 'a41': ('machine', 1, 'm5.8xlarge'), 'a43': ('machine', 24, 't2.micro'),
    'a44': ('machine', 4, 'm6i.large'), 'a46': ('ssd', 30 * MONTH_H * 2)}
CUR2 = {
    'c01': ('machine', 1, 'm5.xlarge'), 'c02': ('machine', 1, 'r5.2xlarge'), 'c05': ('core', 2), 'c08': ('machine', 2, 'c5.large'),
    # The reservation is of 24 hours: 20 used, 4 not.
    'c10': ('machine', 20, 'm5.2xlarge'), 'c11': ('idle', 4, 'm5.2xlarge'), 'c12': ('machine', 1, 'c5.large'),
    'c13': ('machine', 1, 'm5.metal'),  # a host: what runs on it (c14) is within
    'c19': ('network', 5), 'c20': ('network', 5), 'c21': ('network', 5), 'c25': ('network', 7),
    'c29': ('serverless', 2), 'c30': ('core', 1 / 1.769), 'c31': ('memory', 2), 'c32': ('ssd', 100),
    'c33': ('machine', 2, 'r6g.large'), 'c34': ('machine', 4, 'r6g.large'), 'c35': ('machine', 1, 'r6g.large'),
    'c36': ('ssd', 10 * MONTH_H * 6), 'c39': ('machine', 3, 'm5.large'), 'c40': ('machine', 2, 'ra3.xlplus'),
    'c41': ('ssd', 50 * MONTH_H), 'c42': ('machine', 1, 'r6g.large'), 'c43': ('ssd', 20 * MONTH_H), 'c44': ('machine', 1, 'p4d.24xlarge'),
    'c45': ('ssd', 30 * MONTH_H * 2), 'c50': ('hdd', 100 * MONTH_H * 3), 'c51': ('hdd', 100 * MONTH_H * 2), 'c52': ('ssd', 10 * MONTH_H * 2),
    'c55': ('core', 3), 'c56': ('memory', 12), 'c57': ('machine', 2, 'm5.xlarge'), 'c61': ('machine', 5, 'm5.xlarge'),
    'c62': ('machine', -2, 'm5.xlarge'), 'c63': ('machine', 1, 'm5.xlarge')}

# By the number of the row.
FOCUS = {
    1: ('machine', 1, 'm5.xlarge'), 2: ('machine', 1, 'm5.xlarge'), 3: ('machine', 2, 'c5.xlarge'), 4: ('machine', 1, 'm5.large'),
    12: ('hdd', 1000 * MONTH_H * 3), 14: ('network', 10), 16: ('serverless', 1), 17: ('machine', 1, 'p5.48xlarge'),
    20: ('machine', 1, 'm5.4xlarge'), 21: ('machine', 2, 'm5.large'), 22: ('machine', 24, 'D4s v5'),
    24: ('ssd', 0.0333 * 128 * 1.073741824 * MONTH_H * 3), 25: ('network', 3), 28: ('machine', 8, 'N2 vCPU'),
    29: ('memory', 32 * 1.073741824), 30: ('gpu', 2, 70), 31: ('ssd', 100 * 1.073741824 * 2), 32: ('network', 5 * 1.073741824),
    33: ('machine', 1, 'ecs.g7.xlarge'), 34: ('machine', 1, 'ecs.gn6i-c4g1.xlarge'), 37: ('machine', 0.25, 'm5.xlarge'),
    39: ('machine', 0.001, 'm5.xlarge'), 40: ('machine', 1, 'm5.xlarge'), 41: ('machine', 1, 'm5.xlarge')}
FOCUS12 = {
    1: ('machine', 1, 'm5.xlarge'), 2: ('machine', 2, 'm5.xlarge'), 6: ('machine', 20, 'm5.2xlarge'), 7: ('idle', 4, 'm5.2xlarge'),
    9: ('idle', 3, 'D4s v5'), 20: ('machine', 2, 'c5.large'), 21: ('machine', 1, 'c5.large'), 23: ('hdd', 100 * MONTH_H * 3),
    24: ('hdd', 500 * MONTH_H * 3), 25: ('network', 2), 26: ('network', 2), 27: ('serverless', 1), 29: ('machine', 1, 'm5.xlarge')}
MANY = {1: ('machine', 1, 'm5.large'), 2: ('machine', 2, 'm5.large'), 3: ('machine', 24, 'D4s v5'), 4: ('hdd', 10 * MONTH_H * 3),
        5: ('machine', 8, 'N2 vCPU'), 6: ('machine', 1, 'n2-standard-4')}

# What data centres add: data/factors/cloud_pue_ccf.csv, cloud_ecologits.csv, and cloud_ccf.csv of cn-hangzhou.
PUE = {'aws': 1.135, 'azure': 1.185, 'gcp': 1.09, 'alibaba': 1.3}
PROVIDERS = {'AWS': 'aws', 'Microsoft': 'azure', 'Google Cloud': 'gcp', 'Alibaba Cloud': 'alibaba'}


def read(path):
    with path.open(newline='', encoding='utf-8-sig') as file:
        return list(csv.DictReader(file))


class Tables:
    """Data that ships, read as text."""

    def __init__(self, data):
        self.constants = {(row['constant'], row['provider']): float(row['value']) for row in read(data / 'cloud/constants.csv')}
        self.vcpus = {row['architecture']: (float(row['min_w_per_vcpu']), float(row['max_w_per_vcpu'])) for row in read(data / 'cpu/vcpu_power.csv')}
        self.servers = {(row['provider'], row['subject']): float(row['embodied_kgco2e']) for row in read(data / 'factors/embodied_ccf.csv')}

    def constant(self, name, provider=''):
        return self.constants[name, provider]

    def machine(self, provider, name, load):
        """W, and g CO2e an hour."""
        vcpus, gib, architecture, server_vcpus, gpus, tdp_w = MACHINES[name]
        idle, full = self.vcpus[architecture]
        power = vcpus * (idle + load * (full - idle)) + max(gib - vcpus, 0) * 1.073741824 * 0.392
        share = self.constant('gpu_idle_share') + load * (self.constant('gpu_full_share') - self.constant('gpu_idle_share'))
        # A share of the server, and each accelerator whole.
        known = self.servers.get((provider, name))
        kg = known * vcpus / server_vcpus if known else (
            self.constant('server_kgco2e') * vcpus / server_vcpus + gpus * self.constant('gpu_kgco2e'))
        return power + gpus * tdp_w * share, kg * 1000 / 35040

    def one(self, provider, resource, machine):
        """kWh without PUE, and g CO2e, of one of the resource; None: not known."""
        vcpu_w = (self.constant('vcpu_idle_w', provider) + self.constant('vcpu_full_w', provider)) / 2 if resource in ('vcpu', 'core', 'serverless') else 0
        core_w = vcpu_w - 1.073741824 * 0.392  # its memory is a line of its own
        vcpu_g = self.constant('server_kgco2e') * 1000 / 35040 / self.constant('server_vcpus')
        memory_g = self.constant('memory_kgco2e_per_gb') * 1000 / 35040
        if resource == 'gpu':  # of that many W, half busy
            share = (self.constant('gpu_idle_share') + self.constant('gpu_full_share')) / 2
            return machine * share / 1000, self.constant('gpu_kgco2e') * 1000 / 35040
        if resource in ('machine', 'idle'):
            power, grams = self.machine(provider, machine, 0 if resource == 'idle' else 0.5)
            return power / 1000, grams
        return {'vcpu': (vcpu_w / 1000, vcpu_g), 'core': (core_w / 1000, vcpu_g), 'memory': (0.392e-3, memory_g),
                'serverless': ((core_w / 1.769 + 0.392) / 1000, vcpu_g / 1.769 + memory_g),
                'ssd': (1.2e-6, self.constant('ssd_kgco2e_per_tb') / self.constant('ssd_rack_share') / 43800),
                'hdd': (0.65e-6, self.constant('hdd_kgco2e_per_tb') / self.constant('hdd_rack_share') / 43800),
                'network': (1e-3, None)}[resource]


def add_expected(rows, columns, verdicts, tables, sums):
    """What the bill says: energy and embodied carbon by day, service and account, money by currency too."""
    for number, row in enumerate(rows, 1):
        day, account = row[columns['start']][:10], row[columns['account']]
        service = row[columns['service']] or row.get(columns.get('otherwise')) or row['ServiceName']
        sums['money', day, service, account, row[columns['currency']]] += float(row[columns['cost']] or 0) * 1e6
        verdict = verdicts.get(row[columns['id']] if 'id' in columns else number)
        if verdict:
            resource, amount, *machine = verdict
            provider = PROVIDERS[row.get('ProviderName', 'AWS')]
            energy, embodied = tables.one(provider, resource, *(machine or [None]))
            sums['energy', day, service, account, 'energy'] += energy * amount * PUE[provider] * 3.6e12
            if embodied is not None:
                sums['embodied', day, service, account, 'embodied'] += embodied * amount * 1e6


def add_found(flows, sums):
    """The same of what was booked."""
    for flow in flows:
        is_back = flow['from'].startswith('cloud/')
        parts = flow['from' if is_back else 'to'].split('/')
        kind = flow['commodity'] if flow['commodity'] in ('energy', 'embodied') else 'money'
        sums[kind, flow['start'][:10], parts[3], parts[4], flow['commodity']] += int(flow['amount']) * (-1 if is_back else 1)


def book(program, files):
    """The flows that an import of the bills books."""
    with tempfile.TemporaryDirectory(prefix='joulebook-audit-') as folder:
        path = str(pathlib.Path(folder) / 'book.db')
        subprocess.run([program, '--book', path, 'import', *files], check=True, capture_output=True, timeout=120)
        exported = subprocess.run([program, '--book', path, 'export'], check=True, capture_output=True, text=True, timeout=120).stdout
    return csv.DictReader(exported.splitlines())


def judge(expected, found, tolerance, what):
    """Ends the program: whether both have the same sums."""
    wrong = [f'{" ".join(key)}: {expected[key]:.0f} expected, {found[key]} booked' for key in sorted(expected.keys() | found.keys())
             if abs(expected[key] - found[key]) > max(10, tolerance * abs(expected[key]))]
    print(f'{"FAILED" if wrong else "ok"}: {what}: {len(expected)} sums')
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


def main():
    program, project = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    fixtures, tables = project / 'tests/golden/fixtures', Tables(project / 'data')
    focus = {'start': 'ChargePeriodStart', 'service': 'ServiceName', 'account': 'SubAccountId', 'cost': 'BilledCost',
             'currency': 'BillingCurrency'}
    bills = [('bill-aws.csv', LEGACY, {'id': 'identity/LineItemId', 'start': 'lineItem/UsageStartDate', 'service': 'lineItem/ProductCode',
                                       'account': 'lineItem/UsageAccountId', 'cost': 'lineItem/UnblendedCost', 'currency': 'lineItem/CurrencyCode'}),
             ('bill-aws-cur2.csv', CUR2, {'id': 'identity_line_item_id', 'start': 'line_item_usage_start_date', 'service': 'line_item_product_code',
                                          'account': 'line_item_usage_account_id', 'cost': 'line_item_unblended_cost',
                                          'currency': 'line_item_currency_code'}),
             ('bill-focus.csv', FOCUS, focus), ('bill-focus-1.2.csv', FOCUS12, focus | {'service': 'x_ServiceCode'}),
             ('bill-focus-many.csv', MANY, focus | {'service': 'x_ServiceCode', 'otherwise': 'x_SkuMeterCategory'})]
    expected, found, row_count, use_count = collections.Counter(), collections.Counter(), 0, 0
    for name, verdicts, columns in bills:
        rows = read(fixtures / name)
        row_count, use_count = row_count + len(rows), use_count + len(verdicts)
        add_expected(rows, columns, verdicts, tables, expected)
    add_found(book(program, [fixtures / name for name, _, _ in bills]), found)
    judge(expected, found, 1e-6, f'{row_count} rows of {len(bills)} bills, {use_count} of them use')


if __name__ == '__main__':
    main()
