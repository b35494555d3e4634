#!/bin/sh
# Starts MariaDB and, on an empty data directory, makes the system tables, the users and the database first. Variables
# and habits are those of the official image, as far as a dump tool can tell the difference.
set -eu

datadir=/var/lib/mysql
socket=/run/mysqld/mysqld.sock

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

# either NAME: MARIADB_NAME, or else MYSQL_NAME, which older Compose files have.
either() {
    file_env "MARIADB_$1"
    file_env "MYSQL_$1"
    eval "[ -n \"\${MARIADB_$1:-}\" ] || [ -z \"\${MYSQL_$1:-}\" ] || export MARIADB_$1=\"\${MYSQL_$1:-}\""
}

# quote VALUE: a string literal under NO_BACKSLASH_ESCAPES
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
# shellcheck disable=SC2016 # the backticks are SQL's
quote_name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

case ${1:-} in -*) set -- mariadbd "$@" ;; esac
case ${1:-} in mariadbd | mysqld) ;; *) exec "$@" ;; esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$datadir" /run/mysqld
    find "$datadir" /run/mysqld \! -user mysql -exec chown mysql: {} +
    exec gosu mysql "$0" "$@"
fi

for name in ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD RANDOM_ROOT_PASSWORD ALLOW_EMPTY_PASSWORD; do
    either $name
done
file_env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD
empty_allowed=${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-${MARIADB_ALLOW_EMPTY_PASSWORD:-}}

[ ! -d "$datadir/mysql" ] || exec "$@"

[ -n "${MARIADB_ROOT_PASSWORD:-}${MARIADB_RANDOM_ROOT_PASSWORD:-}$empty_allowed" ] ||
    fail "Database is uninitialized and password option is not specified: set one of MARIADB_ROOT_PASSWORD," \
        "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD"
if [ -z "${MARIADB_ROOT_PASSWORD:-}" ] && [ -n "${MARIADB_RANDOM_ROOT_PASSWORD:-}" ]; then
    MARIADB_ROOT_PASSWORD=$(tr -dc A-Za-z0-9 </dev/urandom | head -c 32)
    echo "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
fi

# Debian lets root in by the system user's name; the official image by password.
mariadb-install-db --datadir="$datadir" --auth-root-authentication-method=normal --skip-test-db --rpm

# Until everything is set up, nobody gets in over the network.
"$@" --skip-networking --socket="$socket" --skip-slave-start &
server=$!
tries=0
until mariadb-admin --no-defaults --socket="$socket" -uroot ping >/dev/null 2>&1; do
    kill -0 $server 2>/dev/null || fail "the server ended while it was being set up"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "the server did not come up within a minute"
    sleep 0.1
done

client() { mariadb --no-defaults --protocol=socket --socket="$socket" -uroot "$@"; }

# Not echo, which reads meaning into backslashes.
line() { printf '%s\n' "$1"; }
{
    line "SET @@SESSION.SQL_LOG_BIN=0; SET @@SESSION.SQL_MODE=CONCAT(@@SESSION.SQL_MODE, ',NO_BACKSLASH_ESCAPES');"
    if [ -n "${MARIADB_DATABASE:-}" ]; then
        line "CREATE DATABASE IF NOT EXISTS $(quote_name "$MARIADB_DATABASE");"
    fi
    if [ -n "${MARIADB_USER:-}" ] && [ -n "${MARIADB_PASSWORD:-}" ]; then
        line "CREATE USER $(quote "$MARIADB_USER")@'%' IDENTIFIED BY $(quote "$MARIADB_PASSWORD");"
        if [ -n "${MARIADB_DATABASE:-}" ]; then
            database=$(quote_name "$(printf %s "$MARIADB_DATABASE" | sed 's/_/\\_/g')")
            line "GRANT ALL ON $database.* TO $(quote "$MARIADB_USER")@'%';"
        fi
    fi
    root_host=${MARIADB_ROOT_HOST:-%}
    if [ "$root_host" != localhost ]; then
        line "CREATE USER 'root'@$(quote "$root_host") IDENTIFIED BY $(quote "${MARIADB_ROOT_PASSWORD:-}");"
        line "GRANT ALL ON *.* TO 'root'@$(quote "$root_host") WITH GRANT OPTION;"
    fi
    # mariadb-install-db made more than the official image leaves, one of them for the host name of now.
    line "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';"
    line "EXECUTE IMMEDIATE CONCAT('DROP USER IF EXISTS ''root''@', QUOTE(@@hostname));"
    line "SET PASSWORD FOR 'root'@'localhost' = PASSWORD($(quote "${MARIADB_ROOT_PASSWORD:-}"));"
} | client --database=mysql
export MYSQL_PWD="${MARIADB_ROOT_PASSWORD:-}"

run_sql() { client ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"}; }
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
echo 'MariaDB init process done. Ready for start up.'
exec "$@"
