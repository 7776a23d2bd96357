/*
 * oracle_rules - what the records must add up to.
 *
 * Per client: numbers without gap or repetition, and the chain. Per service: its rule,
 * found by the part of its name before the dot. What only the whole log shows (tickets
 * without a gap, resources given back, clients that said their end) is judged last.
 */
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define FNV_BASIS    0xcbf29ce484222325u
#define FNV_PRIME    0x100000001b3u
#define SERVICES_MAX 64
#define VERSIONS_MAX 64

struct mark { /* a value, whose, and where it was seen */
	uint64_t value;
	uint64_t line;
	uint32_t client;
};

struct marks {
	struct mark *at;
	size_t count, room;
};

struct service {
	char name[ORACLE_NAME_MAX];
	bool (*rule)(struct oracle *, struct service *, uint64_t *last,
		     const struct record *);
	uint64_t records;
	struct marks marks; /* joint: tickets; take: what is taken */
	uint32_t versions[VERSIONS_MAX];
	size_t version_count;
};

struct client {
	uint32_t id;
	bool ended;
	uint64_t seq;                /* of its last record */
	uint64_t chain;              /* after it */
	uint64_t line;               /* and where it stands */
	uint64_t last[SERVICES_MAX]; /* value of the last reply, by service */
};

struct oracle {
	struct client *clients;
	size_t client_count;
	struct service services[SERVICES_MAX];
	size_t service_count;
	uint64_t records;
};

static uint64_t fnv(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	return hash;
}

static uint64_t fnv_number(uint64_t hash, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)(number >> (8 * i));

		hash = fnv(hash, &byte, 1);
	}
	return hash;
}

static uint64_t next_chain(uint64_t chain, const struct record *record)
{
	chain = fnv_number(chain, record->client, 4);
	chain = fnv_number(chain, record->seq, 8);
	chain = fnv(chain, record->service, strlen(record->service) + 1);
	chain = fnv_number(chain, record->version, 4);
	return fnv_number(chain, record->value, 8);
}

static bool add_mark(struct marks *marks, const struct record *record)
{
	if (marks->count == marks->room) {
		size_t room = marks->room ? marks->room * 2 : 1024;
		struct mark *at = realloc(marks->at, room * sizeof(*at));

		if (!at)
			return oracle_offence(record->line, "out of memory");
		marks->at = at;
		marks->room = room;
	}
	marks->at[marks->count++] = (struct mark){
		.value = record->value, .line = record->line, .client = record->client};
	return true;
}

/* --- the rules; each may keep the client's last value of the service in *last --- */

static bool rule_count(struct oracle *oracle, struct service *service, uint64_t *last,
		       const struct record *record)
{
	(void)oracle;
	if (record->value != *last + 1)
		return oracle_offence(
			record->line, "%s told client %u %llu where %llu was due",
			service->name, record->client, (unsigned long long)record->value,
			(unsigned long long)*last + 1);
	*last = record->value;
	return true;
}

static bool rule_joint(struct oracle *oracle, struct service *service, uint64_t *last,
		       const struct record *record)
{
	(void)oracle;
	(void)last;
	return add_mark(&service->marks, record); /* judged by finish_joint() */
}

static bool rule_clock(struct oracle *oracle, struct service *service, uint64_t *last,
		       const struct record *record)
{
	(void)oracle;
	if (record->value < *last)
		return oracle_offence(record->line,
				      "%s went back from %llx to %llx for client %u",
				      service->name, (unsigned long long)*last,
				      (unsigned long long)record->value, record->client);
	*last = record->value;
	return true;
}

static bool rule_echo(struct oracle *oracle, struct service *service, uint64_t *last,
		      const struct record *record)
{
	uint64_t due = fnv_number(FNV_BASIS, record->client, 4);

	(void)oracle;
	(void)last;
	due = fnv_number(due, record->seq, 8);
	if (record->value == due)
		return true;
	return oracle_offence(record->line, "%s told %llx where %llx was due",
			      service->name, (unsigned long long)record->value,
			      (unsigned long long)due);
}

static struct mark *find_mark(const struct marks *marks, uint64_t value)
{
	for (size_t i = 0; i < marks->count; i++)
		if (marks->at[i].value == value)
			return &marks->at[i];
	return NULL;
}

