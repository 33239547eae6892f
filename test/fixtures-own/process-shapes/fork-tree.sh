#!/bin/sh
# A tree three deep: every node starts two more and waits. Usage: fork-tree.sh [DEPTH]
depth=${1:-2}
echo $$ >> "$PIDS"
if [ "$depth" -gt 0 ]; then
  sh "$0" $((depth - 1)) &
  sh "$0" $((depth - 1)) &
fi
echo "ready $depth"
sleep 600 &
wait
