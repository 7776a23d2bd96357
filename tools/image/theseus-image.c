/*
 * theseus-image - from a kernel, a manifest and modules to an image that boots.
 *
 * See image.h for the parts and what holds of them; here is only the command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

static const char usage_text[] =
	"usage: theseus-image --kernel KERNEL.elf --manifest OS.manifest -o OUT.iso "
	"[OPTION...]\n"
	"       theseus-image --kernel KERNEL.elf --manifest OS.manifest --no-iso\n"
	"                     --archive OUT.cpio [OPTION...]\n"
	"\n"
	"Checks the modules that the manifest names, and whether they fit together; "
	"writes\n"
	"them into an archive, and that with the kernel into a disk image for BIOS and "
	"UEFI.\n"
	"The same inputs give the same bytes.\n"
	"\n"
	"  --kernel FILE      the kernel, with a multiboot2 header\n"
	"  --manifest FILE    see theseus-manifest(5)\n"
	"  --module-dir DIR   look for modules here; may be given often, first found "
	"wins;\n"
	"                     last comes the folder of the installed modules\n"
	"  --evolution FILE   an evolution file, theseus-evolve(5), for the archive, with "
	"the\n"
	"                     modules it brings; may be given often\n"
	"  -o, --output FILE  the disk image\n"
	"  --no-iso           make none\n"
	"  --archive FILE     write the archive here too\n"
	"  --cmdline TEXT     the kernel's command line, before the manifest's\n"
	"  --volume NAME      the image's volume name, A-Z 0-9 _, 32 at most (THESEUS)\n"
	"  --grub-dir DIR     where GRUB's i386-pc and x86_64-efi lie (/usr/lib/grub)\n"
	"  --admit-spill ID   overlook, for a test, that this module has memory of its "
	"own;\n"
	"                     the kernel must have been told to admit it too\n"
	"  --quiet            no progress on the terminal\n"
	TOOL_OPTIONS_TEXT("        ")
	"\n"
	"Exit status: 0 made, 1 refused, 2 wrong usage, 3 a file cannot be read or "
	"written or\n"
	"a program of the host failed, 77 GRUB, xorriso or mtools is not installed,\n"
	"128+N signal N.\n";

static const struct option known[] = {
	{"kernel", required_argument, NULL, 'k'},
	{"manifest", required_argument, NULL, 'm'},
	{"module-dir", required_argument, NULL, 'd'},
	{"evolution", required_argument, NULL, 'e'},
	{"output", required_argument, NULL, 'o'},
	{"no-iso", no_argument, NULL, 'n'},
	{"archive", required_argument, NULL, 'a'},
	{"cmdline", required_argument, NULL, 'c'},
	{"volume", required_argument, NULL, 'V'},
	{"grub-dir", required_argument, NULL, 'g'},
	{"admit-spill", required_argument, NULL, 's'},
	TOOL_OPTIONS,
};

static void add(const char ***list, size_t *count, const char *text)
{
	*list = tool_grow((void *)(uintptr_t)*list, (*count + 1) * sizeof(**list));
	(*list)[(*count)++] = text;
}

static void module_dir_add(struct image_options *options, const char *folder)
{
	add(&options->module_dirs, &options->module_dir_count, folder);
}

static const char *volume_wrong(const char *volume)
{
	size_t length = strlen(volume);

	if (length == 0 || length > 32)
		return "1 to 32 characters";
	if (strspn(volume, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != length)
		return "A-Z, 0-9 and _ only";
	return NULL;
}

static enum tool_status options_check(const struct image_options *options, bool no_iso)
{
	const char *wrong = volume_wrong(options->volume);

	if (options->kernel == NULL || options->manifest == NULL)
		tool_warn("--kernel and --manifest are needed");
	else if (no_iso && options->iso != NULL)
		tool_warn("--no-iso and --output exclude each other");
	else if (!no_iso && options->iso == NULL)
		tool_warn("--output is needed, or --no-iso");
	else if (no_iso && options->archive == NULL)
		tool_warn("--no-iso without --archive makes nothing");
	else if (wrong != NULL)
		tool_warn("--volume %s: %s", options->volume, wrong);
	else if (strlen(options->cmdline) > 255 ||
		 strpbrk(options->cmdline, "\r\n\"'\\") != NULL)
		tool_warn("--cmdline: 255 characters at most, without quotes and "
			  "backslashes, "
			  "which GRUB would change");
	else
		return TOOL_OK;
	fputs("Try 'theseus-image --help'.\n", stderr);
	return TOOL_USAGE;
}

/* -1: go on; else the status to leave with. */
static int options_read(int argc, char **argv, struct image_options *options)
{
	bool no_iso = false;
	int found, status;

	while ((found = getopt_long(argc, argv, "o:", known, NULL)) != -1) {
		switch (found) {
		case 'k':
			options->kernel = optarg;
			break;
		case 'm':
			options->manifest = optarg;
			break;
		case 'd':
			if (!tool_folder("--module-dir", optarg))
				return TOOL_UNREADABLE;
			module_dir_add(options, optarg);
			break;
		case 'e':
			add(&options->evolutions, &options->evolution_count, optarg);
			break;
		case 'o':
			options->iso = optarg;
			break;
		case 'n':
			no_iso = true;
			break;
		case 'a':
			options->archive = optarg;
			break;
		case 'c':
			options->cmdline = optarg;
			break;
		case 'V':
			options->volume = optarg;
			break;
		case 'g':
			options->grub_dir = optarg;
			break;
		case 's':
			options->spiller = optarg;
			break;
		case TOOL_QUIET:
			tool_quiet = true;
			break;
		default:
			status = tool_option(found, usage_text);
			if (status >= 0)
				return status;
		}
	}
	if (optind != argc)
		return (int)tool_misused("%s: not an option", argv[optind]);
	return options_check(options, no_iso) == TOOL_OK ? -1 : TOOL_USAGE;
}

static int make(const struct image_options *options)
{
	struct image_contents contents;
	struct tool_text archive = {0};
	int status = contents_read(options, &contents);

	if (status == TOOL_OK)
		status = evolutions_add(options, &contents);
	if (status == TOOL_OK) {
		archive_write(&contents, &archive);
		if (options->archive != NULL &&
		    !tool_write(options->archive, archive.text, archive.size))
			status = TOOL_UNREADABLE;
	}
	if (status == TOOL_OK && options->iso != NULL)
		status = iso_write(options, &contents.kernel, &archive);
	tool_progress_end();
	tool_text_free(&archive);
	contents_free(&contents);
	return status;
}

int main(int argc, char **argv)
{
	struct image_options options = {
		.cmdline = "", .volume = "THESEUS", .grub_dir = "/usr/lib/grub"};
	int status;
	char *installed;

	tool_name = "theseus-image";
	status = options_read(argc, argv, &options);
	installed = tool_beside(IMAGE_MODULES_FROM_BIN);
	if (installed != NULL)
		module_dir_add(&options, installed);
	if (status < 0)
		status = make(&options);
	free((void *)(uintptr_t)options.module_dirs);
	free((void *)(uintptr_t)options.evolutions);
	free(installed);
	return status;
}
