# Prints a line for each table and view that cannot be dumped by itself: its name in hexadecimal, and what the tool says. Of tables
# only those are tried that it named when it failed ($2): one costs as much as its dump.
dump=$tool
find_tool mariadb mysql
nl='
'
IFS=$nl
set -f
tab=$(printf '\t')
list=$1 failure=$2
shift 2
rows=$(client --execute="$list") || exit
for row in $rows; do
    hex=${row%%"$tab"*} row=${row#*"$tab"}
    kind=${row%%"$tab"*} row=${row#*"$tab"}
    quoted=$(printf '%b' "${row%%"$tab"*}")
    case $kind$failure in
        VIEW*) only=--no-data ;;
        *"$quoted"*) only=--quick ;;
        *) continue ;;
    esac
    name=$(printf '%b' "${row#*"$tab"}")
    said=$("$dump" --no-defaults --user="$DUMPCAR_USER" --host="$DUMPCAR_HOST" --single-transaction --skip-triggers $only "$@" -- \
        "$DUMPCAR_DATABASE" "$name" 2>&1 >/dev/null) && continue
    printf '%s %s\n' "$hex" "${said##*"$nl"}"
done
exit 0
