#!/bin/sh
# Starts PostgreSQL and, on an empty data directory, makes the cluster first. Variables and habits are those of the
# official image, as far as a dump tool can tell the difference.
set -eu

fail() {
    echo "error: $*" >&2
    exit 1
}

# file_env NAME [DEFAULT]: NAME from the environment, or from the file NAME_FILE names. The `_FILE` form is gone from
# the server's process only; `docker exec` still sees it.
file_env() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    # shellcheck disable=SC2154 # set by eval
    [ -z "$value" ] || [ -z "$file" ] || fail "both $1 and $1_FILE are set (but are exclusive)"
    [ -z "$file" ] || value=$(cat "$file") || fail "$1_FILE cannot be read"
    [ -n "$value" ] || value=${2:-}
    eval "export $1=\$value"
    unset "$1_FILE" value file
}

case ${1:-} in -*) set -- postgres "$@" ;; esac
[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    chmod 3775 /var/run/postgresql
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec gosu postgres "$0" "$@"
fi

file_env POSTGRES_PASSWORD
file_env POSTGRES_USER postgres
file_env POSTGRES_DB "$POSTGRES_USER"
file_env POSTGRES_INITDB_ARGS
: "${POSTGRES_HOST_AUTH_METHOD:=}"

[ ! -s "$PGDATA/PG_VERSION" ] || exec "$@"

[ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] ||
    fail "Database is uninitialized and superuser password is not specified: set POSTGRES_PASSWORD"

# Unsynced: a test that loses power starts again anyway. The running server syncs as usual.
set_password=
if [ -n "$POSTGRES_PASSWORD" ]; then
    password_file=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
    set_password=--pwfile=$password_file
fi
[ -z "${POSTGRES_INITDB_WALDIR:-}" ] || POSTGRES_INITDB_ARGS="$POSTGRES_INITDB_ARGS --waldir=\"\$POSTGRES_INITDB_WALDIR\""
# shellcheck disable=SC2086 # empty or one word
eval initdb --no-sync '--username="$POSTGRES_USER"' $set_password "$POSTGRES_INITDB_ARGS"
[ -z "$set_password" ] || rm -f "$password_file"

method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

# Until everything is set up, nobody gets in over the network.
export PGHOST='' PGHOSTADDR='' PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD"
pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w -s start

run_sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }

[ "$POSTGRES_DB" = postgres ] ||
    echo 'CREATE DATABASE :"db";' | run_sql --dbname postgres --set db="$POSTGRES_DB"

for file in /docker-entrypoint-initdb.d/*; do
    case $file in
        *.sh)
            echo "$0: running $file"
            # shellcheck source=/dev/null
            if [ -x "$file" ]; then "$file"; else . "$file"; fi
            ;;
        *.sql) echo "$0: running $file" && run_sql --dbname "$POSTGRES_DB" -f "$file" ;;
        *.sql.gz) echo "$0: running $file" && gunzip -c "$file" | run_sql --dbname "$POSTGRES_DB" ;;
        *.sql.xz) echo "$0: running $file" && xzcat "$file" | run_sql --dbname "$POSTGRES_DB" ;;
        *.sql.zst) echo "$0: running $file" && zstd -dc "$file" | run_sql --dbname "$POSTGRES_DB" ;;
        */'*') ;;
        *) echo "$0: ignoring $file" ;;
    esac
done

pg_ctl -D "$PGDATA" -m fast -w -s stop
unset PGHOST PGHOSTADDR PGUSER PGPASSWORD
echo 'PostgreSQL init process complete; ready for start up.'
exec "$@"
