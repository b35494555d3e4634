# Feeds a tool inside a target, for the dumpcar sidecar (arguments: marker, bytes of input, snippet, its arguments).
# Behind end.sh. The tool sees the end of its input only after Dumpcar has said that the input was right: what comes from
# a sidecar that vanished, or found the dump damaged, must not look like a whole dump. Tested like wrapper.sh.
m=$1 n=$2; shift 2
exec 3<&0 4>&1
: | {
  # A pipe of our own, by which the feeder learns whom to end. No signals between shells: bash loses its way when one
  # comes while it starts a pipeline.
  exec 5<>/proc/self/fd/0
  {
    # A sweep ends leaves first, and this one's death would be the end of the tool's input.
    trap '' PIPE TERM
    # Dumpcar waits for this word before it sends a line, so whatever reads ahead has not swallowed one. The first line
    # closes the tool's input, the second one says that the verdict was read; an end of file before it, that nobody is there.
    head -c "$n" <&3 && printf 'fed\n' >&4 && read -r x <&3 && exec >/dev/null && read -r x <&3 && exit 0
    # The tool's input stays open until it has gone.
    read -r t <&5
    kill -TERM $t
    for x in TERM TERM KILL ALL; do sleep 1; kill -0 $t || break; end $x $t; done
    exit 0
  } 2>/dev/null | {
    exec 3<&0
    sh -c "$@" <&3 3<&- 4>&- 5>&- >&2 &
    t=$!
    # A sweep that finds the tool gone would end this one, before its verdict.
    trap '' PIPE TERM
    printf '%s\n' $t >&5
    exec </dev/null 3<&-
    wait $t
    s=$?
    printf '\n%s %s\n' "$m" "$s" >&4
  }
}
exit 0
