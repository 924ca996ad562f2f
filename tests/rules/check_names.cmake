# One name for one thing. Keys: config_keys.def, conf/memwatchd.conf, --dump-config, --help. Flags: the
# command line's tables and --help. Readings: readings.def, one sample, OpenAPI. Schemas: OpenAPI and
# the documents that are served. Metrics: readings.def and /metrics. Routes: the route table, OpenAPI,
# and the documents for people.
#
# FACTS is a directory with what the built daemon says: help, dump, once, openapi, metrics, served.NAME.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/names.cmake)

function(members_of json ret)
  set(names)
  string(JSON count ERROR_VARIABLE error LENGTH "${json}" ${ARGN})
  if(NOT error AND count GREATER 0)
    math(EXPR last "${count} - 1")
    foreach(i RANGE ${last})
      string(JSON name MEMBER "${json}" ${ARGN} ${i})
      list(APPEND names ${name})
    endforeach()
    list(SORT names)
  endif()
  set(${ret} "${names}" PARENT_SCOPE)
endfunction()

# ---- keys ----

read_text(${ROOT}/conf/memwatchd.conf shipped)
read_text(${FACTS}/dump dump)
read_text(${FACTS}/help help)
string(FIND "${help}" "\nKeys of the configuration file" at)
string(SUBSTRING "${help}" 0 ${at} help_flags)
string(SUBSTRING "${help}" ${at} -1 help_keys)

read_keys(keys)
find_keys("${shipped}" shipped_keys)
find_keys("${dump}" dump_keys)
find_all("\n  ([a-z][a-z.-]*) =" "${help_keys}" help_key_names)
must_agree(keys config_keys.def "${keys}" conf/memwatchd.conf "${shipped_keys}")
must_agree(keys config_keys.def "${keys}" --dump-config "${dump_keys}")
must_agree(keys config_keys.def "${keys}" --help "${help_key_names}")

# ---- flags ----

read_flags(flags)
find_all("\n  (--[a-z-]+)" "${help_flags}" help_flag_names)
must_agree(flags "the tables" "${flags}" --help "${help_flag_names}")

# ---- readings ----

read_readings(system process daemon named)
file(READ ${FACTS}/openapi openapi)
file(READ ${FACTS}/once once)
foreach(pair "System=system" "Process=process" "Daemon=daemon")
  string(REGEX MATCH "^(.*)=(.*)$" unused "${pair}")
  set(table ${${CMAKE_MATCH_2}})
  members_of("${openapi}" described components schemas ${CMAKE_MATCH_1} properties)
  list(REMOVE_ITEM described absent pid timeMs seq)
  list(REMOVE_ITEM table pid)
  must_agree("readings of ${CMAKE_MATCH_2}" readings.def "${table}" OpenAPI "${described}")
endforeach()
members_of("${once}" shown_system system)
members_of("${once}" shown_daemon daemon)
members_of("${once}" shown_process processes 0)
foreach(kind system daemon process)
  set(table ${${kind}})
  list(REMOVE_ITEM shown_${kind} absent pid)
  list(REMOVE_ITEM table pid)
  must_agree("readings of ${kind}" readings.def "${table}" "--once" "${shown_${kind}}")
endforeach()

# ---- schemas ----

# SCHEMA=DOCUMENT, and where the object stands in it. What values are like, tests/scenario holds.
foreach(row "Memory=memory" "MemorySystem=memory;system" "MemoryProcess=memory;process" "System=system"
    "Daemon=daemon" "Processes=processes" "Process=processes;processes;0" "OneProcess=process"
    "Config=config")
  string(REGEX MATCH "^([A-Za-z]+)=([a-z]+);?(.*)$" unused "${row}")
  set(schema ${CMAKE_MATCH_1})
  set(place ${CMAKE_MATCH_3})
  set(document served.${CMAKE_MATCH_2})
  file(READ ${FACTS}/${document} served)
  members_of("${served}" shown ${place})
  members_of("${openapi}" described components schemas ${schema} properties)
  list(REMOVE_ITEM shown absent)
  list(REMOVE_ITEM described absent)
  must_agree("schema ${schema}" OpenAPI "${described}" ${document} "${shown}")
endforeach()
members_of("${openapi}" config_members components schemas Config properties)
list(REMOVE_ITEM config_members alert sink group) # blocks by title
must_agree(keys config_keys.def "${keys}" OpenAPI "${config_members}")

# ---- routes ----

read_text(${ROOT}/daemon/app_routes.c route_table)
find_all("{\"[A-Z]+\", \"(/[^\"]*)\"" "${route_table}" routes)
members_of("${openapi}" paths paths)
must_agree(routes app_routes.c "${routes}" OpenAPI "${paths}")

# A document may leave a route out, and must not name one that is not there.
foreach(document README.md CONTRIBUTING.md)
  if(EXISTS ${ROOT}/${document})
    read_text(${ROOT}/${document} text)
    find_all("(/api/v1/[a-z.]+)" "${text}" named)
    foreach(name IN LISTS named)
      if(NOT name IN_LIST routes)
        offence(${document} "${name} is no route")
      endif()
    endforeach()
  endif()
endforeach()

get_property(names GLOBAL PROPERTY NAMES)
list(LENGTH names count)
end_of_rule(${count})
