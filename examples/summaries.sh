#!/bin/sh
# One summary beside each text file, eight at a time: notes/a.txt -> notes/a.txt.summary
#
#     sh summaries.sh notes/*.txt
#
# Run it again after a failure or Ctrl-C: what is there already is not asked (and paid) again. A summary that was
# cut (lokictl says so on stderr, with status 0) is not kept. From cron, which has no XDG_RUNTIME_DIR, name it, so
# that the job meets the daemon of your session:
#
#     15 6 * * *  XDG_RUNTIME_DIR=/run/user/$(id -u) sh ~/bin/summaries.sh ~/notes/*.txt

printf '%s\0' "$@" | xargs -0 -P 8 -n 1 sh -c '
    [ ! -e "$1.summary" ] || exit 0
    if lokictl ask "Summarise this in one sentence." < "$1" > "$1.part" 2> "$1.said" && [ ! -s "$1.said" ]
    then mv -- "$1.part" "$1.summary" && rm -- "$1.said"
    else cat -- "$1.said" >&2; rm -- "$1.part" "$1.said"; exit 1    # xargs goes on, and its status tells
    fi' summarise
