#!/usr/bin/env python3
"""The verb `run` from outside: statuses, signals, terminal, detached children, figures by arithmetic.

usage: run_test.py JOULEBOOK docs/SPEC-output.md
"""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix='joulebook-run-test-')
os.chmod(WORK, 0o755)
REPLAY = os.path.join(WORK, 'constant.replay')
POWER_W = 50
BURN = 'import time\nwhile time.process_time() < {}: pass\n'
failures = []


def check(condition, what):
    print(('ok' if condition else 'not ok'), '-', what, flush=True)
    if not condition:
        failures.append(what)


def documented():
    """The first components of the fields that the section `run --json` lists."""
    with open(sys.argv[2], encoding='utf-8') as file:
        section = file.read().split('## `run --json`')[1].split('\n## ')[0]
    return {re.split(r'[.\[]', field)[0] for field in re.findall(r'^\| `([^`]+)`', section, re.M)}


def run(*words, options=(), **settings):
    settings.setdefault('stdin', subprocess.DEVNULL)
    settings.setdefault('timeout', 120)
    return subprocess.run([PROGRAM, 'run', *options, '--', *words], capture_output=True, check=False, **settings)


def report(*words, options=(), before=(), **settings):
    """Runs with --json into a file, so that what the command writes cannot get between."""
    path = os.path.join(WORK, 'report.json')
    if os.path.exists(path):
        os.unlink(path)
    settings.setdefault('timeout', 120)
    done = subprocess.run([*before, PROGRAM, 'run', '--json', '--output', path, '--replay', REPLAY, *options, '--',
                           *words], stdin=subprocess.DEVNULL, check=False, **settings)
    with open(path, encoding='utf-8') as file:
        return done, json.load(file)


def test_status():
    for wanted in (0, 1, 42, 255):
        check(run('sh', '-c', f'exit {wanted}').returncode == wanted, f'status {wanted} is passed through')
    done = run('/nonexistent/command')
    check(done.returncode == 127 and b'no such command' in done.stderr, 'no such command: 127')
    check(run('/').returncode == 126, 'not executable: 126')
    check(run('sh', '-c', 'kill -KILL $$').returncode == -signal.SIGKILL, 'dies of the same signal as the command')
    check(subprocess.run([PROGRAM, 'run'], capture_output=True, check=False).returncode == 2, 'no command: usage')
    done = subprocess.run([PROGRAM, 'run', '--nonsense', '--', 'true'], capture_output=True, check=False)
    check(done.returncode == 2, 'unknown option: usage')
    done = run('true', options=('--output', '/nonexistent/report'))
    check(done.returncode == 4, 'report that cannot be written: 4, before anything runs')
    check(run('true', options=('--interval', '1us')).returncode == 2, 'interval too short: usage')
    check(run('sh', '-c', 'echo "$1"', 'sh', '--json').stdout == b'--json\n', 'options of the command are its own')


def test_streams():
    data = bytes(range(256)) * 1000
    done = run('cat', input=data, stdin=None)
    check(done.stdout == data and done.returncode == 0, 'standard input and output pass untouched')
    check(b'energy' in done.stderr and b'processes' in done.stderr, 'the report is on standard error')
    check(run('sh', '-c', 'kill -PIPE $$; exit 3').returncode == -signal.SIGPIPE, 'SIGPIPE has its default')
    masks = run('grep', '-E', '^Sig(Blk|Ign):', '/proc/self/status').stdout.split()
    check(int(masks[1], 16) == 0, 'no signal is blocked in the command')


