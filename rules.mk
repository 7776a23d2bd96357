# rules.mk - the part of the build that needs GNU make's eval, which automake would not
# pass on: a rule per module in $(theseus_module_sources). Below, what `make help` says.
$(foreach s,$(theseus_module_sources),$(eval $(call theseus_module,$(call \
	theseus_id,$(call theseus_token_of,$(s))),$(s),,$(theseus_tmod_dir))))
# Modules for tests only, in ./fixtures.
$(foreach s,$(theseus_fixture_sources),$(eval $(call theseus_module,$(call \
	theseus_id,$(call theseus_token_of,$(s))),$(s),,fixtures)))

## targets
# all          the archives, the modules, the tools
# iso          examples/ship as a bootable image (BIOS and UEFI), from a staged install
# run          boot that image on this terminal
# check        everything below
# check-unit   unit tests on the host, under ASan and UBSan, some under TSan
# check-image  kernels booted under QEMU
# check-model  Spin models
# check-lint   names, headers, man pages, archive contents
# bench        guest instructions of the main paths -> tests/bench/results.tsv
# coverage     branches of the core that the unit tests take (COVERAGEFLAGS=--all: which not)
# bench-host   look-ups beside liburcu, ck, GLib, uthash -> tests/bench/results-host.tsv
# install      to --prefix (and DESTDIR); uninstall takes it away again
# installcheck builds and boots examples from the installed tree alone
# distcheck    makes the tarball and does all of the above from it
# stage        what install would write, under ./stage
# help         this
#
# Without QEMU, GRUB or Spin the checks that need them are skipped, visibly; with CI=true
# in the environment a skip is a failure. Useful variables: V=1 (print commands),
# -j N, TESTS=... (some tests only), VERBOSE=1 (print the logs of failures).
