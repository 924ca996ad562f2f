# The allowed arrows, as data. Who may include whom; everything not said here is an offence.

# lib: MODULE may include the public headers of these.
set(ARROWS_base "")
set(ARROWS_heap base)
set(ARROWS_store heap base)
set(ARROWS_sample base)
set(ARROWS_collect sample base)
set(ARROWS_detect sample base)
set(ARROWS_doctor base)
set(ARROWS_dump base)
set(ARROWS_subject sample store heap base)
set(ARROWS_history subject sample store heap base)
set(ARROWS_alert subject detect sample base)

# What lib must stay free of, by the first part of the header's path.
set(LIB_NEVER daemon uv uv.h microhttpd.h cjson cJSON.h systemd curl confuse.h pcre2.h yaml.h)

# daemon: a file's name up to the first '_' or '.' tells its part. The rank of the part decides:
# main -> app -> parts -> leaves. Parts never include each other; app alone wires them.
set(DAEMON_LEAVES buffer grouping groups join json log matcher names nearest notify pattern services windows wire)
set(DAEMON_APP app)
set(DAEMON_MAIN main)
# Programs of their own beside the daemon, each in a folder: nobody includes them, and they include
# leaves and the parts said here.
set(DAEMON_PROGRAMS ctl deliver)
set(DAEMON_ARROWS_ctl config)
# Files under another first word that belong to a part: the command line is one more source of the
# configuration.
set(DAEMON_PART_options config)

# The part of a file of daemon/, or of a header as it is included.
function(part_of path ret)
  string(REGEX REPLACE "^(daemon/)?([a-z0-9]+).*$" "\\2" part "${path}")
  if(DEFINED DAEMON_PART_${part})
    set(part ${DAEMON_PART_${part}})
  endif()
  set(${ret} ${part} PARENT_SCOPE)
endfunction()

# Libraries that only some files of the daemon may know: HEADER=REGEX of those files.
set(DAEMON_HEADERS
  "microhttpd.h=^daemon/http_[a-z0-9_]+\\.[ch]$"
  "cjson/cJSON.h=^daemon/([a-z0-9_]+_json\\.c|ctl/.*)$"
  "cJSON.h=^daemon/([a-z0-9_]+_json\\.c|ctl/.*)$"
  "confuse.h=^daemon/config_[a-z0-9_]+\\.[ch]$"
  "pcre2.h=^daemon/pattern\\.c$"
  "yaml.h=^daemon/matcher_yaml\\.c$"
  "curl/curl.h=^daemon/deliver/.*$")
