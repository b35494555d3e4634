#!/bin/sh
# Starts MySQL and, on an empty data directory, makes the system tables, the users and the database first. Variables
# and habits are those of the official image, as far as a dump tool can tell the difference.
set -eu

datadir=/var/lib/mysql
socket=/var/run/mysqld/server.sock

fail() {
    echo "error: $*" >&2
    exit 1
}

# file_env NAME: NAME from the environment, or from the file NAME_FILE names. The `_FILE` form is gone from the server's
# process only; `docker exec` still sees it.
file_env() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    # shellcheck disable=SC2154 # set by eval
    [ -z "$value" ] || [ -z "$file" ] || fail "both $1 and $1_FILE are set (but are exclusive)"
    [ -z "$file" ] || value=$(cat "$file") || fail "$1_FILE cannot be read"
    [ -z "$value" ] || eval "export $1=\$value"
    unset "$1_FILE" value file
}

# quote VALUE: a string literal under NO_BACKSLASH_ESCAPES
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
# shellcheck disable=SC2016 # the backticks are SQL's
quote_name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

case ${1:-} in -*) set -- mysqld "$@" ;; esac
case ${1:-} in mysqld) ;; *) exec "$@" ;; esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$datadir" /var/run/mysqld
    find "$datadir" /var/run/mysqld \! -user mysql -exec chown mysql: {} +
    exec gosu mysql "$0" "$@"
fi

for name in ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD; do
    file_env MYSQL_$name
done

[ ! -d "$datadir/mysql" ] || exec "$@"

[ -n "${MYSQL_ROOT_PASSWORD:-}${MYSQL_RANDOM_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ] ||
    fail "Database is uninitialized and password option is not specified: set one of MYSQL_ROOT_PASSWORD," \
        "MYSQL_ALLOW_EMPTY_PASSWORD and MYSQL_RANDOM_ROOT_PASSWORD"
if [ -z "${MYSQL_ROOT_PASSWORD:-}" ] && [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
    MYSQL_ROOT_PASSWORD=$(tr -dc A-Za-z0-9 </dev/urandom | head -c 32)
    echo "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
fi

"$@" --initialize-insecure --default-time-zone=SYSTEM --autocommit=1

# Until everything is set up, nobody gets in over the network.
"$@" --skip-networking --socket="$socket" --skip-replica-start --mysqlx=OFF &
server=$!
tries=0
until mysqladmin --no-defaults --socket="$socket" -uroot ping >/dev/null 2>&1; do
    kill -0 $server 2>/dev/null || fail "the server ended while it was being set up"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "the server did not come up within a minute"
    sleep 0.1
done

client() { mysql --no-defaults --protocol=socket --socket="$socket" -uroot "$@"; }

# Not echo, which reads meaning into backslashes.
line() { printf '%s\n' "$1"; }
{
    line "SET @@SESSION.SQL_LOG_BIN=0; SET @@SESSION.SQL_MODE=CONCAT(@@SESSION.SQL_MODE, ',NO_BACKSLASH_ESCAPES');"
    if [ -n "${MYSQL_DATABASE:-}" ]; then
        line "CREATE DATABASE IF NOT EXISTS $(quote_name "$MYSQL_DATABASE");"
    fi
    if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
        line "CREATE USER $(quote "$MYSQL_USER")@'%' IDENTIFIED BY $(quote "$MYSQL_PASSWORD");"
        if [ -n "${MYSQL_DATABASE:-}" ]; then
            database=$(quote_name "$(printf %s "$MYSQL_DATABASE" | sed 's/_/\\_/g')")
            line "GRANT ALL ON $database.* TO $(quote "$MYSQL_USER")@'%';"
        fi
    fi
    root_host=${MYSQL_ROOT_HOST:-%}
    if [ "$root_host" != localhost ]; then
        line "CREATE USER 'root'@$(quote "$root_host") IDENTIFIED BY $(quote "${MYSQL_ROOT_PASSWORD:-}");"
        line "GRANT ALL ON *.* TO 'root'@$(quote "$root_host") WITH GRANT OPTION;"
    fi
    line "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quote "${MYSQL_ROOT_PASSWORD:-}");"
} | client --database=mysql
export MYSQL_PWD="${MYSQL_ROOT_PASSWORD:-}"

run_sql() { client ${MYSQL_DATABASE:+--database="$MYSQL_DATABASE"}; }
for file in /docker-entrypoint-initdb.d/*; do
    case $file in
        *.sh)
            echo "$0: running $file"
            # shellcheck source=/dev/null
            if [ -x "$file" ]; then "$file"; else . "$file"; fi
            ;;
        *.sql) echo "$0: running $file" && run_sql <"$file" ;;
        *.sql.gz) echo "$0: running $file" && gunzip -c "$file" | run_sql ;;
        *.sql.xz) echo "$0: running $file" && xzcat "$file" | run_sql ;;
        *.sql.zst) echo "$0: running $file" && zstd -dc "$file" | run_sql ;;
        */'*') ;;
        *) echo "$0: ignoring $file" ;;
    esac
done

kill $server
wait $server || fail "the server did not stop in order after it was set up"
unset MYSQL_PWD
echo 'MySQL init process done. Ready for start up.'
exec "$@"
