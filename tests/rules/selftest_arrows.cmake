tree("lib/sample/seal.c" "#include \"base/clock.h\"\n#include \"sample/block.h\"\n#include <stdio.h>\n"
  "daemon/app.c" "#include \"daemon/view.h\"\n#include \"daemon/http_server.h\"\n"
  "daemon/view.c" "#include \"daemon/json.h\"\n#include \"sample/sample.h\"\n"
  "daemon/http_server.c" "#include <microhttpd.h>\n#include \"daemon/http_internal.h\"\n"
  "daemon/config_parse.c" "#include <confuse.h>\n"
  "daemon/ctl/main.c" "#include \"daemon/ctl/ctl.h\"\n#include \"daemon/options.h\"\n#include \"daemon/json.h\"\n"
  "daemon/main.c" "#include \"daemon/app.h\"\n")
must_pass("arrows that point down")

tree("lib/sample/seal.c" "#include \"subject/subject.h\"\n")
must_fail("an upward arrow in lib" "lib/sample/seal.c:1: forbidden arrow sample -> subject")
tree("lib/base/clock.c" "\n#include \"sample/sample.h\"\n")
must_fail("an arrow out of base" "lib/base/clock.c:2: forbidden arrow base -> sample")
tree("lib/gossip/gossip.c" "#include <stdio.h>\n")
must_fail("a module nobody drew" "lib/gossip has no arrows")
tree("lib/sample/seal.c" "#include \"block.h\"\n")
must_fail("a header without its module" "say the module too")

foreach(header "\"daemon/log.h\"" "<uv.h>" "<uv/unix.h>" "<microhttpd.h>" "<cjson/cJSON.h>"
    "<systemd/sd-daemon.h>" "<curl/curl.h>" "<confuse.h>" "<pcre2.h>" "<yaml.h>")
  tree("lib/collect/collect.c" "  #  include ${header}\n")
  must_fail("${header} in lib" "lib may not know")
endforeach()

tree("daemon/view.c" "#include \"daemon/http_server.h\"\n")
must_fail("a part that includes a part" "forbidden arrow view -> http")
tree("daemon/sampler.c" "#include \"daemon/app.h\"\n")
must_fail("a part that includes its owner" "forbidden arrow sampler -> app: it points up")
tree("daemon/json.c" "#include \"daemon/view.h\"\n")
must_fail("a leaf that includes a part" "forbidden arrow json -> view: it points up")
tree("daemon/app.c" "#include \"daemon/main.h\"\n")
must_fail("the app including main" "forbidden arrow app -> main")
tree("daemon/ctl/main.c" "#include \"daemon/view.h\"\n")
must_fail("the companion including a part of the daemon" "forbidden arrow ctl -> view: another program")
tree("daemon/main.c" "#include \"daemon/ctl/ctl.h\"\n")
must_fail("the daemon including its companion" "forbidden arrow main -> ctl: it points up")
tree("daemon/view.c" "#include \"json.h\"\n")
must_fail("a header of the daemon without its folder" "say the folder too")
tree("daemon/view.c" "#include <microhttpd.h>\n")
must_fail("microhttpd outside http_*" "microhttpd.h> is for files like")
tree("daemon/view.c" "#include <cjson/cJSON.h>\n")
must_fail("cJSON outside *_json.c" "cJSON.h> is for files like")
tree("daemon/app.c" "#include <confuse.h>\n")
must_fail("confuse outside config_*" "confuse.h> is for files like")
tree("daemon/matcher.c" "#include <pcre2.h>\n")
must_fail("pcre2 outside pattern.c" "pcre2.h> is for files like")
tree("daemon/config_group.c" "#include <yaml.h>\n")
must_fail("yaml outside matcher_yaml.c" "yaml.h> is for files like")
tree("daemon/http_push.c" "#include <curl/curl.h>\n")
must_fail("curl outside deliver" "curl.h> is for files like")
tree("README.md" "nothing here\n")
must_fail("a tree without sources" "nothing to examine")
