#!/bin/bash
# A genuine `systemd --user` for one scenario, on a machine that systemd may not have booted.
#
#   user_systemd.sh UID SITE SOURCE SCENARIO [OTHERS]      (as root)
#
# UID needs no account. SITE (packages) and SOURCE (the checkout) appear read-only as /run/lab/site and
# /run/lab/src; SCENARIO is a bash script, run as UID in an empty home with `systemctl --user` working. Own
# mount, cgroup and pid namespaces: nothing outside is touched, and everything ends with the scenario. OTHERS is
# a script that runs beside it as root, in the same namespaces: what others on the machine may try.
set -euo pipefail

if [[ $1 != --inside ]]; then
  uid=$1
  for root in /sys/fs/cgroup/unified /sys/fs/cgroup; do [[ -e $root/cgroup.procs && -e $root/cgroup.controllers ]] && break; done
  group=$root/lokid-test.$$
  mkdir -p "$group/user"
  chown -R "$uid:$uid" "$group/user"
  # The groups that systemd made below it are empty a moment after its last process has ended.
  trap 'for _ in $(seq 50); do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done' EXIT
  (
    echo "$BASHPID" >"$group/user/cgroup.procs"
    exec setpriv --pdeathsig KILL unshare --mount --cgroup --pid --fork --propagation private --mount-proc --kill-child "$0" --inside "$@"
  )
  exit
fi

uid=$2 site=$(realpath "$3") source=$(realpath "$4") scenario=$(cat "$5") others=${6:+$(cat "$6")}
lab=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$lab"
mkdir "$lab/site" "$lab/src"
mount --bind -o ro "$site" "$lab/site"
mount --bind -o ro "$source" "$lab/src"
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /home # where the sandbox expects homes to be
mkdir -p /run/systemd/{system,unit-root,propagate} /run/credentials "/run/user/$uid" /run/lab /home/lab
mount --move "$lab" /run/lab 2>/dev/null || mount --rbind "$lab" /run/lab
chown "$uid:$uid" "/run/user/$uid" /home/lab
chmod 700 "/run/user/$uid" /home/lab
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
cd /home/lab
[[ -z $others ]] || LAB_UID=$uid bash -c "$others" &
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups env -i HOME=/home/lab USER=lab LOGNAME=lab SHELL=/bin/bash \
  XDG_RUNTIME_DIR="/run/user/$uid" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" \
  PATH=/usr/bin:/bin:/usr/sbin:/sbin SCENARIO="$scenario" \
  bash -c 'SYSTEMD_LOG_LEVEL=warning SYSTEMD_LOG_TARGET=console env -u SCENARIO /lib/systemd/systemd --user & manager=$!
           for _ in $(seq 100); do systemctl --user is-system-running --quiet 2>/dev/null && break; sleep 0.1; done
           code=0; bash -c "$SCENARIO" || code=$?
           systemctl --user exit 2>/dev/null || true; wait $manager 2>/dev/null || true; exit $code'
