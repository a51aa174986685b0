# Completion of relive in bash: relive completion bash puts the words in.
_relive_words() {  # of the verb $1: its options
    case "$1" in
@OPTIONS@
    esac
}

_relive_values() {  # of the option $2 of the verb $1
    case "$1 $2" in
@VALUES@
    esac
}

_relive_free() {  # what else the verb $1 takes
    case "$1" in
@FREE@
    esac
}

_relive() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb i values
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W '@VERBS@ --help --version' -- "$cur"))
        _relive_files "$cur" '*.relive'
        return
    fi
    verb=${COMP_WORDS[1]}
    [[ $verb == filter && $COMP_CWORD -gt 2 ]] && verb="filter ${COMP_WORDS[2]}"
    values=$(_relive_values "$verb" "$prev")
    case "$values" in
        @files) _relive_files "$cur"; return ;;
        @functions) COMPREPLY=($(compgen -W "$(_relive_functions)" -- "$cur")); return ;;
        @none) return ;;
        ?*) COMPREPLY=($(compgen -W "$values" -- "$cur")); return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_relive_words "$verb")" -- "$cur"))
        return
    fi
    for values in $(_relive_free "$verb"); do
        case "$values" in
            @files) _relive_files "$cur" ;;
            @recordings) _relive_files "$cur" '*.relive' ;;
            @functions) COMPREPLY+=($(compgen -W "$(_relive_functions)" -- "$cur")) ;;
            *) COMPREPLY+=($(compgen -W "$values" -- "$cur")) ;;
        esac
    done
}

_relive_functions() {
    local i
    for (( i = 2; i < COMP_CWORD; i++ )); do
        if [[ ${COMP_WORDS[i]} == *.relive ]]; then
            command relive completion functions "${COMP_WORDS[i]}" 2>/dev/null
            return
        fi
    done
    command relive completion functions 2>/dev/null
}

_relive_files() {  # names of files that begin with $1; with $2 only those, and folders
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do
        if [[ -z $2 || -d $name || $name == $2 ]]; then
            COMPREPLY+=("$name")
        fi
    done < <(compgen -f -- "$1")
}

complete -F _relive relive
