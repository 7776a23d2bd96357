/*
 * oracle - reads a serial log and says whether its records agree.
 *
 * This half reads: it takes a line apart, strictly, because a record that is almost
 * right was written by a client that is almost right.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define DEMANDS_MAX 32

enum { EXIT_AGREES = 0, EXIT_DISAGREES = 1, EXIT_USAGE = 2 };

struct demands {
	uint64_t clients, records;
	struct oracle_demand versions[DEMANDS_MAX];
	size_t count;
};

static const char help_text[] =
	"Usage: oracle [OPTION]... LOG\n"
	"Judge the records of clients in a serial log; LOG may be - for standard input.\n"
	"\n"
	"  --clients N              at least N clients\n"
	"  --records N              at least N records\n"
	"  --versions [SERVICE=]N   N versions seen, of SERVICE or of each that tells\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 it agrees; 1 it does not; 2 wrong usage or an unreadable log.\n"
	"Format and rules: tests/support/README.md.\n";

bool oracle_offence(uint64_t line, const char *format, ...)
{
	va_list args;

	fputs("oracle: ", stdout);
	if (line)
		printf("line %llu: ", (unsigned long long)line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return false;
}

/* Takes digits of one base off *text; at least min of them, at most max. */
static bool take_digits(const char **text, unsigned base, size_t min, size_t max,
			uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = *text;
	uint64_t value = 0;

	for (; *at && (size_t)(at - *text) < max; at++) {
		const char *digit = memchr(digits, *at, base);

		if (!digit)
			break;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(digit - digits), &value))
			return false;
	}
	if ((size_t)(at - *text) < min)
		return false;
	*text = at;
	*number = value;
	return true;
}

static bool take_decimal(const char **text, uint64_t max, uint64_t *number)
{
	const char *start = *text;

	return take_digits(text, 10, 1, 20, number) && *number <= max &&
	       (*start != '0' || *text == start + 1);
}

static bool take_blank(const char **text)
{
	return *(*text)++ == ' ';
}

static bool take_service(const char **text, char *service)
{
	size_t len = strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	if (len == 0 || len >= ORACLE_NAME_MAX)
		return false;
	memcpy(service, *text, len);
	service[len] = '\0';
	*text += len;
	return true;
}

/* "@C" or "@E" and its blank are taken off already. */
static bool parse_record(const char *text, bool end, struct record *record)
{
	uint64_t client, version = 0;

	if (!take_decimal(&text, UINT32_MAX, &client) || !take_blank(&text) ||
	    !take_decimal(&text, UINT64_MAX, &record->seq) || !take_blank(&text))
		return false;
	if (!end &&
	    (!take_service(&text, record->service) || !take_blank(&text) ||
	     !take_decimal(&text, UINT32_MAX, &version) || !take_blank(&text) ||
	     !take_digits(&text, 16, 1, 16, &record->value) || !take_blank(&text)))
		return false;
	if (!take_digits(&text, 16, 16, 16, &record->chain) || *text)
		return false;
	record->client = (uint32_t)client;
	record->version = (uint32_t)version;
	return true;
}

static bool judge_line(struct oracle *oracle, char *text, size_t len, uint64_t line)
{
	struct record record = {.line = line};
	bool whole = len && text[len - 1] == '\n';
	bool end;

	if (text[0] != '@')
		return true;
	if (whole)
		text[--len] = '\0';
	if (whole && len && text[len - 1] == '\r')
		text[--len] = '\0';
	end = !strncmp(text, "@E ", 3);
	if (!whole || strlen(text) != len || (!end && strncmp(text, "@C ", 3) != 0) ||
	    !parse_record(text + 3, end, &record))
		return oracle_offence(line, "no record: %.120s", text);
	return end ? oracle_end(oracle, &record) : oracle_record(oracle, &record);
}

static int judge_log(struct oracle *oracle, FILE *log, const struct demands *demands)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	uint64_t line = 0;
	bool agrees = true;

	while (agrees && (len = getline(&text, &room, log)) > 0)
		agrees = judge_line(oracle, text, (size_t)len, ++line);
	free(text);
	if (ferror(log)) {
		fprintf(stderr, "oracle: cannot read on: %s\n", strerror(errno));
		return EXIT_USAGE;
	}
	agrees = agrees && oracle_finish(oracle, demands->clients, demands->records);
	for (size_t i = 0; agrees && i < demands->count; i++)
		agrees = oracle_versions(oracle, &demands->versions[i]);
	if (agrees)
		oracle_report(oracle, stdout);
	return agrees ? EXIT_AGREES : EXIT_DISAGREES;
}

static bool read_versions(char *text, struct demands *demands)
{
	struct oracle_demand *demand = &demands->versions[demands->count];
	char *equals = strchr(text, '=');
	const char *number = equals ? equals + 1 : text;
	uint64_t count;

	if (demands->count == DEMANDS_MAX || !take_decimal(&number, 1000, &count) ||
	    *number)
		return false;
	if (equals)
		*equals = '\0';
	demand->service = equals ? text : NULL;
	demand->count = (size_t)count;
	demands->count++;
	return true;
}

static bool read_count(const char *text, uint64_t *count)
{
	return take_decimal(&text, UINT64_MAX, count) && !*text;
}

/* Fills *demands; or returns the status to leave with (else -1). */
static int read_options(int argc, char **argv, struct demands *demands)
{
	static const struct option options[] = {
		{"clients", required_argument, NULL, 'c'},
		{"records", required_argument, NULL, 'r'},
		{"versions", required_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	bool valid = true;
	int option;

	while (valid && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			fputs(option == 'h' ? help_text
					    : "oracle (" PACKAGE_NAME ") " PACKAGE_VERSION
					      "\n",
			      stdout);
			return EXIT_AGREES;
		}
		valid = option == 'c'   ? read_count(optarg, &demands->clients)
			: option == 'r' ? read_count(optarg, &demands->records)
			: option == 'v' ? read_versions(optarg, demands)
					: false;
	}
	if (valid && argc - optind == 1)
		return -1;
	fputs("oracle: wrong usage; see oracle --help\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct demands demands = {0};
	struct oracle *oracle;
	FILE *log;
	int status = read_options(argc, argv, &demands);

	if (status >= 0)
		return status;
	log = strcmp(argv[optind], "-") != 0 ? fopen(argv[optind], "r") : stdin;
	oracle = oracle_create();
	if (!log || !oracle) {
		fprintf(stderr, "oracle: cannot read %s: %s\n", argv[optind],
			strerror(errno));
		oracle_destroy(oracle);
		return EXIT_USAGE;
	}
	status = judge_log(oracle, log, &demands);
	oracle_destroy(oracle);
	fclose(log);
	return fflush(stdout) ? EXIT_USAGE : status;
}
