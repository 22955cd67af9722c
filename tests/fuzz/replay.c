/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main() of the fuzz targets where libFuzzer does not drive them: runs every file named, as it is and changed at random, but
 * in the same way each time.
 */
#include "tests/fuzz/fuzz.h"

#ifndef POSTERN_FUZZING
#include <string.h>

#define CHANGES 2000 /* of each file */
#define SIZE_MAX_INPUT (1u << 20)

static uint64_t state = UINT64_C(0x2545f4914f6cdd1d);

/* xorshift64*. Below n, which is not 0. */
static size_t choose(size_t n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(2685821657736338717)) >> 20) % n;
}

/* In memory of just the right size, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* data has room for one byte more. Returns the new size. */
static size_t change(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = "\0\1\2\4\10\20\177\200\377'\",;:=/\\ \n<>(){}avs";
    size_t at = choose(size + 1);

    switch (choose(5)) {
    case 0:
        memmove(data + at + 1, data + at, size - at);
        data[at] = bytes[choose(sizeof(bytes))];
        return size + 1;
    case 1:
        if (at < size)
            memmove(data + at, data + at + 1, size - at - 1);
        return at < size ? size - 1 : size;
    case 2:
        return choose(8) == 0 ? at : size;
    case 3:
        if (at < size)
            data[at] ^= (uint8_t)(1u << choose(8));
        return size;
    default:
        if (at < size)
            data[at] = bytes[choose(sizeof(bytes))];
        return size;
    }
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(SIZE_MAX_INPUT), *changed = malloc(SIZE_MAX_INPUT + 8);
    size_t size;

    if (file == NULL || data == NULL || changed == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size = fread(data, 1, SIZE_MAX_INPUT, file);
    fclose(file);
    run(data, size);
    for (int i = 0; i < CHANGES; i++) {
        size_t changed_size = size;

        memcpy(changed, data, size);
        for (size_t n = 1 + choose(4); n > 0; n--)
            changed_size = change(changed, changed_size);
        run(changed, changed_size);
    }
    free(changed);
    free(data);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    return EXIT_SUCCESS;
}
#endif
