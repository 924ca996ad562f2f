# What every target of this project is compiled with. It sits on targets (mw_options), never on
# global flag strings, so that a library found on the system is not touched by it.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(MW_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them; empty = none")
set(MW_LINKER "" CACHE STRING "The linker, as -fuse-ld= takes it; empty = the compiler's own")
option(MW_WERROR "Treat warnings as errors" ON)
option(MW_FUZZ "Build the fuzz targets (needs clang)" OFF)
set(MW_FUZZ_SECONDS 3 CACHE STRING "How long ctest runs each fuzz target")
set(MW_FUZZ_HEAP_SECONDS 120 CACHE STRING "How long ctest runs that of the managed heap")
option(MW_COVERAGE "Instrument for gcov" OFF)
option(MW_HEAP_DEBUG "The daemon checks and verifies its heap, and ends at the first fault" OFF)

# Under the thread sanitizer everything takes several times as long: ctest waits so much longer before it
# ends what hangs, and what is promised by the clock (MW_TEST_SLOWNESS) is promised of other builds.
set(MW_PATIENCE 1)
if(MW_SANITIZE STREQUAL thread)
  set(MW_PATIENCE 4)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
# What the address sanitizer adds to a program is relocated at each of its starts, a fifth of a short
# program's time, and tests start thousands. No such build is installed.
if(MW_SANITIZE MATCHES address)
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
else()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
# Shadow stacks and branch targets are a matter of the processor: this flag exists on x86 only.
check_c_compiler_flag(-fcf-protection=full MW_HAVE_CF_PROTECTION)

add_library(mw_options INTERFACE)
target_compile_options(mw_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
  $<$<BOOL:${MW_WERROR}>:-Werror>
  -fstack-protector-strong -fno-common
  $<$<BOOL:${MW_HAVE_CF_PROTECTION}>:-fcf-protection=full>)
