/*
 * watch.c: `fsyncstorm watch -p PID` or `-c COMMAND [ARG...]`: the syncs of a process that runs, or is started here:
 * how long they take, file by file, and where their time goes. The process is not stopped and nothing of it is changed.
 *
 * A table follows it on a terminal, else a line a file and interval; at its end, at Ctrl-C, or after --seconds stands
 * the report. What is not seen is told: writes through io_uring, stores through a mapping until their msync, and what
 * a new thread does in its first moments.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/screen.h"
#include "base/stop.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "kit/interrupt.h"
#include "machine/mem.h"
#include "recipe/results.h"
#include "target/disk.h"
#include "watch/files.h"

#define SECOND_NS 1000000000ull
#define LOOK_MS   20 /* between two looks for new threads */

struct options {
	pid_t pid;
	char **command;      /* NULL: -p */
	uint64_t seconds_ns, interval_ns;
	const char *json, *record;
};

struct watching {
	const struct options *opt;
	struct watched threads;
	struct watched_files files;
	char name[128];
	pid_t child;         /* 0: not ours */
	int go;              /* of the child, which waits for it to be closed */
	int status;          /* of the child when it has ended; -1: it has not */
	bool to_stdout;      /* JSON takes stdout */
};

static const struct argp_option table[] = {
	{ "pid", 'p', "PID", 0, "Watch this process, its threads, and children that it starts", 0 },
	{ "command", 'c', "COMMAND", 0, "Start this, with all that stands after it as its arguments, and watch it", 0 },
	{ "seconds", 's', "TIME", 0, "Stop after that long (when the process ends)", 0 },
	{ "interval", 'i', "TIME", 0, "Between two lines, or two tables on a terminal (1)", 0 },
	{ "json", 'j', "FILE", 0, "Also as JSON; - writes it to stdout in place of the report", 0 },
	{ "record", 'R', "FILE", 0, "Write a job file that does the same, for bench and fio", 0 },
	{ 0 },
};

static int wrong(const char *option, const char *expected, const char *value)
{
	cmd_error("watch", "--%s: expected %s, not `%.100s`", option, expected, value);
	return EINVAL;
}

static int at_end(const struct options *o)
{
	if (o->pid && o->command)
		cmd_error("watch", "--pid and --command: one of the two is expected");
	else if (!o->pid && !o->command)
		cmd_error("watch", "nothing to watch; expected -p PID, or -c COMMAND [ARG...]");
	else if (o->json && o->record && !strcmp(o->json, o->record))
		cmd_error("watch", "--json and --record: both name %.200s; each needs a file of its own", o->json);
	else
		return 0;
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	uint64_t n;

	switch (key) {
	case 'p':
		if (text_number(arg, &n) || !n || n > INT32_MAX)
			return wrong("pid", "the number of a process", arg);
		o->pid = (pid_t)n;
		return 0;
	case 'c':
		return 0; /* cut off before */
	case 's':
		return !text_time(arg, SECOND_NS, &o->seconds_ns) && o->seconds_ns ? 0 :
		       wrong("seconds", "a time above 0 such as 2 or 500ms", arg);
	case 'i':
		return !text_time(arg, SECOND_NS, &o->interval_ns) && o->interval_ns ? 0 :
		       wrong("interval", "a time above 0 such as 2 or 500ms", arg);
	case 'j':
		o->json = arg;
		return *arg ? 0 : wrong("json", "a file or -", arg);
	case 'R':
		o->record = arg;
		return *arg && strcmp(arg, "-") ? 0 : wrong("record", "a file that is not there yet", arg);
	case ARGP_KEY_ARG:
		cmd_error("watch", "%.100s: not expected; a command stands after -c", arg);
		return EINVAL;
	case ARGP_KEY_END:
		return at_end(o);
	}
	return ARGP_ERR_UNKNOWN;
}

static const char doc[] =
	"Shows where the syncs of a running process spend their time, file by file.\v"
	"Seen are fsync, fdatasync, sync_file_range, msync, and writes through a descriptor that is O_SYNC or O_DSYNC; "
	"fsync, fdatasync and sync_file_range through io_uring as well, but no writes through it. Root, or CAP_PERFMON "
	"and CAP_SYS_ADMIN, is needed.\n\n"
	"Example:\n  fsyncstorm watch -p $(pidof postgres | cut -d' ' -f1) -s 10\n"
	"  fsyncstorm watch -c sqlite3 a.db 'create table t(x)'";

static const struct argp argp = { table, parse, NULL, doc, NULL, NULL, NULL };

