"""Reads the program's own help: verbs, options, values, and the sections of a verb's text."""
import re
import subprocess

OPTION_LINE = re.compile(r'^  (-\S.*?)(?:\s{2,}(\S.*))?$')
OPTION = re.compile(r'^(--?[a-zA-Z][a-z0-9-]*)(?:[ =]\[?([A-Z][A-Z0-9:_-]*)\]?)?$')
WORD = re.compile(r'^[a-z][a-z0-9_-]*:?$')
HEADINGS = ('options', 'examples', 'exit status')


class Option:
    def __init__(self, name, value, text):
        self.name = name  # "--from"
        self.value = value  # "TIME"; None when it takes none
        self.text = text  # what it does, in one line
        self.choices = []  # words that the value may be


class Verb:
    def __init__(self, name, summary, text):
        self.name = name
        self.summary = summary
        self.text = text
        self.usages, self.paragraphs, self.examples, self.exit_status, self.options = read_sections(text)
        if not any(option.name == '--help' for option in self.options):
            self.options.append(Option('--help', None, 'print help'))


def read_choices(option, lines):
    """Words that a value may be: from lines "WORD: what it does", or from "a, b (default) or c"."""
    named = [match[1] for match in (re.match(r'([a-z][a-z_-]*): ', line) for line in lines) if match]
    if len(named) > 1:
        return named
    if option.value in ('DURATION', 'TIME', 'N', 'FILE', 'URL', 'DIR'):
        return []
    text = re.sub(r'\([^)]*\)', '', ' '.join(lines)).split(';')[0]
    text = re.sub(r'^insist on ', '', text).replace('label:KEY', 'label:')
    words = []
    for piece in re.split(r',? or |, ', text):
        if not WORD.match(piece.strip().split(' ')[0]) or ' ' in piece.strip():
            break
        words.append(piece.strip())
    return words


def read_options(lines):
    """Lines "  --name VALUE  what it does", the rest indented below; "--json, --csv" are two that share it."""
    options, groups = [], []
    for line in lines:
        match = OPTION_LINE.match(line)
        if match:
            names = [OPTION.match(part) for part in match[1].split(', ')]
            if not all(names):
                raise ValueError(f'an option that cannot be read: {line}')
            new = [Option(name[1], name[2], '') for name in names if name[1].startswith('--')]
            options += new
            groups.append((new, [match[2]] if match[2] else []))
        elif groups and line.startswith('   ') and line.strip():
            groups[-1][1].append(line.strip())
    for new, text in groups:
        for option in new:
            option.text = ' '.join(text)
            if option.value:
                option.choices = read_choices(option, text)
    return options


def read_sections(text):
    usages, paragraphs, examples, exit_status, option_lines = [], [], [], '', []
    blocks = [block.split('\n') for block in text.strip('\n').split('\n\n')]
    place = None
    for block in blocks:
        if block[0].startswith('usage: '):
            usages = [re.sub(r'^(usage:| {6})\s*', '', line) for line in block]
            continue
        if block[0] in ('options', 'examples', 'global options'):
            place, block = block[0], block[1:]
        elif block[0].startswith('exit status:'):
            exit_status = ' '.join(line.strip() for line in block)[len('exit status:'):].strip()
            place = None
            continue
        elif not block[0].startswith(' '):
            place = None
        if place in ('options', 'global options'):
            option_lines += block
        elif place == 'examples':
            examples += [re.sub('^  ', '', line) for line in block] + ['']
        else:
            paragraphs.append((len(option_lines) > 0, block))
    return usages, paragraphs, '\n'.join(examples).strip('\n').split('\n') if examples else [], exit_status, \
        read_options(option_lines)


def ask(program, arguments):
    return subprocess.run([program] + arguments, capture_output=True, text=True, check=True).stdout


def read_program(program):
    """(global options, verbs in the order of help)"""
    text = ask(program, ['--help'])
    if '\nverbs\n' not in text or '\nglobal options\n' not in text:
        raise ValueError('--help has no verbs or no global options')
    listed = text.split('\nverbs\n')[1].split('\n\n')[0]
    verbs = [Verb(name, summary, ask(program, ['help', name]))
             for name, summary in re.findall(r'^  ([a-z]+)\s{2,}(.*)$', listed, re.MULTILINE)]
    return Verb('', '', text), verbs
