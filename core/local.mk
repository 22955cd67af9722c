noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	core/addserver.c \
	core/audit.c core/audit.h \
	core/backend.h \
	core/budget.c core/budget.h \
	core/cache.c core/cache.h \
	core/console.c core/console.h \
	core/containers1.c core/containers1.h \
	core/decide.c core/decide.h \
	core/door.h \
	core/door_container.c \
	core/explain.c core/explain.h \
	core/facts.c core/facts.h \
	core/fields.c core/fields.h \
	core/figures.c core/figures.h \
	core/flip.c core/flip.h \
	core/ghost.c core/ghost.h \
	core/grant.c core/grant.h \
	core/grant_audience.c core/grant_audience.h \
	core/implicit.c \
	core/instance.c core/instance.h \
	core/listen.c core/listen.h \
	core/mediator.c core/mediator.h \
	core/mediator1.c core/mediator1.h \
	core/mediator1_xml.c \
	core/object.c core/object.h \
	core/question.c core/question.h \
	core/party.c core/party.h \
	core/pattern.c core/pattern.h \
	core/request.c \
	core/recall.h \
	core/rule.c core/rule.h \
	core/rulelist.c core/rulelist.h \
	core/ruleset.c core/ruleset.h \
	core/ruletext.c core/ruletext.h \
	core/see.c core/see.h \
	core/serverargs.c core/serverargs.h \
	core/services.c core/services.h \
	core/settings.c core/settings.h \
	core/socket.c \
	core/watch.c core/watch.h \
	core/words.c core/words.h
