/*
 * qmp - a few words with QEMU on its control socket.
 *
 * Four things are said: the handshake, `cont`, `info registers`, `quit`. One is
 * listened for: why the machine was shut down. QEMU writes one JSON object a line, with
 * its own fixed spacing; looking for the words in it is enough, and a line longer than
 * our buffer (only the registers of many processors) is cut.
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

/* Prints of "CPU#0\r\nEAX=..." those lines that say where the processor was. */
static void print_registers(const char *line)
{
	static const char *const wanted[] = {"CPU#", "EIP=", "RIP=", "RSP=", "CR0="};
	const char *at = strstr(line, "\"return\": \"");

	for (at = at ? at + 11 : ""; *at && *at != '"';) {
		size_t len = strcspn(at, "\\\"");

		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
			const char *word = strstr(at, wanted[i]);

			if (word && word < at + len) {
				run_say("  %.*s", (int)len, at);
				break;
			}
		}
		at += len;
		while (*at == '\\' && at[1])
			at += 2;
	}
}

static void hear_line(struct run_qmp *qmp, bool quiet)
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
		if (!quiet)
			print_registers(line);
		qmp->registers = false;
		send_text(qmp, "{\"execute\":\"quit\"}\n");
	}
}

bool qmp_read(struct run_qmp *qmp, bool quiet)
{
	char bytes[1024];
	ssize_t got = recv(qmp->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	for (ssize_t i = 0; i < got; i++) {
		if (bytes[i] == '\n') {
			qmp->line[qmp->len] = '\0';
			hear_line(qmp, quiet);
			qmp->len = 0;
		} else if (qmp->len + 1 < sizeof(qmp->line)) {
			qmp->line[qmp->len++] = bytes[i];
		}
	}
	return true;
}

void qmp_quit(struct run_qmp *qmp, bool registers)
{
	if (qmp->ending)
		return;
	qmp->ending = true;
	if (registers) {
		qmp->registers = true;
		send_text(qmp,
			  "{\"execute\":\"stop\"}\n"
			  "{\"execute\":\"human-monitor-command\",\"id\":\"registers\","
			  "\"arguments\":{\"command-line\":\"info registers -a\"}}\n");
	} else {
		send_text(qmp, "{\"execute\":\"quit\"}\n");
	}
}
