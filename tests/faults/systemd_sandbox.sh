# The sandbox of the shipped unit, tried from inside and attacked from outside; prints "name value" lines. Run by
# test_systemd_sandbox.py, with others.sh beside it.
systemctl --user set-environment SSLKEYLOGFILE=$HOME/keys LD_PRELOAD=/nowhere.so PYTHONSTARTUP=$HOME/start.py \
  PYTHONINSPECT=1 OPENSSL_CONF=$HOME/openssl.cnf LD_LIBRARY_PATH=/nowhere PYTHONPATH=/nowhere LAB_KEPT=1
. /run/lab/src/tests/faults/lab.sh
mkdir -m 700 .ssh && echo key >.ssh/id
planted=$(mktemp)
until [[ -s /run/others_pid ]]; do sleep 0.02; done

cat >>.config/lokid/config.yaml <<END_OF_CONFIG
- type: openai-compatible
  name: cat
  api_base: http://127.0.0.1:$(cat port)/v1
  api_key: {command: [echo, from-a-command]}
  models: [{name: quick}]
- type: openai-compatible
  name: jit
  api_base: http://127.0.0.1:$(cat port)/v1
  api_key: {command: [node, -p, "'from-node'"]}
  models: [{name: quick}]
- type: openai-compatible
  name: served
  api_base: http://127.0.0.1:{port}/v1
  launch: {command: [$PYTHON, -I, -S, $LAB/lab_provider.py, $HOME/.local/state/lokid/served.log, "{port}"]}
  models: [{name: quick}]
- type: openai-compatible
  name: writes
  api_base: http://127.0.0.1:{port}/v1
  launch: {command: [$PYTHON, -I, -S, -c, "open('$HOME/.cache-of-models', 'w')"]}
  models: [{name: quick}]
END_OF_CONFIG

exposure() { systemd-analyze --user security lokid.service 2>/dev/null | sed -n 's/.*exposure level for lokid.service: \([0-9.]*\).*/\1/p'; }
probe() { # NAME: what can be done under the unit as it is now
  systemctl --user stop lokid
  drop_in probe Type=oneshot Restart=no ExecStart= "ExecStart=$PYTHON $LAB/lab_probe.py $(cat /run/others_pid) $planted" \
    "StandardOutput=truncate:$HOME/.local/state/lokid/probe.txt" WatchdogSec=0
  systemctl --user start lokid
  sed "s/^probe/$1/" .local/state/lokid/probe.txt
  drop_in probe
}

say exposure "$(exposure)"
probe probed
say status "$(lokictl status --json | $PYTHON -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["daemon"]["sandbox"]))')"
say status_line "$(lokictl status | grep ^sandbox)"
say doctor "$(lokictl doctor | grep -c '^sandbox *complete') $(lokictl doctor | grep -c '^problem: the sandbox')"

$PYTHON $LAB/lab_attack.py "$(main_pid)"
chmod 711 /run/user/$UID /run/user/$UID/lokid; chmod 666 /run/user/$UID/lokid/rpc.sock; touch knock
until [[ -e /run/answered.done ]]; do sleep 0.02; done
cat /run/answered.done
chmod 700 /run/user/$UID /run/user/$UID/lokid; chmod 600 /run/user/$UID/lokid/rpc.sock

say command "$(lokictl ask cat:quick hi 2>&1)"
say jit "$(lokictl ask jit:quick hi 2>&1 | tr '\n' ' ')"
say served "$(lokictl ask served:quick hi 2>&1)"
say writes "$(lokictl ask writes:quick hi 2>&1 | tr '\n' ' ')"
drop_in mends MemoryDenyWriteExecute=no
systemctl --user restart lokid
say jit_with_drop_in "$(lokictl ask jit:quick hi 2>&1)"
drop_in mends

# A configuration that only whoever asks can see.
echo 'clientz: []' >/tmp/other.yaml
say checked "$(lokictl config check /tmp/other.yaml 2>&1)"
sed 's/^clientz.*/clients: []/' /tmp/other.yaml >.ssh/other.yaml
say checked_good "$(lokictl config check ~/.ssh/other.yaml 2>&1) $?"

# A vault that is elsewhere, by its links and by the configuration.
mkdir Sync elsewhere
ln -s ~/Sync/vault.age ~/Sync/identity.txt .local/share/lokid/
say link_closed "$(echo value-1 | lokictl secret set KEY 2>&1 | tr '\n' ' ')"
lokictl daemon install
say link_opened "$(echo value-1 | lokictl secret set KEY 2>&1) $(ls Sync | tr '\n' ' ')"
cp .config/lokid/config.yaml before.yaml
echo "vault: {file: $HOME/elsewhere/v.age, identity: $HOME/later/i.txt}" >>.config/lokid/config.yaml
say not_there "$(lokictl daemon install 2>&1 | grep later)"
mkdir -m 700 later
lokictl daemon restart
say file_opened "$(echo value-1 | lokictl secret set KEY 2>&1) $(ls elsewhere later | tr '\n' ' ')"
cp before.yaml .config/lokid/config.yaml
echo "vault: {file: /tmp/vault/v.age}
extra_socket: {path: /tmp/box/x.sock, models: ['lab:*']}" >>.config/lokid/config.yaml
lokictl config reload >/dev/null
say own_tmp "$(echo value-1 | lokictl secret set KEY 2>&1 | head -1) $(lokictl status | grep 'extra socket')"
echo a-key >/tmp/key
cp before.yaml .config/lokid/config.yaml
sed -i 's#^  api_key: .*#  api_key: {file: /tmp/key}#' .config/lokid/config.yaml
lokictl config reload >/dev/null
say own_key "$(lokictl ask lab:quick key 2>&1 | tr '\n' ' ')"
cp before.yaml .config/lokid/config.yaml
lokictl daemon restart

# --- the part that systemd leaves out without a word
# (With these lines of the unit it would not start: they too need a user namespace, and say so.)
sed -i -E '/^(PrivateUsers|CapabilityBoundingSet|ProtectKernelModules|ProtectKernelLogs|ProtectClock|PrivateDevices)=/d' \
  .config/systemd/user/lokid.service
systemctl --user daemon-reload
probe open_probed
say open_status "$(lokictl status --json | $PYTHON -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["daemon"]["sandbox"]))')"
say open_line "$(lokictl status | grep -A1 ^sandbox | tr '\n' ' ')"
$PYTHON $LAB/lab_attack.py "$(main_pid)" | sed 's/^/open_/'
say open_doctor "$(lokictl doctor | grep '^problem: the sandbox')"
