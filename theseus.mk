# theseus.mk - how a module, and a kernel, is made from C: one recipe, ours and yours.
#
# A .tmod is `ld -r` of the module's object with the base and pattern members it uses,
# without debug information (kept beside it as .tmod.debug) but with the layouts that
# theseus-schema finds there, and sealed: theseus-check proves it holds no state and
# writes its digest. Flags are fixed, because the proof is about the object file: what you
# add goes into the third argument below.
#
# Use, in a GNU Makefile out of tree:
#
#     include $(shell pkg-config --variable=makefile libtheseus)
#     $(eval $(call theseus_module,sched.mine,sched_mine.c))
#     $(eval $(call theseus_kernel,os.elf,os.c))
#     all: sched.mine.tmod os.elf
#
# $(call theseus_module,ID,SOURCE[,FLAGS[,DIR]]) makes DIR/ID.tmod from SOURCE (or several), whose
# descriptor is ths_module_TOKEN, TOKEN being ID with '_' for its '.'. The same SOURCE
# may be built several times, under different DIRs and FLAGS, into versions of a module.
# A module that theseus-check refuses is not made, unless THESEUS_UNCHECKED has its ID.
#
# $(call theseus_kernel,FILE,SOURCES[,FLAGS[,LDSCRIPT]]) links FILE from SOURCES (.c, .S)
# and libtheseus.a. Without LDSCRIPT it is the one of arch/x86_64, whose entry points
# (multiboot2 and PVH) bring in our boot code; a kernel with its own boot names its own.
#
# CROSS_COMPILE=x86_64-elf- names compiler and binutils of modules and kernels by a prefix;
# THESEUS_CC, THESEUS_LD, THESEUS_OBJCOPY name them one by one. What runs here, as unit tests
# do, is made by CC_FOR_BUILD, which is CC unless it is set.
#
# THESEUS_DEBUG=1 makes kernels with checks and poison: theseus-debug(7).
#
# $(call theseus_image,NAME,MANIFEST[,MODULES]) makes of kernel NAME.elf, and of MODULES here
# and those that are installed, the archive NAME.cpio, and NAME.iso, which can be booted.

theseus_mk := $(lastword $(MAKEFILE_LIST))
PKG_CONFIG ?= pkg-config
THESEUS_PC ?= libtheseus
THESEUS_CC ?= $(if $(CROSS_COMPILE),$(CROSS_COMPILE)gcc,$(CC))
THESEUS_LD ?= $(CROSS_COMPILE)ld
THESEUS_OBJCOPY ?= $(CROSS_COMPILE)objcopy
CC_FOR_BUILD ?= $(CC)
THESEUS_MODULE_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(THESEUS_PC)) \
	$(shell $(PKG_CONFIG) --variable=module_cflags $(THESEUS_PC))
THESEUS_MODULE_LIB ?= $(shell $(PKG_CONFIG) --variable=module_lib $(THESEUS_PC))
THESEUS_MODULE_LDSCRIPT ?= $(shell $(PKG_CONFIG) --variable=module_ldscript $(THESEUS_PC))
THESEUS_TOOLS ?= $(shell $(PKG_CONFIG) --variable=toolsdir $(THESEUS_PC))
THESEUS_CHECK ?= $(THESEUS_TOOLS)/theseus-check
THESEUS_SCHEMA ?= $(THESEUS_TOOLS)/theseus-schema
THESEUS_KERNEL_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(THESEUS_PC)) -O2 -g \
	$(shell $(PKG_CONFIG) --variable=kernel_cflags $(THESEUS_PC))
THESEUS_KERNEL_LINK ?= $(shell $(PKG_CONFIG) --variable=kernel_ldflags $(THESEUS_PC))
THESEUS_KERNEL_LDSCRIPT ?= $(shell $(PKG_CONFIG) --variable=ldscript $(THESEUS_PC))
THESEUS_KERNEL_LIB ?= $(shell $(PKG_CONFIG) --variable=libdir $(THESEUS_PC))/libtheseus.a
THESEUS_DEBUG_CFLAGS ?= $(shell $(PKG_CONFIG) --variable=debug_cflags $(THESEUS_PC))
theseus_kernel_lib = $(if $(THESEUS_DEBUG),$(THESEUS_KERNEL_LIB:.a=-debug.a),$(THESEUS_KERNEL_LIB))
theseus_kernel_cflags_of = $(filter-out $(theseus_refused),$(THESEUS_KERNEL_CFLAGS) \
	$(if $(THESEUS_DEBUG),$(THESEUS_DEBUG_CFLAGS)))

# Flags are those of the compiler that made the archive; clang does without this one of gcc.
theseus_refused := $(shell $(THESEUS_CC) -mpreferred-stack-boundary=3 -E -x c /dev/null \
	>/dev/null 2>&1 || echo -mpreferred-stack-boundary=3)

# Said instead of the command line; make V=1 shows that one.
THESEUS_QUIET ?= $(if $(V),,@printf '  BUILD    %s\n' $@;)
# No path of this machine gets into an object: two folders, the same bytes. A source below
# the folder of the build keeps its name, of others it is the file's alone. (make drops a "./"
# from the name of a source, but not from the folders of headers.)
THESEUS_INCLUDEDIR ?= $(shell $(PKG_CONFIG) --variable=includedir $(THESEUS_PC))
THESEUS_MAP ?= -ffile-prefix-map=$(THESEUS_INCLUDEDIR)=include \
	-ffile-prefix-map=$(CURDIR)=.
