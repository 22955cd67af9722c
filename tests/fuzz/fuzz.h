/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every fuzz target has. A target NAME is the program fuzz-NAME with the function below, and the directory corpus/NAME
 * with inputs to begin with; "make check" feeds it these, changed a little in many ways. After
 *
 *     CC=clang ./configure --enable-fuzzing --enable-sanitizers
 *
 * libFuzzer drives it: ./fuzz-NAME DIRECTORY-FOR-NEW-INPUTS tests/fuzz/corpus/NAME. An input that once failed belongs in the
 * corpus.
 */
#ifndef POSTERN_TESTS_FUZZ_FUZZ_H
#define POSTERN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes any input; what must not happen ends the program. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(condition)                                                                                          \
    do {                                                                                                                 \
        if (!(condition)) {                                                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                      \
            abort();                                                                                                     \
        }                                                                                                                \
    } while (0)

#endif
