#!/bin/sh
# Reports a queue, heap or cache to memwatchd from a shell: how many mails wait, for instance.
#
#     report.sh queues mail "{\"length\": $(find /var/spool/postfix/deferred -type f | wc -l)}"
#
# MEMWATCHD_SOCKET names another socket. What is wrong with a report is said, and the status is 1.
set -eu

[ $# -eq 3 ] || {
    echo "usage: report.sh queues|heaps|caches NAME JSON" >&2
    exit 2
}
exec curl --silent --show-error --fail-with-body --max-time 5 \
    --unix-socket "${MEMWATCHD_SOCKET:-/run/memwatchd/memwatchd.sock}" \
    --request PUT --header "Content-Type: application/json" --data "$3" \
    "http://localhost/api/v1/$1/$2"
