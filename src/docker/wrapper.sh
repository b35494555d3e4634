# Runs a dump tool inside a target, for the dumpcar sidecar (arguments: marker, snippet, its arguments). With a level in $l,
# zstd compresses its output in there, if it can.
# Behind end.sh. Needs nothing but a POSIX sh and /proc: tested with dash, bash and busybox.
m=$1 c=; shift
exec 3<&0
# One thread, which takes a MiB at a time: with every 64 KiB that the pipe has, it would take a quarter more of a processor
# (`--single-thread`), because the tool pushes it out of the caches each time; as it does by itself, 39 instead of 10 MiB.
zstd="zstd -q -c -$l -T1 -B1048576"
# Whether it can is found out here, not in a round trip of its own: does it run, and is there a pipe for it?
if [ "$l" ] && $zstd </dev/null >/dev/null 2>&1 && : | (exec 5>/proc/self/fd/0) 2>/dev/null; then
  c=y
fi
# Those of the children that still are: what has ended may have left its number to a process of the database, for as long as
# the reader is slow.
ours() {
  for p in $t $c; do
    read -r l </proc/$p/stat || continue
    case ${l##*) } in [!Z]" $me "*) echo $p ;; esac
  done
}
run() {
  if [ "$c" ]; then
    printf '%s zstd\n' "$m"
    # Standard input is a pipe of our own. Both ends are for children of this shell: it hears how each of them ends.
    exec 4<&0 5>/proc/self/fd/0 </dev/null
    (
      # Memory and time are the database's first.
      echo 1000 >/proc/self/oom_score_adj
      n=; nice -n 5 true && n='nice -n 5'
      exec $n $zstd 2>&6
    ) <&4 3<&- 4<&- 5>&- 6>&2 2>/dev/null &
    c=$!
    sh -c "$@" 3<&- 4<&- >&5 5>&- &
    exec 4<&- 5>&-
  else
    sh -c "$@" </dev/null 3<&- &
  fi
  t=$!
  read -r me x </proc/self/stat
  # From here on a vanished reader must not end this shell: it is the tool's parent, and an orphan that dies of a signal
  # makes a PostgreSQL that is process 1 restart the whole server.
  trap '' PIPE
  # The dead man's switch: a line says that the dump was taken, an end of file that Dumpcar is gone.
  (
    read -r x && exit 0
    for p in $(ours); do kill -TERM $p; done
    for x in TERM TERM KILL ALL; do
      sleep 1
      n=
      for p in $(ours); do n=y; end $x $p; done
      [ "$n" ] || break
    done
    exit 0
  ) <&3 3<&- >/dev/null 2>&1 &
  w=$!
  exec 3<&-
  wait $t
  s=$?
  z=
  [ ! "$c" ] || { wait $c; z=$?; }
  # The verdict, in band: Docker's own exit code is 0 for a dump it cut.
  printf '\n%s %s%s\n' "$m" "$s" "${z:+ $z}" 2>/dev/null
  # Stay until the reader has everything: dockerd stops copying output 2 s after this process ends.
  wait $w
  [ "$s" != 0 ] || exit "${z:-0}"
  exit "$s"
}
if [ "$c" ]; then : | run "$@"; else run "$@"; fi
