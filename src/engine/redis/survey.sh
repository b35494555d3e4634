# What kind of server answers, and what it is.
version=$(value valkey_version)
[ -n "$version" ] || version=$(value redis_version)
[ -n "$version" ] || fail 70 "what answers is no Redis: $(printf '%s' "$info" | sed -n 1p)"
case $(value redis_mode)$(value server_mode) in
    *sentinel*) fail 71 "this is a sentinel, which has no data: label the servers that it watches" ;;
esac
[ "$(value loading)" != 1 ] || fail 70 'LOADING the server is loading its data'
printf 'version %s\n' "$version"
[ "$(value cluster_enabled)" != 1 ] || echo 'cluster node'
