/*
 * options - the command line of theseus-run.
 *
 * QEMU's own spellings -kernel, -initrd, -append are taken with one dash or two. What
 * cannot mean anything (an -initrd without a -kernel) is refused rather than dropped.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum {
	OPT_UEFI = 256,
	OPT_SMP,
	OPT_GDB,
	OPT_TEST,
	OPT_TIMEOUT,
	OPT_SILENCE,
	OPT_ICOUNT,
	OPT_APPEND,
	OPT_MEMORY,
	OPT_MACHINE,
	OPT_LOG,
	OPT_LOG_LIMIT,
	OPT_QEMU_ARG,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_PRINT,
	OPT_JSON,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"uefi", no_argument, NULL, OPT_UEFI},
	{"smp", required_argument, NULL, OPT_SMP},
	{"gdb", optional_argument, NULL, OPT_GDB},
	{"test", no_argument, NULL, OPT_TEST},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"silence", required_argument, NULL, OPT_SILENCE},
	{"icount", no_argument, NULL, OPT_ICOUNT},
	{"append", required_argument, NULL, OPT_APPEND},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"machine", required_argument, NULL, OPT_MACHINE},
	{"log", required_argument, NULL, OPT_LOG},
	{"log-limit", required_argument, NULL, OPT_LOG_LIMIT},
	{"qemu-arg", required_argument, NULL, OPT_QEMU_ARG},
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"initrd", required_argument, NULL, OPT_INITRD},
	{"print", no_argument, NULL, OPT_PRINT},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"Usage: theseus-run [OPTION]... ISO\n"
	"       theseus-run [OPTION]... -kernel KERNEL [-initrd ARCHIVE]\n"
	"Run an OS image in QEMU; with --test, judge it.\n"
	"\n"
	"  -kernel KERNEL     boot this ELF file by its PVH note\n"
	"  -initrd ARCHIVE    hand it this module archive\n"
	"  -append CMDLINE    and this command line\n"
	"      --test         no terminal; exit 0 only if the guest passed its tests\n"
	"      --timeout S    end the run after S seconds (with --test: 60)\n"
	"      --silence S    with --test or --icount: and once it said nothing for S seconds\n"
	"      --icount       count instructions instead of time: every run the same\n"
	"      --uefi         boot by OVMF instead of SeaBIOS\n"
	"      --smp N        N processors (1)\n"
	"      --memory M     M MiB of memory, or with a suffix M or G (256)\n"
	"      --machine T    machine type: pc, q35, ... (pc)\n"
	"      --gdb[=PORT]   wait for a debugger at 127.0.0.1:PORT (1234)\n"
	"      --log FILE     keep what comes on the serial line in FILE\n"
	"      --log-limit M  end a run that writes more than M MiB (256)\n"
	"      --qemu-arg X   pass X to QEMU; may be given again\n"
	"      --print        print QEMU's command line and run nothing\n"
	"      --json         with --test: the verdict as one JSON object\n"
	"      --quiet        no echo of the serial line and no progress\n"
	"      --help, --version\n"
	"\n"
	"Without --test and --icount the serial line is this terminal: ^A x ends the\n"
	"run, ^A c turns to QEMU's monitor and back, ^A ^A sends a ^A.\n"
	"\n"
	"Exit status: 0 passed, or ended in order; 1 failed; 2 wrong usage; 77 QEMU or\n"
	"OVMF is not installed (1 where CI=true); 124 time was up; 128+N signal N.\n";

static int usage(const char *what, const char *which)
{
	tool_warn("%s%s%s; see theseus-run --help", what, which ? ": " : "",
		which ? which : "");
	return RUN_USAGE;
}

static bool read_number(const char *text, unsigned min, unsigned max, unsigned *number)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	if (*end || value < min || value > max)
		return false;
	*number = (unsigned)value;
	return true;
}

static bool is_memory(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 7 &&
	       (!text[digits] || (strchr("MG", text[digits]) && !text[digits + 1]));
}

static int take_number(int option, struct run_options *options)
{
	unsigned count;

	switch (option) {
	case OPT_SMP:
		options->smp = optarg;
		return read_number(optarg, 1, 255, &count)
			       ? -1
			       : usage("--smp takes 1..255", optarg);
	case OPT_TIMEOUT:
		return read_number(optarg, 1, 86400, &options->timeout_s)
			       ? -1
			       : usage("--timeout takes 1..86400 seconds", optarg);
	case OPT_SILENCE:
		return read_number(optarg, 1, 86400, &options->silence_s)
			       ? -1
			       : usage("--silence takes 1..86400 seconds", optarg);
	case OPT_LOG_LIMIT:
		return read_number(optarg, 1, 65536, &options->limit_mib)
			       ? -1
			       : usage("--log-limit takes 1..65536 MiB", optarg);
	case OPT_GDB:
		options->gdb_port = 1234;
		return !optarg || read_number(optarg, 1, 65535, &options->gdb_port)
			       ? -1
			       : usage("--gdb takes a port 1..65535", optarg);
	default:
		options->memory = optarg;
		return is_memory(optarg) ? -1
					 : usage("--memory takes MiB, or M or G", optarg);
	}
}

static int take_word(int option, struct run_options *options)
{
	switch (option) {
	case OPT_APPEND:
		options->append = optarg;
		break;
	case OPT_KERNEL:
		options->kernel = optarg;
		break;
	case OPT_INITRD:
		options->initrd = optarg;
		break;
	case OPT_MACHINE:
		options->machine = optarg;
		break;
	case OPT_LOG:
		options->log = optarg;
		break;
	default: /* OPT_QEMU_ARG */
		if (options->extras == RUN_ARGS_MAX)
			return usage("too many --qemu-arg", NULL);
		options->extra[options->extras++] = optarg;
		break;
	}
	return -1;
}

