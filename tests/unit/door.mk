# What a container may do, asked through the module interface.
if HAVE_CHECK
check_PROGRAMS += test-door
TESTS += test-door
endif
test_door_SOURCES = \
	tests/unit/test-door.c \
	tests/unit/door-alike.c \
	tests/unit/door-cache.c tests/unit/door-cache.h \
	tests/unit/door-driver.c \
	tests/unit/door-fixture.c tests/unit/door-fixture.h \
	tests/unit/door-grants.c \
	tests/unit/door-messages.c \
	tests/unit/door-names.c \
	tests/unit/door-scene.h \
	module/module.c module/backends.c module/config.c
test_door_CFLAGS = $(UNIT_CFLAGS)
test_door_LDADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)