static bool rule_take(struct oracle *oracle, struct service *service, uint64_t *last,
		      const struct record *record)
{
	const struct mark *mark = find_mark(&service->marks, record->value);

	(void)oracle;
	(void)last;
	if (!mark)
		return add_mark(&service->marks, record);
	return oracle_offence(
		record->line, "%s gave client %u %llx, which client %u took in line %llu",
		service->name, record->client, (unsigned long long)record->value,
		mark->client, (unsigned long long)mark->line);
}

static struct service *find_service(struct oracle *oracle, const char *name)
{
	for (size_t i = 0; i < oracle->service_count; i++)
		if (!strcmp(oracle->services[i].name, name))
			return &oracle->services[i];
	return NULL;
}

static bool rule_give(struct oracle *oracle, struct service *service, uint64_t *last,
		      const struct record *record)
{
	char name[ORACLE_NAME_MAX] = "take";
	struct service *taken;
	struct mark *mark;

	(void)last;
	strcpy(name + 4, service->name + 4); /* "give" and "take" are of one length */
	taken = find_service(oracle, name);
	mark = taken ? find_mark(&taken->marks, record->value) : NULL;
	if (!mark || mark->client != record->client)
		return oracle_offence(record->line,
				      "client %u gives %llx back and does not hold it",
				      record->client, (unsigned long long)record->value);
	*mark = taken->marks.at[--taken->marks.count];
	return true;
}

static const struct {
	const char *name;
	bool (*rule)(struct oracle *, struct service *, uint64_t *,
		     const struct record *);
} rules[] = {{"count", rule_count}, {"joint", rule_joint}, {"clock", rule_clock},
	     {"echo", rule_echo},   {"take", rule_take},   {"give", rule_give}};

/* --- what was seen so far --- */

static struct service *meet_service(struct oracle *oracle, const struct record *record)
{
	struct service *service = find_service(oracle, record->service);
	size_t len = strcspn(record->service, ".");

	if (service)
		return service;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (strlen(rules[i].name) != len ||
		    strncmp(rules[i].name, record->service, len) != 0)
			continue;
		if (oracle->service_count == SERVICES_MAX) {
			oracle_offence(record->line, "too many services");
			return NULL;
		}
		service = &oracle->services[oracle->service_count++];
		strcpy(service->name, record->service);
		service->rule = rules[i].rule;
		return service;
	}
	oracle_offence(record->line, "no rule for service %s", record->service);
	return NULL;
}

static struct client *find_client(const struct oracle *oracle, uint32_t id)
{
	for (size_t i = 0; i < oracle->client_count; i++)
		if (oracle->clients[i].id == id)
			return &oracle->clients[i];
	return NULL;
}

static struct client *meet_client(struct oracle *oracle, uint32_t id)
{
	struct client *client = find_client(oracle, id);
	struct client *all;

	if (client)
		return client;
	all = realloc(oracle->clients, (oracle->client_count + 1) * sizeof(*all));
	if (!all) {
		oracle_offence(0, "out of memory");
		return NULL;
	}
	oracle->clients = all;
	client = &all[oracle->client_count++];
	*client = (struct client){.id = id, .chain = FNV_BASIS};
	return client;
}

static bool note_version(struct service *service, const struct record *record)
{
	for (size_t i = 0; i < service->version_count; i++)
		if (service->versions[i] == record->version)
			return true;
	if (record->version == 0)
		return true;
	if (service->version_count == VERSIONS_MAX)
		return oracle_offence(record->line, "too many versions of %s",
				      service->name);
	service->versions[service->version_count++] = record->version;
	return true;
}

static bool check_number(const struct client *client, const struct record *record)
{
	uint64_t due = client->seq + 1;

	if (client->ended)
		return oracle_offence(record->line, "client %u goes on after its end",
				      client->id);
	if (record->seq == due)
		return true;
	return oracle_offence(
		record->line, "client %u: record %llu where %llu was due: %s", client->id,
		(unsigned long long)record->seq, (unsigned long long)due,
		record->seq > due ? "lost or reordered" : "doubled or reordered");
}

bool oracle_record(struct oracle *oracle, const struct record *record)
{
	struct client *client = meet_client(oracle, record->client);
	struct service *service = client ? meet_service(oracle, record) : NULL;

	if (!service || !check_number(client, record))
		return false;
	client->chain = next_chain(client->chain, record);
	if (client->chain != record->chain)
		return oracle_offence(record->line,
				      "client %u: chain %016llx where %016llx was due",
				      client->id, (unsigned long long)record->chain,
				      (unsigned long long)client->chain);
	client->seq = record->seq;
	client->line = record->line;
	service->records++;
	oracle->records++;
	return note_version(service, record) &&
	       service->rule(oracle, service, &client->last[service - oracle->services],
			     record);
}

