# A rule that cannot fail is a defect. Makes small trees below WORK, one for each offence that
# RULE must see, and one that it must let pass; runs the rule on each.
cmake_minimum_required(VERSION 3.25)

set_property(GLOBAL PROPERTY CASES 0)

# tree(FILE TEXT [FILE TEXT]...): what the next case runs on.
function(tree)
  file(REMOVE_RECURSE ${WORK})
  while(ARGN)
    list(POP_FRONT ARGN path text)
    string(REPLACE "<semicolon>" ";" text "${text}")
    file(WRITE ${WORK}/${path} "${text}")
  endwhile()
endfunction()

function(run_rule ret_code ret_output)
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} ${RULE_OPTIONS}
      -P ${CMAKE_CURRENT_LIST_DIR}/check_${RULE}.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(${ret_code} ${code} PARENT_SCOPE)
  set(${ret_output} "${output}" PARENT_SCOPE)
  get_property(cases GLOBAL PROPERTY CASES)
  math(EXPR cases "${cases} + 1")
  set_property(GLOBAL PROPERTY CASES ${cases})
endfunction()

function(must_pass what)
  run_rule(code output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${RULE} refuses ${what}:\n${output}")
  endif()
endfunction()

# The rule must fail, and say this (a regular expression).
function(must_fail what message)
  run_rule(code output)
  if(code EQUAL 0)
    message(FATAL_ERROR "${RULE} does not see ${what}")
  elseif(NOT output MATCHES "${message}")
    message(FATAL_ERROR "${RULE} fails on ${what} without saying ${message}:\n${output}")
  endif()
endfunction()

# `count` lines of the same text.
function(repeat text count ret)
  string(REPEAT "${text}\n" ${count} lines)
  set(${ret} "${lines}" PARENT_SCOPE)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/selftest_${RULE}.cmake)

file(REMOVE_RECURSE ${WORK})
get_property(cases GLOBAL PROPERTY CASES)
if(cases LESS 2)
  message(FATAL_ERROR "${RULE} has no cases")
endif()
message(STATUS "${cases} trees, each judged as it must be")
