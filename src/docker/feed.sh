# Feeds a tool inside a target, for the dumpcar sidecar (arguments: marker, bytes of input, snippet, its arguments).
# Behind end.sh. The tool sees the end of its input only after Dumpcar has said that the input was right: what comes from
# a sidecar that vanished, or found the dump damaged, must not look like a whole dump. Tested like wrapper.sh.
m=$1 n=$2; shift 2
exec 3<&0 4>&1
trap : USR1
{
  trap '' PIPE
  # Dumpcar waits for this word before it sends a line, so whatever reads ahead has not swallowed one. The first line
  # closes the tool's input, the second one says that the verdict was read; an end of file before it, that nobody is there.
  head -c "$n" <&3 && printf 'fed\n' >&4 && read -r x <&3 && exec >/dev/null && read -r x <&3 && exit 0
  # The tool's input stays open until it has gone. Again and again: a signal may come between two waits.
  while kill -USR1 $$; do sleep 1; done
  exit 0
} 2>/dev/null | {
  exec 3<&0
  sh -c "$@" <&3 3<&- 4>&- >&2 &
  t=$!
  trap '' PIPE
  exec </dev/null 3<&-
  wait $t
  s=$?
  printf '\n%s %s\n' "$m" "$s" >&4
} &
t=$!
exec 3<&-
# For both of them. A signal ends the wait.
until wait; do
  for x in TERM TERM KILL ALL; do
    end $x $t
    sleep 1
    read -r l </proc/$t/stat || break
    case ${l##*) } in Z*) break ;; esac
  done 2>/dev/null
  break
done
exit 0
