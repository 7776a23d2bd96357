# theseus.mk - how a module is made from C: one recipe, ours and yours.
#
# A .tmod is `ld -r` of the module's object with the base and pattern members it uses,
# without debug information (kept beside it as .tmod.debug), and sealed: theseus-check
# proves it holds no state and writes its digest. Flags are fixed, because the proof is
# about the object file: what you add goes into the third argument below.
#
# Use, in a GNU Makefile out of tree:
#
#     include $(shell pkg-config --variable=makefile libtheseus)
#     $(eval $(call theseus_module,sched.mine,sched_mine.c))
#     all: sched.mine.tmod
#
# $(call theseus_module,ID,SOURCE[,FLAGS[,DIR]]) makes DIR/ID.tmod from SOURCE, whose
# descriptor is ths_module_TOKEN, TOKEN being ID with '_' for its '.'. The same SOURCE
# may be built several times, under different DIRs and FLAGS, into versions of a module.

PKG_CONFIG ?= pkg-config
THESEUS_PC ?= libtheseus
THESEUS_CC ?= $(CC)
THESEUS_LD ?= ld
THESEUS_OBJCOPY ?= objcopy
THESEUS_MODULE_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(THESEUS_PC)) \
	$(shell $(PKG_CONFIG) --variable=module_cflags $(THESEUS_PC))
THESEUS_MODULE_LIB ?= $(shell $(PKG_CONFIG) --variable=module_lib $(THESEUS_PC))
THESEUS_CHECK ?= $(shell $(PKG_CONFIG) --variable=toolsdir $(THESEUS_PC))/theseus-check

# Token to id: the first '_' is the '.'; sched_rr is sched.rr, test_spill_a test.spill_a.
theseus_empty :=
theseus_space := $(theseus_empty) $(theseus_empty)
theseus_id = $(firstword $(subst _, ,$(1)))$(if $(word 2,$(subst _, ,$(1))),.)$(subst \
	$(theseus_space),_,$(strip $(wordlist 2,99,$(subst _, ,$(1)))))
theseus_token_of = $(basename $(notdir $(1)))
# The .tmod files that the sources $(1) make in folder $(2).
theseus_tmod_files = $(foreach s,$(1),$(2)/$(call theseus_id,$(call theseus_token_of,$(s))).tmod)

define theseus_module_rule
$(3)/$(1).o: $(2) $(lastword $(MAKEFILE_LIST))
	$$(THESEUS_QUIET)mkdir -p $(3) && $$(THESEUS_CC) $$(THESEUS_MODULE_CFLAGS) $(4) \
		-MMD -MP -MF $(3)/$(1).d -MT $$@ -c -o $$@ $$<
$(3)/$(1).tmod: $(3)/$(1).o $$(THESEUS_MODULE_LIB) $$(THESEUS_CHECK)
	$$(THESEUS_QUIET)rm -f $$@ && \
	$$(THESEUS_LD) -r --gc-sections -u ths_module_$(subst .,_,$(1)) -o $$@.debug \
		$$< $$(THESEUS_MODULE_LIB) && \
	$$(THESEUS_OBJCOPY) --strip-debug $$@.debug $$@.tmp && \
	$(if $(strip $(THESEUS_CHECK)),$$(THESEUS_CHECK) --seal $$@.tmp &&) mv -f $$@.tmp $$@
-include $(3)/$(1).d
endef
theseus_module = $(call theseus_module_rule,$(strip $(1)),$(strip $(2)),$(or $(strip $(4)),.),$(3))
