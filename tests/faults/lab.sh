# What the scenarios of this folder share; sourced inside a real `systemd --user` (tests/e2e/user_systemd.sh).
# PYTHON is set. Afterwards ~ has the shipped units, lokid, lokictl, and a provider that lokid is configured for.
set -u
LAB=/run/lab/src/tests/faults
export PYTHONPATH=/run/lab/site:/run/lab/src PYTHONDONTWRITEBYTECODE=1 PATH=$HOME/.local/bin:$PATH
LOG=$HOME/.local/state/lokid/lokid.log
say() { echo "$1" "$2"; }
main_pid() { systemctl --user show -p MainPID --value lokid; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# program NAME COMMAND...: ~/.local/bin/NAME
program() {
  printf '#!/bin/sh\nexport PYTHONPATH=%s PYTHONDONTWRITEBYTECODE=1\nexec %s "$@"\n' "$PYTHONPATH" "${*:2}" >~/.local/bin/$1
  chmod 755 ~/.local/bin/$1
}
# drop_in NAME LINE...: [Service] lines of lokid.service; without lines it is removed again
drop_in() {
  local file=~/.config/systemd/user/lokid.service.d/$1.conf
  if (($# == 1)); then rm -f "$file"; else printf '%s\n' '[Service]' "${@:2}" >"$file"; fi
  systemctl --user daemon-reload
}

cd ~
mkdir -p .local/bin .local/state/lokid .local/share/lokid .config/lokid .config/systemd/user/lokid.service.d
program lokid $PYTHON -m lokid
program lokictl $PYTHON -m lokictl
cp /run/lab/src/systemd/lokid.{service,socket} .config/systemd/user/
drop_in journal "StandardError=append:$LOG" # there is none here
$PYTHON $LAB/lab_provider.py provider.log >port &
for _ in $(seq 100); do [[ -s port ]] && break; sleep 0.05; done
cat >.config/lokid/config.yaml <<END_OF_CONFIG
model: lab:quick
clients:
- type: openai-compatible
  name: lab
  api_base: http://127.0.0.1:$(cat port)/v1
  api_key: ${LAB_KEY:-a-key-of-the-lab}
  models: [{name: quick}, {name: slow}, {name: long}]
END_OF_CONFIG
chmod 600 .config/lokid/config.yaml
systemctl --user start lokid.socket
