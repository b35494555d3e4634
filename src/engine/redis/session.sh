find_tool "$DUMPCAR_TOOL" redis-cli valkey-cli redict-cli keydb-cli
# setting NAME: sets $setting to what the server's configuration says of NAME, if it can be read.
setting() {
    setting=
    [ -r "$DUMPCAR_CONFIGURATION" ] || return 0
    setting=$(sed -n "s/^[[:space:]]*$1[[:space:]]\{1,\}//p" "$DUMPCAR_CONFIGURATION" | sed -n '$p')
    setting=${setting%"${setting##*[![:space:]]}"}
    case $setting in \"*\") setting=${setting#\"} setting=${setting%\"} ;; esac
}
# The last one counts, and what stands on the command line is behind the file.
if [ -z "$DUMPCAR_PASSWORD" ]; then
    DUMPCAR_PASSWORD=$DUMPCAR_ARGUMENT
    [ -n "$DUMPCAR_PASSWORD" ] || [ -n "$DUMPCAR_USER" ] || { setting requirepass && DUMPCAR_PASSWORD=$setting; }
fi
if [ -n "$DUMPCAR_PASSWORD" ]; then
    REDISCLI_AUTH=$DUMPCAR_PASSWORD VALKEYCLI_AUTH=$DUMPCAR_PASSWORD
    export REDISCLI_AUTH VALKEYCLI_AUTH
fi
unset DUMPCAR_PASSWORD DUMPCAR_ARGUMENT
# client ARGUMENT...: asks the server. $run may be `exec`, which spares a shell. A client tells an error by its status only since 7.0.
run=
client() {
    if [ -n "$DUMPCAR_SOCKET" ]; then
        set -- -s "$DUMPCAR_SOCKET" "$@"
    else
        set -- -h "$DUMPCAR_HOST" -p "$DUMPCAR_PORT" "$@"
    fi
    [ -z "$DUMPCAR_USER" ] || set -- --user "$DUMPCAR_USER" "$@"
    $run "$tool" "$@"
}
# ask COMMAND...: sets $answer; an error ends the script.
ask() {
    answer=$(client "$@" 2>&1) || fail 70 "$answer"
    case $answer in
        NOAUTH* | WRONGPASS* | NOPERM* | ERR* | LOADING* | MASTERDOWN* | MISCONF* | OOM* | READONLY* | BUSY* | "(error) "*) fail 70 "$answer" ;;
        *"AUTH failed: "*) fail 70 "$answer" ;;
        "Could not connect"*) fail 70 "$answer" ;;
    esac
}
