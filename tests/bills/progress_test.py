#!/usr/bin/env python3
"""The line of progress as a terminal gets it: there when an import takes long, gone when anything else is printed, and
when a signal ends it.

usage: progress_test.py JOULEBOOK
"""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix='joulebook-progress-')
HEADING = (b'lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,bill/PayerAccountId,lineItem/UsageAccountId,'
           b'lineItem/ProductCode,lineItem/UsageType,pricing/unit,product/regionCode,lineItem/CurrencyCode,lineItem/UsageAmount,'
           b'lineItem/UnblendedCost\n')
ROW = (b'Usage,2026-07-01T00:00:00Z,2026-07-01T01:00:00Z,payer,account,AmazonEC2,BoxUsage:m5.large,Hrs,eu-west-1,USD,1,'
       b'0.1\n')
FLOWS = b'start,end,from,to,amount\n' + b'2026-07-01,2026-07-02,grid/KR,site/a,5\n' * 3
PATIENCE_S = 30
ERASE = b'\r\x1b[K'
failures = []


def check(condition, what):
    print(('ok' if condition else 'not ok'), '-', what, flush=True)
    if not condition:
        failures.append(what)


class Import:
    """An import of standard input, which is a pipe that has not ended; standard error is a terminal."""

    def __init__(self, name, begin, terminal='xterm', columns=80, ignored=None):
        self.book = os.path.join(WORK, name + '.db')
        self.screen, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [PROGRAM, '--book', self.book, 'import', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=side,
            env=dict(os.environ, TERM=terminal), preexec_fn=lambda: ignored and signal.signal(ignored, signal.SIG_IGN))
        os.close(side)
        self.seen = b''
        self.send(begin)

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self):
        """What the terminal gets next; False at its end."""
        try:
            more = os.read(self.screen, 4096)
        except OSError:
            more = b''
        self.seen += more
        return bool(more)

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.seen) and time.monotonic() < deadline:
            if select.select([self.screen], [], [], 1)[0] and not self.read():
                break
        return re.search(pattern, self.seen) is not None

    def end(self, data=b''):
        """Ends the pipe behind data. Returns the status and what was printed."""
        try:
            self.send(data)
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        while self.read():
            pass
        os.close(self.screen)
        text = self.process.stdout.read().decode()
        return self.process.wait(PATIENCE_S), text

    def left(self):
        """What stays on the terminal: all behind the last time that the line was erased."""
        return self.seen.rpartition(ERASE)[2]


def has_flows(book):
    done = subprocess.run([PROGRAM, '--book', book, 'export'], capture_output=True, check=False)
    return done.stdout.count(b'\n') > 1


def main():
    opening = HEADING + ROW * 10
    good = Import('good', opening)
    bad = Import('bad', opening)
    narrow = Import('narrow', opening, columns=30)
    flows = Import('flows', FLOWS)
    ended = {number: Import(f'signal-{number}', opening)
             for number in (signal.SIGINT, signal.SIGTERM)}
    deaf = Import('deaf', opening, ignored=signal.SIGINT)
    plain = Import('dumb', opening, terminal='dumb')

    size = len(opening)
    check(good.wait_for(rb'\rstandard input  %.2f kB, ' % (size / 1000)), f'what was read is shown: {good.seen}')
    status, text = good.end()
    check(status == 0 and text.startswith('Read 10 rows of 1 bill'), f'then what came of it: {status}, {text}')
    check(good.left() == b'', f'the line is gone: {good.seen}')

    check(bad.wait_for(rb'\rstandard input'), 'a line before an error')
    status, text = bad.end(b'wrong\n')
    check(status == 3 and text == '' and bad.left().startswith(b'joulebook import: standard input, row 12'),
          f'a message stands clean: {status}, {bad.seen}')

    check(narrow.wait_for(rb's\x1b\[K'), 'a narrow terminal')
    narrow.end()
    lines = re.findall(rb'\r([^\r\x1b]*)\x1b\[K', narrow.seen)
    check(max(map(len, lines)) < 30, f'the line has room in it: {lines}')

    check(flows.wait_for(rb'\rstandard input  '), 'flows show the same line')
    status, _ = flows.end()
    check(status == 0 and flows.left() == b'' and has_flows(flows.book), f'and are booked: {status}')

    for number, one in ended.items():
        check(one.wait_for(rb'\rstandard input'), f'a line before {number.name}')
        one.process.send_signal(number)
        status = one.process.wait(PATIENCE_S)
        one.end(b'')
        check(status == -number, f'{number.name} ends it: {status}')
        check(one.left() == b'' and not has_flows(one.book), f'the line is gone, nothing is booked: {one.seen}')

    check(deaf.wait_for(rb'\rstandard input'), 'SIGINT is ignored, as by nohup')
    deaf.process.send_signal(signal.SIGINT)
    status, _ = deaf.end()
    check(status == 0 and has_flows(deaf.book), f'and stays ignored: {status}')

    status, text = plain.end()
    check(status == 0 and plain.seen == b'' and text, f'a terminal that cannot gets no line: {plain.seen}')
    shutil.rmtree(WORK)
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
