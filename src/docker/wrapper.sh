# Runs a dump tool inside a target, for the dumpcar sidecar (arguments: marker, snippet, its arguments).
# Behind end.sh. Needs nothing but a POSIX sh and /proc: tested with dash, bash and busybox.
m=$1; shift
exec 3<&0
sh -c "$@" </dev/null 3<&- &
t=$!
# From here on a vanished reader must not end this shell: it is the tool's parent, and an orphan that dies of a signal
# makes a PostgreSQL that is process 1 restart the whole server.
trap '' PIPE
# The dead man's switch: a line says that the dump was taken, an end of file that Dumpcar is gone.
(
  read -r x && exit 0
  kill -TERM $t || exit 0
  for x in TERM TERM KILL ALL; do sleep 1; kill -0 $t || exit 0; end $x $t; done
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
