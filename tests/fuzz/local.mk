# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets; see tests/fuzz/fuzz.h. To add one: fuzz-NAME below like the others, and inputs in corpus/NAME.
FUZZ_MAIN = tests/fuzz/fuzz.h tests/fuzz/replay.c
FUZZ_FLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
EXTRA_DIST += tests/fuzz/replay.sh tests/fuzz/corpus
TESTS += tests/fuzz/replay.sh

check_PROGRAMS += fuzz-header
fuzz_header_SOURCES = tests/fuzz/fuzz-header.c $(FUZZ_MAIN)
fuzz_header_LDFLAGS = $(FUZZ_FLAGS)
fuzz_header_LDADD = libwire.la libutil.la

check_PROGRAMS += fuzz-body
fuzz_body_SOURCES = tests/fuzz/fuzz-body.c $(FUZZ_MAIN)
fuzz_body_LDFLAGS = $(FUZZ_FLAGS)
fuzz_body_LDADD = libwire.la libutil.la

check_PROGRAMS += fuzz-match
fuzz_match_SOURCES = tests/fuzz/fuzz-match.c $(FUZZ_MAIN)
fuzz_match_LDFLAGS = $(FUZZ_FLAGS)
fuzz_match_LDADD = libwire.la libutil.la

check_PROGRAMS += fuzz-address
fuzz_address_SOURCES = tests/fuzz/fuzz-address.c $(FUZZ_MAIN)
fuzz_address_LDFLAGS = $(FUZZ_FLAGS)
fuzz_address_LDADD = libwire.la libutil.la

check_PROGRAMS += fuzz-busconfig
fuzz_busconfig_SOURCES = tests/fuzz/fuzz-busconfig.c $(FUZZ_MAIN)
fuzz_busconfig_LDFLAGS = $(FUZZ_FLAGS)
fuzz_busconfig_LDADD = libpolicy.la libcore.la libconfig.la libwire.la libutil.la

check_PROGRAMS += fuzz-mediatorconf
fuzz_mediatorconf_SOURCES = tests/fuzz/fuzz-mediatorconf.c $(FUZZ_MAIN)
fuzz_mediatorconf_LDFLAGS = $(FUZZ_FLAGS)
fuzz_mediatorconf_LDADD = libpolicy.la libcore.la libconfig.la libwire.la libutil.la

check_PROGRAMS += fuzz-sasl
fuzz_sasl_SOURCES = tests/fuzz/fuzz-sasl.c $(FUZZ_MAIN)
fuzz_sasl_LDFLAGS = $(FUZZ_FLAGS)
fuzz_sasl_LDADD = libdaemon.la libwire.la libutil.la

check_PROGRAMS += fuzz-keyring
fuzz_keyring_SOURCES = tests/fuzz/fuzz-keyring.c $(FUZZ_MAIN)
fuzz_keyring_LDFLAGS = $(FUZZ_FLAGS)
fuzz_keyring_LDADD = libdaemon.la libutil.la

check_PROGRAMS += fuzz-service
fuzz_service_SOURCES = tests/fuzz/fuzz-service.c $(FUZZ_MAIN)
fuzz_service_LDFLAGS = $(FUZZ_FLAGS)
fuzz_service_LDADD = libdaemon.la libwire.la libutil.la

check_PROGRAMS += fuzz-ruletext
fuzz_ruletext_SOURCES = tests/fuzz/fuzz-ruletext.c $(FUZZ_MAIN)
fuzz_ruletext_LDFLAGS = $(FUZZ_FLAGS)
fuzz_ruletext_LDADD = libcore.la libwire.la libutil.la

check_PROGRAMS += fuzz-addserver
fuzz_addserver_SOURCES = tests/fuzz/fuzz-addserver.c $(FUZZ_MAIN)
fuzz_addserver_LDFLAGS = $(FUZZ_FLAGS)
fuzz_addserver_LDADD = libcore.la libwire.la libutil.la

check_PROGRAMS += fuzz-command
fuzz_command_SOURCES = tests/fuzz/fuzz-command.c $(FUZZ_MAIN)
fuzz_command_LDFLAGS = $(FUZZ_FLAGS)
fuzz_command_LDADD = libdaemon.la libwire.la libutil.la

check_PROGRAMS += fuzz-cgroup
fuzz_cgroup_SOURCES = tests/fuzz/fuzz-cgroup.c $(FUZZ_MAIN)
fuzz_cgroup_LDFLAGS = $(FUZZ_FLAGS)
fuzz_cgroup_LDADD = libbackends.la libcore.la libwire.la libutil.la

check_PROGRAMS += fuzz-apparmor-compiled
fuzz_apparmor_compiled_SOURCES = tests/fuzz/fuzz-apparmor-compiled.c $(FUZZ_MAIN)
fuzz_apparmor_compiled_LDFLAGS = $(FUZZ_FLAGS)
fuzz_apparmor_compiled_LDADD = liboffline.la libutil.la

check_PROGRAMS += fuzz-mediator1
fuzz_mediator1_SOURCES = tests/fuzz/fuzz-mediator1.c $(FUZZ_MAIN)
fuzz_mediator1_LDFLAGS = $(FUZZ_FLAGS)
fuzz_mediator1_LDADD = libcore.la libwire.la libutil.la
