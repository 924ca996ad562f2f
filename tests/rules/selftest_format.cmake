file(READ ${CMAKE_CURRENT_LIST_DIR}/../../.clang-format style)

tree(".clang-format" "${style}" "lib/a/a.c" "int f(void)\n{\n    return 0<semicolon>\n}\n")
must_pass("a formatted file")
tree(".clang-format" "${style}" "lib/a/a.c" "int f(void) {\n    return 0<semicolon>\n}\n")
must_fail("a brace that is not on its own line" "lib/a/a.c:1")
tree("README.md" "-")
must_fail("a tree without sources" "nothing to examine")
