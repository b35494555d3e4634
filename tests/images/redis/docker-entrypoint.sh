#!/bin/sh
# Starts Redis or Valkey as its user. Habits are those of the official images, as far as a dump tool can tell the difference:
# options alone are the server's, no password unless an option has one, and everybody may connect.
set -eu

case ${1:-} in
    '' | -* | *.conf) set -- "$SERVER" "$@" ;;
esac
if [ "$1" = "$SERVER" ]; then
    # The official builds have no protected mode.
    set -- "$@" --protected-mode no
    # shellcheck disable=SC2086 # words are meant
    set -- "$@" ${VALKEY_EXTRA_FLAGS:-}
    if [ "$(id -u)" = 0 ]; then
        find . \! -user "${SERVER%-server}" -exec chown "${SERVER%-server}" '{}' +
        umask 0077
        exec gosu "${SERVER%-server}" "$@"
    fi
fi
umask 0077
exec "$@"
