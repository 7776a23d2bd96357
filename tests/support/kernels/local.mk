# Kernels for the runner's own tests: no library of ours, so they need flags of their own.
noinst_PROGRAMS += %D%/parrot %D%/bios.img %D%/bootx64.efi
parrot_flags = -m32 -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
parrot_ldflags = -nostdlib -static -Wl,--build-id=none

%C%_parrot_SOURCES = %D%/entry.S %D%/parrot.c
EXTRA_%C%_parrot_DEPENDENCIES = $(srcdir)/%D%/parrot.lds
%C%_parrot_CPPFLAGS =
%C%_parrot_CFLAGS = -std=gnu17 $(THS_WARN_CFLAGS) $(theseus_map_flags) $(parrot_flags)
%C%_parrot_CCASFLAGS = $(parrot_flags)
%C%_parrot_LDFLAGS = -m32 $(parrot_ldflags) -Wl,-T,$(srcdir)/%D%/parrot.lds
%C%_parrot_LDADD =
EXTRA_DIST += %D%/parrot.lds

%C%_bios_img_SOURCES = %D%/bios.S
%C%_bios_img_CPPFLAGS =
%C%_bios_img_CFLAGS =
%C%_bios_img_CCASFLAGS = -m32
%C%_bios_img_LDFLAGS = -m32 $(parrot_ldflags) -Wl,-Ttext=0x7c00 -Wl,--oformat=binary
%C%_bios_img_LDADD =

%C%_bootx64_efi_SOURCES = %D%/efi.S
%C%_bootx64_efi_CPPFLAGS =
%C%_bootx64_efi_CFLAGS =
%C%_bootx64_efi_CCASFLAGS = -m64
%C%_bootx64_efi_LDFLAGS = -m64 $(parrot_ldflags) -Wl,-Ttext=0 -Wl,--oformat=binary
%C%_bootx64_efi_LDADD =

# For the tests of theseus-image.
noinst_PROGRAMS += %D%/greeter.elf
%C%_greeter_elf_SOURCES = %D%/greeter.S
%C%_greeter_elf_CPPFLAGS =
%C%_greeter_elf_CFLAGS =
%C%_greeter_elf_CCASFLAGS = -m64 -fno-pic -fno-pie
%C%_greeter_elf_LDFLAGS = -m64 $(parrot_ldflags) -Wl,-Ttext-segment=0x200000 \
	-Wl,-e,greeter -Wl,-z,noexecstack
%C%_greeter_elf_LDADD =
