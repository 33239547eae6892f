#!/bin/sh
# Ignores SIGTERM, and so does its child, which inherits that.
trap '' TERM INT HUP
echo $$ >> "$PIDS"
sh -c 'echo $$ >> "$PIDS"; while :; do sleep 1; done' &
echo ready
while :; do sleep 1; done
