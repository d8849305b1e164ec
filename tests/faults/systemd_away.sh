# The service's socket, its directory and its program are taken away; prints "name value" lines. Run by
# test_systemd_away.py.
. /run/lab/src/tests/faults/lab.sh

# --- the socket is removed, which systemd does not notice and lokid may not mend in its sandbox
answered_by() { [ "$(lokictl status --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["daemon"]["pid"])')" = "$(main_pid)" ] && echo the_service || echo another; }
rm -r "$XDG_RUNTIME_DIR/lokid"
say removed "$(lokictl ask lab:quick removed 2>&1) by $(answered_by)"
systemctl --user stop lokid.socket lokid
systemctl --user enable --quiet lokid.socket
rm -f "$XDG_RUNTIME_DIR/lokid/rpc.sock"
for i in $(seq 8); do lokictl ask lab:quick "at-once-$i" >"once.$i" 2>&1 & done; wait $(jobs -p | tail -8)
say at_once "$(cat once.* | grep -c '^re: at-once') by $(answered_by) $(systemctl --user is-active lokid.socket)"
systemctl --user stop lokid.socket lokid
say ended "$(lokictl ask lab:quick ended 2>&1) by $(answered_by)"

rm -r "$XDG_RUNTIME_DIR/lokid"
lokictl daemon stop >/dev/null
say unheard "$(main_pid)"
systemctl --user restart lokid.socket
lokictl daemon start >/dev/null
rm -f "$XDG_RUNTIME_DIR/lokid/rpc.sock"
sleep 0.5 # it makes its own
lokictl ask lab:slow drains >drains & drains=$!
sleep 0.5
lokictl daemon stop >/dev/null & stops=$!
for _ in $(seq 100); do [[ $(systemctl --user show -p ActiveState --value lokid) = deactivating ]] && break; sleep 0.02; done
said=$(lokictl ask lab:quick meanwhile 2>&1)
wait $drains $stops
say drained "$said by $(answered_by)"

# --- the directory goes while a question runs for longer than systemd is waited for
lokictl ask lab:long outlasts >outlasts & outlasts=$!
sleep 0.7
rm -r "$XDG_RUNTIME_DIR/lokid"
said=$(lokictl ask lab:quick beside 2>&1)
say outlasted "$said by $(answered_by)"
wait $outlasts
say whole "$(grep -c 're: outlasts' outlasts)"

# --- the directory goes, and lokid is installed again
rm -r "$XDG_RUNTIME_DIR/lokid"
lokictl daemon install >installs 2>&1
say installed "$? by $(answered_by)"
drop_in journal "StandardError=append:$LOG"

# --- the directory of the state goes
today() { lokictl usage --json | $PYTHON -c 'import json, sys; print(sum(row["requests"] for row in json.load(sys.stdin)))'; }
lokictl daemon restart >/dev/null
rm -r .local/state/lokid
lokictl ask lab:quick unbooked >/dev/null 2>&1
for _ in $(seq 100); do lokictl status | grep -q 'make /.*/lokid, or mount' && break; sleep 0.1; done
say state_away "$(lokictl status 2>&1 | grep -c 'lokictl daemon restart')"
lokictl daemon restart >/dev/null 2>&1
lokictl ask lab:quick booked >/dev/null
for _ in $(seq 100); do [[ $(today) = 1 ]] && break; sleep 0.1; done
say booked "$(today) by $(answered_by)"

# --- what systemd starts is away
pid=$(main_pid)
mv .local/bin/lokid .local/bin/away
said=$(lokictl daemon restart 2>&1)
say refused "$? $(grep -c 'not restarted' <<<"$said") $([ "$(main_pid)" = "$pid" ] && echo same_pid)"
mv .local/bin/away .local/bin/lokid
