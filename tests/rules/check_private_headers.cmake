# Private headers stay home. From another folder only <folder>/<folder>.h may be included (base has
# no such header: its parts are public one by one), and X_internal.h only by the files of X. The
# mirror of a module in tests/ counts as its home: it tests what stands behind the public header.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/arrows.cmake)

# Modules of lib whose headers are looked up without "lib/" in front.
file(GLOB modules RELATIVE ${ROOT}/lib ${ROOT}/lib/*)

function(check_of_module path line header module)
  if(path MATCHES "^(tests/)?lib/${module}/")
    return()
  elseif(header MATCHES "_internal\\.h$")
    offence(${path}:${line} "${header} is private to lib/${module}")
  elseif(NOT module STREQUAL "base" AND NOT header STREQUAL "${module}/${module}.h")
    offence(${path}:${line} "${header}: include ${module}/${module}.h, the module's public header")
  endif()
endfunction()

# daemon is one folder of many parts: a private header is for the files of its part.
function(check_of_daemon path line header)
  if(NOT header MATCHES "_internal\\.h$")
    return()
  endif()
  string(REGEX REPLACE "^tests/(daemon/test|fuzz/fuzz)_" "daemon/" home "${path}")
  part_of("${header}" part)
  part_of("${home}" includer)
  if(NOT home MATCHES "^daemon/" OR NOT includer STREQUAL part)
    offence(${path}:${line} "${header} is private to daemon/${part}*")
  endif()
endfunction()

find_files(sources "lib/*.c" "lib/*.h" "lib/*.def" "daemon/*.c" "daemon/*.h" "daemon/*.def"
  "tests/*.c" "tests/*.h")
foreach(path IN LISTS sources)
  read_includes(${path} includes)
  foreach(include IN LISTS includes)
    string(REGEX MATCH "^([0-9]+)=[<\"](lib/)?(([^/>\"]+)/?.*)[>\"]$" unused "${include}")
    set(line ${CMAKE_MATCH_1})
    set(header "${CMAKE_MATCH_3}")
    set(folder "${CMAKE_MATCH_4}")
    if(header MATCHES "\\.\\./")
      offence(${path}:${line} "${header}: no way up, name the folder from the top")
    elseif(header MATCHES "/" AND folder IN_LIST modules)
      check_of_module(${path} ${line} "${header}" ${folder})
    elseif(folder STREQUAL "daemon")
      check_of_daemon(${path} ${line} "${header}")
    elseif(header MATCHES "_internal\\.h$")
      offence(${path}:${line} "${header}: name its folder")
    endif()
  endforeach()
endforeach()

list(LENGTH sources count)
end_of_rule(${count})
