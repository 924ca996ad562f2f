# What the rules share. A rule is a script: cmake -DROOT=TREE [-D...] -P check_NAME.cmake. It names
# every offence with its place, and fails when there was one.

cmake_minimum_required(VERSION 3.25)
if(NOT ROOT)
  message(FATAL_ERROR "say which tree: -DROOT=DIRECTORY")
endif()
set_property(GLOBAL PROPERTY OFFENCES 0)

# An offence at PLACE (a path below ROOT, with :LINE where there is one).
function(offence place text)
  get_property(count GLOBAL PROPERTY OFFENCES)
  math(EXPR count "${count} + 1")
  set_property(GLOBAL PROPERTY OFFENCES ${count})
  message("${place}: ${text}")
endfunction()

# Ends the rule. `examined` is what was looked at: a rule that saw nothing has not passed.
function(end_of_rule examined)
  get_property(count GLOBAL PROPERTY OFFENCES)
  if(examined EQUAL 0)
    message(FATAL_ERROR "nothing to examine below ${ROOT}: the rule proves nothing")
  elseif(count GREATER 0)
    message(FATAL_ERROR "${count} offences")
  endif()
  message(STATUS "${examined} examined, no offence")
endfunction()

# Paths below ROOT that match one of the globs, in order, without what is built or made to be bad.
function(find_files ret)
  set(found)
  foreach(glob IN LISTS ARGN)
    file(GLOB_RECURSE matches RELATIVE ${ROOT} ${ROOT}/${glob})
    list(APPEND found ${matches})
  endforeach()
  list(FILTER found EXCLUDE REGEX "^(build|out|\\.git)/")
  list(REMOVE_DUPLICATES found)
  list(SORT found)
  set(${ret} ${found} PARENT_SCOPE)
endfunction()

# The lines of a file as a list. Characters that mean something in a list are replaced: rules look
# at shapes and names, not at semicolons. Bytes that are not text do not matter either.
function(read_lines path ret)
  file(READ ${ROOT}/${path} text)
  string(REGEX REPLACE "[][;\\\\]" " " text "${text}")
  string(REGEX REPLACE "\n$" "" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(${ret} "${lines}" PARENT_SCOPE)
endfunction()

# What a C file includes, as LINE=FORM where FORM keeps its quotes or angle brackets.
function(read_includes path ret)
  read_lines(${path} lines)
  set(found)
  set(number 0)
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    if(line MATCHES "^[ \t]*#[ \t]*include[ \t]*([<\"][^>\"]+[>\"])")
      list(APPEND found "${number}=${CMAKE_MATCH_1}")
    endif()
  endforeach()
  set(${ret} "${found}" PARENT_SCOPE)
endfunction()