bool oracle_end(struct oracle *oracle, const struct record *record)
{
	struct client *client = find_client(oracle, record->client);

	if (!client)
		return oracle_offence(record->line, "end of client %u, never heard of",
				      record->client);
	if (client->ended)
		return oracle_offence(record->line, "client %u ends twice", client->id);
	if (client->seq != record->seq)
		return oracle_offence(record->line,
				      "client %u wrote %llu records, %llu were seen",
				      client->id, (unsigned long long)record->seq,
				      (unsigned long long)client->seq);
	if (client->chain != record->chain)
		return oracle_offence(record->line, "client %u ends with another chain",
				      client->id);
	client->ended = true;
	return true;
}

/* --- the whole log --- */

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static bool finish_joint(struct service *service)
{
	struct mark *at = service->marks.at;
	uint64_t due = 1;

	if (service->marks.count)
		qsort(at, service->marks.count, sizeof(*at), compare_marks);
	for (size_t i = 0; i < service->marks.count; i++, due++) {
		if (at[i].value == due)
			continue;
		if (i && at[i].value == at[i - 1].value)
			return oracle_offence(
				at[i].line, "%s told %llx already in line %llu",
				service->name, (unsigned long long)at[i].value,
				(unsigned long long)at[i - 1].line);
		return oracle_offence(at[i].line, "%s told %llx, but never %llx",
				      service->name, (unsigned long long)at[i].value,
				      (unsigned long long)due);
	}
	return true;
}

static bool finish_take(const struct service *service)
{
	const struct mark *mark = service->marks.at;

	if (!service->marks.count)
		return true;
	return oracle_offence(mark->line, "client %u never gave %llx back (%s)",
			      mark->client, (unsigned long long)mark->value,
			      service->name);
}

bool oracle_finish(struct oracle *oracle, size_t clients, uint64_t records)
{
	for (size_t i = 0; i < oracle->client_count; i++)
		if (!oracle->clients[i].ended)
			return oracle_offence(oracle->clients[i].line,
					      "the last of client %u, without an end",
					      oracle->clients[i].id);
	for (size_t i = 0; i < oracle->service_count; i++) {
		struct service *service = &oracle->services[i];

		if (service->rule == rule_joint && !finish_joint(service))
			return false;
		if (service->rule == rule_take && !finish_take(service))
			return false;
	}
	if (oracle->client_count == 0)
		return oracle_offence(0, "no records");
	if (oracle->client_count < clients)
		return oracle_offence(0, "%zu clients, %zu were asked for",
				      oracle->client_count, clients);
	if (oracle->records < records)
		return oracle_offence(0, "%llu records, %llu were asked for",
				      (unsigned long long)oracle->records,
				      (unsigned long long)records);
	return true;
}

bool oracle_versions(const struct oracle *oracle, const struct oracle_demand *demand)
{
	size_t met = 0;

	for (size_t i = 0; i < oracle->service_count; i++) {
		const struct service *service = &oracle->services[i];

		if (demand->service ? strcmp(demand->service, service->name) != 0
				    : service->version_count == 0)
			continue;
		if (service->version_count < demand->count)
			return oracle_offence(0, "%s: %zu versions, %zu were asked for",
					      service->name, service->version_count,
					      demand->count);
		met++;
	}
	return met ||
	       oracle_offence(0, "no record of %s",
			      demand->service ? demand->service
					      : "a service that tells its version");
}

void oracle_report(const struct oracle *oracle, FILE *out)
{
	fprintf(out, "oracle: agrees: %zu clients, %llu records\n", oracle->client_count,
		(unsigned long long)oracle->records);
	for (size_t i = 0; i < oracle->service_count; i++) {
		const struct service *service = &oracle->services[i];

		fprintf(out, "oracle:   %-20s %8llu records, %zu versions\n",
			service->name, (unsigned long long)service->records,
			service->version_count);
	}
}

struct oracle *oracle_create(void)
{
	return calloc(1, sizeof(struct oracle));
}

void oracle_destroy(struct oracle *oracle)
{
	if (!oracle)
		return;
	for (size_t i = 0; i < oracle->service_count; i++)
		free(oracle->services[i].marks.at);
	free(oracle->clients);
	free(oracle);
}
