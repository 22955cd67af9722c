# SPDX-License-Identifier: LGPL-2.1-or-later
# Units of systemd and the folder for containers' sockets, of which configure says what is installed and where; and a policy for the system bus.
UNITS = data/system/postern.service data/system/postern-launch@.service data/user/postern.service data/tmpfiles.d/postern.conf
noinst_DATA = $(UNITS)
CLEANFILES += $(UNITS)
EXTRA_DIST += $(UNITS:=.in)

# Where system.conf of dbus-daemon looks for the policies of packages, when the prefix is /usr.
systempolicydir = $(datadir)/dbus-1/system.d
dist_systempolicy_DATA = data/system.d/org.postern.conf

if SYSTEM_UNIT
systemdsystemunit_DATA = data/system/postern.service data/system/postern-launch@.service
endif
if USER_UNIT
systemduserunit_DATA = data/user/postern.service
endif
if TMPFILES
tmpfiles_DATA = data/tmpfiles.d/postern.conf
endif

# make, not configure, knows the folders: they may be given anew at "make install prefix=...".
$(UNITS): Makefile
	$(AM_V_GEN)$(MKDIR_P) '$(@D)' && \
	sed -e 's,@bindir\@,$(bindir),g' -e 's,@busctl\@,$(BUSCTL),g' -e 's,@dbususer\@,$(dbususer),g' \
	-e 's,@launchhelper\@,$(launchhelper),g' '$(srcdir)/$@.in' >'$@.tmp' && \
	mv '$@.tmp' '$@'
data/system/postern.service: data/system/postern.service.in
data/system/postern-launch@.service: data/system/postern-launch@.service.in
data/user/postern.service: data/user/postern.service.in
data/tmpfiles.d/postern.conf: data/tmpfiles.d/postern.conf.in

# What bash offers for posternctl.
if HAVE_LIBSYSTEMD
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = data/completions/posternctl
else
EXTRA_DIST += data/completions/posternctl
endif
