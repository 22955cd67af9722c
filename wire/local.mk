noinst_LTLIBRARIES += libwire.la
libwire_la_SOURCES = \
	wire/address.c wire/address.h \
	wire/body.c wire/body.h \
	wire/bytes.h \
	wire/credentials.c wire/credentials.h \
	wire/header.c wire/header.h \
	wire/match.c wire/match.h \
	wire/memo.c wire/memo.h \
	wire/message.c wire/message.h \
	wire/name.c wire/name.h \
	wire/reader.c wire/reader.h \
	wire/signature.c wire/signature.h \
	wire/writer.c wire/writer.h
