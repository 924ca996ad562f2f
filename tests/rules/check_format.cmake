# C sources stand as clang-format would write them.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)

find_files(sources "lib/*.c" "lib/*.h" "daemon/*.c" "daemon/*.h" "tests/*.c" "tests/*.h")
execute_process(COMMAND clang-format --dry-run --Werror --style=file ${sources}
  WORKING_DIRECTORY ${ROOT} RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_VARIABLE errors)
if(NOT code EQUAL 0)
  offence(clang-format "${code}\n${errors}")
endif()

list(LENGTH sources count)
end_of_rule(${count})
