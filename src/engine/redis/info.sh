# value NAME: prints what the server says of itself by this name.
ask INFO
info=$(printf '%s\n' "$answer" | tr -d '\r')
value() { printf '%s\n' "$info" | sed -n "s/^$1://p" | sed -n 1p; }
