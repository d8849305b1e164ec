# lokictl for bash 4.4 and newer:   eval "$(lokictl init bash)"   in ~/.bashrc
# TAB completes commands, options, clients and models. Alt-e turns the words on the line into a command.

_lokictl() {
    # Readline splits words at : and =, so openai:gpt is three of them. Joined again here: what no blank
    # separates is one word.
    local line=${COMP_LINE:0:COMP_POINT} left i
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        left=${line#"${line%%[![:space:]]*}"}
        ((i == COMP_CWORD)) && COMP_WORDS[i]=$left
        if ((i == 0)) || [[ $left != "$line" || -z $left ]]; then
            words+=("${COMP_WORDS[i]}")
        else
            words[-1]+=${COMP_WORDS[i]}
        fi
        line=${left#"${COMP_WORDS[i]}"}
    done

    # Only what follows the last separator is replaced by readline, except inside quotes.
    local current=${words[-1]} keep= quoted=
    [[ $current == *[\"\']* ]] && quoted=1
    if [[ $current == [\"\']* ]]; then
        current=${current:1}
    elif [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
        keep=${current%"${current##*:}"}
    elif [[ $COMP_WORDBREAKS == *=* && $current == *=* ]]; then
        keep=${current%"${current##*=}"}
    fi
    words[-1]=$current

    COMPREPLY=()
    local word
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "${current#"$keep"}")
            return
        fi
        [[ $word == *[:=] ]] && compopt -o nospace
        word=${word#"$keep"}
        if [[ $quoted ]]; then
            # Readline puts it between the quotes as it is. A provider may call a model "$(rm -r ~)".
            [[ $word == *[!A-Za-z0-9_.:/@+,=%~-]* ]] && continue
        else
            printf -v word %q "$word"
        fi
        COMPREPLY+=("$word")
    done < <(command lokictl __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _lokictl lokictl

_lokictl_words_to_command() {
    [[ $READLINE_LINE == *[![:space:]]* ]] || return
    # The words stay on the screen while the model thinks; readline draws its own line again afterwards.
    # Ctrl-C ends lokictl, and the trap keeps it from taking the line along.
    local words=$READLINE_LINE answer note command trapped
    trapped=$(trap -p INT)
    trap : INT
    printf '\r%s \e[2m(asking; Ctrl-C gives up)\e[0m' "${words//$'\n'/ }"
    answer=$(command lokictl cmd --key --shell bash --columns "${COLUMNS:-80}" -- "$words" </dev/null 2>/dev/null)
    trap - INT
    [[ $trapped ]] && eval "$trapped"
    printf '\r\e[J'

    # A line that is a message or empty, then the command, if there is one.
    note=${answer%%$'\n'*} command=
    [[ $answer == *$'\n'* ]] && command=${answer#*$'\n'}
    note=${note//$'\x1e'/$'\n'}
    if [[ $command || ${#words} -gt $((${COLUMNS:-80} / 2)) || $words == *$'\n'* ]]; then
        # Above the line that readline is about to draw: one of several rows would be written over it.
        [[ $note ]] && printf '%s\n' "$note"
    elif [[ $note ]]; then
        # Under it: down, and up again. What parts its rows is counted.
        local parts=${note//[!$'\n']/}
        printf '\n%s\e[%dA\r' "$note" $((${#parts} + 1))
    fi
    [[ $command ]] && READLINE_LINE=$command READLINE_POINT=${#command}
    return 0
}
# A ~/.bashrc is read for scp too, where nobody edits a line, and bind warns.
bind -m emacs -x '"\ee": _lokictl_words_to_command' 2>/dev/null || :
bind -m vi-insert -x '"\ee": _lokictl_words_to_command' 2>/dev/null || :
