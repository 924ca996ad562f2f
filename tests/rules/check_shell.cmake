# shellcheck has nothing to say about the scripts.
include(${CMAKE_CURRENT_LIST_DIR}/rules.cmake)

find_files(scripts "*.sh" "run" "check" ".ci/run" "packaging/deb/p*")
execute_process(COMMAND shellcheck --external-sources ${scripts}
  WORKING_DIRECTORY ${ROOT} RESULT_VARIABLE code OUTPUT_VARIABLE errors ERROR_VARIABLE errors)
if(NOT code EQUAL 0)
  offence(shellcheck "${code}\n${errors}")
endif()

list(LENGTH scripts count)
end_of_rule(${count})
