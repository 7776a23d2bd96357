# mdoc pages: section 1 the tools, 5 files, 7 the ideas, 9 the headers, one page each.
dist_man_MANS += %D%/theseus-run.1 %D%/theseus-manifest.5 %D%/theseus-save.5
dist_man_MANS += %D%/theseus-check.1 %D%/theseus-image.1 %D%/theseus-tmod.5
dist_man_MANS += %D%/theseus-symbolize.1
dist_man_MANS += %D%/theseus-evolve.5 %D%/theseus-new.1 %D%/theseus-schema.1 %D%/theseus-schema.5
dist_man_MANS += %D%/theseus.7 %D%/theseus-tutorial.7 %D%/theseus-debug.7 %D%/nano_core.7 %D%/theseus-patterns.7 %D%/theseus-modules.7 %D%/theseus-evolution.7
dist_man_MANS += %D%/ths_dfqueue.9 %D%/ths_dispatcher.9 %D%/ths_indirection.9 %D%/ths_mux.9
