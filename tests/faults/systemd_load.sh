# Eight loops of `lokictl ask` while lokid is restarted RESTARTS times and killed KILLS times; prints "name
# value" lines. Run by test_systemd_load.py.
. /run/lab/src/tests/faults/lab.sh
program lokictl $PYTHON $LAB/lab_lokictl.py

loop() { # one asker; a line per question: status, milliseconds, question, answer, last words
  local n=0 begun answer status
  while [[ ! -e stop ]]; do
    n=$((n + 1)) begun=$(now_ms)
    answer=$(lokictl ask lab:quick "$phase-$1-$n" 2>"err.$1"); status=$?
    printf '%s\t%s\t%s\t%s\t%s\n' $status $(($(now_ms) - begun)) "$phase-$1-$n" "$answer" "$(head -1 "err.$1")" >>"asked.$phase.$1"
  done
}

under_load() { # PHASE COMMAND...
  phase=$1
  rm -f stop lost
  local askers=()
  for i in 1 2 3 4 5 6 7 8; do loop $i & askers+=($!); done
  "${@:2}"
  touch stop
  wait "${askers[@]}"
  touch lost
  $PYTHON $LAB/lab_tally.py "$phase"
}

restarts() { for i in $(seq $RESTARTS); do systemctl --user restart lokid || say restart_failed $?; sleep 0.$((i % 8 + 1)); done; }

kills() {
  for i in $(seq $KILLS); do
    local served=$(wc -l <provider.log)
    kill -9 "$(main_pid)"
    # Until another one serves, and then a moment more, never the same.
    for _ in $(seq 1000); do (($(wc -l <provider.log) > served + 8)) && break; sleep 0.02; done
    sleep 0.$((i % 4))
  done
}

lokictl ask lab:quick first >/dev/null
under_load restart restarts
under_load kill kills

for i in $(seq $STREAMS); do
  lokictl ask lab:slow "stream-$i" >stream.txt 2>stream.err & asker=$!
  for _ in $(seq 200); do grep -q "stream-$i\$" provider.log && break; sleep 0.02; done
  begun=$(now_ms)
  systemctl --user restart lokid
  wait $asker
  echo "$? $(tr '\n' ' ' <stream.txt)" >>streams.txt
done
say streams_whole "$(grep -c "^0 0 1 2 .* 29 re: stream-[0-9]* $" streams.txt)"
say bugs "$(grep -c -e bug -e Traceback $LOG)"
