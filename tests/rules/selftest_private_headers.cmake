# The folders must be there for their headers to be known as theirs.
set(modules "lib/base/clock.h" "//" "lib/sample/sample.h" "//" "lib/collect/collect.h" "//")

tree(${modules} "lib/sample/a.c" "#include \"sample/seal.h\"\n#include \"sample/seal_internal.h\"\n"
  "lib/collect/b.c" "#include \"sample/sample.h\"\n#include \"base/clock.h\"\n"
  "tests/lib/collect/test_b.c" "#include \"collect/collect_internal.h\"\n"
  "tests/daemon/test_http_cache.c" "#include \"daemon/http_internal.h\"\n"
  "daemon/http_cache.c" "#include \"daemon/http_internal.h\"\n"
  "daemon/app_once.c" "#include \"daemon/app_internal.h\"\n#include \"sample/sample.h\"\n")
must_pass("private headers at home")

tree(${modules} "lib/collect/b.c" "#include \"sample/seal_internal.h\"\n")
must_fail("a private header of another module" "seal_internal.h is private to lib/sample")
tree(${modules} "lib/collect/b.c" "#include \"base/clock_internal.h\"\n")
must_fail("a private header of base" "clock_internal.h is private to lib/base")
tree(${modules} "lib/collect/b.c" "#include \"sample/seal.h\"\n")
must_fail("a part of a module" "include sample/sample.h, the module's public header")
tree(${modules} "daemon/app.c" "\n#include \"lib/sample/block.h\"\n")
must_fail("a part of a module, from the daemon" "daemon/app.c:2: .*include sample/sample.h")
tree(${modules} "daemon/view.c" "#include \"daemon/http_internal.h\"\n")
must_fail("a private header of another part" "private to daemon/http")
tree(${modules} "daemon/view.c" "#include \"view_internal.h\"\n")
must_fail("a private header without its folder" "name its folder")
tree(${modules} "tests/lib/sample/test_a.c" "#include \"collect/collect_internal.h\"\n")
must_fail("a private header in another module's tests" "private to lib/collect")
tree(${modules} "tests/fuzz/fuzz_a.c" "#include \"collect/collect_internal.h\"\n")
must_fail("a private header in a fuzz target" "private to lib/collect")
tree(${modules} "lib/collect/b.c" "#include \"../sample/seal.h\"\n")
must_fail("a path that climbs" "no way up")
