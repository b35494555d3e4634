#!/bin/sh
# What `--privileged` would have done, on a machine that lacks a capability and so cannot give all of them.
set -e
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
    ! grep -q " $group " /proc/mounts || mount -o remount,bind,rw "$group"
done
# With one hierarchy for all, a group that has groups has no processes of its own.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/init
    # shellcheck disable=SC2013 # numbers, and all of them before the first is moved
    for process in $(cat /sys/fs/cgroup/cgroup.procs); do
        echo "$process" >/sys/fs/cgroup/init/cgroup.procs || true
    done
    sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
