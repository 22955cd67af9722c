noinst_LTLIBRARIES += libbackends.la
libbackends_la_SOURCES =
