#!/bin/sh
# Ends at once; a grandchild keeps both output pipes open for ten minutes.
echo $$ >> "$PIDS"
sh -c 'echo $$ >> "$PIDS"; exec sleep 600' &
echo "before the end"
