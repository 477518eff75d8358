# Writes the short hash of the commit into HEADER as NM_GIT, and touches the file only when the hash changes.
#
#   cmake -D GIT=... -D SOURCE=... -D HEADER=... -P git_commit.cmake
#
# Outside a repository, or without git, NM_GIT stays undefined and the version is the number alone.
set(commit "")
if(GIT)
    execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-toplevel
                    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    file(REAL_PATH "${SOURCE}" source_path)
    # a copy that lies inside somebody else's repository has no commit of its own
    if(top STREQUAL source_path)
        execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                        OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
endif()
if(commit)
    set(text "#define NM_GIT \"${commit}\"\n")
else()
    set(text "/* no commit known */\n")
endif()
set(old "")
if(EXISTS "${HEADER}")
    file(READ "${HEADER}" old)
endif()
if(NOT old STREQUAL text)
    file(WRITE "${HEADER}" "${text}")
endif()
