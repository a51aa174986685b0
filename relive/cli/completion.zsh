#compdef relive
# Completion of relive in zsh: relive completion zsh puts the words in.
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
    local cur=${words[CURRENT]} prev=${words[CURRENT-1]} verb values
    if (( CURRENT == 2 )); then
        compadd -- @VERBS@ --help --version
        _files -g '*.relive'
        return
    fi
    verb=${words[2]}
    [[ $verb == filter && $CURRENT -gt 3 ]] && verb="filter ${words[3]}"
    values=$(_relive_values "$verb" "$prev")
    case "$values" in
        @files) _files; return ;;
        @functions) compadd -- ${(f)"$(_relive_functions)"}; return ;;
        @none) return ;;
        ?*) compadd -- ${=values}; return ;;
    esac
    if [[ $cur == -* ]]; then
        compadd -- ${=$(_relive_words "$verb")}
        return
    fi
    for values in ${=$(_relive_free "$verb")}; do
        case "$values" in
            @files) _files ;;
            @recordings) _files -g '*.relive' ;;
            @functions) compadd -- ${(f)"$(_relive_functions)"} ;;
            *) compadd -- $values ;;
        esac
    done
}

_relive_functions() {
    local word
    for word in ${words[3,CURRENT-1]}; do
        if [[ $word == *.relive ]]; then
            command relive completion functions "${(Q)word}" 2>/dev/null
            return
        fi
    done
    command relive completion functions 2>/dev/null
}

if [ "$funcstack[1]" = "_relive" ]; then
    _relive "$@"
else
    compdef _relive relive
fi
