"""Completions for bash, zsh and fish, from what --help says."""
# What help calls a value, and what it completes to; what stands nowhere here completes to nothing.
FILES = {'FILE', 'URL', 'LIBRARY'}
FOLDERS = {'DIR', 'FOLDER'}
# Operands of verbs.
OPERANDS = {'run': 'COMMAND', 'import': 'FILE', 'export': 'FILE', 'factors': 'FILE'}
NOTE = 'Made by tools/interface/generate from --help: do not edit.'


def bash_value(verb, option):
    if option.choices:
        action = f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word"))'
    elif option.value in FILES:
        action = 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word"))'
    elif option.value in FOLDERS:
        action = 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$word"))'
    else:
        action = ':'
    return f'    {verb},{option.name}) {action}; return ;;'


def bash_verb(verb):
    words = ' '.join(option.name for option in verb.options)
    if OPERANDS.get(verb.name) == 'COMMAND':
        return ['        # Behind the verb, or "--", stands a command of its own.',
                '        for ((i++; i < COMP_CWORD; i++)); do',
                '            if [[ ${COMP_WORDS[i]} == -- ]] && declare -F _command_offset >/dev/null; then',
                '                _command_offset $((i + 1))',
                '                return',
                '            fi',
                '        done',
                f'        COMPREPLY=($(compgen -W "{words} --" -- "$word"))',
                '        [[ $word == -* ]] || COMPREPLY+=($(compgen -c -- "$word"))']
    lines = [f'        COMPREPLY=($(compgen -W "{words}" -- "$word"))']
    if OPERANDS.get(verb.name) == 'FILE':
        lines.append('        [[ $word == -* ]] || { compopt -o filenames 2>/dev/null; '
                     'COMPREPLY+=($(compgen -f -- "$word")); }')
    return lines


def make_bash(program, verbs):
    names = ' '.join(verb.name for verb in verbs)
    words = ' '.join(option.name for option in program.options)
    with_value = ' | '.join(option.name for option in program.options if option.value)
    lines = [f'# Completion of joulebook for bash. {NOTE}',
             '# shellcheck shell=bash disable=SC2207',
             '_joulebook() {',
             '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i',
             '    for ((i = 1; i < COMP_CWORD; i++)); do',
             '        case ${COMP_WORDS[i]} in',
             f'        {with_value}) ((i++)) ;;',
             '        -*) ;;',
             '        *) verb=${COMP_WORDS[i]} && break ;;',
             '        esac',
             '    done',
             '    COMPREPLY=()',
             '    case $verb,$before in']
    for verb in [program] + verbs:
        lines += [bash_value(verb.name, option) for option in verb.options if option.value]
    lines += ['    esac',
              '    case $verb in',
              f'    "") COMPREPLY=($(compgen -W "{words} {names} help" -- "$word")) ;;',
              f'    help) COMPREPLY=($(compgen -W "{names}" -- "$word")) ;;']
    for verb in verbs:
        lines += [f'    {verb.name})'] + bash_verb(verb) + ['        ;;']
    lines += ['    esac', '}', 'complete -F _joulebook joulebook', '']
    return '\n'.join(lines)


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_option(option):
    text = option.text.replace('\\', '\\\\').replace('[', '(').replace(']', ')').replace(':', '\\:')
    value = ''
    if option.value:
        if option.choices:
            action = f'({" ".join(option.choices)})'.replace(':', '\\:')
        elif option.value in FILES:
            action = '_files'
        elif option.value in FOLDERS:
            action = '_files -/'
        else:
            action = ' '
        value = f':{option.value}:{action}'
    return quote(f'{option.name}[{text}]{value}')


def make_zsh(program, verbs):
    lines = ['#compdef joulebook',
             f'# Completion of joulebook for zsh. {NOTE}',
             '_joulebook() {',
             '    local context state state_descr line',
             '    typeset -A opt_args',
             '    _arguments -C \\']
    lines += [f'        {zsh_option(option)} \\' for option in program.options]
    lines += ["        '1: :->verb' '*:: :->rest' && return",
              '    case $state in',
              '    verb)',
              '        local -a verbs',
              '        verbs=(']
    lines += [f'            {quote(verb.name + ":" + verb.summary)}' for verb in verbs]
    lines += ["            'help:explain a verb'",
              '        )',
              '        _describe -t verbs verb verbs',
              '        ;;',
              '    rest)',
              '        case $words[1] in',
              f'        help) _values verb {" ".join(verb.name for verb in verbs)} ;;']
    for verb in verbs:
        operand = {'COMMAND': "'*::: :_normal'", 'FILE': "'*:file:_files'"}.get(OPERANDS.get(verb.name), '')
        parts = [zsh_option(option) for option in verb.options] + ([operand] if operand else [])
        lines.append(f'        {verb.name}) _arguments \\')
        lines += [f'            {part} \\' for part in parts[:-1]] + [f'            {parts[-1]} ;;']
    lines += ['        esac', '        ;;', '    esac', '}', '_joulebook "$@"', '']
    return '\n'.join(lines)


def fish_option(option, condition):
    line = f'complete -c joulebook -n {condition} -l {option.name[2:]}'
    if option.value:
        if option.choices:
            line += f' -x -a {quote(" ".join(option.choices))}'
        elif option.value in FILES:
            line += ' -r -F'
        elif option.value in FOLDERS:
            line += " -x -a '(__fish_complete_directories)'"
        else:
            line += ' -x'
    return line + (f' -d {quote(option.text)}' if option.text else '')


def make_fish(program, verbs):
    names = ' '.join(verb.name for verb in verbs)
    none = f"'not __fish_seen_subcommand_from {names} help'"
    lines = [f'# Completion of joulebook for fish. {NOTE}', 'complete -c joulebook -f']
    lines += [fish_option(option, none) for option in program.options]
    lines += [f'complete -c joulebook -n {none} -a {verb.name} -d {quote(verb.summary)}' for verb in verbs]
    lines += [f'complete -c joulebook -n {none} -a help -d {quote("explain a verb")}',
              f"complete -c joulebook -n '__fish_seen_subcommand_from help' -a {quote(names)}"]
    for verb in verbs:
        condition = f"'__fish_seen_subcommand_from {verb.name}'"
        lines += [fish_option(option, condition) for option in verb.options]
        if OPERANDS.get(verb.name) == 'COMMAND':
            lines.append(f"complete -c joulebook -n {condition} -x -a '(__fish_complete_subcommand)'")
        elif OPERANDS.get(verb.name) == 'FILE':
            lines.append(f'complete -c joulebook -n {condition} -F')
    lines.append('')
    return '\n'.join(lines)
