# end HOW PID: a shell takes a signal only after the command it waits for, and would leave that one behind. So this
# signals those of its descendants that wait for nobody; their parents are there to take their leave. ALL spares none.
end() (
  [ $1 != ALL ] || kill -STOP $2
  n=
  for p in /proc/[0-9]*/stat; do
    read -r l <$p || continue
    p=${p%/stat}
    # After the name, which may hold anything: the state and the parent.
    case ${l##*) } in [!Z]" $2 "*) n=y; end $1 ${p#/proc/} ;; esac
  done
  case $1$n in ALL*) kill -KILL $2 ;; TERM | KILL) kill -$1 $2 ;; esac
)
