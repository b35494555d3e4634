# A tool that waits for its reader, because the store is away, must not lose its session: `net_write_timeout` is a minute. And a
# server's own limits must not leave rows out, or end a long statement.
session=$1
shift
host=$DUMPCAR_HOST
case $("$tool" --no-defaults --help 2>/dev/null) in
    *--init-command=*) set -- --init-command="$session" "$@" ;;
    # MariaDB's has no such option. Its library takes one where the host's name stands, and then the user there, too.
    *)
        dump=$tool
        case $DUMPCAR_USER in
            *[!A-Za-z0-9_.@-]*) ;;
            *)
                find_tool mariadb mysql
                host="host=$DUMPCAR_HOST;user=$DUMPCAR_USER;init-command={$session}"
                is=$("$tool" --no-defaults --host="$host" --batch --skip-column-names --connect-timeout=15 \
                    --execute='SELECT @@net_write_timeout' 2>/dev/null)
                [ "$is" = 86400 ] || host=$DUMPCAR_HOST
                ;;
        esac
        tool=$dump
        ;;
esac
exec "$tool" --no-defaults --user="$DUMPCAR_USER" --host="$host" "$@" -- "$DUMPCAR_DATABASE"
