# Builds the packages as `cmake --workflow --preset package` does, without the tests:
# cmake -DROOT=TREE -DBUILD=DIRECTORY -P build.cmake. Other tests find the packages in DIRECTORY.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${ROOT} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(GLOB old ${BUILD}/*.deb)
foreach(package IN LISTS old)
  file(REMOVE ${package})
endforeach()
# What debuggers read would be stripped again.
run(${CMAKE_COMMAND} --preset release -B ${BUILD} -DBUILD_TESTING=OFF
  "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -DNDEBUG")
run(${CMAKE_COMMAND} --build ${BUILD})
run(${CMAKE_CPACK_COMMAND} -G DEB --config ${BUILD}/CPackConfig.cmake -B ${BUILD})
