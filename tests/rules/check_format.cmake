# C sources stand as clang-format would write them.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)

find_files(sources "lib/*.c" "lib/*.h" "daemon/*.c" "daemon/*.h" "man/*.c" "man/*.h" "tests/*.c"
  "tests/*.h")
execute_process(COMMAND clang-format --dry-run --Werror --style=file ${sources}
  WORKING_DIRECTORY ${ROOT} RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_VARIABLE errors)
# The first place of each file will do: clang-format -i mends them all.
set(seen)
string(REGEX MATCHALL "[^ \n:]+:[0-9]+:[0-9]+: error" places "${errors}")
foreach(place IN LISTS places)
  string(REGEX MATCH "^([^:]+):([0-9]+)" at "${place}")
  if(NOT CMAKE_MATCH_1 IN_LIST seen)
    list(APPEND seen ${CMAKE_MATCH_1})
    offence(${at} "clang-format would change this")
  endif()
endforeach()
if(NOT code EQUAL 0 AND NOT seen)
  offence(clang-format "${code}\n${errors}")
endif()

list(LENGTH sources count)
end_of_rule(${count})
