# Rules, decisions, Containers1 and the log lines of the mediator.
if HAVE_CHECK
check_PROGRAMS += test-core
TESTS += test-core
endif
test_core_SOURCES = \
	tests/unit/core.h \
	tests/unit/core-audit.c \
	tests/unit/core-decide.c \
	tests/unit/core-facts.c \
	tests/unit/core-fields.c \
	tests/unit/core-life.c \
	tests/unit/core-open.c \
	tests/unit/core-pattern.c \
	tests/unit/core-rule.c \
	tests/unit/core-ruleset.c \
	tests/unit/core-server.c \
	tests/unit/core-services.c \
	tests/unit/door-fixture.c tests/unit/door-fixture.h \
	tests/unit/test-core.c \
	module/backends.c module/config.c module/module.c
test_core_CFLAGS = $(UNIT_CFLAGS)
# To run out of memory.
test_core_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup -Wl,--wrap=strndup
test_core_LDADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)
