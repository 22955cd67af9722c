noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	core/door.h \
	core/party.h \
	core/rule.c core/rule.h \
	core/ruletext.c core/ruletext.h
