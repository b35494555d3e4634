# Which databases are empty, for a restore that fills them first. The last ones are used least.
[ "$(value cluster_enabled)" != 1 ] ||
    fail 72 'a node of a cluster has one database, so nothing can be put beside it: start a server with the file instead'
case $(value role) in slave | replica) fail 72 'this is a replica: restore into its primary' ;; esac
case $(value maxmemory):$(value maxmemory_policy) in
    0:* | *:noeviction | :*) ;;
    *)
        fail 72 "the server throws keys away when its memory is full (maxmemory-policy $(value maxmemory_policy)), and a restore needs" \
            "room for the old content and the new: set maxmemory-policy to noeviction for the time of the restore"
        ;;
esac
answer=$(client CONFIG GET databases 2>/dev/null | sed -n 2p | tr -d '\r')
case $answer in '' | *[!0-9]*) answer=16 ;; esac
number=$answer
while [ "$number" -gt 0 ]; do
    number=$((number - 1))
    case $info in
        *"db$number:keys="*) echo "used $number" ;;
        *) echo "free $number" ;;
    esac
done