/* ---- a command ---- */

/* Becomes the command when its threads can be seen: when the other end of the pipe is closed. */
static void become(char **command, int go)
{
	char c;

	while (read(go, &c, 1) < 0 && errno == EINTR)
		;
	execvp(command[0], command);
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_command(struct watching *w)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return cmd_error("watch", "no process can be started: %s", strerror(errno));
	w->child = fork();
	if (!w->child) {
		close(fd[1]);
		become(w->opt->command, fd[0]);
	}
	close(fd[0]);
	w->go = fd[1];
	return w->child > 0 ? 0 : cmd_error("watch", "no process can be started: %s", strerror(errno));
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* In PATH, as execvp() looks for it: so that a wrong name is told before anything is started. */
static bool can_be_run(const char *command)
{
	char path[PATH_MAX], *all, *save;
	bool found = false;

	if (!*command || strchr(command, '/'))
		return is_program(command);
	const char *where = getenv("PATH");
	all = strdup(where ? where : "/usr/bin:/bin");
	for (char *dir = all ? strtok_r(all, ":", &save) : NULL; dir && !found; dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, sizeof(path), "%s/%s", dir, command);
		found = is_program(path);
	}
	free(all);
	return found;
}

static void look_at_child(struct watching *w)
{
	int status;

	if (w->child && w->status < 0 && waitpid(w->child, &status, WNOHANG) == w->child)
		w->status = status;
}

/* "sqlite3 (pid 12)". */
static void name_it(struct watching *w, pid_t pid)
{
	char path[64], comm[64] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	in = fopen(path, "re");
	if (in && !fgets(comm, sizeof(comm), in))
		comm[0] = '\0';
	if (in)
		fclose(in);
	comm[strcspn(comm, "\n")] = '\0';
	if (w->opt->command)
		snprintf(w->name, sizeof(w->name), "%.60s (pid %d)", w->opt->command[0], (int)pid);
	else
		snprintf(w->name, sizeof(w->name), "%s (pid %d)", comm, (int)pid);
}

/* ---- watching ---- */

/* For files.h: the device under a file, if a flush of it means something. */
static int device_of(const char *path, char *name, size_t size, struct why *why)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct disk disk;

	if (fd < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	disk_under(fd, &disk);
	close(fd);
	if (!disk.name[0] || disk.why[0])
		return why_set(why, -ENODEV, "%s", disk.why);
	snprintf(name, size, "%s", disk.name);
	return 0;
}

static void show(struct watching *w, uint64_t since, uint64_t now)
{
	if (w->to_stdout)
		return;
	if (isatty(STDOUT_FILENO)) {
		w->files.end_ns = now;
		fputs("\033[H\033[J", stdout);
		watched_files_print(&w->files, w->name, stdout);
	} else {
		watched_files_line(&w->files, stdout, since, now);
	}
	cmd_flush();
}

static void follow(struct watching *w)
{
	struct watched_calls tell = watched_files_calls(&w->files);
	uint64_t begin = kwait_now(), shown = begin, now = begin;
	unsigned left = 1;

	w->files.begin_ns = begin;
	w->files.device_of = device_of;
	w->files.wakers = w->threads.wakers;
	if (!w->threads.uring)
		snprintf(w->files.no_uring, sizeof(w->files.no_uring), "%.150s", w->threads.no_uring.text);
	if (!w->to_stdout && !isatty(STDOUT_FILENO)) {
		printf("watching %s: %u thread%s; the report comes at its end, or at Ctrl-C\n", w->name, w->threads.n,
		       w->threads.n == 1 ? "" : "s");
		cmd_flush();
	}
	watched_look(&w->threads, &tell); /* what is open before anything is called */
	if (w->child)
		close(w->go);
	while (left && !stop_asked() && (!w->opt->seconds_ns || now - begin < w->opt->seconds_ns)) {
		watched_wait(&w->threads, LOOK_MS);
		look_at_child(w);
		left = watched_look(&w->threads, &tell);
		now = kwait_now();
		if (now - shown < w->opt->interval_ns)
			continue;
		show(w, shown, now);
		shown = now;
	}
	w->files.end_ns = kwait_now();
	snprintf(w->files.no_wakers, sizeof(w->files.no_wakers), "%.150s", w->threads.no_wakers.text);
	watched_files_judge(&w->files);
	look_at_child(w);
}

