# cmake -DNM=nm -DOBJECTS="a.o;b.o" -P check_weak_symbols.cmake
# Fails if a kernel object of one ISA carries a symbol that the linker may merge with another's: calling the merged
# one would crash an older CPU (docs/notes/isa.md).
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C --defined-only ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
  string(REPLACE "V DW.ref.__gxx_personality_v0" "" symbols "${symbols}")  # the same pointer for all
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
  if(failed OR weak)
    message(FATAL_ERROR "${object}: symbols that the linker may merge across ISAs:\n${weak}")
  endif()
endforeach()
