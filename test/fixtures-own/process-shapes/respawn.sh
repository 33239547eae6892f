#!/bin/sh
# A chain that outruns slow hunters: each link starts the next in a new session and ends. Links stop after a while by themselves.
left=${1:-4000}
[ "$left" -gt 0 ] || exit 0
: > "$READY"
setsid sh "$0" $((left - 1)) > /dev/null 2>&1 &
[ "$left" -eq 4000 ] || exit 0
echo ready
sleep 600
