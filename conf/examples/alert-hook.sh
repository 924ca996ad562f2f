#!/bin/sh
# A hook for alerts: memwatchd runs it once for each alert that fires and each that is over.
#
#     sink "file" { type = exec   command = {"/usr/local/bin/alert-hook.sh", "/var/lib/memwatchd/alerts.log"} }
#
# The alert is a JSON object on stdin. MEMWATCHD_ID is the same when an alert is told once more, so that
# who must not act twice can tell; MEMWATCHD_STATUS is firing or resolved. Exit code 0 says that the
# alert has been taken; after any other it is tried again. What is printed goes to memwatchd's log.
set -eu
log=${1:?where to write alerts to}
alert=$(cat)
if [ -f "$log" ] && grep -qF -- "$MEMWATCHD_ID $MEMWATCHD_STATUS {" "$log"; then
    exit 0 # told before
fi
printf '%s %s %s\n' "$MEMWATCHD_ID" "$MEMWATCHD_STATUS" "$alert" >>"$log"
