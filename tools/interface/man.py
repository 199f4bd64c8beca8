"""Manual pages in mdoc, from what --help says and from docs/man/notes/, which says more than fits on a screen."""
import re
import textwrap

WIDTH = 79
DATE = 'November 24, 2026'
ENVIRONMENT = [
    ('JOULEBOOK_BOOK', 'The book, where \\-\\-book is not given.'),
    ('JOULEBOOK_DATA', 'The folder of factor tables, in place of the installed one.'),
    ('NO_COLOR', 'When it is set and not empty, nothing is coloured.'),
    ('XDG_DATA_HOME', 'Where the default book of users other than root lies; ~/.local/share unless set.'),
]


def escape(text):
    """Running text: nothing in it may be taken for a request, and options keep their hyphens when copied."""
    text = text.replace('\\', '\\e')
    text = re.sub(r'`([^`]*)`', lambda match: '\\fB' + match[1] + '\\fR', text)
    return re.sub(r'(?<![\w-])--?(?=[a-z])', lambda match: match[0].replace('-', '\\-'), text)


def running(lines):
    """A paragraph, one sentence a line as mdoc wants it."""
    text = escape(' '.join(line.strip() for line in lines))
    sentences = re.split(r'(?<=[a-z)\]`R]\.) (?=[A-Z`\\])', text)
    wrapped = []
    for sentence in sentences:
        wrapped += textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    return ['\\&' + line if line[:1] in ('.', "'") else line for line in wrapped]


def word(token):
    """A word of a synopsis as a macro call."""
    more = token.endswith('...')
    token = token.removesuffix('...')
    if token in ('|', '-', '--'):
        made = {'|': '|', '-': 'Fl', '--': 'Fl Fl'}[token]
    elif token.startswith('--'):
        name, _, value = token[2:].partition('=')
        made = f'Fl Fl {name}' + (f' Ns = Ns Ar {value}' if value else '')
    elif token.strip("'").replace('=', '').replace('_', '').isupper():
        made = f'Ar {token}'
    else:
        made = f'Cm {token}'
    return made + (' ...' if more else '')


def synopsis(usage):
    """"joulebook [--book URL] meter [OPTIONS]" as mdoc."""
    rest = usage.removeprefix('joulebook').strip()
    lines = ['.Nm joulebook']
    for match in re.finditer(r'\[([^\]]*)\](\.\.\.)?|(\S+)', rest):
        if match[3] == '|':
            lines[-1] += ' |'
        elif match[3]:
            lines.append('.' + word(match[3]))
        else:
            lines.append('.Op ' + ' '.join(word(token) for token in match[1].split()) + (' ...' if match[2] else ''))
    return lines


def option_items(options):
    if not options:
        return []
    lines = ['.Bl -tag -width Ds']
    for option in options:
        lines.append(f'.It Fl Fl {option.name[2:]}' + (f' Ar {option.value}' if option.value else ''))
        text = option.text + ('' if option.text.endswith('.') else '.')
        lines += running([text if option.choices else text[:1].upper() + text[1:]])
    return lines + ['.El']


def exit_items(text):
    lines = ['.Bl -tag -width Ds']
    for match in re.finditer(r'(\d+(?: and \d+)?) (.*?)(?=, \d|$)', text):
        what = match[2].strip()
        lines += [f'.It {match[1]}'] + running([what[:1].upper() + what[1:] + '.'])
    return lines + ['.El']


def paragraphs(blocks):
    lines = []
    for block in blocks:
        lines += ['.Pp'] if lines else []
        if any(line.startswith('  ') for line in block):
            lines += ['.Bd -literal -compact'] + [line.replace('\\', '\\e') for line in block] + ['.Ed']
        else:
            lines += running(block)
    return lines


def literal(lines):
    return ['.Bd -literal -offset indent'] + ['\\&' + line.replace('\\', '\\e') if line[:1] in ('.', "'") else
                                             line.replace('\\', '\\e') for line in lines] + ['.Ed']


def see_also(name, verbs):
    names = (['joulebook'] if name else []) + sorted('joulebook-' + verb.name for verb in verbs if verb.name != name)
    return [f'.Xr {other} 1' + (' ,' if other != names[-1] else '') for other in names]


def make_page(verb, verbs, notes):
    """The page of a verb."""
    title = f'joulebook-{verb.name}'
    lines = [f'.\\" Made by tools/interface/generate from --help and docs/man/notes/{verb.name}.mdoc: do not edit.',
             f'.Dd {DATE}', f'.Dt {title.upper()} 1', '.Os', '.Sh NAME', f'.Nm {title}', f'.Nd {verb.summary}',
             '.Sh SYNOPSIS']
    for usage in verb.usages:
        lines += synopsis(usage)
    lines += ['.Sh DESCRIPTION'] + paragraphs([block for late, block in verb.paragraphs if not late])
    if verb.options:
        lines += ['.Pp', 'The options are:'] + option_items(verb.options)
    late = [block for is_late, block in verb.paragraphs if is_late]
    if late:
        lines += ['.Pp'] + paragraphs(late)
    if verb.exit_status:
        lines += ['.Sh EXIT STATUS'] + exit_items(verb.exit_status)
    if verb.examples:
        lines += ['.Sh EXAMPLES'] + literal(verb.examples)
    if notes:
        lines += notes.strip('\n').split('\n')
    lines += ['.Sh SEE ALSO'] + see_also(verb.name, verbs)
    return '\n'.join(lines) + '\n'


def make_program_page(program, verbs, notes):
    lines = ['.\\" Made by tools/interface/generate from --help and docs/man/notes/joulebook.mdoc: do not edit.',
             f'.Dd {DATE}', '.Dt JOULEBOOK 1', '.Os', '.Sh NAME', '.Nm joulebook',
             '.Nd a double-entry ledger for the energy of computing', '.Sh SYNOPSIS']
    for usage in program.usages:
        lines += synopsis(usage)
    lines += ['.Sh DESCRIPTION'] + notes.strip('\n').split('\n')
    lines += ['.Pp', 'The verbs are:', '.Bl -tag -width statement']
    for verb in verbs:
        lines += [f'.It Cm {verb.name}', f'{escape(verb.summary[:1].upper() + verb.summary[1:])};', 'see',
                  f'.Xr joulebook-{verb.name} 1 .']
    lines += ['.It Cm help Op Ar VERB', 'Prints the help of the program or of a verb.', '.El']
    lines += ['.Pp', 'Options that stand before the verb are:'] + option_items(program.options)
    lines += ['.Sh ENVIRONMENT', '.Bl -tag -width JOULEBOOK_BOOK']
    for name, text in ENVIRONMENT:
        lines += [f'.It Ev {name}', text]
    lines += ['.El', '.Sh FILES', '.Bl -tag -width Ds', '.It Pa ~/.local/share/joulebook/book.db',
              "A user's default book.", '.It Pa /var/lib/joulebook/book.db', 'The default book of root.', '.El']
    lines += ['.Sh EXIT STATUS'] + exit_items(program.exit_status)
    lines += ['.Sh SEE ALSO'] + see_also('', verbs)
    return '\n'.join(lines) + '\n'
