# Two tiny programs with a manual and completion; then each of these says something else.
set(RULE_OPTIONS -DFACTS=${WORK}/facts)

set(keys "MWD_KEY(keep_fds, \"keep-fds\", \"--keep-fds\", \"N\")\nMWD_KEY(heap_limit, \"heap.limit\", NULL, \"SIZE\")\n")
set(titled "MWD_TITLED(ALERT, FOR, \"alert.for\", \"SPAN\", MWD_KEY_SPAN)\nMWD_TITLED(SINK, URL, \"sink.url\", \"URL\")\n")
set(flags "    {\"--once\", NULL, 1},\n")
set(options "MWD_CTL_OPTION(json, \"--json\", NULL)\nMWD_CTL_OPTION(sort, \"--sort\", \"KEY\")\n")
set(verbs "MWD_CTL_VERB(MEMORY, \"memory\", NULL)\nMWD_CTL_VERB(TOP, \"top\", NULL)\n")
set(readings "MEMINFO(SYSTEM_A, \"aB\", \"a_bytes\", BYTES, NONE, PLAIN, \"A\",\n  \"What.\")
PRESSURE_PERCENT(SYSTEM_P, \"pC\", \"p\", \"w=1\", \"some\", \"What.\")
DERIVED(SYSTEM_D, U64, BYTES, NONE, PLAIN, \"a - b\", \"dE\", \"d\", \"What.\")
PROCESS(PROCESS_RSS, U64, GAUGE, BYTES, NONE, \"/proc/PID/statm\", \"resident\", \"rss\", \"r\", \"What.\")
SUBJECT(PROCESS_NAME, TEXT, INFO, WORD, NONE, \"/proc/PID/status\", \"Name\", \"name\", \"\", \"What.\")
SELF(DAEMON_CPU, U64, COUNTER, US, NONE, \"getrusage\", \"utime\", \"cpuUs\", \"c\", \"What.\")
HEAP(HEAP_USED, GAUGE, BYTES, HEAP_LIMIT, \"heapUsed\", \"used_bytes\", \"\", \"What.\")
QUEUE(QUEUE_LENGTH, U64, GAUGE, COUNT, QUEUE_CAPACITY,
  \"length\", \"length\", \"What.\")
CACHE(CACHE_HITS, COUNTER, COUNT, NONE, \"hits\", \"hits_total\", \"What.\")
DAEMON(DAEMON_PID, U64, INFO, NUMBER, \"pid\", \"\", \"\", \"What.\")\n")

set(help "Flags:\n  --once  a\n  --keep-fds N  b\n\nKeys of the configuration file\n  keep-fds = 1\n")
set(ctl_help "Verbs:\n  memory  a\n  top     b\n\nOptions:\n  --json  a\n  --sort KEY  b, as --url\n")
set(metrics "# TYPE memwatch_system_a_bytes gauge\n")

set(page8 ".Sh OPTIONS\n.It Fl -once\n.It Fl -keep-fds Ar N\n")
set(page1 ".Sh VERBS\n.It Cm memory\n.It Cm top\n.Sh OPTIONS\n.It Fl -json\n.It Fl -sort Ar KEY\n")
set(page5 ".Sh KEYS\n.It Ic keep-fds\n.It Ic heap.limit\n.It Ic alert.for\n.It Ic sink.url\n")
set(page7 ".It Va system.aB\n.Ql memwatch_system_a_bytes .\n.It Va system.pC\n.It Va system.dE
.It Va process.rss\n.It Va process.name\n.It Va daemon.cpuUs\n.It Va daemon.pid
.It Va heap.heapUsed\n.It Va queue.length\n.It Va cache.hits\n")

set(bash "# ---- memwatchctl ----\n    verbs='memory top'\n    top) options='--json --sort'
\n# ---- memwatchd ----\n    verbs=''\n    *) options='--once --keep-fds'\n\n# ---- both ----\n--*=*\n")
set(zsh "# ---- memwatchctl ----\n        'memory:a, with --json'\n        'top:b'\n rows+=('--json[a]')
 rows+=('--sort=[b]')\n\n# ---- memwatchd ----\n '--once[a]'\n '--keep-fds=[b]'\n\n# ---- both ----\n")
set(fish "# ---- memwatchctl ----\n    set -l words
complete -c memwatchctl -n '__memwatchctl_wants_verb' -a memory -d 'a'
complete -c memwatchctl -n '__memwatchctl_wants_verb' -a top -d 'b'
complete -c memwatchctl -n '__memwatchctl_goes_with top' -l json -d 'a'
complete -c memwatchctl -n '__memwatchctl_goes_with top' -l sort -x -d 'as --url'
\n# ---- memwatchd ----\ncomplete -c memwatchd -l once -d 'a'\ncomplete -c memwatchd -l keep-fds -x\n")

function(program)
  tree("daemon/config_keys.def" "${keys}" "daemon/config_titled.def" "${titled}" "daemon/options.c" "${flags}"
    "daemon/ctl/options.def" "${options}" "daemon/ctl/verbs.def" "${verbs}"
    "lib/sample/readings.def" "${readings}" "facts/help" "${help}" "facts/ctl_help" "${ctl_help}"
    "facts/metrics" "${metrics}" "facts/memwatchd.8" "${page8}" "facts/memwatchctl.1" "${page1}"
    "facts/memwatchd.conf.5" "${page5}" "facts/readings.7" "${page7}"
    "facts/completion.bash" "${bash}" "facts/completion.zsh" "${zsh}" "facts/completion.fish" "${fish}")
endfunction()

program()
must_pass("programs whose views agree")

# One view with another text in it.
function(changed variable text replacement what message)
  string(REPLACE "${text}" "${replacement}" ${variable} "${${variable}}")
  program()
  must_fail("${what}" "${message}")
endfunction()

changed(help "  --once" "  --twice" "a flag that help lacks" "flags of memwatchd: --once is in")
changed(page8 "-once" "-twice" "a flag that the page lacks" "--once is in .* not in memwatchd.8")
changed(page8 ".It Fl -keep-fds" ".Fl -keep-fds" "a key's flag that the page lacks"
  "--keep-fds is in .* not in memwatchd.8")
changed(bash "--once" "" "a flag that bash lacks" "--once is in .* not in completion.bash")
changed(zsh "'--once" "'--twice" "a flag that zsh lacks" "--once is in .* not in completion.zsh")
changed(fish "-l once" "-l twice" "a flag that fish has alone" "--twice is in completion.fish")

changed(ctl_help "  --json" "  --jason" "an option that help lacks" "--json is in .* not in --help")
changed(page1 "-json" "-jason" "an option that the page lacks" "--json is in .* not in memwatchctl.1")
changed(bash "--sort" "" "an option that bash lacks" "--sort is in .* not in completion.bash")
changed(zsh "'--sort" "'" "an option that zsh lacks" "--sort is in .* not in completion.zsh")
changed(fish "-l sort" "" "an option that fish lacks" "--sort is in .* not in completion.fish")
changed(options "\"--json\"" "\"--xml\"" "an option that only the table has" "--xml is in options.def")

changed(ctl_help "  top " "  pot " "a verb that help lacks" "top is in verbs.def and not in --help")
changed(page1 "Cm top" "Cm pot" "a verb that the page lacks" "top is in .* not in memwatchctl.1")
changed(bash "'memory top'" "'memory'" "a verb that bash lacks" "top is in .* not in completion.bash")
changed(zsh "'top:" "'pot:" "a verb that zsh lacks" "top is in .* not in completion.zsh")
changed(fish "-a top" "-a pot" "a verb that fish lacks" "top is in .* not in completion.fish")

changed(page5 "Ic heap.limit" "Ic limit" "a key of a block that the page lacks"
  "heap.limit is in .*conf.5")
changed(page5 "Ic keep-fds" "Ic keep" "a key that the page lacks" "keep-fds is in .*conf.5")
changed(page7 ".It Va system.pC\n" "" "a pressure that the page lacks" "system.pC is in readings.def")
changed(page7 "process.name" "process.title" "a reading under another name" "process.title is in")
changed(page7 "daemon.cpuUs" "daemon.cpu" "a reading of the daemon that the page lacks" "cpuUs is in")
changed(page7 "heap.heapUsed" "heap.used" "a reading of heaps under another name" "heap.used is in")
changed(page7 ".It Va queue.length\n" "" "a reading of queues that the page lacks" "queue.length is in")
changed(page7 "cache.hits" "cache.hit" "a reading of caches that the page lacks" "cache.hits is in")
changed(metrics "a_bytes" "b_bytes" "a metric that the page lacks" "b_bytes is in /metrics")
changed(verbs "MWD_CTL_VERB" "VERB" "a table that is written differently" "none found in verbs.def")
