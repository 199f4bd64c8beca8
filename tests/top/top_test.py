#!/usr/bin/env python3
"""The screen of `top` inside tmux: what it shows, keys, sizes, and the terminal as it was before.

usage: top_test.py JOULEBOOK
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
PATIENCE_S = 60  # for a busy machine; what is awaited comes much sooner
failures = []


def check(condition, what, screen=()):
    print(('ok' if condition else 'not ok'), '-', what, flush=True)
    if not condition:
        failures.append(what)
        print('\n'.join(f'# |{line}' for line in screen), flush=True)


class Terminal:
    """One tmux server of this test alone."""
    count = 0

    def __init__(self, folder, command, columns=80, lines=24, environment=()):
        Terminal.count += 1
        self.socket = os.path.join(folder, f'tmux-{Terminal.count}')
        self.tmux('new-session', '-d', '-x', str(columns), '-y', str(lines), 'env', *environment, 'sh', '-c',
                  f'stty -a >{folder}/before; {command}; echo "status $?"; stty -a >{folder}/after; cat')

    def tmux(self, *words):
        return subprocess.run(['tmux', '-S', self.socket, '-f', '/dev/null', '-u', *words], check=True,
                              capture_output=True, text=True, timeout=60).stdout

    def screen(self):
        return self.tmux('capture-pane', '-p').splitlines()

    def keys(self, *keys):
        self.tmux('send-keys', *keys)

    def type(self, text):
        self.tmux('send-keys', '-l', text)

    def resize(self, columns, lines):
        self.tmux('resize-window', '-x', str(columns), '-y', str(lines))

    def until(self, condition, what):
        """Waits for the screen to fulfil the condition; returns it."""
        end, screen = time.monotonic() + PATIENCE_S, []
        while time.monotonic() < end:
            screen = self.screen()
            if condition(screen):
                check(True, what)
                return screen
            time.sleep(0.05)
        check(False, what, screen)
        return screen

    def close(self):
        subprocess.run(['tmux', '-S', self.socket, 'kill-server'], check=False, capture_output=True)


def text(screen):
    return '\n'.join(screen)


def rows(screen):
    """The lines below the heading, without the last line of the screen."""
    for number, line in enumerate(screen):
        words = line.split()
        if 'W' in words and ('PID' in words or 'PROCS' in words):
            return [row for row in screen[number + 1:-1] if row.strip()]
    return []


def pids(screen):
    """Of rows that have one; others begin with blanks."""
    return [int(row[:7]) for row in rows(screen) if row[:7].strip().isdigit()]


def test_session(folder, replay, name):
    terminal = Terminal(folder, f'{PROGRAM} top --interval 200ms --replay {replay}')
    try:
        screen = terminal.until(lambda s: 'Power 50.00 W' in text(s) and rows(s), 'header and rows')
        check('joulebook top - ' in screen[0] and 'processes (' in screen[0], 'title', screen)
        check('measured (replay)' in screen[1] and ' J in ' in screen[1], 'how it was measured', screen)
        check('cpu0 50.00 W' in screen[2] and 'idle 20.00 W' in screen[2], 'the parts', screen)
        check('CPU [' in screen[3] and '%' in screen[3], 'CPU bar', screen)
        check('F1Help' in screen[-1] and 'F10Quit' in screen[-1], 'keys at the bottom', screen)
        check(any(row.endswith(' idle') for row in rows(screen)), 'a row for what is idle', screen)
        terminal.keys('N')
        screen = terminal.until(lambda s: len(pids(s)) > 5 and pids(s) == sorted(pids(s)), 'N: by PID')
        terminal.keys('I')
        terminal.until(lambda s: len(pids(s)) > 1 and pids(s) == sorted(pids(s), reverse=True), 'I: the other way')
        terminal.keys('F6')
        screen = terminal.until(lambda s: 'Sort by' in text(s), 'F6: menu')
        terminal.keys('Up', 'Up', 'Up', 'Up', 'Enter')
        terminal.until(lambda s: 'Sort by' not in text(s) and any('idle' in row for row in rows(s)[:2]),
                       'menu: by power again')
        terminal.keys('F4')
        terminal.type(name)
        screen = terminal.until(lambda s: len(rows(s)) == 1 and name in rows(s)[0], 'filter')
        pid = pids(screen)[0]
        terminal.keys('Enter')
        terminal.until(lambda s: f"Filter '{name}': 1 of " in s[-1], 'the filter is told')
        terminal.keys('Enter')
        terminal.until(lambda s: f'PID {pid}' in text(s), 'Enter: all about the row')
        terminal.keys('Escape')
        terminal.until(lambda s: 'Power 50' in text(s), 'Escape: back to the table')
        terminal.keys('F4', 'Escape')
        terminal.until(lambda s: len(rows(s)) > 3, 'filter cleared')
        terminal.keys('/')
        terminal.type('no such process anywhere')
        terminal.until(lambda s: 'not found' in s[-1], 'what is not there is told')
        terminal.keys('C-u')
        terminal.type(name)
        terminal.until(lambda s: s[-1].startswith(f'Search: {name}') and any(name in row for row in rows(s)), 'search')
        terminal.keys('Enter', 'H', 'K')
        terminal.until(lambda s: not any(row.endswith(' idle') for row in rows(s)), 'H: host rows hidden')
        terminal.keys('H', 't')
        terminal.until(lambda s: '─ ' in text(s), 't: tree')
        terminal.keys('t', 'F2')
        terminal.until(lambda s: 'PROCS' in text(s) and 'CGROUP' in text(s), 'F2: by cgroup')
        terminal.keys('F2')
        terminal.until(lambda s: 'CONTAINER' in text(s), 'F2: by container')
        terminal.keys('F2')
        terminal.until(lambda s: 'COMMAND' in text(s), 'F2: by process')
        terminal.keys('Z')
        screen = terminal.until(lambda s: 'PAUSED' in s[0], 'Z: paused')
        clock = screen[0].split('  ')[1]
        time.sleep(1.2)
        check(terminal.screen()[0].split('  ')[1] == clock, 'nothing moves while paused', terminal.screen())
        terminal.keys('Z')
        terminal.until(lambda s: 'PAUSED' not in s[0] and s[0].split('  ')[1] != clock, 'Z: goes on')
        terminal.keys('F1')
        terminal.until(lambda s: 'Any key leaves this page' in text(s), 'F1: help')
        terminal.keys('q')
        terminal.until(lambda s: 'Power 50' in text(s), 'q leaves help')
        for columns, lines in ((40, 10), (10, 3), (120, 40)):
            terminal.resize(columns, lines)
            if columns >= 40:
                screen = terminal.until(lambda s, n=lines: len(s) == n and 'Power' in s[1] and len(rows(s)) > 2,
                                        f'at {columns}x{lines}')
        check('GROUP' in text(screen), 'a wide screen has the groups', screen)
        terminal.keys('End', 'PPage', 'NPage', 'Down', 'Up', 'Right', 'Left', 'Home', 'R', 'i', 'i', 'C-l', 'q')
        terminal.until(lambda s: 'status 0' in text(s), 'q: ends with status 0')
        check('Power' not in text(terminal.screen()), 'the screen is given back', terminal.screen())
        with open(f'{folder}/before', encoding='utf-8') as before, open(f'{folder}/after', encoding='utf-8') as after:
            # Sizes differ: it was resized.
            same = [line.split(';', 3)[3] if 'rows' in line else line for line in before]
            check(same == [line.split(';', 3)[3] if 'rows' in line else line for line in after],
                  'the terminal is as it was')
    finally:
        terminal.close()


def test_selection_follows(folder, replay, name):
    terminal = Terminal(folder, f'{PROGRAM} top --interval 100ms --replay {replay} --sort pid')
    try:
        terminal.until(lambda s: len(rows(s)) > 3, 'rows')
        terminal.keys('/')
        terminal.type(name)
        terminal.until(lambda s: any(name in row for row in rows(s)), 'found')
        terminal.keys('Enter', 'I')
        terminal.until(lambda s: len(pids(s)) > 1 and pids(s) == sorted(pids(s), reverse=True), 'turned round')
        terminal.keys('Enter')
        terminal.until(lambda s: name in s[0], 'the same row is selected after the order was turned round')
    finally:
        terminal.close()


def test_poor_terminals(folder, replay):
    cases = (('TERM=vt100',), ('NO_COLOR=1',), ('LC_ALL=C',), ('LC_ALL=C.UTF-8',))
    for environment in cases:
        terminal = Terminal(folder, f'{PROGRAM} top --tree --replay {replay}', 60, 15, environment)
        try:
            terminal.until(lambda s: len(rows(s)) > 2, f'{environment[0]}: rows')
            terminal.keys('q')
            terminal.until(lambda s: 'status 0' in text(s), f'{environment[0]}: quits')
        finally:
            terminal.close()
    # (The screen's library keeps some memory when it does not know a terminal.)
    for kind in ('TERM=no-such-terminal', 'TERM=dumb'):
        terminal = Terminal(folder, f'{PROGRAM} top', environment=(kind, 'ASAN_OPTIONS=detect_leaks=0'))
        try:
            terminal.until(lambda s: 'status 4' in text(s) and 'no screen can be drawn' in text(s), f'{kind}: told')
        finally:
            terminal.close()
    for signal in ('TERM', 'INT', 'HUP'):
        terminal = Terminal(folder, f'sh -c \'echo $$ >{folder}/pid; exec {PROGRAM} top --replay {replay}\'')
        try:
            terminal.until(lambda s: len(rows(s)) > 2, f'SIG{signal}: rows')
            with open(f'{folder}/pid', encoding='utf-8') as file:
                subprocess.run(['kill', f'-{signal}', file.read().strip()], check=True)
            terminal.until(lambda s: 'status 0' in text(s) and 'Power' not in text(s), f'SIG{signal}: screen given back')
        finally:
            terminal.close()


def hostile_process(folder):
    """A process whose name and command line would drive a terminal, were they let."""
    script = os.path.join(folder, 'e\x1b[2J\x07\xff\u202e\u4e2d')
    with open(script, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\nread forever\n')
    os.chmod(script, 0o755)
    return subprocess.Popen([script, '\x1b]0;owned\x07\n\t\x9b31m'], stdin=subprocess.PIPE)


def test_hostile_names(folder, replay):
    child = hostile_process(folder)
    try:
        for environment in (('LC_ALL=C.UTF-8',), ('LC_ALL=C',)):
            terminal = Terminal(folder, f'{PROGRAM} top --interval 200ms --replay {replay}', 200, 24, environment)
            try:
                terminal.until(lambda s: len(rows(s)) > 2, f'{environment[0]}: rows')
                terminal.keys('F4')
                terminal.type('owned')  # not as an option, which would find this program too
                screen = terminal.until(lambda s: len(rows(s)) == 1, f'{environment[0]}: the row is found')
                terminal.keys('Enter')
                check(']0;owned?' in text(screen) and '\x1b' not in text(screen), 'control characters are harmless', screen)
                title = terminal.tmux('display-message', '-p', '#{pane_title}')
                check('owned' not in title, 'the title of the window is untouched')
                terminal.keys('q')
                terminal.until(lambda s: 'status 0' in text(s), 'quits')
            finally:
                terminal.close()
        table = subprocess.run([PROGRAM, 'top', '--once', '--interval', '50ms', '--replay', replay, '--filter', 'owned'],
                               capture_output=True, check=False)
        check(b'\x1b' not in table.stdout and b'owned' in table.stdout, 'and in a plain table')
    finally:
        child.stdin.close()
        child.wait(60)


def main():
    if not shutil.which('tmux'):
        print('SKIP: there is no tmux')
        return 77
    folder = tempfile.mkdtemp(prefix='joulebook-top-test-')
    replay = os.path.join(folder, 'constant.replay')
    with open(replay, 'w', encoding='utf-8') as file:
        file.write('joulebook-replay 1\norigin open\n'
                   'domain package-0 kind=package rate_uw=50000000 idle_uw=20000000 uncertainty_ppm=10000\n')
    name = f'z{os.getpid()}'
    # A process that is found by its command line alone.
    with subprocess.Popen(['sh', '-c', 'read forever', name], stdin=subprocess.PIPE) as sleeper:
        try:
            test_session(folder, replay, name)
            test_selection_follows(folder, replay, name)
            test_poor_terminals(folder, replay)
            test_hostile_names(folder, replay)
        finally:
            sleeper.stdin.close()
            sleeper.wait(60)
            shutil.rmtree(folder)
    for what in failures:
        print('FAILED:', what)
    return 1 if failures else 0


sys.exit(main())
