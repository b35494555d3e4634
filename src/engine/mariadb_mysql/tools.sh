# The option files in a container may say anything: another server or user, an old password, rows to leave out. So every tool is called
# with `--no-defaults` as its first option. Two facts are taken from them all the same, because images have them nowhere else: where
# the server's socket is, if nothing better is known, and where the client's plugins are. `.mylogin.cnf` would be read whatever is said.
MYSQL_TEST_LOGIN_FILE=/dev/null/none
export MYSQL_TEST_LOGIN_FILE
said=" $("$tool" --print-defaults 2>/dev/null | tr '\n' ' ') --"
# option NAME: sets $option to what the option files say of NAME.
option() {
    case $said in *" --$1="*) option=${said##*" --$1="} option=${option%%" --"*} ;; *) return 1 ;; esac
    option=${option%"${option##*[! ]}"}
}
if [ -n "$DUMPCAR_SOCKET" ]; then
    MYSQL_UNIX_PORT=$DUMPCAR_SOCKET
    export MYSQL_UNIX_PORT
elif option socket && [ -S "$option" ]; then
    MYSQL_UNIX_PORT=$option
    export MYSQL_UNIX_PORT
fi
if { option plugin_dir || option plugin-dir; } && [ -d "$option" ]; then
    LIBMYSQL_PLUGIN_DIR=$option MARIADB_PLUGIN_DIR=$option
    export LIBMYSQL_PLUGIN_DIR MARIADB_PLUGIN_DIR
fi
# client OPTION...: asks the server. $run may be `exec`, which spares a shell. A server may be told to answer everybody with so many
# rows only.
run=
client() {
    $run "$tool" --no-defaults --user="$DUMPCAR_USER" --host="$DUMPCAR_HOST" --default-character-set=utf8mb4 \
        --connect-timeout=15 --init-command='SET SESSION sql_select_limit = 18446744073709551615' --batch \
        --skip-column-names "$@"
}
