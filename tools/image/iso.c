/*
 * iso - a disk image that BIOS and UEFI start from CD and from a USB stick.
 *
 *	boot/kernel.elf        what GRUB loads,
 *	boot/archive.cpio      and hands over as its one module
 *	boot/grub/bios.img     GRUB for El Torito and, by the MBR, for disks
 *	boot/HEX.id            named after a digest, by which GRUB finds the right disk
 *	a second partition     FAT, with EFI/BOOT/BOOTX64.EFI; UEFI finds it by El Torito
 *	                       on a CD, by the partition table on a stick
 *
 * grub-mkrescue would do it too, in 20 MB and with other bytes each time. Here GRUB has
 * the few modules that loading takes, its three commands are built in, and everything
 * that carries a date is told which (M1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <theseus/digest.h>
#include <unistd.h>

#include "image.h"

#define FAT_ROOM (64u * 1024u) /* beside the file: FATs, folders, and some to spare */

uint64_t image_epoch(void)
{
	const char *set = getenv("SOURCE_DATE_EPOCH");
	char *end;
	uint64_t date;

	if (set != NULL && set[0] != '\0') {
		date = strtoull(set, &end, 10);
		if (*end == '\0' && date >= 315532800 && date <= UINT32_MAX)
			return date;
	}
	return 315532800; /* 1980-01-01, where FAT's calendar begins */
}

struct iso {
	const struct image_options *options;
	const char *temp;
	char id[33]; /* hex digits: what is in the image */
};

static char *temp_path(const struct iso *iso, const char *name)
{
	return tool_print("%s/%s", iso->temp, name);
}

/* ---- the host's programs -------------------------------------------------------- */

static bool on_path(const char *program)
{
	const char *path = getenv("PATH");

	while (path != NULL && *path != '\0') {
		size_t length = strcspn(path, ":");
		char *full = tool_print("%.*s/%s", (int)length, path, program);
		bool found = access(full, X_OK) == 0;

		free(full);
		if (found)
			return true;
		path += length;
		path += *path == ':';
	}
	return false;
}

static bool host_is_equipped(const struct image_options *options)
{
	static const struct {
		const char *program, *package;
	} programs[] = {
		{"grub-mkimage", "grub-common"},
		{"xorriso", "xorriso"},
		{"mformat", "mtools"},
		{"mmd", "mtools"},
		{"mcopy", "mtools"},
	};
	static const struct {
		const char *file, *package;
	} files[] = {
		{"i386-pc/moddep.lst", "grub-pc-bin"},
		{"i386-pc/boot_hybrid.img", "grub-pc-bin"},
		{"x86_64-efi/moddep.lst", "grub-efi-amd64-bin"},
	};
	bool good = true;

	for (size_t i = 0; i < THS_ARRAY_SIZE(programs); i++)
		if (!on_path(programs[i].program)) {
			tool_warn("%s is not installed: apt-get install %s",
				  programs[i].program, programs[i].package);
			good = false;
		}
	for (size_t i = 0; i < THS_ARRAY_SIZE(files); i++) {
		char *path = tool_print("%s/%s", options->grub_dir, files[i].file);

		if (access(path, R_OK) != 0) {
			tool_warn("%s is not installed: apt-get install %s", path,
				  files[i].package);
			good = false;
		}
		free(path);
	}
	return good;
}

/* ---- the parts ------------------------------------------------------------------ */

static bool part_write(const struct iso *iso, const char *name, const void *data,
		       size_t size)
{
	char *path = temp_path(iso, name);
	bool good = tool_write(path, data, size);

	free(path);
	return good;
}

static void id_make(struct iso *iso, const struct tool_file *kernel,
		    const struct tool_text *archive)
{
	const char *cmdline = iso->options->cmdline;
	uint8_t digest[THS_DIGEST_SIZE];
	struct ths_digest state;

	ths_digest_init(&state);
	ths_digest_update(&state, kernel->data, kernel->size);
	ths_digest_update(&state, archive->text, archive->size);
	ths_digest_update(&state, cmdline, strlen(cmdline));
	ths_digest_final(&state, digest);
	for (size_t i = 0; i < 16; i++)
		snprintf(iso->id + 2 * i, 3, "%02x", digest[i]);
}

