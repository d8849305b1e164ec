# lokictl for zsh 5.1 and newer:   eval "$(lokictl init zsh)"   in ~/.zshrc, after compinit if that is called there
# TAB completes commands, options, clients and models. Alt-e turns the words on the line into a command.

_lokictl() {
    local line word
    local -a whole open_ whole_shown open_shown
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ $word == :files ]]; then
            _files
            return
        fi
        # Of --model=openai the part before = is already there.
        [[ $line == *$'\t'* ]] && line="$word -- ${line#*$'\t'}"
        if [[ $word == *[:=] ]]; then
            open_+=("$word") open_shown+=("$line")
        else
            whole+=("$word") whole_shown+=("$line")
        fi
    done < <(command lokictl __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    local found=1
    (( $#whole )) && compadd -l -d whole_shown -a whole && found=0
    (( $#open_ )) && compadd -l -S '' -d open_shown -a open_ && found=0
    return found
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
compdef _lokictl lokictl

_lokictl_words_to_command() {
    emulate -L zsh
    setopt local_traps
    [[ $BUFFER == *[^[:space:]]* ]] || return 0
    # Ctrl-C ends lokictl; without the trap it would end the line too.
    trap : INT
    zle -R 'lokictl: asking; Ctrl-C gives up'
    local answer note='' command=''
    answer=$(command lokictl cmd --key --shell zsh -- "$BUFFER" </dev/null 2>/dev/null)
    # A line that is a message or empty, then the command, if there is one.
    note=${answer%%$'\n'*}
    [[ $answer == *$'\n'* ]] && command=${answer#*$'\n'}
    if [[ -n $command ]]; then
        BUFFER=$command
        CURSOR=$#BUFFER
    fi
    zle -R
    [[ -n $note ]] && zle -M -- "$note"
    return 0
}
zle -N _lokictl_words_to_command
bindkey -M emacs '\ee' _lokictl_words_to_command
bindkey -M viins '\ee' _lokictl_words_to_command
