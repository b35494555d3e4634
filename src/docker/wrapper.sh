# Runs a dump tool inside a target, for the dumpcar sidecar (arguments: marker, snippet, its arguments).
# Needs nothing but a POSIX sh and /proc: tested with dash, bash and busybox.
m=$1; shift
exec 3<&0
sh -c "$@" </dev/null 3<&- &
t=$!
# From here on neither a reader that went away nor the TERM below may end this shell: it is the tool's parent, and an
# orphan that does not end well makes a PostgreSQL that is process 1 restart the whole server.
trap '' PIPE TERM
# A container runtime makes an exec the leader of a process group of its own; then the group is the tool and all it
# started. Where it is not, the group is somebody else's.
read -r p c s pp g r </proc/$$/stat || g=
# The dead man's switch: a line says that the dump was taken, an end of file that Dumpcar is gone.
(
  read -r x && exit 0
  if [ "$g" = $$ ]; then kill -TERM 0; else kill -TERM $t; fi
  for x in 1 2 3 4 5 6 7 8; do sleep 1; kill -0 $t || exit 0; done
  kill -KILL $t
  [ "$g" = $$ ] || exit 0
  # Whoever of the group did not end with its parent; not this shell, not the one above.
  read -r self r </proc/self/stat
  for x in /proc/[0-9]*/stat; do
    read -r p c s pp g r <"$x" || continue
    [ "$g" != $$ ] || [ "$p" = $$ ] || [ "$p" = "$self" ] || kill -KILL "$p"
  done
  exit 0
) <&3 3<&- >/dev/null 2>&1 &
w=$!
exec 3<&-
wait $t
s=$?
# The verdict, in band: Docker's own exit code is 0 for a dump it cut.
printf '\n%s %s\n' "$m" "$s" 2>/dev/null
# Stay until the reader has everything: dockerd stops copying output 2 s after this process ends.
wait $w
exit $s