static bool folders_make(const struct iso *iso)
{
	static const char *const names[] = {"iso", "iso/boot", "iso/boot/grub"};

	for (size_t i = 0; i < THS_ARRAY_SIZE(names); i++) {
		char *path = temp_path(iso, names[i]);
		bool good = mkdir(path, 0755) == 0;

		if (!good)
			tool_warn("%s: %s", path, strerror(errno));
		free(path);
		if (!good)
			return false;
	}
	return true;
}

/* What GRUB does instead of showing a menu. Its rescue parser knows no quoting but ours
 * of blanks and the like, by backslashes. */
static bool config_write(const struct iso *iso)
{
	struct tool_text config = {0};
	bool good;

	tool_text_add(&config,
		      "search.file /boot/%s.id root\nmultiboot2 /boot/kernel.elf",
		      iso->id);
	if (iso->options->cmdline[0] != '\0')
		tool_text_add(&config, " ");
	for (const char *c = iso->options->cmdline; *c != '\0'; c++)
		tool_text_add(&config,
			      strchr("\"'\\$;{}|&<>#", *c) == NULL ? "%c" : "\\%c", *c);
	tool_text_add(&config, "\nmodule2 /boot/archive.cpio\nboot\n");
	good = part_write(iso, "grub.cfg", config.text, config.size);
	tool_text_free(&config);
	return good;
}

static bool grub_make(const struct iso *iso, const char *format, const char *folder,
		      const char *const *modules, const char *into)
{
	char *config = temp_path(iso, "grub.cfg"), *out = temp_path(iso, into);
	char *from = tool_print("%s/%s", iso->options->grub_dir, folder);
	const char *argv[32] = {"grub-mkimage", "-O", format, "-d", from, "-p",
				"/boot/grub",   "-c", config, "-o", out};
	size_t n = 11;
	bool good;

	while (*modules != NULL && n + 1 < THS_ARRAY_SIZE(argv))
		argv[n++] = *modules++;
	good = temp_run(argv);
	free(config);
	free(out);
	free(from);
	return good;
}

static bool fat_make(const struct iso *iso)
{
	char *efi = temp_path(iso, "bootx64.efi"), *fat = temp_path(iso, "efi.img");
	struct stat status;
	char sectors[24];
	bool good = false;

	if (stat(efi, &status) == 0) {
		/* mformat wants whole tracks: 32 sectors, of which 1 MiB has 64. */
		uint64_t room =
			((uint64_t)status.st_size + FAT_ROOM + 32767) / 32768 * 32768;
		const char *const format[] = {
			"mformat", "-C", "-i", fat,        "-T", sectors,   "-h", "1",
			"-s",      "32", "-N", "74686573", "-v", "THESEUS", "::", NULL};
		const char *const folders[] = {"mmd",    "-i",          fat,
					       "::/EFI", "::/EFI/BOOT", NULL};
		const char *const copy[] = {
			"mcopy", "-i", fat, efi, "::/EFI/BOOT/BOOTX64.EFI", NULL};

		snprintf(sectors, sizeof(sectors), "%lu", room / 512);
		good = temp_run(format) && temp_run(folders) && temp_run(copy);
	}
	free(efi);
	free(fat);
	return good;
}

/* All files of the tree get the image's date: xorriso takes it from them. */
static bool dates_set(const struct iso *iso)
{
	static const char *const names[] = {
		"iso/boot/kernel.elf",
		"iso/boot/archive.cpio",
		"iso/boot/grub/bios.img",
		NULL,
		"iso/boot/grub",
		"iso/boot",
		"iso",
	};
	struct timespec times[2] = {{.tv_sec = (time_t)image_epoch()},
				    {.tv_sec = (time_t)image_epoch()}};
	bool good = true;

	for (size_t i = 0; i < THS_ARRAY_SIZE(names); i++) {
		char *path = names[i] == NULL
				     ? tool_print("%s/iso/boot/%s.id", iso->temp, iso->id)
				     : temp_path(iso, names[i]);

		if (chmod(path, i < 4 ? 0644 : 0755) != 0 ||
		    utimensat(AT_FDCWD, path, times, 0) != 0) {
			tool_warn("%s: %s", path, strerror(errno));
			good = false;
		}
		free(path);
	}
	return good;
}