def test_signals():
    script = 'trap "exit 7" TERM HUP USR1; echo ready; while :; do sleep 0.05; done'
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        with subprocess.Popen([PROGRAM, 'run', '--', 'sh', '-c', script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            child.stdout.readline()
            child.send_signal(number)
            check(child.wait(60) == 7, f'{number.name} reaches the command')
    with subprocess.Popen([PROGRAM, 'run', '--', 'sh', '-c', 'echo ready; exec sleep 100'],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        text = child.stderr.read()
        check(child.wait(60) == -signal.SIGTERM and b'energy' in text, 'terminated: reported, and died of it')


def on_terminal(keys):
    """The program as the foreground job of a small shell on a terminal; keys are (wait for, send). Returns what the
    shell saw of it: 'stopped', 'exit N' or 'signal N'."""
    out, into = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execv(PROGRAM, [PROGRAM, 'run', '--', 'sh', '-c', 'echo ready; exec sleep 100'])
        while True:
            _, status = os.waitpid(job, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                os.write(into, b'stopped ')
                os.tcsetpgrp(0, job)
                os.killpg(job, signal.SIGCONT)
                print('continued', flush=True)
                continue
            what = f'signal {os.WTERMSIG(status)}' if os.WIFSIGNALED(status) else f'exit {os.WEXITSTATUS(status)}'
            os.write(into, what.encode())
            os._exit(0)
    os.close(into)
    seen = b''
    for awaited, key in [*keys, (None, None)]:
        while awaited is None or awaited not in seen:
            try:
                more = os.read(terminal, 4096)
            except OSError:
                more = b''
            if not more:
                break
            seen += more
        if key:
            os.write(terminal, key)
    os.waitpid(pid, 0)
    os.close(terminal)
    with os.fdopen(out, 'rb') as file:
        return file.read().decode(), seen


def test_terminal():
    what, seen = on_terminal([(b'ready', b'\x03')])
    check(what == f'signal {signal.SIGINT.value}' and b'energy' in seen, 'Ctrl-C ends the command, then the report')
    what, _ = on_terminal([(b'ready', b'\x1a'), (b'continued', b'\x03')])
    check(what == f'stopped signal {signal.SIGINT.value}', 'Ctrl-Z stops both, fg goes on')


def test_json():
    done, found = report('sh', '-c', 'exit 3')
    check(done.returncode == 3, 'status of the command with --json')
    check(set(found) == documented(), f'JSON fields are those documented: {sorted(set(found) ^ documented())}')
    check(found['exit_status'] == 3 and found['signal'] is None, 'JSON: exit status')
    check(found['command'] == ['sh', '-c', 'exit 3'], 'JSON: command')
    _, found = report('sh', '-c', 'kill -TERM $$')
    check(found['exit_status'] is None and found['signal'] == 15, 'JSON: signal')


def nanoseconds(time):
    whole, _, fraction = time.rstrip('Z').partition('.')
    hours, minutes, seconds = (int(part) for part in whole[11:].split(':'))
    return (hours * 3600 + minutes * 60 + seconds) * 10**9 + int((fraction + '000000000')[:9])


def test_arithmetic():
    """50 W all the time, 20 of them idle: what the host took is 50 W × time; a command gets no more than the rest."""
    for options in ((), ('--no-cgroup',), ('--no-cgroup', '--process-load', 'process_clock')):
        name = ' '.join(options) or 'cgroup where permitted'
        _, found = report(sys.executable, '-c', BURN.format(0.5), options=options)
        energy, host = int(found['energy_uj']), int(found['host_energy_uj'])
        length = (nanoseconds(found['end']) - nanoseconds(found['start'])) % (86400 * 10**9)
        # Meters are read a moment before the time is taken: 0.2 s of a loaded machine at most.
        check(abs(host - POWER_W * length / 1000) < POWER_W * 200000, f'host: {POWER_W} W × time ({name})')
        idle = sum(int(domain['host_idle_uj']) for domain in found['domains'])
        check(0 < energy <= host - idle, f'0 < {energy} µJ ≤ {host - idle} µJ ({name})')
        check(int(found['cpu_ns']) >= 500 * 10**6, f'CPU time of the command ({name})')
        check(int(found['energy_low_uj']) <= energy <= int(found['energy_high_uj']), f'interval ({name})')
        check(found['method'] == 'apportioned' and found['unknown'] is None, f'method ({name})')
        check(abs(found['energy_wh'] * 3.6e9 - energy) < 1, f'Wh ({name})')
        check(abs(found['share_of_host_energy'] - energy / host) < 1e-9, f'share ({name})')
    _, found = report('true')
    check(0 < int(found['energy_uj']) <= int(found['host_energy_uj']), 'a command of a few ms has its share')


def test_unknown():
    path = os.path.join(WORK, 'denied.replay')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('joulebook-replay 1\norigin open\ndomain node kind=node rate_uw=50000000\n')
    _, found = report('true', options=('--replay', path))
    check(found['energy_uj'] is None and found['unknown'], f"a meter of the whole alone: {found['unknown']}")
    check(found['host_energy_uj'] is not None, 'the host is known then')
    done = run('true', options=('--replay', '/nonexistent/replay'))
    check(done.returncode == 0, 'without meters the command runs all the same')


def test_detached():
    burner = os.path.join(WORK, 'burner.py')
    done_file = os.path.join(WORK, 'burner.done')
    with open(burner, 'w', encoding='utf-8') as file:
        file.write('import os, sys\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n' +
                   BURN.format(0.3) + f'open({done_file!r}, "w").close()\n')
    wait = f'python3 {burner}; while [ ! -e {done_file} ]; do sleep 0.02; done'
    for options in ((), ('--no-cgroup',)):
        for words in (('sh', '-c', wait.replace('python3', sys.executable)),
                      (sys.executable, burner)):
            if os.path.exists(done_file):
                os.unlink(done_file)
            more = ('--wait-all',) if words[0] != 'sh' else ()
            _, found = report(*words, options=(*options, *more))
            name = ' '.join((*options, *more)) or 'cgroup where permitted'
            check(int(found['cpu_ns']) >= 300 * 10**6, f'a double-forked child is counted ({name})')
            check(os.path.exists(done_file), f'the run lasted until it had ended ({name})')


def test_left_running():
    for options in ((), ('--no-cgroup',)):
        path = os.path.join(WORK, 'pid')
        # What stays must not hold this test's pipes.
        _, found = report('sh', '-c', f'sleep 100 >/dev/null 2>&1 & echo $! >{path}; sleep 0.3', options=options)
        with open(path, encoding='utf-8') as file:
            pid = int(file.read())
        check(found['left_running'] == 1 and found['left_pids'] == [pid], f'what stays is named {options}')
        os.kill(pid, signal.SIGKILL)


def test_short_children():
    count, truth = 1000, os.path.join(WORK, 'truth')
    _, found = report('sh', '-c', f'i=0; while [ $i -lt {count} ]; do (:); i=$((i+1)); done; times >{truth}')
    with open(truth, encoding='utf-8') as file:  # "0m0.01s 0m0.02s", of the shell and of its children
        times = [word.rstrip('s').split('m') for word in file.read().split()]
    wanted_ns = sum(int(minutes) * 60 + float(seconds) for minutes, seconds in times) * 1e9
    check(int(found['cpu_ns']) >= 0.99 * wanted_ns - 4e7,  # four figures of 10 ms
          f"{count} short children: {found['cpu_ns']} of {wanted_ns:.0f} ns")
    if found['counted_by'] == 'cgroup' and found['process_load'] == 'process_bpf':
        check(0.98 * count <= found['processes'] <= count + 1, f"{found['processes']} processes seen")
    else:
        print(f"SKIP: processes are counted by {found['counted_by']} and {found['process_load']} here")


def test_not_root():
    if os.geteuid() != 0:
        print('SKIP: as another user: this is not root, all the other tests were')
        return
    user = ('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups')
    probe = subprocess.run([*user, PROGRAM, '--version'], capture_output=True, check=False)
    if probe.returncode:
        print('SKIP: as another user: the program lies where only root may read, or there is no setpriv')
        return
    path = os.path.join(WORK, 'report.json')
    with open(path, 'w', encoding='utf-8'):
        os.chmod(path, 0o666)
    done = subprocess.run([*user, PROGRAM, 'run', '--json', '--output', path, '--replay', REPLAY, '--',
                           'sh', '-c', 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'], capture_output=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=120)
    with open(path, encoding='utf-8') as file:
        found = json.load(file)
    check(done.returncode == 0 and int(found['energy_uj']) > 0, f"not root: counted by {found['counted_by']}")
    check(int(found['cpu_ns']) > 10 * 10**6, 'not root: CPU time')
    check(found['counted_by'] == 'cgroup' or found['why_no_cgroup'], 'not root: says why there is no group')


def test_book():
    book = os.path.join(WORK, 'book.db')

    def joulebook(*words):
        return subprocess.run([PROGRAM, '--book', book, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=120)

    booked = joulebook('run', '--json', '--replay', REPLAY, '--', sys.executable, '-c', BURN.format(0.2))
    found = json.loads(booked.stderr.splitlines()[-1])
    check(found['booking']['booked'] is True, f"booked: {found['booking']['why_not']}")
    check(joulebook('balance').returncode == 0, 'the book balances')
    flows = joulebook('export', '--format', 'jsonl').stdout.splitlines()
    account = found['booking']['account']
    amounts = [int(json.loads(line)['amount']) for line in flows if json.loads(line).get('to') == account]
    check(sum(amounts) == int(found['energy_uj']), 'exactly the energy of the command is booked')
    inner = joulebook('run', '--replay', REPLAY, '--', PROGRAM, '--book', book, 'run', '--replay', REPLAY, '--', 'true')
    check('the run around it books it' in inner.stderr, 'a run in a run is not booked twice')
    meter = subprocess.Popen([PROGRAM, '--book', book, 'meter', '--replay', REPLAY, '--quiet', '--interval', '50ms',
                              '--book-every', '100ms'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while meter.poll() is None and '"batch":"meter ' not in joulebook('export', '--format', 'jsonl').stdout:
            time.sleep(0.05)
        beside = joulebook('run', '--replay', REPLAY, '--', 'true')
        check('the meter on this book books it' in beside.stderr, 'beside a meter it is not booked twice')
    finally:
        meter.terminate()
        meter.wait(60)
    after = joulebook('run', '--replay', REPLAY, '--', 'true')
    check('a meter uses this book' in after.stderr, 'where a meter will book the time, it is not booked')
    check(joulebook('balance').returncode == 0, 'the book still balances')


def main():
    with open(REPLAY, 'w', encoding='utf-8') as file:
        file.write('joulebook-replay 1\norigin open\n'
                   f'domain package-0 kind=package rate_uw={POWER_W}000000 idle_uw=20000000 uncertainty_ppm=10000\n')
    try:
        for test in (test_status, test_streams, test_signals, test_terminal, test_json, test_arithmetic, test_unknown,
                     test_detached, test_left_running, test_short_children, test_not_root, test_book):
            print('#', test.__name__, flush=True)
            test()
    finally:
        shutil.rmtree(WORK)
    for what in failures:
        print('FAILED:', what)
    return 1 if failures else 0


sys.exit(main())
