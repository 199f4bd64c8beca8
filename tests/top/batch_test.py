#!/usr/bin/env python3
"""Plain tables of `top`: text, JSON and CSV, and that what they show sums to the host.

usage: batch_test.py JOULEBOOK docs/SPEC-output.md
"""
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])
failures = []


def check(condition, what):
    print(('ok' if condition else 'not ok'), '-', what, flush=True)
    if not condition:
        failures.append(what)


def documented(form):
    with open(sys.argv[2], encoding='utf-8') as file:
        section = file.read().split(f'## `top --{form}`')[1].split('\n## ')[0]
    return set(re.findall(r'^\| `([^`]+)`', section, re.M))


def fields(table):
    found = set(table) - {'rows', 'parts'}
    for name in ('rows', 'parts'):
        found |= {f'{name}[].{key}' for item in table[name] for key in item}
    return found


def top(*options):
    return subprocess.run([PROGRAM, 'top', '--interval', '100ms', *options], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=120)


def near(a, b):
    return abs(a - b) <= 1e-6 * max(1, abs(b))


def test_json(replay):
    for kind in ('process', 'cgroup', 'container'):
        for more in ((), ('--tree',)):
            done = top('--replay', replay, '--by', kind, '--batch', '3', '--json', *more)
            tables = [json.loads(line) for line in done.stdout.splitlines()]
            check(done.returncode == 0 and len(tables) == 3, f'three tables by {kind} {more}')
            for table in tables:
                power = sum(row['power_w'] for row in table['rows'])
                energy = sum(row['energy_j'] for row in table['rows'])
                check(near(power, table['power_w']) and near(energy, table['energy_j']),
                      f'rows by {kind} {more} sum to the host: {power} W')
            check(near(tables[-1]['power_w'], sum(part['power_w'] for part in tables[-1]['parts'])), 'so do the parts')
            check(fields(tables[0]) == documented('json'), 'JSON fields are those documented')
            check(tables[0]['by'] == kind and tables[0]['method'] == 'measured', 'by and method')
    done = top('--replay', replay, '--once', '--json', '--limit', '2')
    check(len(json.loads(done.stdout)['rows']) == 2, '--limit')


def test_text(replay):
    done = top('--replay', replay)
    lines = done.stdout.decode().splitlines()
    check(done.returncode == 0 and lines[0].startswith('joulebook top - '), 'no terminal: one plain table')
    check(any(line.split()[:2] == ['PID', 'W'] for line in lines), 'heading')
    done = top('--replay', replay, '--once', '--csv')
    records = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    check(set(records[0]) == documented('csv'), 'CSV fields are those documented')
    check(records and all(record['power_w'] and record['name'] for record in records), 'CSV')


def test_unknown(folder):
    empty = os.path.join(folder, 'gone.replay')
    with open(empty, 'w', encoding='utf-8') as file:
        file.write('joulebook-replay 1\norigin open\ndomain package-0 kind=package\ntime,domain,value\n0,package-0,denied\n')
    table = json.loads(top('--replay', empty, '--once', '--json').stdout)
    if table['power_w'] is not None:
        print(f"SKIP: another source stands in for one that may not be read: {table['sources']}")
        return
    check(table['energy_j'] is None and all(row['power_w'] is None for row in table['rows']), 'unknown is not 0')


def test_usage():
    for words in (('--by', 'x'), ('--sort', 'x'), ('--batch', '0'), ('--batch', 'x'), ('--json', '--csv', '--once'),
                  ('--interval', '0'), ('--idle', 'x'), ('operand',), ('--nonsense',), ('--filter', 'x' * 200)):
        check(top(*words).returncode == 2, f'wrong usage: {words[0]}')
    check(top('--help').stdout.startswith(b'usage: joulebook top'), 'help')
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([PROGRAM, 'top', '--once', '--interval', '50ms'], stdout=full, stderr=subprocess.PIPE,
                              check=False, timeout=120)
        check(done.returncode == 4 and done.stderr, 'no room for the output: status 4')


def main():
    with tempfile.TemporaryDirectory(prefix='joulebook-top-test-') as folder:
        replay = os.path.join(folder, 'constant.replay')
        with open(replay, 'w', encoding='utf-8') as file:
            file.write('joulebook-replay 1\norigin open\n'
                       'domain node kind=node rate_uw=80000000 uncertainty_ppm=10000\n'
                       'domain package-0 kind=package parent=node rate_uw=50000000 idle_uw=20000000 '
                       'uncertainty_ppm=10000\n')
        test_json(replay)
        test_text(replay)
        test_unknown(folder)
        test_usage()
    for what in failures:
        print('FAILED:', what)
    return 1 if failures else 0


sys.exit(main())
