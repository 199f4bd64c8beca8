#!/usr/bin/env python3
"""2,000 children of 5 ms in a cgroup of their own, metered by BPF and by clock at once: by BPF at least 99 % of the
cgroup's energy stands on process rows; by clock the rest stands on its `exited` row; both books balance.

usage: short_lived_test.py JOULEBOOK
"""
import csv
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

CHILDREN = 2000
LIFE_S = 0.005
REPLAY = 'joulebook-replay 1\ndomain package-0 kind=package rate_uw=50000000\n'


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


def make_cgroups(name):
    """A cgroup in each hierarchy that tells CPU time; those that could be made."""
    made = []
    for root in ('/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/cpuacct', '/sys/fs/cgroup/cpu,cpuacct'):
        if not (pathlib.Path(root) / 'cgroup.procs').exists():
            continue
        folder = pathlib.Path(root) / name
        try:
            folder.mkdir()
            made.append(folder)
        except FileExistsError:
            pass
        except OSError:
            continue
    return made


def start_meter(joulebook, folder, load):
    command = [joulebook, '--book', f'{folder}/{load}.db', 'meter', '--replay', f'{folder}/replay', '--interval', '500ms',
               '--book-every', '2s', '--process-load', load, '--quiet']
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def burn():
    """One child after the other, each using 5 ms of CPU."""
    for _ in range(CHILDREN):
        pid = os.fork()
        if pid == 0:
            while time.process_time() < LIFE_S:
                pass
            os._exit(0)
        os.waitpid(pid, 0)


def burn_in(cgroups):
    pid = os.fork()
    if pid == 0:
        for folder in cgroups:
            (folder / 'cgroup.procs').write_text(str(os.getpid()))
        burn()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        raise SystemExit('the children could not be started')


def energy_by_leaf(joulebook, book, name):
    """Energy (µJ) that the cgroup gave to processes, to `exited` and to `unattributed`."""
    text = subprocess.run([joulebook, '--book', book, 'export'], check=True, stdout=subprocess.PIPE).stdout.decode()
    sums = {'process': 0, 'exited': 0, 'unattributed': 0}
    for row in csv.DictReader(io.StringIO(text)):
        if row['from'].endswith('/cgroup/' + name):
            leaf = row['to'].split('/cgroup/' + name + '/')[1].split('/')[0]
            sums[leaf] += int(row['amount'])
    return sums


def check(condition, what):
    print(('ok' if condition else 'not ok') + ' - ' + what, flush=True)
    return condition


def main():
    joulebook = sys.argv[1]
    name = f'joulebook-test-{os.getpid()}'
    cgroups = make_cgroups(name)
    if not cgroups:
        skip('no cgroup can be made here (not root, or a read-only hierarchy)')
    good = True
    try:
        with tempfile.TemporaryDirectory(prefix='joulebook-short-') as folder:
            (pathlib.Path(folder) / 'replay').write_text(REPLAY)
            meters = {load: start_meter(joulebook, folder, load) for load in ('process_bpf', 'process_clock')}
            time.sleep(2)
            if meters['process_bpf'].poll() is not None:
                reason = meters['process_bpf'].stderr.read().decode().strip()
                meters['process_clock'].send_signal(signal.SIGTERM)
                meters['process_clock'].wait()
                skip(f'no BPF here: {reason}')
            burn_in(cgroups)
            time.sleep(6)  # exit records and the patience for them
            for load, meter in meters.items():
                meter.send_signal(signal.SIGTERM)
                status = meter.wait()
                good &= check(status == 0, f'{load}: the meter ended well (status {status})')
                book = f'{folder}/{load}.db'
                balance = subprocess.run([joulebook, '--book', book, 'balance'], check=False, stdout=subprocess.PIPE)
                good &= check(balance.returncode == 0, f'{load}: the book balances')
                sums = energy_by_leaf(joulebook, book, name)
                total = sum(sums.values())
                good &= check(total > 0, f'{load}: the cgroup has energy: {sums}')
                shown = sums['process'] / total if total else 0
                if load == 'process_bpf':
                    good &= check(shown >= 0.99, f'{load}: {shown:.2%} of it on process rows')
                else:
                    good &= check(sums['exited'] / max(total, 1) >= 0.5,
                                  f'{load}: {shown:.2%} on process rows, the rest on exited')
    finally:
        for folder in cgroups:
            folder.rmdir()
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
