check_unit_tests += %D%/tmod_test %D%/tmod_refuse_test

# Modules that only tests load, made by the rule of theseus.mk (see rules.mk).
theseus_fixture_sources += \
	%D%/fixtures/fixture_kinds.c \
	%D%/fixtures/fixture_plain.c \
	%D%/fixtures/fixture_spill.c \
	%D%/fixtures/fixture_unwell.c
# For abi_test: against a header of sched/1 that is not the one.
theseus_fixture_sources += %D%/fixtures/sched_foreign.c
theseus_fixtures += fixtures/sched.foreign.tmod
theseus_fixtures += fixtures/fixture.unwell.tmod fixtures/fixture.kinds.tmod fixtures/fixture.plain.tmod fixtures/fixture.spill.tmod
check_unit_tests += %D%/bindings_test %D%/cascade_test %D%/evolve_test %D%/set_test %D%/fail_test %D%/gate_test %D%/layout_test %D%/meta_link_test %D%/meta_test %D%/migrate_smp_test %D%/migrate_test %D%/module_iface_test %D%/probation_test %D%/sleep_test %D%/sweep_test %D%/tables_test %D%/grow_test \
	%D%/swap_test
EXTRA_DIST += %D%/window.h %D%/tmod_image.h %D%/migrate_shapes.h %D%/evolve_shapes.h
check_unit_tests += %D%/abi_test %D%/instance_test %D%/loader_test %D%/symbols_test %D%/policy_test
check_unit_tests += %D%/recover_test
check_unit_tests += %D%/call_test %D%/gate_s_test %D%/work_test
EXTRA_DIST += %D%/actor.h
%C%_context_test_SOURCES = %D%/context_test.c %D%/../modules/sched_one.c
check_unit_tests += %D%/context_test %D%/effect_test %D%/memory_test %D%/checks_test

# The fail points of the sources, each once: what fail_test has to make fail. And the
# windows: what window_test has to meet.
theseus_listed = $(AM_V_GEN)$(MKDIR_P) $(@D) && for file in $(theseus_core_sources) \
	  $(theseus_state_db_sources); do \
	  test -f $$file || file=$(srcdir)/$$file; \
	  $(SED) -n 's/.*$(1)(\("[^"]*"\)).*/\1,/p' $$file; \
	done | sort -u >$@.tmp && test -s $@.tmp && \
	{ echo '/* $(1) of the sources, each once. Made by make. */'; \
	  cat $@.tmp; } >$@ && rm $@.tmp
tests/unit/nano_core/fail_sites.h: $(theseus_core_sources) $(theseus_state_db_sources)
	$(call theseus_listed,THS_FAIL)
tests/unit/nano_core/windows.h: $(theseus_core_sources) $(theseus_state_db_sources)
	$(call theseus_listed,THS_POINT)
check_unit_tests += %D%/mend_window_test %D%/newcomer_window_test %D%/window_test
tests/unit/nano_core/mend_window_test.$(OBJEXT) \
tests/unit/nano_core/newcomer_window_test.$(OBJEXT): tests/unit/nano_core/windows.h
# With a second copy of state_db, under other names.
%C%_window_test_SOURCES = %D%/window_test.c $(theseus_state_db_sources)
%C%_window_test_CPPFLAGS = $(AM_CPPFLAGS) -DSTATE_DB_COPY=second
tests/unit/nano_core/window_test-window_test.$(OBJEXT): tests/unit/nano_core/windows.h
tests/unit/nano_core/fail_test.$(OBJEXT): tests/unit/nano_core/fail_sites.h
CLEANFILES += tests/unit/nano_core/fail_sites.h tests/unit/nano_core/windows.h

check_unit_tests += %D%/chain_test %D%/interpose_test
check_tsan_tests += %D%/interpose_tsan
%C%_interpose_tsan_SOURCES = %D%/interpose_test.c
%C%_interpose_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_interpose_tsan_LDADD = $(theseus_tsan_ldadd)

check_tsan_tests += %D%/grow_tsan
%C%_grow_tsan_SOURCES = %D%/grow_test.c
%C%_grow_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_grow_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/kill_smp_test
check_tsan_tests += %D%/kill_smp_tsan
%C%_kill_smp_tsan_SOURCES = %D%/kill_smp_test.c
%C%_kill_smp_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_kill_smp_tsan_LDADD = $(theseus_tsan_ldadd)

check_unit_tests += %D%/relief_test
check_tsan_tests += %D%/relief_tsan
%C%_relief_tsan_SOURCES = %D%/relief_test.c
%C%_relief_tsan_CFLAGS = $(theseus_tsan_cflags)
%C%_relief_tsan_LDADD = $(theseus_tsan_ldadd)

# With a second copy of state_db, under other names.
%C%_meta_test_SOURCES = %D%/meta_test.c $(theseus_state_db_sources)
%C%_meta_test_CPPFLAGS = $(AM_CPPFLAGS) -DSTATE_DB_COPY=second
check_unit_tests += %D%/meta_fault_test
%C%_meta_fault_test_SOURCES = %D%/meta_fault_test.c $(theseus_state_db_sources)
%C%_meta_fault_test_CPPFLAGS = $(AM_CPPFLAGS) -DSTATE_DB_COPY=second

# The core once more, with a call at each basic block: preempt.h.
check_unit_tests += %D%/preempt_test
%C%_preempt_test_SOURCES = %D%/preempt_test.c $(theseus_core_sources) $(theseus_state_db_sources)
%C%_preempt_test_CFLAGS = $(AM_CFLAGS) -fsanitize-coverage=trace-pc
