# mdoc pages: section 1 the tools, 5 files, 7 the ideas, 9 the headers, one page each.
dist_man_MANS += %D%/theseus-run.1 %D%/theseus-manifest.5 %D%/theseus-save.5
dist_man_MANS += %D%/theseus-check.1 %D%/theseus-image.1 %D%/theseus-tmod.5
dist_man_MANS += %D%/theseus-symbolize.1 %D%/theseus-graph.1
dist_man_MANS += %D%/theseus-evolve.5 %D%/theseus-new.1 %D%/theseus-schema.1 %D%/theseus-schema.5
dist_man_MANS += %D%/theseus-abi.7
dist_man_MANS += %D%/theseus.7 %D%/theseus-build.7 %D%/theseus-tutorial.7 %D%/theseus-debug.7 %D%/nano_core.7
dist_man_MANS += %D%/theseus-patterns.7 %D%/theseus-modules.7 %D%/theseus-evolution.7
dist_man_MANS += %D%/theseus-porting.7 %D%/theseus-comparison.7
dist_man_MANS += \
	%D%/ths_arch.9 \
	%D%/ths_arch_quiet.9 \
	%D%/ths_arch_window.9 \
	%D%/ths_attr.9 \
	%D%/ths_bits.9 \
	%D%/ths_blob.9 \
	%D%/ths_cpio.9 \
	%D%/ths_dfqueue.9 \
	%D%/ths_digest.9 \
	%D%/ths_dispatcher.9 \
	%D%/ths_effect.9 \
	%D%/ths_err.9 \
	%D%/ths_evolve.9 \
	%D%/ths_fmt.9 \
	%D%/ths_gate.9 \
	%D%/ths_handle.9 \
	%D%/ths_hash.9 \
	%D%/ths_host.9 \
	%D%/ths_iface_clock.9 \
	%D%/ths_iface_frames.9 \
	%D%/ths_iface_interpose.9 \
	%D%/ths_iface_irq.9 \
	%D%/ths_iface_loader.9 \
	%D%/ths_iface_module.9 \
	%D%/ths_iface_sched.9 \
	%D%/ths_iface_sched_fifo.9 \
	%D%/ths_iface_sched_queue.9 \
	%D%/ths_iface_serial.9 \
	%D%/ths_iface_state_db.9 \
	%D%/ths_iface_tasks.9 \
	%D%/ths_iface_testsrv.9 \
	%D%/ths_iface_trace.9 \
	%D%/ths_indirection.9 \
	%D%/ths_interface.9 \
	%D%/ths_list.9 \
	%D%/ths_manifest.9 \
	%D%/ths_metamodule.9 \
	%D%/ths_module.9 \
	%D%/ths_mux.9 \
	%D%/ths_nano_core.9 \
	%D%/ths_point.9 \
	%D%/ths_quota.9 \
	%D%/ths_ring.9 \
	%D%/ths_row.9 \
	%D%/ths_save.9 \
	%D%/ths_schema.9 \
	%D%/ths_siphash.9 \
	%D%/ths_soft.9 \
	%D%/ths_string.9 \
	%D%/ths_tmod.9

# A page of section 9 is found by each function and macro of its SYNOPSIS, too: a link.
theseus_reference = $(filter %.9,$(dist_man_MANS))
theseus_links = awk '/^\.Sh / { within = $$2 == "SYNOPSIS" } \
	within && /^\.F[no] / { n = FILENAME; sub(/.*\//, "", n); \
		if ($$2 ".9" != n) print $$2 ".9", n }'
install-data-hook:
	@cd $(srcdir) && $(theseus_links) $(theseus_reference) | while read -r name page; do \
	  ln -sf $$page '$(DESTDIR)$(man9dir)'/$$name || exit 1; \
	done
uninstall-links:
	@cd $(srcdir) && $(theseus_links) $(theseus_reference) | while read -r name page; do \
	  rm -f '$(DESTDIR)$(man9dir)'/$$name; \
	done

# All pages as HTML: make html, make install-html; uninstall takes them away, too.
EXTRA_DIST += %D%/html.sh %D%/manual.css
theseus_html = manual.css index.html $(addsuffix .html,$(notdir $(dist_man_MANS)))
html-local:
	$(AM_V_GEN)MANDOC='$(MANDOC)' $(SHELL) $(srcdir)/%D%/html.sh $(srcdir)/%D% html
install-html-local: html-local
	@$(MKDIR_P) '$(DESTDIR)$(htmldir)'
	@cd html && $(INSTALL_DATA) $(theseus_html) '$(DESTDIR)$(htmldir)'
uninstall-html:
	@for file in $(theseus_html); do rm -f '$(DESTDIR)$(htmldir)'/$$file; done
	@rmdir '$(DESTDIR)$(htmldir)' 2>/dev/null || :
.PHONY: html-local uninstall-html uninstall-links