target_compile_definitions(mw_options INTERFACE _GNU_SOURCE MW_VERSION="${PROJECT_VERSION}")
target_link_options(mw_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
target_include_directories(mw_options INTERFACE ${PROJECT_SOURCE_DIR}/lib)
if(MW_LINKER)
  target_link_options(mw_options INTERFACE -fuse-ld=${MW_LINKER})
endif()

if(MW_SANITIZE)
  target_compile_options(mw_options INTERFACE -fsanitize=${MW_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(mw_options INTERFACE -fsanitize=${MW_SANITIZE})
else()
  # Sanitizers see more with the plain libc calls; a build without optimisation cannot fortify.
  target_compile_definitions(mw_options INTERFACE
    $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:_FORTIFY_SOURCE=2>)
  target_compile_options(mw_options INTERFACE -fstack-clash-protection)
endif()
if(MW_SANITIZE STREQUAL thread)
  set(closes ${PROJECT_SOURCE_DIR}/tests/support/tsan_close.c)
  target_sources(mw_options INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${closes}>)
endif()
if(MW_COVERAGE)
  # Threads count, too, and a counter that lost an update can be less than 0.
  target_compile_options(mw_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(mw_options INTERFACE --coverage)
endif()
if(MW_FUZZ)
  # The code under test is instrumented too, or the fuzzer would search blindly.
  target_compile_options(mw_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(mw_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# mw_module(NAME SOURCES file... [USES module...] [HEADERS file...]): one library module; linking states
# the arrows. HEADERS are what users of libmemwatch get: NAME.h when nothing is said.
function(mw_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;HEADERS" ${ARGN})
  if(NOT ARG_HEADERS)
    set(ARG_HEADERS ${name}.h)
  endif()
  list(TRANSFORM ARG_HEADERS PREPEND ${name}/)
  set_property(GLOBAL APPEND PROPERTY MW_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY MW_HEADERS ${ARG_HEADERS})
  add_library(mw_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(mw_${name} PUBLIC mw_options)
  foreach(module IN LISTS ARG_USES)
    target_link_libraries(mw_${name} PUBLIC mw_${module})
  endforeach()
endfunction()

# mw_shared(FILE RET_OBJECTS USES target...): compiles what several tests share once for all of them.
function(mw_shared file ret_objects)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  file(REAL_PATH ${file} path BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${path})
  string(MAKE_C_IDENTIFIER shared_${name} name)
  if(NOT TARGET ${name})
    add_library(${name} OBJECT ${path})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
    target_compile_definitions(${name} PRIVATE MW_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures")
  endif()
  target_link_libraries(${name} PRIVATE mw_options ${ARG_USES} PkgConfig::CMOCKA)
  set(${ret_objects} $<TARGET_OBJECTS:${name}> PARENT_SCOPE)
endfunction()

# mw_test(NAME SOURCES file... USES target... [LABELS label...] [TIMEOUT s]): one cmocka program. The
# first source is its own, others may be shared.
function(mw_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;USES;LABELS" ${ARGN})
  list(POP_FRONT ARG_SOURCES own)
  add_executable(test_${name} ${own})
  foreach(file IN LISTS ARG_SOURCES)
    mw_shared(${file} objects USES ${ARG_USES})
    target_sources(test_${name} PRIVATE ${objects})
  endforeach()
  target_link_libraries(test_${name} PRIVATE mw_options ${ARG_USES} PkgConfig::CMOCKA)
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE
    MW_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures")
  set_target_properties(test_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
  add_test(NAME ${name} COMMAND test_${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  # Out of memory is tested by asking for too much: that is for the program to answer.
  math(EXPR timeout "${ARG_TIMEOUT} * ${MW_PATIENCE}")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${timeout}
    ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1;TSAN_OPTIONS=allocator_may_return_null=1")
endfunction()

# mw_fuzz(NAME SOURCES file... USES target... [SECONDS n]): one libFuzzer program and a ctest case that
# runs it for n seconds, MW_FUZZ_SECONDS when nothing is said. Its corpus is tests/fuzz/corpus/NAME,
# its dictionary, where it has one, tests/fuzz/NAME.dict. What the run finds new stays in the build
# folder. Built with MW_FUZZ only.
function(mw_fuzz name)
  if(NOT MW_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "SECONDS" "SOURCES;USES" ${ARGN})
  set(seconds ${MW_FUZZ_SECONDS})
  if(ARG_SECONDS)
    set(seconds ${ARG_SECONDS})
  endif()
  add_executable(fuzz_${name} ${ARG_SOURCES})
  add_dependencies(fuzzers fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE mw_options ${ARG_USES})
  target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzz_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/fuzz)

  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set(found ${CMAKE_BINARY_DIR}/tests/fuzz/found/${name})
  file(MAKE_DIRECTORY ${found})
  if(NOT IS_DIRECTORY ${corpus})
    message(FATAL_ERROR "fuzz target ${name}: its corpus ${corpus} is missing")
  endif()
  set(options -max_total_time=${seconds} -timeout=60 -rss_limit_mb=2048 -verbosity=1
    -print_final_stats=1 -artifact_prefix=${CMAKE_BINARY_DIR}/tests/fuzz/${name}-)
  if(EXISTS ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.dict)
    list(APPEND options -dict=${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.dict)
  endif()
  math(EXPR timeout "${seconds} + ${seconds} / 10 + 60")
  add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${options} ${found} ${corpus})
  set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz TIMEOUT ${timeout} COST ${seconds})
endfunction()

# mw_scenario(NAME [LABELS label...] [TIMEOUT s] [COST s]): the file NAME.py of the calling folder, a
# Python unittest that runs the built daemon. Those that say what they cost start first, so that none
# is left to run alone in the end.
function(mw_scenario name)
  cmake_parse_arguments(ARG "" "TIMEOUT;COST" "LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS scenario)
  endif()
  string(REGEX REPLACE "^test_" "" topic ${name})
  add_test(NAME scenario_${topic}
    COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}.py --verbose)
  if(ARG_COST)
    set_tests_properties(scenario_${topic} PROPERTIES COST ${ARG_COST})
  endif()
  math(EXPR timeout "${ARG_TIMEOUT} * ${MW_PATIENCE}")
  set_tests_properties(scenario_${topic} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${timeout}
    ENVIRONMENT "MW_TEST_BIN=$<TARGET_FILE:memwatchd>;MW_TEST_CTL=$<TARGET_FILE:memwatchctl>;MW_TEST_CAUSES=$<TARGET_FILE:causes>;MW_TEST_CHURN=$<TARGET_FILE:churn>;MW_TEST_HOG=$<TARGET_FILE:hog>;MW_TEST_FREEZE=$<TARGET_FILE:freeze>;MW_TEST_HTTP_SERVER=$<TARGET_FILE:http_test_server>;MW_TEST_SINK_DRIVER=$<TARGET_FILE:sink_driver>;MW_TEST_DELIVER=$<TARGET_FILE:memwatchd-deliver>;MW_TEST_SLOWNESS=${MW_PATIENCE};PYTHONPATH=${PROJECT_SOURCE_DIR}/tests")
endfunction()
