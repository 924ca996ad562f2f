# A text file as a C string: cmake -D IN=FILE -D OUT=FILE.c -D NAME=name -D HEADER=that.h -P embed.cmake
# As numbers: a string of over 4095 bytes is more than every C11 compiler has to take.
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," numbers "${bytes}")
string(REPEAT "0x..," 16 line)
string(REGEX REPLACE "(${line})" "\\1\n" numbers "${numbers}")
file(WRITE ${OUT} "#include \"${HEADER}\"\n\nconst char ${NAME}[] = {\n${numbers}0};\n")
