/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/suite.h"
#include "tests/unit/wire-make.h"

#ifdef HAVE_DBUS1
SUITE_MAIN(wire_name_suite, wire_signature_suite, wire_header_suite, wire_memo_suite, wire_body_suite, wire_values_suite,
           wire_match_suite, wire_address_suite, wire_libdbus_suite)
#else
SUITE_MAIN(wire_name_suite, wire_signature_suite, wire_header_suite, wire_memo_suite, wire_body_suite, wire_values_suite,
           wire_match_suite, wire_address_suite)
#endif
