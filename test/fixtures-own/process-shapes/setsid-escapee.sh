#!/bin/sh
# Starts a process in a session of its own, out of the group's reach. Usage: setsid-escapee.sh [stay|leave]
echo $$ >> "$PIDS"
setsid sh -c 'echo $$ >> "$PIDS"; : > "$READY"; exec sleep 600' > /dev/null 2>&1 &
while [ ! -e "$READY" ]; do sleep 0.01; done
[ "$1" = leave ] && exit 0
echo ready
sleep 600
