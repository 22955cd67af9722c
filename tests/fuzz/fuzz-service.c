/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service file. What is taken has a name that the bus may give away, and something to start. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "daemon/service.h"
#include "wire/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct postern_service *service;
    struct postern_error error = {""};
    char *text = malloc(size + 1);
    int r;

    FUZZ_REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    r = postern_service_parse("/a/com.example.A.service", text, size, size % 2, &service, &error);
    if (r == 0) {
        FUZZ_REQUIRE(postern_name_is_well_known(service->name, strlen(service->name)));
        FUZZ_REQUIRE(strcmp(service->name, POSTERN_DRIVER_NAME) != 0);
        FUZZ_REQUIRE(service->exec != NULL || service->systemd_unit != NULL);
        /* A group that does not count says nothing, and why it does not has its place. */
        FUZZ_REQUIRE(service->refused == NULL || (strncmp(service->refused, "/a/com.example.A.service:", 25) == 0 && service->allow.text == NULL &&
                                                  service->owner_user.text == NULL && service->access_control.text == NULL));
        FUZZ_REQUIRE(service->allow.text == NULL || (*service->allow.text != '\0' && service->allow.line > 0));
        postern_service_free(service);
    } else {
        FUZZ_REQUIRE(r == -EINVAL && strncmp(error.text, "/a/com.example.A.service:", 25) == 0);
    }
    free(text);
    return 0;
}
