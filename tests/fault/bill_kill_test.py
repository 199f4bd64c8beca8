#!/usr/bin/env python3
"""Imports of bills killed at random instants: all of the bills are in the book or none, never both old and new; and run
again, the book is as if the import had run once, to the last byte of its export. The same where the book cannot grow.

usage: bill_kill_test.py JOULEBOOK [KILLS]
"""
import csv
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

HEADING = ('lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,bill/PayerAccountId,lineItem/UsageAccountId,'
           'lineItem/ProductCode,lineItem/UsageType,pricing/unit,product/regionCode,lineItem/CurrencyCode,lineItem/UsageAmount,'
           'lineItem/UnblendedCost\n')


def write_bill(path, price, accounts=8):
    """28 days and 6 services of each account; the price tells the version."""
    with path.open('w', encoding='utf-8') as file:
        file.write(HEADING)
        for account in range(accounts):
            for day in range(1, 29):
                for service in range(6):
                    file.write(f'Usage,2026-07-{day:02}T00:00:00Z,2026-07-{day:02}T01:00:00Z,payer,account-{account},Service{service},'
                               f'BoxUsage:m5.large,Hrs,eu-west-1,USD,{1 + service},{price}\n')


def run(program, *arguments):
    ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode:
        sys.exit(f'joulebook {" ".join(map(str, arguments))}: status {ended.returncode}: {ended.stderr}')
    return ended.stdout


def sums_of(program, book):
    """Money by account: whole millionths, reversals taken off."""
    sums = {}
    for row in list(csv.reader(run(program, '--book', book, 'export').splitlines()))[1:]:
        if row[4] == 'USD':
            account = row[3].split('/')[4]
            sums[account] = sums.get(account, 0) + int(row[5])
    return sums


def fill(program, folder):
    """Files may grow to so many bytes, more than an empty book has and less than this bill needs: an error as of a full disk,
    and nothing is booked."""
    size, accounts, book, bill = 180000, 20, folder / 'small.db', folder / 'many.csv'
    write_bill(bill, 1, accounts)
    ended = subprocess.run([program, '--book', book, 'import', bill], capture_output=True, text=True, timeout=300, check=False,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    if ended.returncode != 4 or 'could not write the book' not in ended.stderr or sums_of(program, book):
        sys.exit(f'a book that cannot grow: status {ended.returncode}: {ended.stderr}')
    run(program, '--book', book, 'import', bill)
    if len(sums_of(program, book)) != accounts:
        sys.exit('there is room, but nothing is booked')


def main():
    program, kills = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    random.seed(9)
    with tempfile.TemporaryDirectory(prefix='joulebook-bill-kill-') as name:
        folder = pathlib.Path(name)
        old, new = folder / 'old.csv', folder / 'new.csv'
        write_bill(old, 1)
        write_bill(new, 2)
        whole = 28 * 6 * 1000000
        begun = time.monotonic()
        run(program, '--book', folder / 'once.db', 'import', old)
        length = time.monotonic() - begun
        run(program, '--book', folder / 'once.db', 'import', new)
        reference = sums_of(program, folder / 'once.db')
        assert set(reference.values()) == {2 * whole}, reference
        fill(program, folder)
        cut = 0
        for bill, allowed in ((old, {whole}), (new, {whole, 2 * whole})):
            for _ in range(kills):
                child = subprocess.Popen([program, '--book', folder / 'killed.db', 'import', bill], stdout=subprocess.DEVNULL)
                time.sleep(random.uniform(0, length))
                child.kill()
                cut += child.wait() != 0
                balance = subprocess.run([program, '--book', folder / 'killed.db', 'balance'], capture_output=True, text=True,
                                         timeout=300, check=False)
                if balance.returncode in (3, 4) and 'no book' in balance.stderr:
                    continue  # killed before anything was booked
                if balance.returncode:
                    sys.exit(f'balance: status {balance.returncode}: {balance.stderr}')
                sums = sums_of(program, folder / 'killed.db')
                if len(sums) not in (0, 8) or len(set(sums.values())) > 1 or not set(sums.values()) <= allowed:
                    sys.exit(f'the bills are half in the book: {sums}')
            run(program, '--book', folder / 'killed.db', 'import', bill)
            sums = sums_of(program, folder / 'killed.db')
            if len(sums) != 8 or set(sums.values()) != {max(allowed)}:
                sys.exit(f'run again, the book is not as if once: {sums}')
        labels = [run(program, '--book', folder / book, 'label') for book in ('once.db', 'killed.db')]
        if labels[0] != labels[1]:
            sys.exit('labels differ')
        books = [run(program, '--book', folder / book, 'export') for book in ('once.db', 'killed.db')]
        if books[0] != books[1]:
            sys.exit('exports differ')
        print(f'bill-kill: {2 * kills} imports, {cut} killed, every bill whole')


if __name__ == '__main__':
    main()