static int take_option(int option, struct run_options *options)
{
	switch (option) {
	case OPT_UEFI:
		options->uefi = true;
		return -1;
	case OPT_TEST:
		options->test = true;
		return -1;
	case OPT_ICOUNT:
		options->icount = true;
		return -1;
	case OPT_PRINT:
		options->print = true;
		return -1;
	case OPT_JSON:
		options->json = true;
		return -1;
	case OPT_QUIET:
		options->quiet = tool_quiet = true;
		return -1;
	case OPT_HELP:
		fputs(help_text, stdout);
		return tool_end(RUN_OK) ? RUN_USAGE : RUN_OK;
	case OPT_VERSION:
		puts("theseus-run (" PACKAGE_NAME ") " PACKAGE_VERSION);
		return tool_end(RUN_OK) ? RUN_USAGE : RUN_OK;
	case OPT_SMP:
	case OPT_TIMEOUT:
	case OPT_SILENCE:
	case OPT_LOG_LIMIT:
	case OPT_GDB:
	case OPT_MEMORY:
		return take_number(option, options);
	default:
		return take_word(option, options);
	}
}

static int check_sense(const struct run_options *options)
{
	if (options->iso && options->kernel)
		return usage("an ISO and a -kernel exclude each other", options->iso);
	if (!options->iso && !options->kernel)
		return usage("no ISO and no -kernel", NULL);
	if (options->initrd && !options->kernel)
		return usage("-initrd needs a -kernel", options->initrd);
	if (options->append && !options->kernel)
		return usage("-append needs a -kernel; an ISO has its own",
			     options->append);
	if (options->uefi && options->kernel)
		return usage("--uefi needs an ISO: OVMF knows no PVH note", NULL);
	if (options->silence_s && !options->batch)
		return usage("--silence needs --test or --icount: by hand you hear it",
			     NULL);
	if (options->json && !options->test)
		return usage("--json is of --test", NULL);
	if (options->machine && !*options->machine)
		return usage("--machine takes a name", NULL);
	return -1;
}

int options_parse(struct run_options *options, int argc, char **argv)
{
	int option, status;

	*options = (struct run_options){
		.machine = "pc", .memory = "256", .smp = "1", .limit_mib = 256};
	opterr = 0;
	while ((option = getopt_long_only(argc, argv, ":", long_options, NULL)) != -1) {
		if (option == '?') /* getopt's own words lack our name */
			return usage("no such option, or one that takes no argument",
				     argv[optind - 1]);
		if (option == ':')
			return usage("an argument is missing", argv[optind - 1]);
		status = take_option(option, options);
		if (status >= 0)
			return status;
	}
	if (argc - optind > 1)
		return usage("more than one ISO", argv[optind + 1]);
	options->iso = argv[optind];
	options->batch = options->test || options->icount;
	if (options->test && !options->timeout_s && !options->gdb_port)
		options->timeout_s = 60;
	return check_sense(options);
}
