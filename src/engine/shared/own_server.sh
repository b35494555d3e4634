# own_server HOST PORT: fails where this machine's own address leads to another container. Containers that share a network share
# its ports, so another one's server may answer there, and nothing it says would tell. The kernel does: a listening socket is an
# open file of a process, and the other container's processes are not seen here.
own_server() {
    case $1 in
        localhost | 127.* | ::1 | 0.0.0.0 | "$(hostname 2>/dev/null)") ;;
        *) return 0 ;;
    esac
    hex=$(printf '%04X' "$2") || return 0
    sockets=
    for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$table" ] || continue
        while read -r _ at _ state _ _ _ _ _ socket _; do
            case $state$at in 0A*":$hex") sockets="$sockets $socket" ;; esac
        done <"$table"
    done
    # If nobody listens, the tool has the words for it.
    [ "$sockets" ] || return 0
    files=$(ls -l /proc/[0-9]*/fd 2>/dev/null)
    # Open files are shown to who runs as the same user: root in a container lacks the right to see those of others.
    if [ "$(id -u)" = 0 ]; then
        users=$(ls -ldn /proc/[0-9]* 2>/dev/null | while read -r _ _ uid gid _; do echo "$uid:$gid"; done | sort -u)
        for ids in $users; do
            for how in "setpriv --reuid=${ids%:*} --regid=${ids#*:} --clear-groups" "gosu $ids" "su-exec $ids"; do
                $how true </dev/null >/dev/null 2>&1 || continue
                files="$files
$($how ls -l /proc/[0-9]*/fd 2>/dev/null)"
                break
            done
        done
    fi
    missing=
    for socket in $sockets; do
        case $files in *"socket:[$socket]"*) ;; *) missing=y ;; esac
    done
    [ "$missing" ] || return 0
    # A process whose files nobody here may see can be the one that listens.
    for process in /proc/[0-9]*; do
        case $files in *"$process/fd:"*) continue ;; esac
        [ -d "$process" ] || continue
        [ "$DUMPCAR_NETWORK" = shared ] || return 0
        fail 69 "the server at $1, port $2 may be another container's, which shares this network"
    done
    fail 69 "the server at $1, port $2 is another container's, which shares this network"
}
