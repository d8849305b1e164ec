#!/bin/sh
# One summary beside each text file, eight at a time: notes/a.txt -> notes/a.txt.summary
#
#     sh summaries.sh notes/*.txt
#
# Run it again after a failure or Ctrl-C: what is there already is not asked (and paid) again. From cron, which
# has no XDG_RUNTIME_DIR, name it, so that the job meets the daemon of your session:
#
#     15 6 * * *  XDG_RUNTIME_DIR=/run/user/$(id -u) sh ~/bin/summaries.sh ~/notes/*.txt

printf '%s\0' "$@" | xargs -0 -P 8 -n 1 sh -c '
    [ ! -e "$1.summary" ] || exit 0
    if lokictl ask "Summarise this in one sentence." < "$1" > "$1.part"
    then mv -- "$1.part" "$1.summary"
    else rm -- "$1.part"; exit 1    # xargs goes on, and its own status tells in the end
    fi' summarise
