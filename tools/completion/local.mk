# Completion of the tools' command lines: one function, found under each tool's name.
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = $(addprefix tools/completion/,$(notdir $(bin_PROGRAMS)))
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %D%/_theseus
EXTRA_DIST += %D%/theseus.bash
CLEANFILES += $(bashcompletion_DATA)
$(bashcompletion_DATA): %D%/theseus.bash
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp -f $< $@
