# Run by test_daemon_install.py inside a real `systemd --user`; prints "name value" lines.
set -u
mkdir -p ~/.local/bin
for program in lokid lokictl; do
  printf '#!/bin/sh\nexport PYTHONPATH=/run/lab/site:/run/lab/src PYTHONDONTWRITEBYTECODE=1\nexec %s -m %s "$@"\n' \
    "$PYTHON" $program >~/.local/bin/$program
  chmod 755 ~/.local/bin/$program
done
export PATH=$HOME/.local/bin:$PATH
say() { echo "$1" "$2"; }
cd ~
lokictl daemon start >/dev/null
old=$(lokictl info | awk '/^daemon_pid/{print $2}')
lokictl daemon install >install.txt 2>&1
say install "$?"
cat install.txt
say told "$(grep -c "runs, pid $(systemctl --user show -p MainPID --value lokid)" install.txt)"
say old_gone "$(kill -0 "$old" 2>/dev/null && echo no || echo yes)"
say enabled "$(systemctl --user is-enabled lokid.socket)"
say writable "$(lokictl secret import-env NONE >/dev/null 2>&1; printf x | lokictl secret set A_KEY >/dev/null 2>&1; echo $?)"
lokictl daemon install >/dev/null 2>&1
say again "$? $(systemctl --user is-active lokid)"
lokictl daemon uninstall >/dev/null 2>&1
say uninstall "$? $(systemctl --user is-active lokid.socket) $(ls ~/.config/systemd/user | grep -c '^lokid')"
say kept "$(ls ~/.local/share/lokid | wc -l)"
