/*
 * liar - writes logs for the oracle: true ones, and false ones by seed.
 *
 * A log can be false in two ways. The *telling* can be: a line was dropped, doubled,
 * moved or changed on its way (--lie, on any log). Or the telling is honest and the
 * *server* was not (--sin, while a log is made): it lost a request, served one twice,
 * gave one frame to two clients; numbers and chains are then right and only the rules of
 * the services can find it.
 *
 * It shares no source with the oracle, so that one mistake cannot hide in both.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 64
#define FRAMES      32
#define OFFSET      UINT64_C(14695981039346656037)
#define PRIME       UINT64_C(1099511628211)

enum { EXIT_WRITTEN = 0, EXIT_CANNOT = 1, EXIT_WRONG_USAGE = 2 };

static const char help_text[] =
	"Usage: liar --make [--clients N] [--records N] [--sin SIN] [--seed S]\n"
	"       liar --lie LIE [--seed S] <LOG\n"
	"Write a log for the oracle: an honest one, one of a sinful server, or LOG with\n"
	"one record falsified.\n"
	"\n"
	"LIE: drop double reorder change\n"
	"SIN: count-lost count-twice joint-twice joint-lost clock-back echo-crossed\n"
	"     take-taken give-lost\n"
	"\n"
	"Exit status: 0 written; 1 nothing there to falsify; 2 wrong usage.\n";

static uint64_t dice; /* the state of the generator: the seed alone decides */

/* A Weyl sequence, scrambled by two rounds of multiply and shift. */
static uint64_t roll(uint64_t sides)
{
	uint64_t z = dice += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return (z ^ (z >> 32)) % sides;
}

/* --- making a log ------------------------------------------------------------------- */

enum service { COUNT, JOINT, CLOCK, ECHO, TAKE, GIVE, SERVICES };
static const char *const names[SERVICES] = {"count.server", "joint.server",
					    "clock",        "echo.server",
					    "take.frames",  "give.frames"};

struct client {
	uint64_t seq, chain, session, clock, left;
	int held; /* the frame, or -1 */
};

struct world {
	struct client clients[CLIENTS_MAX];
	unsigned count;
	uint64_t tickets, time;
	uint64_t version; /* of the server, 1 and 2 in turn */
	bool taken[FRAMES];
	const char *sin; /* NULL: none */
	uint64_t sin_at; /* record from which it may be committed */
	uint64_t written;
	bool sinned;
};

static uint64_t mix(uint64_t hash, uint64_t number, unsigned bytes)
{
	for (; bytes; bytes--, number >>= 8) {
		hash ^= number & 0xff;
		hash *= PRIME;
	}
	return hash;
}

static uint64_t echo_of(uint64_t client, uint64_t seq)
{
	return mix(mix(OFFSET, client, 4), seq, 8);
}

/* True once, at the first chance after sin_at. */
static bool sins(struct world *world, const char *sin)
{
	if (world->sinned || !world->sin || strcmp(world->sin, sin) != 0 ||
	    world->written < world->sin_at)
		return false;
	world->sinned = true;
	return true;
}

static int find_frame(const struct world *world, bool taken)
{
	unsigned start = (unsigned)roll(FRAMES);

	for (unsigned i = 0; i < FRAMES; i++)
		if (world->taken[(start + i) % FRAMES] == taken)
			return (int)((start + i) % FRAMES);
	return -1;
}

static int take(struct world *world)
{
	int frame = find_frame(world, false);
	int other = find_frame(world, true);

	if (other >= 0 && sins(world, "take-taken"))
		return other;
	if (frame >= 0)
		world->taken[frame] = true;
	return frame;
}

/* Serves a request; the value is the reply. */
static uint64_t serve(struct world *world, struct client *client, enum service service)
{
	uint64_t id = (uint64_t)(client - world->clients) + 1;

	switch (service) {
	case COUNT:
		if (sins(world, "count-lost"))
			return client->session;
		client->session += sins(world, "count-twice") ? 2 : 1;
		return client->session;
	case JOINT:
		if (world->tickets && sins(world, "joint-twice"))
			return world->tickets;
		world->tickets += sins(world, "joint-lost") ? 2 : 1;
		return world->tickets;
	case CLOCK:
		world->time += 1 + roll(1000);
		if (client->clock && sins(world, "clock-back"))
			return client->clock - 1;
		return client->clock = world->time;
	case ECHO:
		return echo_of(sins(world, "echo-crossed") ? id + 1 : id, client->seq);
	case TAKE:
		client->held = take(world);
		return (uint64_t)client->held;
	case GIVE:
	case SERVICES:
	default:
		world->taken[client->held] = false;
		id = (uint64_t)client->held;
		client->held = -1;
		return id;
	}
}

