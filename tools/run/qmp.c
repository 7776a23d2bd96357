/*
 * qmp - a few words with QEMU on its control socket.
 *
 * Said are the handshake and `cont`; at the end, if it is asked where the guest was,
 * `info registers` and `x` for its stack; and `quit`. Listened for is why the machine was
 * shut down. QEMU writes one JSON object a line, with its own fixed spacing; looking for
 * the words in it is enough, and a line longer than our buffer (only the registers of many
 * processors) is cut.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"

static void send_text(struct run_qmp *qmp, const char *text)
{
	/* A refusal means that QEMU is gone, which waitpid() tells better. */
	if (send(qmp->fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno == EPIPE)
		qmp->ending = true;
}

void qmp_init(struct run_qmp *qmp, int fd, bool hold)
{
	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = fd;
	send_text(qmp, "{\"execute\":\"qmp_capabilities\"}\n");
	if (hold) /* the debugger sets it going; an answer all the same */
		send_text(qmp, "{\"execute\":\"query-name\",\"id\":\"run\"}\n");
	else
		send_text(qmp, "{\"execute\":\"cont\",\"id\":\"run\"}\n");
}

static void ask_monitor(struct run_qmp *qmp, const char *id, const char *command)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"execute\":\"human-monitor-command\",\"id\":\"%s\","
		 "\"arguments\":{\"command-line\":\"%s\"}}\n",
		 id, command);
	send_text(qmp, text);
}

/* What the monitor printed, up to the quote that ends it; "" for an error. */
static const char *reply_of(const char *line)
{
	const char *at = strstr(line, "\"return\": \"");

	return at ? at + 11 : "";
}

static void hear_registers(struct run_qmp *qmp, const struct run_options *options)
{
	char command[64];
	bool more = false;

	if (!options->quiet) {
		qmp->symbols = options->kernel ? symbols_open(options->kernel) : NULL;
		more = where_registers(qmp->symbols, reply_of(qmp->line), command,
				       sizeof(command));
	}
	if (more && qmp->symbols)
		ask_monitor(qmp, "stack", command);
	send_text(qmp, "{\"execute\":\"quit\"}\n");
}

static void hear_line(struct run_qmp *qmp, const struct run_options *options)
{
	const char *line = qmp->line;
	const char *reason = strstr(line, "\"reason\": \"");

	if (strstr(line, "\"event\": \"SHUTDOWN\"")) {
		size_t len = reason ? strcspn(reason + 11, "\"") : 0;

		if (!qmp->shutdown[0])
			snprintf(qmp->shutdown, sizeof(qmp->shutdown), "%.*s",
				 reason ? (int)len : 7, reason ? reason + 11 : "unknown");
	} else if (strstr(line, "\"id\": \"run\"") && strstr(line, "\"return\"")) {
		qmp->running = true;
	} else if (strstr(line, "\"id\": \"registers\"")) {
		hear_registers(qmp, options);
	} else if (strstr(line, "\"id\": \"stack\"")) {
		where_stack(qmp->symbols, reply_of(line));
	}
}

bool qmp_read(struct run_qmp *qmp, const struct run_options *options)
{
	char bytes[1024];
	ssize_t got = recv(qmp->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	for (ssize_t i = 0; i < got; i++) {
		if (bytes[i] == '\n') {
			qmp->line[qmp->len] = '\0';
			hear_line(qmp, options);
			qmp->len = 0;
		} else if (qmp->len + 1 < sizeof(qmp->line)) {
			qmp->line[qmp->len++] = bytes[i];
		}
	}
	return true;
}

void qmp_quit(struct run_qmp *qmp, bool where)
{
	if (qmp->ending)
		return;
	qmp->ending = true;
	if (where) {
		send_text(qmp, "{\"execute\":\"stop\"}\n");
		ask_monitor(qmp, "registers", "info registers -a");
	} else {
		send_text(qmp, "{\"execute\":\"quit\"}\n");
	}
}
