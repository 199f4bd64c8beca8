#!/usr/bin/env python3
"""Shows that tests/docs/run notices examples that do not hold. Prints TAP."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
# (what, the block's text, whether it holds)
CASES = [
    ('the same text', '$ echo one\none', True),
    ('another text', '$ echo one\ntwo', False),
    ('text that is missing', '$ true\none', False),
    ('text that is too much', '$ printf "one\\ntwo\\n"\none', False),
    ('spaces count as one', '$ echo "a   b "\n a b', True),
    ('an ellipsis within a line', '$ echo "took 17 ms"\ntook … ms', True),
    ('an ellipsis for nothing', '$ echo "took ms"\ntook … ms', True),
    ('an ellipsis in a word', '$ echo "2026-11-24T09:00Z"\n2026-…Z', True),
    ('an ellipsis does not reach over lines', '$ printf "took\\nms\\n"\ntook … ms', False),
    ('an ellipsis alone stands for lines', '$ seq 5\n1\n…\n5', True),
    ('and for none', '$ seq 2\n1\n…\n2', True),
    ('other characters stand for themselves', '$ echo "a+b"\na.b', False),
    ('a command that fails', '$ false', False),
    ('a command that should fail', '$ (exit 3)  # exit status 3', True),
    ('a command that should fail otherwise', '$ (exit 3)  # exit status 4', False),
    ('one that should fail and does not', '$ true  # exit status 3', False),
    ('standard error counts', '$ echo one >&2\none', True),
    ('a continued command', '$ echo a \\\n> b\na b', True),
    ('commands of a page share a folder', '$ echo x > file\n$ cat file\nx', True),
    ('the second command counts too', '$ true\n$ false', False),
    ('an empty block', '', False),
]


def main():
    failed = False
    print(f'1..{len(CASES) + 1}')
    for number, (name, block, holds) in enumerate(CASES + [('a page without examples', None, False)], 1):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / 'page.md'
            page.write_text('text\n' if block is None else f'text\n```console\n{block}\n```\n', encoding='utf-8')
            done = subprocess.run([sys.executable, str(ROOT / 'tests' / 'docs' / 'run'), '/bin/true', str(ROOT), str(page)],
                                  capture_output=True, text=True, check=False)
            good = (done.returncode == 0) == holds
            print(f'{"ok" if good else "not ok"} {number} - {name}')
            if not good:
                failed = True
                print('\n'.join('# ' + line for line in (done.stdout + done.stderr).splitlines()))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
