# Feeds a tool inside a target, for the dumpcar sidecar (arguments: marker, bytes of input, snippet, its arguments). With a
# word in $l, the input comes compressed, if that can be read in here: the first line of the output says which.
# Behind end.sh. The tool sees the end of its input only after Dumpcar has said that the input was right: what comes from
# a sidecar that vanished, or found the dump damaged, must not look like a whole dump. Tested like wrapper.sh.
m=$1 n=$2 c=; shift 2
exec 3<&0 4>&1 6>&2
if [ "$l" ]; then
  # What reads a piece must not take a byte of what comes behind it.
  k=$(printf '1\nab\n' | { read -r k; dd bs="$k" count=1 iflag=fullblock 2>/dev/null; read -r k; printf ' %s' "$k"; })
  if [ "$k" = 'a b' ] && zstd -q -1 -c </dev/null 2>/dev/null | zstd -q -d -c >/dev/null 2>&1; then c=zstd; fi
  printf '%s\n' "${c:-plain}"
fi
# Pieces of zstd, each behind a line with its length.
pieces() {
  while read -r k && [ "$k" != end ]; do dd bs="$k" count=1 iflag=fullblock || return 1; done
}
pass() {
  if [ "$c" ]; then pieces <&3 | zstd -q -d -c; else head -c "$n" <&3; fi
}
: | {
  # A pipe of our own, by which the feeder learns whom to end. No signals between shells: bash loses its way when one
  # comes while it starts a pipeline.
  exec 5<>/proc/self/fd/0
  {
    # A sweep ends leaves first, and this one's death would be the end of the tool's input.
    trap '' PIPE TERM
    pass
    s=$?
    # Dumpcar waits for this word before it sends a line, so whatever reads ahead has not swallowed one. The first line
    # closes the tool's input, the second one says that the verdict was read; an end of file before it, that nobody is there.
    [ "$s" != 0 ] || { printf 'fed\n' >&4 && read -r x <&3 && exec >/dev/null && read -r x <&3 && exit 0; }
    # The tool's input stays open until it has gone.
    read -r t <&5
    # With a lower status, it is the tool that has gone.
    [ "$s" -lt 128 ] || printf 'dumpcar: zstd, which its input passes, was ended (exit status %s): set DUMPCAR_TRANSPORT=off\n' "$s" >&6
    kill -TERM $t
    for x in TERM TERM KILL ALL; do sleep 1; kill -0 $t || break; end $x $t; done
    exit 0
  } 2>/dev/null | {
    exec 3<&0
    sh -c "$@" <&3 3<&- 4>&- 5>&- 6>&- >&2 &
    t=$!
    # A sweep that finds the tool gone would end this one, before its verdict.
    trap '' PIPE TERM
    printf '%s\n' $t >&5
    exec </dev/null 3<&- 6>&-
    wait $t
    s=$?
    printf '\n%s %s\n' "$m" "$s" >&4
  }
}
exit 0
