# Completion of joulebook for bash. Made by tools/interface/generate from --help: do not edit.
# shellcheck shell=bash disable=SC2207
_joulebook() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --book | --root | --config) ((i++)) ;;
        -*) ;;
        *) verb=${COMP_WORDS[i]} && break ;;
        esac
    done
    COMPREPLY=()
    case $verb,$before in
    ,--book) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    ,--root) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$word")); return ;;
    ,--config) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    sources,--replay) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    meter,--interval) :; return ;;
    meter,--book-every) :; return ;;
    meter,--for) :; return ;;
    meter,--idle) COMPREPLY=($(compgen -W "separate by-use by-reservation" -- "$word")); return ;;
    meter,--keep) :; return ;;
    meter,--site) :; return ;;
    meter,--grid) :; return ;;
    meter,--process-load) COMPREPLY=($(compgen -W "process_bpf process_clock" -- "$word")); return ;;
    meter,--replay) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    meter,--nvml) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    top,--interval) :; return ;;
    top,--by) COMPREPLY=($(compgen -W "process cgroup container" -- "$word")); return ;;
    top,--sort) COMPREPLY=($(compgen -W "power energy cpu time pid group name" -- "$word")); return ;;
    top,--filter) :; return ;;
    top,--batch) :; return ;;
    top,--limit) :; return ;;
    top,--idle) :; return ;;
    top,--process-load) COMPREPLY=($(compgen -W "process_bpf process_clock" -- "$word")); return ;;
    top,--replay) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    top,--nvml) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    run,--output) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    run,--interval) :; return ;;
    run,--idle) :; return ;;
    run,--process-load) COMPREPLY=($(compgen -W "process_bpf process_clock" -- "$word")); return ;;
    run,--replay) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    run,--nvml) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    balance,--from) :; return ;;
    balance,--to) :; return ;;
    statement,--from) :; return ;;
    statement,--to) :; return ;;
    statement,--by) COMPREPLY=($(compgen -W "process cgroup host account label:" -- "$word")); return ;;
    statement,--depth) :; return ;;
    statement,--account) :; return ;;
    statement,--commodity) COMPREPLY=($(compgen -W "energy embodied water" -- "$word")); return ;;
    statement,--limit) :; return ;;
    statement,--sort) COMPREPLY=($(compgen -W "amount name" -- "$word")); return ;;
    statement,--every) COMPREPLY=($(compgen -W "hour day" -- "$word")); return ;;
    statement,--per) :; return ;;
    statement,--basis) :; return ;;
    explain,--from) :; return ;;
    explain,--to) :; return ;;
    explain,--figure) COMPREPLY=($(compgen -W "carbon_location carbon_market carbon_hourly scope2_location scope2_market scope3_location scope3_market carbon_embodied carbon_sci water_used cost" -- "$word")); return ;;
    explain,--by) COMPREPLY=($(compgen -W "process cgroup host account" -- "$word")); return ;;
    explain,--per) :; return ;;
    explain,--basis) :; return ;;
    explain,--flows) :; return ;;
    explain,--commodity) COMPREPLY=($(compgen -W "energy embodied water" -- "$word")); return ;;
    export,--from) :; return ;;
    export,--to) :; return ;;
    export,--account) :; return ;;
    export,--format) COMPREPLY=($(compgen -W "csv jsonl" -- "$word")); return ;;
    import,--format) COMPREPLY=($(compgen -W "auto flows focus aws azure gcp alibaba meter" -- "$word")); return ;;
    import,--map) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    import,--per) :; return ;;
    import,--label) :; return ;;
    import,--utilisation) :; return ;;
    import,--currency) :; return ;;
    import,--skip-bad) :; return ;;
    import,--skipped) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    import,--meters) :; return ;;
    import,--site) :; return ;;
    import,--grid) :; return ;;
    import,--unit) :; return ;;
    import,--kind) :; return ;;
    import,--times) :; return ;;
    import,--step) :; return ;;
    import,--zone) :; return ;;
    import,--dates) :; return ;;
    factors,--at) :; return ;;
    factors,--name) :; return ;;
    factors,--series) :; return ;;
    factors,--columns) :; return ;;
    factors,--zone) :; return ;;
    factors,--dates) :; return ;;
    factors,--step) :; return ;;
    factors,--source) :; return ;;
    factors,--licence) :; return ;;
    factors,--uncertainty) :; return ;;
    factors,--from) :; return ;;
    factors,--to) :; return ;;
    kpi,--every) :; return ;;
    kpi,--site) :; return ;;
    kpi,--from) :; return ;;
    kpi,--to) :; return ;;
    check,--at) :; return ;;
    rank,--weights) :; return ;;
    rank,--goalposts) :; return ;;
    rank,--by) COMPREPLY=($(compgen -W "region" -- "$word")); return ;;
    rank,--providers) :; return ;;
    rank,--regions) :; return ;;
    rank,--countries) :; return ;;
    rank,--near) :; return ;;
    rank,--max-latency) :; return ;;
    rank,--data) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    rank,--concentration) :; return ;;
    rank,--draws) :; return ;;
    rank,--seed) :; return ;;
    rank,--at) :; return ;;
    rank,--limit) :; return ;;
    plan,--energy) :; return ;;
    plan,--duration) :; return ;;
    plan,--window) :; return ;;
    plan,--regions) :; return ;;
    plan,--from) :; return ;;
    plan,--by) COMPREPLY=($(compgen -W "carbon price" -- "$word")); return ;;
    plan,--forecast) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    estimate,--gpu) :; return ;;
    estimate,--gpus) :; return ;;
    estimate,--precision) COMPREPLY=($(compgen -W "bf16 fp8 int8 int4 mxfp4" -- "$word")); return ;;
    estimate,--tensor-parallel) :; return ;;
    estimate,--data-parallel) :; return ;;
    estimate,--pipeline-parallel) :; return ;;
    estimate,--ring-parallel) :; return ;;
    estimate,--input-tokens) :; return ;;
    estimate,--output-tokens) :; return ;;
    estimate,--cached-tokens) :; return ;;
    estimate,--concurrency) :; return ;;
    estimate,--rate) :; return ;;
    estimate,--image) :; return ;;
    estimate,--images) :; return ;;
    estimate,--video) :; return ;;
    estimate,--video-seconds) :; return ;;
    estimate,--vision-tokens) :; return ;;
    estimate,--experts-per-token) :; return ;;
    estimate,--size) :; return ;;
    estimate,--frames) :; return ;;
    estimate,--steps) :; return ;;
    estimate,--guidance) COMPREPLY=($(compgen -W "yes" -- "$word")); return ;;
    estimate,--batch) :; return ;;
    estimate,--train-tokens) :; return ;;
    estimate,--sequence-tokens) :; return ;;
    estimate,--trained-share) :; return ;;
    estimate,--mfu) :; return ;;
    estimate,--region) :; return ;;
    estimate,--at) COMPREPLY=($(compgen -W "when" -- "$word")); return ;;
    estimate,--pue) :; return ;;
    estimate,--wue) :; return ;;
    estimate,--electricity-price) :; return ;;
    estimate,--gpu-price) :; return ;;
    estimate,--currency) :; return ;;
    estimate,--config) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    estimate,--compare) :; return ;;
    estimate,--score) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    estimate,--at-least) :; return ;;
    estimate,--rows) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    estimate,--out) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    payback,--require) :; return ;;
    payback,--draws) :; return ;;
    payback,--seed) :; return ;;
    payback,--threads) :; return ;;
    index,--question) :; return ;;
    index,--by) :; return ;;
    index,--where) :; return ;;
    index,--out) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    index,--lang) :; return ;;
    index,--title) :; return ;;
    index,--plan) :; return ;;
    index,--market) :; return ;;
    index,--project) :; return ;;
    index,--from) :; return ;;
    index,--wave) :; return ;;
    index,--draws) :; return ;;
    index,--seed) :; return ;;
    index,--concentration) :; return ;;
    index,--table) :; return ;;
    esac
    case $verb in
    "") COMPREPLY=($(compgen -W "--book --root --config --version --help sources meter top run balance statement explain export import label factors kpi check rank plan estimate payback index help" -- "$word")) ;;
    help) COMPREPLY=($(compgen -W "sources meter top run balance statement explain export import label factors kpi check rank plan estimate payback index" -- "$word")) ;;
    sources)
        COMPREPLY=($(compgen -W "--replay --json --csv --help" -- "$word"))
        ;;
    meter)
        COMPREPLY=($(compgen -W "--interval --book-every --for --idle --keep --site --grid --process-load --replay --nvml --quiet --help" -- "$word"))
        ;;
    top)
        COMPREPLY=($(compgen -W "--interval --by --tree --sort --reverse --filter --batch --once --limit --json --csv --idle --process-load --replay --nvml --help" -- "$word"))
        ;;
    run)
        # Behind the verb, or "--", stands a command of its own.
        for ((i++; i < COMP_CWORD; i++)); do
            if [[ ${COMP_WORDS[i]} == -- ]] && declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
                return
            fi
        done
        COMPREPLY=($(compgen -W "--json --output --interval --wait-all --no-cgroup --idle --process-load --replay --nvml --help --" -- "$word"))
        [[ $word == -* ]] || COMPREPLY+=($(compgen -c -- "$word"))
        ;;
    balance)
        COMPREPLY=($(compgen -W "--from --to --json --csv --help" -- "$word"))
        ;;
    statement)
        COMPREPLY=($(compgen -W "--from --to --by --depth --account --commodity --limit --sort --every --per --basis --json --csv --help" -- "$word"))
        ;;
    explain)
        COMPREPLY=($(compgen -W "--from --to --figure --by --per --basis --flows --commodity --json --csv --help" -- "$word"))
        ;;
    export)
        COMPREPLY=($(compgen -W "--from --to --account --format --help" -- "$word"))
        [[ $word == -* ]] || { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$word")); }
        ;;
    import)
        COMPREPLY=($(compgen -W "--format --dry-run --json --csv --map --per --label --utilisation --currency --skip-bad --skipped --restated --meters --site --grid --unit --kind --times --step --zone --dates --help" -- "$word"))
        [[ $word == -* ]] || { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$word")); }
        ;;
    label)
        COMPREPLY=($(compgen -W "--list --json --csv --help" -- "$word"))
        ;;
    factors)
        COMPREPLY=($(compgen -W "--at --name --replace --series --columns --zone --dates --step --source --licence --uncertainty --steps --from --to --json --csv --help" -- "$word"))
        [[ $word == -* ]] || { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$word")); }
        ;;
    kpi)
        COMPREPLY=($(compgen -W "--every --site --from --to --json --csv --help" -- "$word"))
        ;;
    check)
        COMPREPLY=($(compgen -W "--at --json --csv --help" -- "$word"))
        ;;
    rank)
        COMPREPLY=($(compgen -W "--weights --goalposts --by --providers --regions --countries --near --max-latency --data --concentration --draws --seed --at --limit --evidence --json --csv --help" -- "$word"))
        ;;
    plan)
        COMPREPLY=($(compgen -W "--energy --duration --window --interruptible --regions --from --by --forecast --json --csv --help" -- "$word"))
        ;;
    estimate)
        COMPREPLY=($(compgen -W "--gpu --gpus --precision --tensor-parallel --data-parallel --pipeline-parallel --expert-parallel --ring-parallel --input-tokens --output-tokens --cached-tokens --concurrency --rate --image --images --video --video-seconds --vision-tokens --sparse-attention --experts-per-token --size --frames --steps --guidance --batch --train-tokens --sequence-tokens --trained-share --mfu --region --at --pue --wue --electricity-price --gpu-price --currency --config --compare --score --at-least --rows --out --json --csv --help" -- "$word"))
        ;;
    payback)
        COMPREPLY=($(compgen -W "--require --draws --seed --threads --json --csv --help" -- "$word"))
        ;;
    index)
        COMPREPLY=($(compgen -W "--question --by --where --pairs --out --lang --title --plan --market --project --from --wave --draws --seed --concentration --table --json --csv --help" -- "$word"))
        ;;
    esac
}
complete -F _joulebook joulebook
