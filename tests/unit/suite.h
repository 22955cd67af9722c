/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main() of every unit test program: runs the suites it is given. */
#ifndef POSTERN_TESTS_UNIT_SUITE_H
#define POSTERN_TESTS_UNIT_SUITE_H

#include <check.h>
#include <stdlib.h>

#define SUITE_MAIN(...)                                                                                                  \
    int main(void)                                                                                                       \
    {                                                                                                                    \
        Suite *(*const suites[])(void) = {__VA_ARGS__};                                                                  \
        SRunner *runner = srunner_create(NULL);                                                                          \
        int failed;                                                                                                      \
                                                                                                                         \
        for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)                                                  \
            srunner_add_suite(runner, suites[i]());                                                                      \
        srunner_run_all(runner, CK_ENV);                                                                                 \
        failed = srunner_ntests_failed(runner);                                                                          \
        srunner_free(runner);                                                                                            \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                                                \
    }

#endif
