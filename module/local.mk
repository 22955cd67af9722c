pkglib_LTLIBRARIES += mediator.la
mediator_la_SOURCES = \
	module/backends.c module/backends.h \
	module/config.c module/config.h \
	module/module.c
mediator_la_LIBADD = libpolicy.la libbackends.la libcore.la libconfig.la libwire.la libutil.la
mediator_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,--version-script=$(top_srcdir)/module/module.map
if !SANITIZERS
mediator_la_LDFLAGS += -no-undefined -Wl,-z,defs
endif
EXTRA_mediator_la_DEPENDENCIES = module/module.map
EXTRA_DIST += module/module.map
