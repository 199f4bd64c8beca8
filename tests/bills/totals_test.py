#!/usr/bin/env python3
"""Totals of a bill of random rows against the sqlite3 shell; twice the rows are twice every sum; neither the order of
rows nor packing nor the number of files changes anything.

usage: totals_test.py JOULEBOOK
"""
import csv
import gzip
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

HEADING = ['BillingAccountId', 'BillingCurrency', 'BillingPeriodStart', 'ChargePeriodStart', 'ChargePeriodEnd',
           'ChargeCategory', 'CommitmentDiscountStatus', 'ConsumedQuantity', 'ConsumedUnit', 'BilledCost', 'ProviderName',
           'RegionId', 'ServiceName', 'SkuMeter', 'SubAccountId', 'Tags']
USES = [('Amazon Elastic Compute Cloud', 'BoxUsage:m5.xlarge', 'Hours'), ('Amazon Simple Storage Service', 'TimedStorage-ByteHrs', 'GB-Mo'),
        ('Amazon Elastic Compute Cloud', 'BoxUsage:zz9.large', 'Hours'), ('AWS Lambda', 'Lambda-GB-Second', 'Lambda-GB-Second'),
        ('AWS Data Transfer', 'DataTransfer-Out-Bytes', 'GB')]


def make_rows(count):
    random.seed(20260701)
    rows = []
    for _ in range(count):
        service, meter, unit = random.choice(USES)
        day, hour = random.randint(1, 28), random.randint(0, 22)
        category = random.choices(['Usage', 'Tax', 'Credit', 'Purchase'], [90, 3, 4, 3])[0]
        cost = round(random.uniform(0, 3) * (-1 if category == 'Credit' else 1), 6)
        tags = random.choice(['', '{"team": "a, ""b"""}'.replace('""', '\\"'), '{"team": "c",\n"x": "y"}'])
        rows.append(['payer', random.choice(['USD', 'EUR']), '2026-07-01T00:00:00Z', f'2026-07-{day:02}T{hour:02}:00:00Z',
                     f'2026-07-{day:02}T{hour + 1:02}:00:00Z', category, '', f'{random.uniform(0, 9):.4f}', unit, f'{cost:.6f}', 'AWS',
                     random.choice(['eu-west-1', 'us-east-1', '']), service, meter, random.choice('12345'), tags])
    return rows


def write(path, rows, ends='\n'):
    with path.open('w', newline='', encoding='utf-8') as file:
        out = csv.writer(file, lineterminator=ends)
        out.writerow(HEADING)
        out.writerows(rows)
    return path


def run(program, *arguments, status=0):
    ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode != status:
        sys.exit(f'joulebook {" ".join(map(str, arguments))}: status {ended.returncode}: {ended.stderr}')
    return ended.stdout


def flows_of(program, book):
    """Every flow but its batch, in order."""
    return [row[:9] for row in csv.reader(run(program, '--book', book, 'export').splitlines())]


def check(name, is_good):
    print(f'{"ok" if is_good else "FAILED"}: {name}')
    if not is_good:
        sys.exit(1)


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix='joulebook-bills-') as name:
        folder = pathlib.Path(name)
        rows = make_rows(3000)
        whole = write(folder / 'whole.csv', rows)
        summary = json.loads(run(program, '--book', folder / 'a.db', 'import', '--label', 'team', whole, '--json'))
        costs = {cost['currency']: cost for cost in summary['costs']}
        flows = flows_of(program, folder / 'a.db')

        shuffled = rows[:]
        random.shuffle(shuffled)
        parts = [write(folder / 'one.csv', shuffled[:1100], '\r\n'), write(folder / 'two.csv', shuffled[1100:])]
        packed = folder / 'two.csv.gz'
        packed.write_bytes(gzip.compress(parts[1].read_bytes()))
        run(program, '--book', folder / 'b.db', 'import', '--label', 'team', parts[0], packed)
        others = flows_of(program, folder / 'b.db')
        check('other order, two files, gzip: the same flows', flows == others)

        twice = write(folder / 'twice.csv', rows + rows)
        doubled = json.loads(run(program, '--book', folder / 'c.db', 'import', '--label', 'team', twice, '--json'))
        both = flows_of(program, folder / 'c.db')
        check('twice the rows: twice every amount',
              len(both) == len(flows) and all(a[:5] == b[:5] and abs(2 * int(a[5]) - int(b[5])) <= 1
                                              for a, b in zip(flows[1:], both[1:])))
        check('twice the cost', all(int(cost['cost']) == 2 * int(costs[cost['currency']]['cost'])
                                    for cost in doubled['costs']))

        shell = shutil.which('sqlite3')
        if not shell:
            print('SKIP: there is no sqlite3 shell')
            sys.exit(77)
        script = f""".mode csv
.import {whole} bill
SELECT BillingCurrency, sum(CAST(round(BilledCost * 1e6) AS INTEGER)),
  sum(CASE WHEN ChargeCategory = 'Usage' THEN CAST(round(BilledCost * 1e6) AS INTEGER) END),
  sum(CASE WHEN ChargeCategory = 'Usage' AND SkuMeter <> 'BoxUsage:zz9.large'
      THEN CAST(round(BilledCost * 1e6) AS INTEGER) END), count(*)
FROM bill GROUP BY BillingCurrency ORDER BY 1;
"""
        answer = subprocess.run([shell, ':memory:'], input=script, capture_output=True, text=True, check=True).stdout
        for currency, total, used, estimated, _ in csv.reader(answer.splitlines()):
            ours = costs.pop(currency)
            check(f'sqlite3: {currency} {total}',
                  (ours['cost'], ours['used_cost'], ours['estimated_cost']) == (total, used, estimated))
        check('no other currency', not costs)
        answer = subprocess.run([shell, ':memory:'], input=script.split('SELECT')[0] + """SELECT
  sum(CAST(round(ConsumedQuantity * 1e4) AS INTEGER)) FROM bill
  WHERE ChargeCategory = 'Usage' AND SkuMeter = 'BoxUsage:m5.xlarge';""", capture_output=True, text=True, check=True).stdout
        # 4 Skylake vCPUs at half load, 12 GiB beyond what they include, PUE 1.135
        watt = (4 * (0.6235 + 0.5 * (4.0552 - 0.6235)) + 12 * 1.073741824 * 0.392) * 1.135
        expected = int(answer) / 1e4 * watt * 3.6e9
        ours = sum(int(f[5]) for f in flows[1:] if f[4] == 'energy' and '/compute' in f[3])
        check('sqlite3: energy of machines from the sum of hours', abs(ours - expected) < 1e-9 * expected + 1000)


if __name__ == '__main__':
    main()
