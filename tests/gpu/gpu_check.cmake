# gpu_check: is a device right, and how fast? Needs neither NetCDF nor UDUNITS nor TOML, so that it builds where there is
# a GPU and little else; tools/gpu_check drives it.
#
# Included at the top, where the rules of the kernels are. Given: kernel_objects, cuda_files, git_header, nessmap_c_flags.
set(check_folder ${PROJECT_SOURCE_DIR}/tests/gpu)
set(check_library_sources backend backend_cpu cache catalogue diag embedded files local_rank reducer tiles timeline words)
file(GLOB check_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cuda_*.c ${PROJECT_SOURCE_DIR}/src/backend_cuda*.c)
list(TRANSFORM check_library_sources PREPEND ${PROJECT_SOURCE_DIR}/src/)
list(TRANSFORM check_library_sources APPEND .c)
file(GLOB check_sources CONFIGURE_DEPENDS ${check_folder}/*.c)

add_executable(nessmap_gpu_check ${check_sources} ${check_library_sources} ${check_cuda_sources} ${kernel_objects}
               ${cuda_files})
target_include_directories(nessmap_gpu_check PRIVATE
    ${check_folder} ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
target_compile_options(nessmap_gpu_check PRIVATE $<$<COMPILE_LANGUAGE:C>:-O2>)
# the program says which commit it is, wherever it is carried
add_dependencies(nessmap_gpu_check nessmap_git_commit)
set_source_files_properties(${check_folder}/gpu_check.c PROPERTIES
    COMPILE_OPTIONS "-include;${git_header}" OBJECT_DEPENDS ${git_header})
target_link_libraries(nessmap_gpu_check PRIVATE nessmap_c_flags Threads::Threads m ${CMAKE_DL_LIBS})
# nor does it need the C++ runtime of the machine it is carried to
target_link_options(nessmap_gpu_check PRIVATE -static-libstdc++ -static-libgcc)
set_target_properties(nessmap_gpu_check PROPERTIES
    LINKER_LANGUAGE CXX OUTPUT_NAME gpu_check RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    BUILD_RPATH_USE_ORIGIN ON BUILD_RPATH "$ORIGIN")
if(TARGET nessmap_core)
    # both have the kernels' objects: one at a time may make them
    add_dependencies(nessmap_gpu_check nessmap_core)
endif()
