#!/usr/bin/env python3
"""Holds completions, manual pages, help texts and the code's own tables of options to one another. Prints TAP.

usage: interface_test.py JOULEBOOK ROOT
"""
import pathlib
import re
import shutil
import subprocess
import sys

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(ROOT / 'tools' / 'interface'))
sys.dont_write_bytecode = True
import help as help_text  # noqa: E402

# What bash offers for words of a command line, the last one unfinished.
COMPLETIONS = [
    ('joulebook sta', ['statement']),
    ('joulebook --bo', ['--book']),
    ('joulebook meter --idle by-', ['by-use', 'by-reservation']),
    ('joulebook --book x.db statement --lim', ['--limit']),
    ('joulebook statement --by c', ['cgroup']),
    ('joulebook help ex', ['explain', 'export']),
    ('joulebook nonsense ', []),
]


def say(good, name, output=''):
    say.count += 1
    print(f'{"ok" if good else "not ok"} {say.count} - {name}')
    if not good:
        say.failed = True
        print('\n'.join('# ' + line for line in output.splitlines()))


say.count, say.failed = 0, False


def skip(name, reason):
    say.count += 1
    print(f'ok {say.count} - {name} # SKIP {reason}')


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_files():
    status, output = run([sys.executable, str(ROOT / 'tools/interface/generate'), PROGRAM, '--check'])
    say(status == 0, 'completions and manual pages say what --help says', output)


def check_brief(verb):
    """--help is all of the help, or one screen that points to it and makes nothing up."""
    whole, brief = run([PROGRAM, 'help', verb.name])[1], run([PROGRAM, verb.name, '--help'])[1]
    if brief == whole:
        say(len(whole.splitlines()) <= 85, f'{verb.name}: --help is short enough to be whole')
        return
    known = {option.name for option in verb.options} | {'--help'}
    named = set(re.findall(r'(?<![\w-])--[a-z][a-z-]*', brief))
    say(len(brief.splitlines()) <= 30 and f'joulebook help {verb.name}' in brief, f'{verb.name}: --help is one screen', brief)
    say(named <= known, f'{verb.name}: --help names options that there are', ' '.join(named - known))


def check_help(program, verbs):
    for verb in verbs:
        source = ROOT / 'src' / 'cli' / f'cmd_{verb.name}.c'
        in_code = set(re.findall(r'"(--[a-z][a-z-]*)"', re.sub(r'"[^"]*\\n"', '', source.read_text(encoding='utf-8'))))
        in_help = {option.name for option in verb.options}
        say(in_code <= in_help | {'--help'}, f'{verb.name}: every option of the code is in --help',
            ' '.join(sorted(in_code - in_help)))
        unknown = []
        commands = [[]] + [[name] for name in
                           set(re.findall(rf'^ *(?:usage: )?joulebook {verb.name} ([a-z]+) ', verb.text, re.M))]
        for option in (option for option in verb.options if option.name != '--help'):
            # A wrong value or none is another error than an option that is not known. Of a verb with several
            # commands (index score) one of them has it.
            outputs = [run([PROGRAM, '--book', '/dev/null/none', verb.name, *command, option.name + '=',
                            '--no-such-option'])[1] for command in commands]
            if all(f"unknown option '{option.name}" in output for output in outputs):
                unknown.append(option.name)
        say(not unknown, f'{verb.name}: every option of --help is known to the code', ' '.join(unknown))
        say(all(len(line) <= 110 for line in verb.text.splitlines()), f'{verb.name}: help fits a screen')
        status, output = run([PROGRAM, verb.name, '--no-such-option'])
        say(status == 2 and '--help' in output, f'{verb.name}: wrong usage exits with 2 and points to --help', output)
        check_brief(verb)
    say(bool(program.options), 'the program has options')


def check_pages(verbs):
    pages = [ROOT / 'docs/man/joulebook.1'] + [ROOT / f'docs/man/joulebook-{verb.name}.1' for verb in verbs]
    if not shutil.which('mandoc'):
        skip('manual pages', 'mandoc is not installed')
        return
    for page in pages:
        status, output = run(['mandoc', '-T', 'lint', '-W', 'warning', str(page)])
        say(status == 0 and not output, f'{page.name} is clean', output)


def check_completions():
    for shell, name in [('bash', 'joulebook.bash'), ('zsh', '_joulebook'), ('fish', 'joulebook.fish')]:
        if not shutil.which(shell):
            skip(f'completion for {shell}', f'{shell} is not installed')
            continue
        status, output = run([shell, '-n', str(ROOT / 'tools/completion' / name)])
        say(status == 0, f'completion for {shell} parses', output)
    for line, expected in COMPLETIONS:
        words = line.split(' ')
        script = (f'source {ROOT}/tools/completion/joulebook.bash; COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); '
                  f'COMP_CWORD={len(words) - 1}; _joulebook; printf "%s\\n" "${{COMPREPLY[@]}}"')
        output = run(['bash', '-c', script])[1]
        say(output.split() == expected, f'bash completes "{line}"', output)
    if shutil.which('fish'):
        script = f'source {ROOT}/tools/completion/joulebook.fish; complete -C "joulebook statement --so"'
        output = run(['fish', '--no-config', '-c', script])[1]
        say(output.startswith('--sort'), 'fish completes "joulebook statement --so"', output)


def main():
    program, verbs = help_text.read_program(PROGRAM)
    check_files()
    check_help(program, verbs)
    check_pages(verbs)
    check_completions()
    print(f'1..{say.count}')
    return 1 if say.failed else 0


if __name__ == '__main__':
    sys.exit(main())
