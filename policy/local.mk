noinst_LTLIBRARIES += libpolicy.la
libpolicy_la_SOURCES = \
	policy/access.c policy/access.h \
	policy/index.c policy/index.h \
	policy/mediatorconf.c policy/mediatorconf.h \
	policy/mediatorconf_container.c \
	policy/mediatorconf_match.c \
	policy/mediatorconf_reader.h \
	policy/policy.c policy/policy.h \
	policy/fix.c \
	policy/xml.c policy/xml.h

dist_man_MANS += docs/mediator.conf.5
posternconfdir = $(sysconfdir)/postern
dist_posternconf_DATA = data/mediator.conf
