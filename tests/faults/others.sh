# Runs as root beside systemd_sandbox.sh: a process of another user, and two of them that knock at the socket once
# its modes are open to everybody.
cd /home/lab
echo $BASHPID >/run/others_pid
until [[ -e knock ]]; do sleep 0.05; done
for uid in 0 65533; do
  echo "answered_$uid $(setpriv --reuid=$uid --clear-groups /usr/bin/python3 -I -S - /run/user/$LAB_UID/lokid/rpc.sock <<'PYTHON'
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(20)
sock.connect(sys.argv[1])
try:
    sock.sendall(b"\x94\x00\x01\xa5hello\x90")
    print(len(sock.recv(100)))
except (BrokenPipeError, ConnectionResetError):
    print(0)
PYTHON
)"
done >/run/answered
chmod 644 /run/answered
mv /run/answered /run/answered.done
sleep infinity
