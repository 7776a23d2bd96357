# mdoc pages: section 1 the tools, 3 what modules are linked with, 5 files, 7 the ideas.
dist_man_MANS += %D%/theseus-run.1 %D%/theseus-manifest.5 %D%/theseus-save.5
dist_man_MANS += %D%/theseus-check.1 %D%/theseus-image.1 %D%/theseus-tmod.5
dist_man_MANS += %D%/theseus-evolve.5 %D%/theseus-new.1 %D%/theseus-schema.1 %D%/theseus-schema.5
dist_man_MANS += %D%/theseus.7 %D%/theseus-debug.7 %D%/nano_core.7 %D%/theseus_patterns.7
dist_man_MANS += %D%/dfqueue.3 %D%/dispatcher.3 %D%/indirection.3 %D%/mux.3
