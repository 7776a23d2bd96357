#!/bin/sh
# probe - prints C whose debug information has all that a module is compiled against:
# everything the public headers declare, and what of it DWARF does not keep by itself.
#
#   probe.sh SOURCES
#
# Interfaces' versions and operations' flags become enumerators, numbers that are macros
# too, each as from its own header; published symbols become pointers of their types.
# (What is too large for theseus-check is no matter of two builds.)
#
# Headers of a kernel's and of tools' side are left out: who includes those is linked with
# the archive they came with.
set -eu
cd "$1"
theirs=' arch arch_quiet arch_window cpio digest evolve host manifest nano_core point '
theirs="$theirs quota save schema siphash soft tmod "
headers=
for header in include/theseus/*.h include/theseus/iface/*.h; do
	name=${header#include/theseus/}
	case $theirs in *" ${name%.h} "*) continue ;; esac
	headers="$headers $header"
	echo "#include <theseus/$name>"
done
cat <<'END'
extern uintptr_t __stack_chk_guard;
void __stack_chk_fail(void);
const int ths_module_probe = 0; /* by which theseus-schema's reader knows its unit */
#define ABI_FLAGS(iface_, op_, type_, flags_) abi_##iface_##_op_##op_ = (flags_),
#define ABI_INTERFACE(iface_, version_, OPS) \
	enum abi_interface_##iface_ { abi_##iface_##_version = (version_), OPS(ABI_FLAGS) };
#define THS_PUBLISHED(name_) extern __typeof__(name_) *abi_published_##name_; \
	__typeof__(name_) *abi_published_##name_;
#include "nano_core/published.def"
END
for header in $headers; do
	echo "#line 1 \"$header\""
	sed -n -e '/THS_ELEMENTARY_/d' -e 's/^THS_INTERFACE(/ABI_INTERFACE(/p' \
		-e 's,/\*.*,,' -e 's/[[:blank:]]*$//' \
		-e 's/^#define \([A-Z][A-Z0-9_]*\)[[:blank:]]\{1,\}(\{0,1\}[0-9][0-9A-Fa-fxUuLl]*)\{0,1\}$/enum { abi_number_\1 = \1 };/p' \
		"$header"
done
