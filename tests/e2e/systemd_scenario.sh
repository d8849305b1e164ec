# Run by test_daemon_systemd.py inside a real `systemd --user`; prints "name value" lines.
set -u
mkdir -p ~/.local/bin ~/.local/state/lokid ~/.local/share/lokid ~/.config/systemd/user/lokid.service.d
cat >~/.local/bin/lokid <<END
#!/bin/sh
export PYTHONPATH=/run/lab/site:/run/lab/src PYTHONDONTWRITEBYTECODE=1
exec $PYTHON -m lokid "\$@"
END
chmod 755 ~/.local/bin/lokid
cp /run/lab/src/systemd/lokid.service /run/lab/src/systemd/lokid.socket ~/.config/systemd/user/
# No journal here.
printf '[Service]\nStandardError=append:%s/lokid.log\n' ~/.local/state/lokid \
  >~/.config/systemd/user/lokid.service.d/test.conf

cat >~/ask.py <<'END'
"""ask.py METHOD: the result."""
import json, os, socket, sys
sys.path.insert(0, "/run/lab/site")
import msgpack

def ask(method):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(os.environ["XDG_RUNTIME_DIR"] + "/lokid/rpc.sock")
        sock.sendall(msgpack.packb([0, 1, method, []]))
        unpacker = msgpack.Unpacker()
        while data := sock.recv(65536):
            unpacker.feed(data)
            for message in unpacker:
                assert message[2] is None or "shutting down" in message[2], message
                if message[2] is None:
                    return message[3]
    raise ConnectionResetError

def resending(method):
    try:
        return ask(method)
    except (ConnectionResetError, BrokenPipeError):  # ended before an answer: once more
        return ask(method)

print(json.dumps(resending(sys.argv[1])))
END
ask() { $PYTHON ~/ask.py "$@"; }
main_pid() { systemctl --user show -p MainPID --value lokid; }
say() { echo "$1" "$2"; }

cd ~
systemctl --user daemon-reload
systemctl --user start lokid.socket
say before_first_question "$(systemctl --user is-active lokid)"
say modes "$(stat -c %a /run/user/$UID/lokid /run/user/$UID/lokid/rpc.sock | xargs)"
say status "$(ask status)"
say active "$(systemctl --user is-active lokid)"
say text "$(systemctl --user show -p StatusText --value lokid)"

pid=$(main_pid)
say environ_readable "$(cat /proc/$pid/environ >/dev/null 2>&1 && echo yes || echo no)"
say core "$(awk '/core file/{print $5}' /proc/$pid/limits)"
systemctl --user reload lokid
say reload "$? $([ "$(main_pid)" = "$pid" ] && echo same_pid)"

systemctl --user stop lokid
say stopped "$(systemctl --user is-active lokid) $(systemctl --user show -p Result --value lokid)"
say socket_stays "$(test -S /run/user/$UID/lokid/rpc.sock && echo yes)"
say after_stop "$(ask hello | grep -c '"server": "lokid"')"
say bugs "$(grep -c -e bug -e Traceback ~/.local/state/lokid/lokid.log)"