static bool iso_make(const struct iso *iso, const char *out)
{
	char *tree = temp_path(iso, "iso"), *fat = temp_path(iso, "efi.img");
	char *mbr = tool_print("%s/i386-pc/boot_hybrid.img", iso->options->grub_dir);
	time_t epoch = (time_t)image_epoch();
	char date[64], all[64];
	struct tm when;

	gmtime_r(&epoch, &when);
	strftime(date, sizeof(date), "--modification-date=%Y%m%d%H%M%S00", &when);
	strftime(all, sizeof(all), "%Y%m%d%H%M%S00", &when);
	const char *const argv[] = {"xorriso",
				    "-as",
				    "mkisofs",
				    "-quiet",
				    "-o",
				    out,
				    "-r",
				    "-V",
				    iso->options->volume,
				    date,
				    "--set_all_file_dates",
				    all,
				    "--gpt_disk_guid",
				    iso->id,
				    "-b",
				    "boot/grub/bios.img",
				    "-no-emul-boot",
				    "-boot-load-size",
				    "4",
				    "-boot-info-table",
				    "--grub2-boot-info",
				    "--grub2-mbr",
				    mbr,
				    "-append_partition",
				    "2",
				    "0xef",
				    fat,
				    "-eltorito-alt-boot",
				    "-e",
				    "--interval:appended_partition_2:all::",
				    "-no-emul-boot",
				    tree,
				    NULL};
	bool good = temp_run(argv);

	free(tree);
	free(fat);
	free(mbr);
	return good;
}

static bool parts_make(struct iso *iso, const struct tool_file *kernel,
		       const struct tool_text *archive)
{
	static const char *const bios[] = {"biosdisk", "iso9660",        "multiboot2",
					   "boot",     "search_fs_file", NULL};
	static const char *const efi[] = {"iso9660",        "multiboot2", "boot",
					  "search_fs_file", "efi_gop",    NULL};
	char *id = tool_print("iso/boot/%s.id", iso->id);
	bool good;

	good = folders_make(iso) && part_write(iso, id, "", 0) &&
	       part_write(iso, "iso/boot/kernel.elf", kernel->data, kernel->size) &&
	       part_write(iso, "iso/boot/archive.cpio", archive->text, archive->size) &&
	       config_write(iso);
	free(id);
	if (!good)
		return false;
	tool_progress("making GRUB for BIOS and for UEFI");
	return grub_make(iso, "i386-pc-eltorito", "i386-pc", bios,
			 "iso/boot/grub/bios.img") &&
	       grub_make(iso, "x86_64-efi", "x86_64-efi", efi, "bootx64.efi") &&
	       fat_make(iso) && dates_set(iso);
}

int iso_write(const struct image_options *options, const struct tool_file *kernel,
	      const struct tool_text *archive)
{
	struct iso iso = {.options = options};
	char *epoch, *out;
	struct tool_file file = {NULL, 0};
	bool good;

	if (!kernel_is_multiboot2(kernel)) {
		tool_warn("%s: no multiboot2 header in its first 32 KiB, so GRUB cannot "
			  "load it",
			  options->kernel);
		return TOOL_REFUSED;
	}
	if (!host_is_equipped(options))
		return IMAGE_NO_HOST_PROGRAM;
	iso.temp = temp_folder();
	if (iso.temp == NULL)
		return TOOL_UNREADABLE;
	epoch = tool_print("%lu", image_epoch());
	setenv("SOURCE_DATE_EPOCH", epoch, 1);
	setenv("TZ", "UTC0", 1);
	setenv("LC_ALL", "C", 1);
	setenv("MTOOLSRC", "/dev/null", 1);
	setenv("MTOOLS_SKIP_CHECK", "1", 1);
	free(epoch);
	id_make(&iso, kernel, archive);
	out = temp_path(&iso, "out.iso");
	good = parts_make(&iso, kernel, archive);
	if (good)
		tool_progress("making the disk image");
	good = good && iso_make(&iso, out) && tool_read(out, &file) &&
	       tool_write(options->iso, file.data, file.size);
	free(file.data);
	free(out);
	return good ? TOOL_OK : TOOL_UNREADABLE;
}
