# lokictl for fish 3.2 and newer:   lokictl init fish | source   in ~/.config/fish/config.fish
# TAB completes commands, options, clients and models. Alt-e turns the words on the line into a command
# (Alt-v, the other key of fish for it, still opens the editor).

function __lokictl_complete
    set -l words (commandline -opc)
    set -l found (command lokictl __complete $words[2..] (commandline -ct) 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path (commandline -ct)
    else if set -q found[1]
        printf '%s\n' $found
    end
end
complete -c lokictl -f -a '(__lokictl_complete)'

function __lokictl_words_to_command
    set -l words (commandline | string collect)
    string match -qr '\S' -- $words; or return
    set -l answer (command lokictl cmd --key --shell fish -- $words </dev/null 2>/dev/null)
    # A line that is a message or empty, then the command, if there is one.
    set -l note $answer[1]
    if set -q answer[2]
        commandline -r -- (string join \n -- $answer[2..] | string collect)
    end
    if test -n "$note"
        # Under the prompt; fish draws the line anew below it, after as many rows up as the words had. How wide
        # the prompt is nobody says: half a row.
        set -l length (string length -- $words)
        set -l lines (string split \n -- $words)
        set -l rows (math "floor($length / $COLUMNS + 0.5) + "(count $lines)" - 1")
        printf '\n%s\n' $note
        test $rows -gt 0; and printf (string repeat -n $rows '\n')
        commandline -f repaint
    end
end
bind \ee __lokictl_words_to_command
bind -M insert \ee __lokictl_words_to_command
