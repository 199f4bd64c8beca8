#!/usr/bin/env python3
"""Holds the code to its layers, and shows that tools/check-layers notices what breaks them. Prints TAP."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
# (what, file, include, the words that the complaint must have; None: it is allowed)
CASES = [
    ('base includes types', 'src/base/extra.c', '"types/flow.h"', 'base may not use types'),
    ('types includes ledger', 'src/types/extra.h', '"ledger/ledger.h"', 'types may not use ledger'),
    ('a source includes its sibling', 'src/source/extra.c', '"source/rapl.h"', 'siblings inside source'),
    ('a source includes the seam', 'src/source/extra.c', '"source/source.h"', None),
    ('a source includes its own header', 'src/source/extra_perf.c', '"source/extra.h"', None),
    ('files of one source include each other', 'src/source/replay_parse.c', '"source/replay_script.h"', None),
    ('a load includes the seam of sources', 'src/load/extra.c', '"source/source.h"', None),
    ('a load includes a source', 'src/load/extra.c', '"source/rapl.h"', 'load may not use source'),
    ('a load includes its sibling', 'src/load/process_clock.c', '"load/process_bpf.h"', 'siblings inside load'),
    ('attribute includes store', 'src/attribute/extra.c', '"store/store.h"', 'attribute may not use store'),
    ('a test of attribute uses a store', 'src/attribute/extra_test.c', '"store/store.h"', None),
    ('a store includes its sibling', 'src/store/memory.c', '"store/sqlite.h"', 'siblings inside store'),
    ('a test of a store includes its sibling', 'src/store/store_test.c', '"store/sqlite.h"', None),
    ('ledger includes report', 'src/ledger/extra.c', '"report/table.h"', 'ledger may not use report'),
    ('meter includes cli', 'src/meter/extra.c', '"cli/cli.h"', 'meter may not use cli'),
    ('cli includes anything', 'src/cli/extra.c', '"meter/sampler.h"', None),
    ('angle brackets hide nothing', 'src/base/extra.c', '<types/flow.h>', 'base may not use types'),
    ('a folder that is no layer', 'src/base/extra.c', '"misc/extra.h"', 'is not a layer'),
    ('a path that is not from src/', 'src/base/extra.c', '"error.h"', 'write the path from src/'),
    ('a load uses what its BPF program shares', 'src/load/process_bpf.c', '"process_record.h"', None),
    ('a store uses what a BPF program shares', 'src/store/extra.c', '"process_record.h"', 'store may not use bpf'),
    ('a skeleton outside load', 'src/meter/extra.c', '"process.skel.h"', 'meter may not use bpf'),
    ('a system header', 'src/base/extra.c', '<sys/stat.h>', None),
]


def run(root):
    done = subprocess.run([sys.executable, str(ROOT / 'tools' / 'check-layers'), str(root)], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def copy_tree(folder):
    (folder / 'docs').mkdir(parents=True)
    shutil.copy(ROOT / 'docs' / 'ARCHITECTURE.md', folder / 'docs')
    (folder / 'src' / 'base').mkdir(parents=True)
    (folder / 'src' / 'base' / 'error.h').write_text('#include <stddef.h>\n', encoding='utf-8')
    (folder / 'src' / 'source').mkdir()
    (folder / 'src' / 'source' / 'replay.c').write_text('#include <stddef.h>\n', encoding='utf-8')
    (folder / 'bpf').mkdir()
    (folder / 'bpf' / 'process_record.h').write_text('#include <stddef.h>\n', encoding='utf-8')


def say(good, name, output):
    say.count += 1
    print(f'{"ok" if good else "not ok"} {say.count} - {name}')
    if not good:
        say.failed = True
        print('\n'.join('# ' + line for line in output.splitlines()))


say.count, say.failed = 0, False


def main():
    print(f'1..{len(CASES) + 4}')
    status, output = run(ROOT)
    say(status == 0, 'every include keeps to the layers', output)
    for name, file, include, complaint in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            copy_tree(root)
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'/* One line. */\n#include {include}\n', encoding='utf-8')
            status, output = run(root)
            wanted = f'{file}:2: ' if complaint else ''
            good = (status == 1 and wanted in output and complaint in output) if complaint else status == 0
            say(good, name, f'status {status}\n{output}')
    for name, change in [
            ('a layer without a row', lambda root: (root / 'src' / 'extra').mkdir()),
            ('a row that contradicts itself', lambda root: edit(root, '| `types` | `base` | `bpf`',
                                                               '| `types` | `base` | `base` `bpf`')),
            ('a row that leaves a layer open', lambda root: edit(root, '| `types` | `base` | `bpf`',
                                                                '| `types` | `base` |')),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            copy_tree(root)
            change(root)
            status, output = run(root)
            say(status == 3, name, f'status {status}\n{output}')
    return 1 if say.failed else 0


def edit(root, old, new):
    path = root / 'docs' / 'ARCHITECTURE.md'
    text = path.read_text(encoding='utf-8')
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding='utf-8')


if __name__ == '__main__':
    sys.exit(main())
