# Unit tests of this layer.
if HAVE_CHECK
check_PROGRAMS += test-policy
TESTS += test-policy
endif
test_policy_SOURCES = \
	tests/unit/policy.h \
	tests/unit/policy-common.c \
	tests/unit/policy-config.c \
	tests/unit/policy-default.c \
	tests/unit/policy-door.c \
	tests/unit/policy-index.c \
	tests/unit/policy-markup.c \
	tests/unit/policy-mediatorconf.c \
	tests/unit/policy-parts.c \
	tests/unit/policy-rules.c \
	tests/unit/policy-services.c \
	tests/unit/policy-subjects.c
# Rows of a table say only what differs from the common case.
test_policy_CFLAGS = $(UNIT_CFLAGS) -Wno-missing-field-initializers -DTEST_SRCDIR='"$(abs_top_srcdir)"'
test_policy_LDADD = libpolicy.la libcore.la libconfig.la libwire.la libutil.la $(CHECK_LIBS)
