# Ends the tools that dead runs left in a target (arguments: the runs). Behind end.sh.
# A wrapper whose standard input nobody closes (a connection that broke without a word) waits for ever, and so may its tool.
# ALL twice: the last round finds that nothing is left.
for how in TERM TERM TERM KILL ALL ALL; do
  n=
  for r do
    for p in /proc/[0-9]*/cmdline; do
      # The first line of a wrapper's script. A shell that reads drops the zeros between the arguments.
      l=; read -r l <$p
      case $l in *"#dumpcar-$r-"*) n=y; p=${p%/cmdline}; end $how ${p#/proc/} ;; esac
    done
  done 2>/dev/null
  [ "$n" ] || exit 0
  sleep 1
done
exit 1