theseus_map_of = $(if $(filter /% ../% ./%,$(1)),-ffile-prefix-map=$(dir $(1))=)

# Token to id: the first '_' is the '.'; sched_rr is sched.rr, test_spill_a test.spill_a.
theseus_empty :=
theseus_space := $(theseus_empty) $(theseus_empty)
theseus_id = $(firstword $(subst _, ,$(1)))$(if $(word 2,$(subst _, ,$(1))),.)$(subst \
	$(theseus_space),_,$(strip $(wordlist 2,99,$(subst _, ,$(1)))))
theseus_token_of = $(basename $(notdir $(1)))
# The .tmod files that the sources $(1) make in folder $(2).
theseus_tmod_files = $(foreach s,$(1),$(2)/$(call theseus_id,$(call theseus_token_of,$(s))).tmod)

# Of one source DIR/ID.o, of several DIR/ID.objects/NAME.o.
theseus_module_object = $(3)/$(1)$(if $(word 2,$(2)),.objects/$(notdir $(basename $(4)))).o
define theseus_module_object_rule
$(1): $(2) $(theseus_mk)
	$$(THESEUS_QUIET)mkdir -p $$(@D) && $$(THESEUS_CC) \
		$$(filter-out $$(theseus_refused),$$(THESEUS_MODULE_CFLAGS)) $(3) \
		$$(THESEUS_MAP) $(call theseus_map_of,$(2)) \
		-MMD -MP -MF $(1:.o=.d) -MT $$@ -c -o $$@ $$<
-include $(1:.o=.d)
endef
define theseus_module_rule
$(foreach s,$(2),
$(call theseus_module_object_rule,$(call theseus_module_object,$(1),$(2),$(3),$(s)),$(s),$(4)))
$(3)/$(1).tmod: $(foreach s,$(2),$(call theseus_module_object,$(1),$(2),$(3),$(s))) \
		$$(THESEUS_MODULE_LIB) $$(THESEUS_MODULE_LDSCRIPT) \
		$$(THESEUS_CHECK) $$(THESEUS_SCHEMA)
	$$(THESEUS_QUIET)rm -f $$@ && \
	$$(THESEUS_LD) -r --gc-sections -u ths_module_$(subst .,_,$(1)) \
		-T $$(THESEUS_MODULE_LDSCRIPT) -o $$@.debug $$(filter %.o,$$^) \
		$$(THESEUS_MODULE_LIB) && \
	$$(THESEUS_OBJCOPY) --strip-debug $$@.debug $$@.tmp && \
	$$(THESEUS_SCHEMA) $$@.debug $$@.tmp >$$@.schema && \
	$$(THESEUS_OBJCOPY) --add-section .ths.schema=$$@.schema $$@.tmp && \
	rm -f $$@.schema && \
	$$(THESEUS_CHECK) --seal --as $$@ $$@.tmp && \
	$(if $(filter $(1),$(THESEUS_UNCHECKED)),,$$(THESEUS_CHECK) --quiet --as $$@ $$@.tmp &&) \
	mv -f $$@.tmp $$@
endef
theseus_module = $(call theseus_module_rule,$(strip $(1)),$(strip $(2)),$(or $(strip $(4)),.),$(3))

theseus_objects = $(addsuffix .o,$(addprefix $(1).objects/,$(notdir $(basename $(2)))))

# An object goes to FILE.objects/, so that two kernels may share a source.
define theseus_object_rule
$(1).objects/$(notdir $(basename $(2))).o: $(2) $(theseus_mk)
	$$(THESEUS_QUIET)mkdir -p $$(@D) && $$(THESEUS_CC) \
		$$(theseus_kernel_cflags_of) $(3) \
		$$(THESEUS_MAP) $(call theseus_map_of,$(2)) \
		-MMD -MP -c -o $$@ $$<
-include $(1).objects/$(notdir $(basename $(2))).d
endef
define theseus_kernel_rule
$(1): $(call theseus_objects,$(1),$(2)) $(4) $$(theseus_kernel_lib)
	$$(THESEUS_QUIET)$$(THESEUS_CC) $$(THESEUS_KERNEL_LINK) -Wl,-T,$(4) -o $$@ \
		$(call theseus_objects,$(1),$(2)) $$(theseus_kernel_lib)
$(foreach s,$(2),
$(call theseus_object_rule,$(1),$(s),$(3)))
endef
theseus_kernel = $(call theseus_kernel_rule,$(strip $(1)),$(strip $(2)),$(3),$(or $(strip $(4)),$(THESEUS_KERNEL_LDSCRIPT)))

define theseus_image_rule
$(1).cpio: $(1).elf $(2) $(3)
	$$(THESEUS_QUIET)$$(THESEUS_TOOLS)/theseus-image --quiet --kernel $$< --manifest $(2) \
		--module-dir . --no-iso --archive $$@
$(1).iso: $(1).elf $(2) $(3)
	$$(THESEUS_QUIET)$$(THESEUS_TOOLS)/theseus-image --quiet --kernel $$< --manifest $(2) \
		--module-dir . -o $$@
endef
theseus_image = $(call theseus_image_rule,$(strip $(1)),$(strip $(2)),$(3))
