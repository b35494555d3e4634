IFS='
'
set -f
tab=$(printf '\t')
# show LIST: LIST's rows are SHOW statements; their results become statements again, 200 at a time because an argument
# of a command has at most 128 KiB. Without --raw a result is one line whatever stands in a name, and `%b` undoes that.
show() {
    offset=0
    while :; do
        statements=$(client --raw --execute="$session $1 LIMIT $offset, 200") || exit
        [ -n "$statements" ] || return 0
        rows=$(client --execute="$session $statements") || exit
        for row in $rows; do
            put "$row"
        done
        offset=$((offset + 200))
    done
}
put() {
    case $1 in
        own | other) whose=$1 ;;
        *"$tab"'CREATE DATABASE '*) printf '%b;\n' "${1#*"$tab"}" ;;
        'CREATE USER '*)
            user=${1#CREATE USER }
            # The default roles do not exist yet; they have statements of their own further down.
            case $user in
                *' DEFAULT ROLE '*' REQUIRE '*)
                    user="${user%%' DEFAULT ROLE '*} REQUIRE ${user#*' DEFAULT ROLE '*' REQUIRE '}" ;;
            esac
            printf 'CREATE USER IF NOT EXISTS %b;\n' "$user"
            [ "$whose" = own ] || printf 'ALTER USER %b;\n' "$user"
            ;;
        'ALTER USER '*) [ "$whose" = own ] || printf '%b;\n' "$1" ;;
        # A grant on an object would need the object; these have statements of their own further down.
        'GRANT '*' ON `'*'`.`'*'` TO '* | 'GRANT '*' ON '[A-Z]*' `'*'`.`'*'` TO '*) ;;
        # Roles that were granted already.
        'GRANT `'*) [ "$roles" ] || printf '%b;\n' "$1" ;;
        # MariaDB repeats the password here.
        'GRANT '*'` IDENTIFIED '*' WITH GRANT OPTION'*)
            printf '%b` WITH GRANT OPTION;\n' "${1%%'` IDENTIFIED '*}" ;;
        'GRANT '*'` IDENTIFIED '*) printf '%b`;\n' "${1%%'` IDENTIFIED '*}" ;;
        'GRANT '* | 'REVOKE '* | 'SET DEFAULT ROLE '*) printf '%b;\n' "$1" ;;
        *) fail 65 "cannot make a statement of what the server says of a user: ${1%% *}" ;;
    esac
}
# text LIST: LIST's rows are the statements themselves.
text() {
    rows=$(client --raw --execute="$session $1") || exit
    [ -z "$rows" ] || printf '%s\n' "$rows"
}
# roles LIST: as rows, because MariaDB's administrator may not GRANT a role that somebody else administers.
roles() {
    text "$1"
    printf '%s\n' 'FLUSH PRIVILEGES;'
    roles=done
}
session=$1 roles=
shift
printf '%s\n' '-- Users, roles, grants and empty databases. Load this before the databases.' 'SET NAMES utf8mb4;' \
    "SET @OLD_SQL_MODE = @@SQL_MODE, SQL_MODE = '';"
while [ $# -gt 1 ]; do
    "$1" "$2"
    shift 2
done
printf '%s\n' 'FLUSH PRIVILEGES;' 'SET SQL_MODE = @OLD_SQL_MODE;' '-- dumpcar globals complete'
