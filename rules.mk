# rules.mk - the part of the build that needs GNU make's eval, which automake would not
# pass on: a rule per module in $(theseus_module_sources). Below, what `make help` says.
$(foreach s,$(theseus_module_sources),$(eval $(call theseus_module,$(call \
	theseus_id,$(call theseus_token_of,$(s))),$(s),,$(theseus_tmod_dir))))
# state_db, and of the same object the copy that is linked into a kernel: its code and its
# constants in sections that fill pages of their own (arch/x86_64/kernel.lds), its names its
# own, its layouts as data.
$(eval $(call theseus_module,state_db,$(filter %.c,$(theseus_state_db_sources)),,$(theseus_tmod_dir)))
# For tests, with its state laid out otherwise; ones that fault where that can be taken back,
# and one that faults in a commit.
theseus_state_db = $(eval $(call theseus_module,state_db,$(filter \
	%.c,$(theseus_state_db_sources)),$2,fixtures/$1))
$(call theseus_state_db,other,-DSTATE_DB_OTHER -DSTATE_DB_VERSION=2)
$(call theseus_state_db,faulty,-DSTATE_DB_FAULTY -DSTATE_DB_VERSION=3)
$(call theseus_state_db,faulty_other,-DSTATE_DB_FAULTY -DSTATE_DB_OTHER -DSTATE_DB_VERSION=3)
$(call theseus_state_db,broken,-DSTATE_DB_BROKEN -DSTATE_DB_VERSION=4)
libtheseus/state_db/first.o: $(theseus_tmod_dir)/state_db.tmod
	$(THESEUS_QUIET)$(MKDIR_P) $(@D) && rm -f $@ && \
	$(OBJCOPY) --dump-section .ths.schema=$@.schema $< $@.tmp && \
	$(OBJCOPY) --redefine-sym ths_module_state_db=ths_state_db_first_module \
		--keep-global-symbol=ths_state_db_first_module \
		--rename-section .text=.ths.state_db.text \
		--rename-section .rodata=.ths.state_db.rodata \
		--rename-section .ths.digest=.rodata.ths_state_db_digest \
		$<.debug $@.tmp && \
	$(OBJCOPY) --add-section .rodata.ths_state_db_schema=$@.schema \
		--set-section-flags .rodata.ths_state_db_schema=alloc,load,readonly,data,contents \
		--add-symbol ths_state_db_schema=.rodata.ths_state_db_schema:0,global \
		--add-symbol ths_state_db_schema_end=.rodata.ths_state_db_schema:`wc -c <$@.schema`,global \
		$@.tmp && \
	rm -f $@.schema && mv -f $@.tmp $@
CLEANFILES += libtheseus/state_db/first.o
# Made beside the module.
$(addsuffix .debug,$(theseus_tmods)): %.debug: % ;
# The metamodule of tests, one file a layout.
$(foreach v,1 2 3,$(eval $(call theseus_module,keeper,$(srcdir)/tests/support/keeper.c,-DKEEPER_VERSION=$v,fixtures/keeper.$v)))
# Modules for tests only, in ./fixtures.
$(foreach s,$(theseus_fixture_sources),$(eval $(call theseus_module,$(call \
	theseus_id,$(call theseus_token_of,$(s))),$(s),,fixtures)))

# What is for kernels and modules, where that takes another compiler than programs here:
# in a cross build. Nothing of it is inherited by what these are made of (private).
ifneq ($(THESEUS_CC),$(CC))
theseus_for_target = $(libtheseus_a_OBJECTS) $(libtheseus_debug_a_OBJECTS) \
	$(libtheseus_module_a_OBJECTS) $(tests_image_arch_kernel_OBJECTS) tests/image/arch/kernel
$(theseus_for_target): private CC = $(THESEUS_CC)
$(theseus_for_target): private CCAS = $(THESEUS_CC)
$(theseus_for_target): private CFLAGS = $(ths_target_CFLAGS)
$(theseus_for_target): private CCASFLAGS = $(ths_target_CFLAGS)
$(theseus_for_target): private CPPFLAGS = $(ths_target_CPPFLAGS)
$(theseus_for_target): private LDFLAGS = $(ths_target_LDFLAGS)
endif

## targets
# all          the archives, the modules, the tools
# iso          examples/ship as a bootable image (BIOS and UEFI), from a staged install
# run          boot that image on this terminal
# graph        ship.svg: modules, interfaces and tables of examples/ship, by graphviz
# check        everything below
# check-unit   unit tests on the host, under ASan and UBSan, some under TSan
# check-image  kernels booted under QEMU
# check-model  Spin models
# check-clang  all of it made by clang in ./clang, some unit tests, one boot
# check-TESTS  what is there already, TESTS=...; with check_PROGRAMS= builds no unit tests
# check-lint   names, headers, man pages, archive contents
# abi-update   tests/abi/signatures.txt anew, after a version step: theseus-abi(7)
# bench        guest instructions of the main paths -> tests/bench/results.tsv
# coverage     branches of the core that the unit tests take (COVERAGEFLAGS=--all: which not)
# bench-host   look-ups beside liburcu, ck, GLib, uthash -> tests/bench/results-host.tsv
# install      to --prefix (and DESTDIR); uninstall takes it away again
# html         the man pages as HTML, under ./html; install-html: to --htmldir
# installcheck builds and boots examples from the installed tree alone
# check-newcomer  README and the tutorial, in a bare Debian (debootstrap; minutes)
# distcheck    makes the tarball and does all of the above from it
# check-cross  cross builds make the same bytes (tests/cross; minutes)
# check-debian builds Debian packages (packaging/debian), asks lintian, builds hello of them
# stage        what install would write, under ./stage
# help         this
#
# Without QEMU, GRUB or Spin the checks that need them are skipped, visibly; with CI=true
# in the environment a skip is a failure. Useful variables: V=1 (print commands),
# -j N, TESTS=... (some tests only), VERBOSE=1 (print the logs of failures).