static void tell_end(const struct watching *w)
{
	const struct watched *t = &w->threads;

	if (w->status >= 0 && WIFSIGNALED(w->status))
		printf("%s was ended by signal %d (%s)\n", w->name, WTERMSIG(w->status),
		       strsignal(WTERMSIG(w->status)));
	else if (w->status >= 0 && WEXITSTATUS(w->status))
		printf("%s ended with status %d\n", w->name, WEXITSTATUS(w->status));
	else if (!t->n)
		printf("%s has ended\n", w->name);
	else if (w->child && !interrupted())
		printf("%s goes on, and is watched no more\n", w->name);
	if (t->processes > 1)
		printf("with it, %u process%s that it started\n", t->processes - 1, t->processes == 2 ? "" : "es");
	if (watched_lost(t))
		printf("notice: %llu records of the kernel were dropped: some waits are not in the figures\n",
		       (unsigned long long)watched_lost(t));
}

static int put_record(const struct watching *w)
{
	FILE *out = fopen(w->opt->record, "wxe");
	int ret;

	if (!out)
		return cmd_error("watch", "--record: %.200s: %s", w->opt->record, strerror(errno));
	ret = watched_files_record(&w->files, w->name, out);
	if (fclose(out) && !ret)
		ret = -EIO;
	if (!ret)
		return 0;
	unlink(w->opt->record);
	if (ret == -ENOENT)
		return cmd_error("watch", "--record: no file was written and synced: there is no job to write");
	return cmd_error("watch", "--record: %.200s: %s", w->opt->record, strerror(-ret));
}

static int put_out(struct watching *w)
{
	json_t *o = w->opt->json ? watched_files_json(&w->files, w->name) : NULL;
	struct why why;
	int ret = 0;

	if (w->to_stdout) {
		json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		watched_files_print(&w->files, w->name, stdout);
		putchar('\n');
		tell_end(w);
	}
	if (o && !w->to_stdout && results_json_file(w->opt->json, o, &why))
		ret = cmd_error("watch", "--json: %s", why.text);
	json_decref(o);
	if (!ret && w->opt->record)
		ret = put_record(w);
	return ret;
}

/* What can be known to be wrong before a command is started. */
static int check(const struct options *o)
{
	struct why why;

	const char *program = o->command ? o->command[0] : NULL;
	if (program && !can_be_run(program))
		return cmd_error("watch", "--command: `%.200s`: no such program, or it may not be run", program);
	if (o->record && !access(o->record, F_OK))
		return cmd_error("watch", "--record: %.200s is there already", o->record);
	if (o->record && results_json_check(o->record, &why))
		return cmd_error("watch", "--record: %s", why.text);
	if (o->json && strcmp(o->json, "-") && results_json_check(o->json, &why))
		return cmd_error("watch", "--json: %s", why.text);
	return 0;
}

/* Each thread takes some: as many as may be had. After the command was started: its limit is its own. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int watch(struct watching *w)
{
	struct why why;
	pid_t pid;
	int ret = check(w->opt);

	if (!ret && w->opt->command)
		ret = start_command(w);
	if (ret)
		return ret;
	pid = w->child ? w->child : w->opt->pid;
	name_it(w, pid);
	allow_descriptors();
	if (watched_begin(&w->threads, pid, &why)) {
		if (w->child) {
			kill(w->child, SIGKILL); /* it is ours, and has not become the command yet */
			waitpid(w->child, NULL, 0);
		}
		return cmd_error("watch", "process %d: %s", (int)pid, why.text);
	}
	follow(w);
	ret = put_out(w);
	watched_end(&w->threads);
	if (!ret)
		ret = interrupted() ? interrupted() : w->files.early > 0; /* a promise was broken */
	watched_files_free(&w->files);
	return ret;
}

int cmd_watch(int argc, char **argv)
{
	struct options opt = { .interval_ns = SECOND_NS };
	struct watching w = { .opt = &opt, .status = -1 };
	int ret, last = argc;

	/* What stands after the command is its own. */
	for (int i = 1; i + 1 < argc && !opt.command; i++)
		if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "--command")) {
			opt.command = &argv[i + 1];
			last = i + 2;
		}
	if (opt.command) {
		char **mine = mem_zalloc(sizeof(*mine) * (size_t)(last + 1));

		memcpy(mine, argv, sizeof(*mine) * (size_t)last);
		ret = cmd_options(&argp, last, mine, &opt);
		free(mine);
	} else {
		ret = cmd_options(&argp, argc, argv, &opt);
	}
	if (ret)
		return ret;
	w.to_stdout = opt.json && !strcmp(opt.json, "-");
	watch_interrupts();
	return watch(&w);
}
