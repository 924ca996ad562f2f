# Manual, completion and help name the same things. Flags of memwatchd, options and verbs of
# memwatchctl: the tables, --help, the pages, and the scripts of three shells. Keys: config_keys.def,
# config_titled.def and memwatchd.conf(5). Readings and metrics: readings.def, /metrics and readings(7).
#
# FACTS is a directory with what the built programs say (help, ctl_help, metrics, completion.SHELL)
# and the built pages.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/names.cmake)

# Names with something in front of each.
function(prefixed prefix ret)
  list(TRANSFORM ARGN PREPEND "${prefix}")
  set(${ret} "${ARGN}" PARENT_SCOPE)
endfunction()

# The part of a text from one mark up to another one behind it, or up to the end.
function(part_between text from to ret)
  set(part)
  string(FIND "${text}" "${from}" begin)
  if(begin GREATER -1)
    string(SUBSTRING "${text}" ${begin} -1 part)
    string(FIND "${part}" "${to}" length)
    string(SUBSTRING "${part}" 0 ${length} part)
  endif()
  set(${ret} "${part}" PARENT_SCOPE)
endfunction()

# What a completion script has for a program: in its part, which ends where the next one begins.
set(OPTIONS_bash "(--[a-z][a-z-]*)")
set(OPTIONS_zsh "'(--[a-z-]+)[= ]")
set(OPTIONS_fish "\ncomplete [^\n]*[d'] -l ([a-z-]+)")
function(completed_options shell program ret)
  read_text(${FACTS}/completion.${shell} script)
  part_between("${script}" "# ---- ${program} ----" "\n# ---- " part)
  find_all("${OPTIONS_${shell}}" "${part}" options)
  if(shell STREQUAL "fish")
    prefixed("--" options ${options})
  endif()
  set(${ret} "${options}" PARENT_SCOPE)
endfunction()

function(options_of_page page ret)
  read_text(${FACTS}/${page} text)
  find_all("\n\\.It Fl (-[a-z-]+)" "${text}" options)
  prefixed("-" options ${options})
  set(${ret} "${options}" PARENT_SCOPE)
endfunction()

# ---- flags of memwatchd ----

read_flags(flags)
read_text(${FACTS}/help help)
part_between("${help}" "\nFlags:" "\nKeys of the configuration file" help_flags)
find_all("\n  (--[a-z-]+)" "${help_flags}" help_flags)
options_of_page(memwatchd.8 page_flags)
must_agree("flags of memwatchd" "the tables" "${flags}" --help "${help_flags}")
must_agree("flags of memwatchd" "the tables" "${flags}" memwatchd.8 "${page_flags}")
foreach(shell bash zsh fish)
  completed_options(${shell} memwatchd completed)
  must_agree("flags of memwatchd" "the tables" "${flags}" completion.${shell} "${completed}")
endforeach()

# ---- memwatchctl ----

read_text(${ROOT}/daemon/ctl/options.def option_table)
read_text(${ROOT}/daemon/ctl/verbs.def verb_table)
read_text(${FACTS}/ctl_help ctl_help)
read_text(${FACTS}/memwatchctl.1 page)
find_all("\nMWD_CTL_OPTION\\([a-z_]+, \"(--[a-z-]+)\"" "${option_table}" options)
find_all("\nMWD_CTL_VERB\\([A-Z_]+, \"([a-z]+)\"" "${verb_table}" verbs)

find_all("\n  (--[a-z-]+)" "${ctl_help}" help_options)
options_of_page(memwatchctl.1 page_options)
must_agree("options of memwatchctl" options.def "${options}" --help "${help_options}")
must_agree("options of memwatchctl" options.def "${options}" memwatchctl.1 "${page_options}")

part_between("${ctl_help}" "\nVerbs:" "\nOptions:" help_verbs)
find_all("\n  ([a-z]+)" "${help_verbs}" help_verbs)
find_all("\n\\.It Cm ([a-z]+)" "${page}" page_verbs)
must_agree("verbs of memwatchctl" verbs.def "${verbs}" --help "${help_verbs}")
must_agree("verbs of memwatchctl" verbs.def "${verbs}" memwatchctl.1 "${page_verbs}")

set(VERBS_zsh "\n        '([a-z]+):")
set(VERBS_fish "__memwatchctl_wants_verb' -a ([a-z]+) ")
foreach(shell bash zsh fish)
  completed_options(${shell} memwatchctl completed)
  must_agree("options of memwatchctl" options.def "${options}" completion.${shell} "${completed}")
  read_text(${FACTS}/completion.${shell} script)
  if(shell STREQUAL "bash")
    string(REGEX MATCH "\n    verbs='([a-z ]+)'" unused "${script}")
    string(REPLACE " " ";" completed "${CMAKE_MATCH_1}")
  else()
    find_all("${VERBS_${shell}}" "${script}" completed)
  endif()
  must_agree("verbs of memwatchctl" verbs.def "${verbs}" completion.${shell} "${completed}")
endforeach()

# ---- keys ----

read_keys(keys)
read_titled_keys(titled)
list(APPEND keys ${titled})
read_text(${FACTS}/memwatchd.conf.5 page)
find_all("\n\\.It Ic ([a-z.-]+)" "${page}" page_keys)
must_agree(keys config_keys.def "${keys}" memwatchd.conf.5 "${page_keys}")

# ---- readings ----

read_readings(system process daemon named)
set(readings ${named})
foreach(kind system process daemon)
  prefixed("${kind}." ids ${${kind}})
  list(APPEND readings ${ids})
endforeach()
read_text(${FACTS}/readings.7 page)
find_all("\n\\.It Va ([A-Za-z0-9.]+)" "${page}" page_readings)
must_agree(readings readings.def "${readings}" readings.7 "${page_readings}")

# Readings that are absent on this machine have no line in /metrics.
read_text(${FACTS}/metrics metrics)
find_all("\n# TYPE ([a-z0-9_]+)" "${metrics}" shown)
find_all("\n\\.Ql (memwatch_[a-z0-9_]+)" "${page}" described)
foreach(name IN LISTS shown)
  if(NOT name IN_LIST described)
    offence(metrics "${name} is in /metrics and not in readings.7")
  endif()
endforeach()

get_property(names GLOBAL PROPERTY NAMES)
list(LENGTH names count)
end_of_rule(${count})
