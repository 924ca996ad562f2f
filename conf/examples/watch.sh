#!/bin/sh
# Reads from memwatchd with curl and jq: what there is now, what was, and what happens.
#
#     watch.sh memory [COUNT]               asks each second, and prints what is new
#     watch.sh history READING [SUBJECT]    the last hour of a reading
#     watch.sh events [COUNT]               follows samples and alerts, over any interruption
#
# With COUNT it ends after so many lines. MEMWATCHD_URL names another daemon, MEMWATCHD_TOKEN is sent
# to one that wants a token, MEMWATCHD_SECONDS is the time between two attempts. Lines are
#
#     TIME AVAILABLE TOTAL                  of memory: milliseconds since 1970, bytes
#     TIME VALUE                            of history; - when nothing is known
#     sample|missed TIME AVAILABLE, alert TIME STATE RULE SUBJECT
set -eu

url=${MEMWATCHD_URL:-http://127.0.0.1:9636}/api/v1
seconds=${MEMWATCHD_SECONDS:-1}
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
trap 'exit 1' INT TERM

ask() { # PATH CURL-OPTION...
    path=$1
    shift
    curl --silent --show-error --fail-with-body ${MEMWATCHD_TOKEN:+--oauth2-bearer "$MEMWATCHD_TOKEN"} \
        "$@" "$url/$path"
}

# An answer stays true until the next sample. Who sends back its ETag is told in a few bytes (304) that
# there is none yet; then curl prints nothing.
memory() { # COUNT
    left=$1
    while [ "$left" -ne 0 ]; do
        ask memory --max-time 30 --etag-compare "$state/tag" --etag-save "$state/tag" >"$state/body"
        if [ -s "$state/body" ]; then
            jq -r '"\(.timeMs) \(.freemem) \(.totalmem)"' "$state/body"
            left=$((left - 1))
        fi
        [ "$left" -eq 0 ] || sleep "$seconds"
    done
}

# [time, min, mean, max] for each step; null where nothing is known, which is not 0.
history() { # READING [SUBJECT]
    ask history --max-time 30 --get --data-urlencode "reading=$1" --data-urlencode from=-1h \
        ${2+--data-urlencode "subject=$2"} >"$state/body" || {
        jq -r .detail "$state/body" >&2
        return 1
    }
    jq -r '.points[] | "\(.[0]) \(.[2] // "-")"' "$state/body"
}

# ---- events ----

say() { # LINES; fails after the last line that is wanted
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        printf '%s\n' "$line"
        left=$((left - 1))
        [ "$left" -ne 0 ] || return 1
    done <<END
$1
END
}

# A stream begins with the newest sample. What was between it and the last one that came is in the
# history: means by the second, or by longer steps after a long time.
fill_gap() { # FROM TO
    say "$(ask "history?from=$(($1 + 1))&to=$2" --max-time 30 |
        jq -r --argjson to "$2" '.points[] | select(.[2] and .[0] < $to) | "missed \(.[0]) \(.[2] | round)"')"
}

take_sample() { # DATA
    begin=$time
    time=$(printf '%s' "$1" | jq .timeMs)
    if [ "$fresh" = yes ] && [ "$begin" -gt 0 ] && [ "$time" -gt "$begin" ]; then
        fill_gap "$begin" "$time" || return 1
    fi
    fresh=no
    say "$(printf '%s' "$1" | jq -r '"sample \(.timeMs) \(.freemem)"')"
}

take_alert() { # DATA
    say "$(printf '%s' "$1" | jq -r '"alert \(.sinceMs) \(.state) \(.rule) \(.subject)"')"
}

# The daemon puts all data of an event into one line. Fails after the last line that is wanted.
take_events() {
    while IFS= read -r field; do
        case $field in
        "event: "*) event=${field#event: } ;;
        "id: "*) id=${field#id: } ;;
        "data: "*) "take_$event" "${field#data: }" || return 1 ;;
        esac
    done
}

# The stream comes through a pipe with a name, so that what is learnt from it stays in this shell. curl
# ends by itself when nobody reads any more.
events() { # COUNT
    left=$1 id='' time=0
    mkfifo "$state/stream"
    while :; do
        # A stream says something each 15 s, if only a comment.
        ask events --no-buffer --speed-limit 1 --speed-time 60 ${id:+--header "Last-Event-ID: $id"} \
            >"$state/stream" 2>/dev/null &
        fresh=yes
        take_events <"$state/stream" || return 0
        sleep "$seconds" # it is down, or the way to it; it will be back
    done
}

verb=${1-}
case $verb:${2-0} in
memory: | events: | memory:*[!0-9]* | events:*[!0-9]*) verb=wrong ;; # COUNT is a number
esac
case $verb:$# in
memory:[12] | events:[12]) "$verb" "${2:--1}" ;;
history:[23]) shift && history "$@" ;;
*)
    echo "usage: watch.sh memory [COUNT] | history READING [SUBJECT] | events [COUNT]" >&2
    exit 2
    ;;
esac
