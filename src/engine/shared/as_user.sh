# as_user NAME LOGIN...: sets $as to what runs a program as NAME, if this is root and LOGIN works so; else to nothing. The login
# may be root's own: its password files, or a server that asks for the system's user.
as_user() {
    as=
    user=$1
    shift
    [ "$(id -u)" = 0 ] && group=$(id -g "$user" 2>/dev/null) || return 0
    for how in "setpriv --reuid=$user --regid=$group --init-groups" "gosu $user" "su-exec $user"; do
        $how true </dev/null >/dev/null 2>&1 || continue
        ! $how "$@" </dev/null >/dev/null 2>&1 || as=$how
        return 0
    done
}
