# A tiny program with one key, three flags, a reading of each kind and two routes; then each of its
# views says something else.
set(RULE_OPTIONS -DFACTS=${WORK}/facts)

set(keys "MWD_KEY(keep_fds, \"keep-fds\", \"--keep-fds\", \"N\")\nMWD_KEY(heap_limit, \"heap.limit\", NULL, \"SIZE\")\n")
set(conf "# text\nkeep-fds = 1\nheap {\n    # text\n    limit = 1\n}\n")
set(options "    {\"--config\", \"FILE\", 1},\n    {\"--once\", NULL, 1},\n")
set(help "Flags:\n  --config FILE  a\n  --once  b\n  --keep-fds N  c\n\nKeys of the configuration file\n  keep-fds = 1\n  heap.limit = 1\n")
set(dump "keep-fds = 1 # default\nheap {\n    limit = 1 # default\n}\n")
set(readings "MEMINFO(SYSTEM_A, \"aB\", \"a_bytes\", BYTES, NONE, PLAIN, \"A\",\n  \"What.\")
PRESSURE_PERCENT(SYSTEM_P, \"pC\", \"p\", \"w=1\", \"some\", \"What.\")
DERIVED(SYSTEM_D, U64, BYTES, NONE, PLAIN, \"a - b\", \"dE\", \"d\", \"What.\")
PROCESS(PROCESS_RSS, U64, GAUGE, BYTES, NONE, \"/proc/PID/statm\", \"resident\", \"rss\", \"r\", \"What.\")
SUBJECT(PROCESS_NAME, TEXT, INFO, WORD, NONE, \"/proc/PID/status\", \"Name\", \"name\", \"\", \"What.\")
SELF(DAEMON_CPU, U64, COUNTER, US, NONE, \"getrusage\", \"utime\", \"cpuUs\", \"c\", \"What.\")
DAEMON(DAEMON_PID, U64, INFO, NUMBER, \"pid\", \"\", \"\", \"What.\")\n")
set(routes "    {\"GET\", \"/metrics\", 1},\n    {\"GET\", \"/api/v1/memory\", 1},\n")
set(openapi [[{"paths":{"/metrics":{},"/api/v1/memory":{}},"components":{"schemas":{
"System":{"properties":{"seq":1,"aB":1,"pC":1,"dE":1,"absent":1}},
"Process":{"properties":{"pid":1,"rss":1,"name":1,"absent":1}},
"OneProcess":{"properties":{"seq":1,"pid":1,"rss":1,"name":1,"absent":1}},
"Processes":{"properties":{"seq":1,"total":1,"processes":1}},
"Daemon":{"properties":{"seq":1,"cpuUs":1,"pid":1,"absent":1}},
"Memory":{"properties":{"seq":1,"totalmem":1,"system":1,"process":1,"absent":1}},
"MemorySystem":{"properties":{"aB":1,"absent":1}},
"MemoryProcess":{"properties":{"pid":1,"absent":1}},
"Config":{"properties":{"keep-fds":1,"heap.limit":1}}}}}]])
set(memory [[{"seq":1,"totalmem":1,"system":{"aB":1},"process":{"pid":1}}]])
set(system [[{"seq":1,"aB":1,"pC":1,"dE":null,"absent":{"dE":"stale"}}]])
set(daemon [[{"seq":1,"cpuUs":1,"pid":1}]])
set(processes [[{"seq":1,"total":1,"processes":[{"pid":1,"rss":1,"name":"x"}]}]])
set(process [[{"seq":1,"pid":1,"rss":1,"name":"x"}]])
set(config [[{"keep-fds":{"value":1},"heap.limit":{"value":1}}]])
set(once [[{"system":{"aB":1,"pC":1,"dE":1},"daemon":{"cpuUs":1,"pid":1},
"processes":[{"pid":1,"rss":1,"name":"x"}]}]])
set(readme "curl localhost/api/v1/memory\n")

function(program)
  tree("daemon/config_keys.def" "${keys}" "conf/memwatchd.conf" "${conf}"
    "daemon/options.c" "${options}" "facts/help" "${help}" "facts/dump" "${dump}"
    "lib/sample/readings.def" "${readings}" "daemon/app_routes.c" "${routes}"
    "facts/openapi" "${openapi}" "facts/once" "${once}" "facts/served.memory" "${memory}" "facts/served.system" "${system}"
    "facts/served.daemon" "${daemon}" "facts/served.processes" "${processes}"
    "facts/served.process" "${process}" "facts/served.config" "${config}" "README.md" "${readme}")
endfunction()

program()
must_pass("a program whose views agree")

# without(VARIABLE TEXT REPLACEMENT WHAT MESSAGE): one view with another text in it.
function(changed variable text replacement what message)
  string(REPLACE "${text}" "${replacement}" ${variable} "${${variable}}")
  program()
  must_fail("${what}" "${message}")
endfunction()

changed(conf "keep-fds" "keep" "a key that the shipped file lacks"
  "keep-fds is in config_keys.def and not in conf")
changed(conf "keep-fds = 1" "keep-fds = 1\nother = 2" "a key that only the shipped file has"
  "other is in conf/memwatchd.conf and not in config_keys.def")
changed(conf "    limit" "    least" "a key of a block that the shipped file lacks"
  "heap.limit is in config_keys.def and not in conf")
changed(dump "heap {" "pile {" "a key that the dump has in another block"
  "pile.limit is in --dump-config and not in config_keys.def")
changed(help "heap.limit" "limit" "a key of a block that help lacks" "heap.limit is in .* not in --help")
changed(dump "keep-fds" "keep" "a key that the dump lacks" "keep-fds is in .* not in --dump-config")
changed(help "  keep-fds" "  keep" "a key that help lacks" "keep-fds is in .* not in --help")
changed(help "  --once" "  --twice" "a flag under another name" "--twice is in --help and not")
changed(help "  --keep-fds N" "  " "a key's flag that help lacks" "--keep-fds is in the tables")
changed(openapi "\"aB\"" "\"ab\"" "a reading spelt differently" "readings of system: aB is in")
changed(openapi "\"pC\":1," "" "a pressure that OpenAPI lacks" "readings of system: pC is in")
changed(openapi "\"rss\":1," "" "a reading of processes that OpenAPI lacks" "of process: rss is in")
changed(once "\"dE\":1" "\"x\":1" "a reading that the sample lacks" "of system: dE is in")
changed(once "\"cpuUs\":1" "\"x\":1" "a reading of the daemon that the sample lacks" "cpuUs is in")
changed(once "\"name\"" "\"title\"" "a reading of processes under another name" "name is in")
changed(openapi "{\"seq\":1,\"aB\"" "{\"aB\"" "a member that is served and not described"
  "schema System: seq is in served.system and not in OpenAPI")
changed(openapi "\"MemorySystem\":{\"properties\":{" "\"MemorySystem\":{\"properties\":{\"pC\":1,"
  "a member that is described and not served"
  "schema MemorySystem: pC is in OpenAPI and not in served.memory")
changed(processes "\"rss\"" "\"size\"" "a row with another member" "schema Process: rss is in OpenAPI")
changed(process "\"seq\":1," "" "one process without its stamp" "schema OneProcess: seq is in OpenAPI")
changed(memory "\"pid\":1" "\"id\":1" "another member of the own process"
  "schema MemoryProcess: pid is in OpenAPI")
changed(openapi "\"Config\":{\"properties\":{\"keep-fds\":1,\"heap.limit\":1}}" "\"Config\":{}" "no schema at all"
  "schema Config: none found")
changed(routes "/metrics" "/metric" "a route that OpenAPI lacks" "/metric is in app_routes.c")
changed(readme "/api/v1/memory" "/api/v1/heaps" "a document that promises too much"
  "/api/v1/heaps is no route")
changed(keys "MWD_KEY" "KEY" "a table that is written differently" "none found in config_keys.def")