static void request(struct world *world, struct client *client, enum service service)
{
	uint64_t id = (uint64_t)(client - world->clients) + 1;
	uint64_t version = service == CLOCK ? 0 : world->version;
	uint64_t value;

	client->seq++;
	value = serve(world, client, service);
	client->chain = mix(client->chain, id, 4);
	client->chain = mix(client->chain, client->seq, 8);
	for (const char *at = names[service]; *at; at++)
		client->chain = mix(client->chain, (unsigned char)*at, 1);
	client->chain = mix(client->chain, 0, 1);
	client->chain = mix(client->chain, version, 4);
	client->chain = mix(client->chain, value, 8);
	printf("@C %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %" PRIx64 " %016" PRIx64 "\n",
	       id, client->seq, names[service], version, value, client->chain);
	world->written++;
}

static enum service choose(struct world *world, struct client *client)
{
	enum service service = (enum service)roll(TAKE + 1);

	if (service != TAKE)
		return service;
	if (client->held < 0)
		return find_frame(world, false) < 0 ? ECHO : TAKE;
	if (!sins(world, "give-lost"))
		return GIVE;
	client->held = -1; /* forgotten, and never given back */
	return ECHO;
}

/* The last requests of a client: what it holds goes back. */
static void finish(struct world *world, struct client *client)
{
	if (client->held >= 0)
		request(world, client, GIVE);
	printf("@E %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n",
	       (uint64_t)(client - world->clients) + 1, client->seq, client->chain);
}

static int make_log(unsigned clients, uint64_t records, const char *sin)
{
	static struct world world;
	unsigned running = clients;

	world = (struct world){.count = clients, .version = 1, .sin = sin};
	world.sin_at = roll(records / 2);
	for (unsigned i = 0; i < clients; i++)
		world.clients[i] = (struct client){
			.chain = OFFSET, .left = records / clients, .held = -1};
	puts("ok 1 - the clients have started");
	while (running) {
		struct client *client = &world.clients[roll(clients)];

		if (client->left == 0)
			continue;
		if (roll(20) == 0) {
			world.version = 3 - world.version;
			printf("# swapped, now version %" PRIu64 "\n", world.version);
		}
		request(&world, client, choose(&world, client));
		if (--client->left == 0) {
			finish(&world, client);
			running--;
		}
	}
	return !sin || world.sinned ? EXIT_WRITTEN : EXIT_CANNOT;
}

/* --- falsifying one ----------------------------------------------------------------- */

struct text {
	char **lines;
	size_t count;
};

static bool read_text(struct text *text)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		if ((text->count & (text->count - 1)) == 0) {
			size_t size = text->count ? 2 * text->count : 1;
			char **more = realloc(text->lines, size * sizeof(char *));

			if (!more)
				return false;
			text->lines = more;
		}
		text->lines[text->count++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	return true;
}

static void drop_text(struct text *text)
{
	while (text->count)
		free(text->lines[--text->count]);
	free(text->lines);
}

static bool is_record(const struct text *text, size_t at)
{
	return text->lines[at][0] == '@';
}

static bool same_client(const char *a, const char *b)
{
	size_t len = strcspn(a + 3, " ") + 1;

	return !strncmp(a + 3, b + 3, len);
}

/* The next record of the same client; or text->count. */
static size_t next_record(const struct text *text, size_t at)
{
	size_t next = at + 1;

	while (next < text->count && !(is_record(text, next) &&
				       same_client(text->lines[at], text->lines[next])))
		next++;
	return next;
}

/* Another digit for one of the line's, in any field but the service's name. */
static void change(char *line)
{
	static const char digits[] = "0123456789abcdef";
	bool end = line[1] == 'E';
	size_t field = 1, seen = 0, chosen = 0;
	size_t base = 10;
	char old;

	for (size_t i = 3; line[i] && line[i] != '\n'; i++) {
		field += line[i] == ' ';
		if (line[i] == ' ' || (field == 3 && !end) || roll(++seen) != 0)
			continue;
		chosen = i;
		base = field >= (end ? 3 : 5) ? 16 : 10;
	}
	for (old = line[chosen]; line[chosen] == old;)
		line[chosen] = digits[roll(base)];
}

