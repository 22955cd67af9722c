noinst_LTLIBRARIES += libpolicy.la
libpolicy_la_SOURCES =
