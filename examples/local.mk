# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs to be copied: nothing of ours is in them, not even config.h. `make examples` builds them, as far as their libraries are here;
# they are not installed.
EXTRA_DIST += \
	examples/README.md \
	examples/manager.py \
	examples/org.example.Portal.service \
	examples/org.example.Settings.service \
	examples/portal-service.py

EXTRA_PROGRAMS += examples/manager examples/settings-service
examples_manager_SOURCES = examples/manager.c
examples_manager_CPPFLAGS = $(LIBSYSTEMD_CFLAGS)
examples_manager_LDADD = $(LIBSYSTEMD_LIBS)
examples_settings_service_SOURCES = examples/settings-service.c
examples_settings_service_CPPFLAGS = $(GIO_CFLAGS)
examples_settings_service_LDADD = $(GIO_LIBS)

EXAMPLES_BUILT =
if HAVE_LIBSYSTEMD
EXAMPLES_BUILT += examples/manager$(EXEEXT)
endif
if HAVE_GIO
EXAMPLES_BUILT += examples/settings-service$(EXEEXT)
endif
examples: $(EXAMPLES_BUILT)
.PHONY: examples
