check_lint_tests += %D%/check_test.tap
check_lint_tests += %D%/image_test.tap
check_lint_tests += %D%/schema_test.tap
check_lint_tests += %D%/new_test.tap
check_lint_tests += %D%/uninstalled_test.tap
check_lint_tests += %D%/against_test.tap
check_lint_tests += %D%/options_test.tap
check_lint_tests += %D%/graph_test.tap %D%/progress_test.tap %D%/stranger_test.tap
EXTRA_DIST += %D%/modules.sh

# The tool's own sources once more, with the sanitizers.
check_unit_tests += %D%/damage_test
%C%_damage_test_SOURCES = %D%/damage_test.c tools/check/report.c tools/check/report.h \
	$(theseus_tool_check_sources)
%C%_damage_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools -D_GNU_SOURCE
%C%_damage_test_CFLAGS = $(AM_CFLAGS) $(LIBELF_CFLAGS) $(CAPSTONE_CFLAGS)
%C%_damage_test_LDADD = $(LDADD) $(LIBELF_LIBS) $(CAPSTONE_LIBS)
