# A TERM that comes while a short helper runs waits for it: a PostgreSQL that is process 1 takes an orphan's death of a
# signal, or its exit status above 1, for a crash and restarts. `exec` undoes the trap, so the tool itself ends at once.
trap 'exit 143' TERM HUP INT
LC_ALL=C
export LC_ALL
fail() {
    status=$1
    shift
    printf 'dumpcar: %s\n' "$*" >&2
    exit "$status"
}
# find_tool NAME...: sets $tool to the first of these that exists.
find_tool() {
    for tool in "$@"; do
        ! command -v "$tool" >/dev/null 2>&1 || return 0
    done
    fail 127 "cannot find $* in the container"
}
# read_file WHAT PATH: sets $content.
read_file() {
    content=$(cat "$2" 2>/dev/null) || fail 66 "cannot read $1 file $2"
    # It may be meant; when the login is refused, it was not.
    case $content in
        *"$(printf '\r')") printf 'dumpcar: the %s file %s ends in a carriage return\n' "$1" "$2" >&2 ;;
    esac
}