static void write_lines(const struct text *text, size_t from, size_t to)
{
	for (; from < to; from++)
		fputs(text->lines[from], stdout);
}

/* A record chosen by the dice, one that has a next if asked; or text->count. */
static size_t choose_record(const struct text *text, bool with_next)
{
	size_t chosen = text->count, seen = 0;

	for (size_t at = 0; at < text->count; at++)
		if (is_record(text, at) &&
		    (!with_next || next_record(text, at) < text->count) &&
		    roll(++seen) == 0)
			chosen = at;
	return chosen;
}

static int falsify(const struct text *text, const char *lie)
{
	size_t at = choose_record(text, !strcmp(lie, "reorder"));
	size_t later;

	if (at == text->count)
		return EXIT_CANNOT;
	write_lines(text, 0, at);
	if (!strcmp(lie, "drop")) {
		later = at + 1;
	} else if (!strcmp(lie, "double")) {
		later = at + 1 + roll(text->count - at);
		write_lines(text, at, later);
		write_lines(text, at, at + 1);
	} else if (!strcmp(lie, "change")) {
		change(text->lines[at]);
		later = at;
	} else { /* reorder: to behind the next one of its client */
		later = next_record(text, at) + 1;
		write_lines(text, at + 1, later);
		write_lines(text, at, at + 1);
	}
	write_lines(text, later, text->count);
	return EXIT_WRITTEN;
}

static int tell_lie(const char *lie)
{
	struct text text = {0};
	int status = read_text(&text) ? falsify(&text, lie) : EXIT_CANNOT;

	drop_text(&text);
	return status;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

struct orders {
	bool make, help, version, wrong;
	const char *lie, *sin;
	unsigned long clients, records;
};

static unsigned long read_number(const char *text, struct orders *orders)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	orders->wrong |= *text < '0' || *text > '9' || *end;
	return number;
}

static void read_option(int option, struct orders *orders)
{
	switch (option) {
	case 'm':
		orders->make = true;
		break;
	case 'l':
		orders->lie = optarg;
		break;
	case 's':
		orders->sin = optarg;
		break;
	case 'd':
		dice = read_number(optarg, orders);
		break;
	case 'c':
		orders->clients = read_number(optarg, orders);
		break;
	case 'r':
		orders->records = read_number(optarg, orders);
		break;
	case 'h':
		orders->help = true;
		break;
	case 'V':
		orders->version = true;
		break;
	default:
		orders->wrong = true;
		break;
	}
}

static bool make_sense(const struct orders *orders)
{
	static const char *const lies[] = {"drop", "double", "reorder", "change", NULL};
	static const char *const sins_known[] = {
		"count-lost",   "count-twice", "joint-twice", "joint-lost", "clock-back",
		"echo-crossed", "take-taken",  "give-lost",   NULL};

	if (orders->wrong || orders->make == (orders->lie != NULL))
		return false;
	if (orders->lie)
		return !orders->sin && is_one_of(orders->lie, lies);
	return (!orders->sin || is_one_of(orders->sin, sins_known)) &&
	       orders->clients >= 1 && orders->clients <= CLIENTS_MAX &&
	       orders->records >= 2 * orders->clients;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"make", no_argument, NULL, 'm'},
		{"lie", required_argument, NULL, 'l'},
		{"sin", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'd'},
		{"clients", required_argument, NULL, 'c'},
		{"records", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct orders orders = {.clients = 4, .records = 400};
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(option, &orders);
	orders.wrong |= optind != argc;
	if (orders.help || orders.version) {
		fputs(orders.help ? help_text
				  : "liar (" PACKAGE_NAME ") " PACKAGE_VERSION "\n",
		      stdout);
		return EXIT_WRITTEN;
	}
	if (!make_sense(&orders)) {
		fputs("liar: wrong usage; see liar --help\n", stderr);
		return EXIT_WRONG_USAGE;
	}
	status = orders.make
			 ? make_log((unsigned)orders.clients, orders.records, orders.sin)
			 : tell_lie(orders.lie);
	if (status == EXIT_CANNOT)
		fputs("liar: nothing there to falsify\n", stderr);
	return fflush(stdout) ? EXIT_CANNOT : status;
}
