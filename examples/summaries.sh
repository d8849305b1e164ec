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
    part=$1.part$$ said=$1.said$$    # of this run: another may be at the same file
    trap "rm -f -- \"\$part\" \"\$said\"" EXIT
    trap "exit 130" INT TERM
    lokictl ask "Summarise this in one sentence." < "$1" > "$part" 2> "$said"
    status=$?
    cat -- "$said" >&2
    if [ $status = 0 ] && ! grep -q -e "^lokictl: the " -- "$said"    # of an answer that is not all there could be
    then mv -- "$part" "$1.summary"
    else status=1    # xargs goes on, and its own status tells in the end
    fi
    exit $status' summarise
