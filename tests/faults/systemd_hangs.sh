# A hung daemon is replaced, a crash loop is not the end, credentials arrive; prints "name value" lines.
# WATCHDOG: seconds, 0 for those of the unit. Run by test_systemd_hangs.py.
LAB_KEY='{{LAB_KEY}}'
. /run/lab/src/tests/faults/lab.sh
program lokid $PYTHON $LAB/lab_hanging.py

# --- credentials: the vault's identity and a key, from files that the daemon could not find by itself
mkdir -m 700 elsewhere
printf in-the-vault | lokictl secret set IN_VAULT 2>/dev/null
mv .local/share/lokid/identity.txt elsewhere/
(umask 077 && printf 'from-a-credential' >elsewhere/key)
drop_in credentials "LoadCredential=vault-identity:$HOME/elsewhere/identity.txt" "LoadCredential=LAB_KEY:$HOME/elsewhere/key"
systemctl --user restart lokid
lokictl ask lab:quick credential >/dev/null
say key "$(awk -F'\t' '$2 == "credential"{print $1}' provider.log)"
say vault "$(lokictl secret get IN_VAULT 2>&1)"

# --- a reload keeps the process and the connections
pid=$(main_pid)
systemctl --user reload lokid
say reload "$? $([ "$(main_pid)" = "$pid" ] && echo same_pid)"

# --- the watchdog
((WATCHDOG == 0)) || drop_in watchdog "WatchdogSec=$WATCHDOG"
systemctl --user restart lokid
replaced() { # NAME COMMAND...: ten questions wait meanwhile, and the longest of them
  local pid=$(main_pid) begun askers=() right=0
  "${@:2}"
  begun=$(now_ms)
  for i in 0 1 2 3 4 5 6 7 8 9; do
    { lokictl ask lab:quick "$1-$i" >"answer.$i" 2>&1; echo "$(now_ms)" >"at.$i"; } & askers+=($!)
  done
  wait "${askers[@]}"
  for i in 0 1 2 3 4 5 6 7 8 9; do [[ $(<answer.$i) = "re: $1-$i" ]] && right=$((right + 1)); done
  cat answer.*
  say "$1" "$right answered by $([ "$(main_pid)" = "$pid" ] && echo the_same || echo another)"
  say "$1_ms" $(($(sort -n at.* | tail -1) - begun))
}
stopped() { kill -STOP "$(main_pid)"; }
blocked() {
  touch .local/state/lokid/block
  timeout 60 lokictl clients >/dev/null 2>&1 &
  while [[ -e .local/state/lokid/block ]]; do sleep 0.02; done
}
replaced stopped stopped
replaced blocked blocked
say stack "$(grep -c 'File .*lab_hanging.py.* in hang' $LOG)"

# --- a crash loop
drop_in crash ExecStart= ExecStart=/bin/false
rm -f "$XDG_RUNTIME_DIR/lokid/rpc.sock" # then, too
systemctl --user restart lokid 2>/dev/null
begun=$(now_ms)
said=$(timeout 40 lokictl ask lab:quick crash 2>&1)
say crash_exit $?
say crash_ms $(($(now_ms) - begun))
say crash_said "$(tr '\n' ' ' <<<"$said")"
for _ in $(seq 200); do (($(systemctl --user show -p NRestarts --value lokid) >= 10)) && break; sleep 0.05; done
say crash_socket "$(systemctl --user is-active lokid.socket)"
drop_in crash
say mended "$(lokictl ask lab:quick mended)"
