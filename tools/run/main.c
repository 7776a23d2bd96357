/*
 * theseus-run - runs an image in QEMU, by hand or before a judge.
 *
 * By hand the serial line is the terminal. With --test nobody looks on: the guest says
 * on its serial line what it tested, and the run ends in a verdict that the guest
 * cannot bring about by crashing, hanging, leaving early or miscounting. See verdict.h
 * for the rules, run.h for the parts and their invariants.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "run.h"

/* The rule in brackets and what was seen, from the verdict's sentence. */
static void say_json(const struct verdict *verdict)
{
	struct tool_text text = {0};
	const char *end = strchr(verdict->reason, ')');

	tool_text_add(&text, "{\"pass\": %s, \"passed\": ", verdict->pass ? "true" : "false");
	if (verdict->pass) {
		tool_text_add(&text, "%lu, \"rule\": null, \"seen\": null}", verdict->passed);
	} else {
		char *rule = tool_print("%.*s", end ? (int)(end - verdict->reason - 1) : 0,
					verdict->reason + 1);

		tool_text_add(&text, "null, \"rule\": ");
		tool_text_json(&text, rule);
		tool_text_add(&text, ", \"seen\": ");
		tool_text_json(&text, end ? end + 2 : verdict->reason);
		tool_text_add(&text, "}");
		free(rule);
	}
	puts(text.text);
	tool_text_free(&text);
}

static int say_verdict(const struct run_end *end, const struct run_files *files, bool json)
{
	struct verdict verdict;
	size_t len;
	char *log = files_read(files->serial, &len);

	if (!log) {
		tool_warn("cannot read %s: %s", files->serial, strerror(errno));
		return RUN_USAGE;
	}
	verdict_judge(end, log, len, &verdict);
	free(log);
	if (json)
		say_json(&verdict);
	else if (verdict.pass)
		printf("%lu passed, 0 failed\n", verdict.passed);
	else
		printf("theseus-run: FAIL %s\n", verdict.reason);
	if (fflush(stdout)) {
		tool_warn("cannot write the verdict: %s", strerror(errno));
		return RUN_USAGE;
	}
	return verdict.pass ? RUN_OK : RUN_FAIL;
}

/* Without --test: 0 if the guest, or who sat before it, ended it in order. */
static int say_end(const struct run_end *end)
{
	int status = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;

	if (end->timed_out || end->silent)
		return RUN_TIMEOUT;
	if (!end->started)
		tool_warn("QEMU ended before it ran the guest");
	else if (end->triple_fault)
		tool_warn("the guest ended in a triple fault");
	else if (end->flooded)
		tool_warn("more than %u MiB on the serial line", end->limit_mib);
	else if (WIFSIGNALED(end->status))
		tool_warn("QEMU died of signal %d", WTERMSIG(end->status));
	else if (status == VERDICT_EXIT_PANIC)
		tool_warn("the guest panicked");
	else if (status != 0 && status != VERDICT_EXIT_PASS)
		tool_warn("QEMU exited with %d", status);
	else
		return RUN_OK;
	return RUN_FAIL;
}

static int run(const struct run_options *options)
{
	struct run_files files;
	struct run_end end;
	int status = files_prepare(&files, options);

	if (status == RUN_MISSING && getenv("CI") && !strcmp(getenv("CI"), "true")) {
		tool_warn("and CI=true, where that is a failure");
		status = RUN_FAIL;
	}
	if (status == RUN_OK && options->print) {
		char **argv = command_build(options, &files, 3);

		if (argv)
			command_print(argv, stdout);
		status = argv && !fflush(stdout) ? RUN_OK : RUN_USAGE;
	} else if (status == RUN_OK) {
		status = watch_run(options, &files, &end);
		if (status == RUN_OK)
			status =
				options->test ? say_verdict(&end, &files, options->json)
					      : say_end(&end);
	}
	files_remove(&files);
	return status;
}

/* The signals that end us, and QEMU's end, are kept for watch.c's descriptor (R1). */
static void block_signals(sigset_t *before)
{
	static const int ours[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, before);
	sigemptyset(&set);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		struct sigaction now;

		/* One that nohup or a shell made us ignore is to stay ignored. */
		if (!sigaction(ours[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaddset(&set, ours[i]);
	}
	sigprocmask(SIG_SETMASK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct run_options options;
	sigset_t before;
	int status;

	tool_name = "theseus-run";
	status = options_parse(&options, argc, argv);
	if (status >= 0)
		return status;
	block_signals(&before);
	status = run(&options);
	if (status > 128) { /* end as the signal would have ended us */
		signal(status - 128, SIG_DFL);
		raise(status - 128);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
