/* program.c: see program.h. */
#include "kit/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "kit/interrupt.h"

#define LISTEN_MS   100
#define PATIENCE    50 /* times LISTEN_MS: how long after SIGTERM comes SIGKILL */
#define NOT_THERE   127

static const char search[] = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/* What the program says: on its stdout, or on its stderr. */
struct listener {
	int fd;
	FILE *text;
	char *data;
	size_t size;
};

static void in_child(const char *folder, char *const argv[], pid_t parent, int out, int err)
{
	char *path = getenv("PATH"), both[4096];

	end_with(parent);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(out, 1);
	dup2(err, 2);
	snprintf(both, sizeof(both), "%s%s%s", search, path ? ":" : "", path ? path : "");
	putenv(both);
	if (folder && chdir(folder))
		_exit(NOT_THERE);
	execvp(argv[0], argv);
	_exit(NOT_THERE);
}

static int listen_to(struct listener *l, int fd)
{
	*l = (struct listener){ .fd = fd };
	fcntl(fd, F_SETFL, O_NONBLOCK);
	l->text = open_memstream(&l->data, &l->size);
	return l->text ? 0 : -ENOMEM;
}

/* False when nothing more will come. */
static bool take(struct listener *l)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(l->fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, l->text);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Reads until both are closed. Ctrl-C ends the program. */
static void listen_both(struct listener *l, pid_t pid)
{
	struct pollfd p[2] = { { l[0].fd, POLLIN, 0 }, { l[1].fd, POLLIN, 0 } };
	unsigned stopping = 0;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		poll(p, 2, LISTEN_MS);
		for (int i = 0; i < 2; i++)
			if (p[i].fd >= 0 && !take(&l[i]))
				p[i].fd = -1;
		if (stop_asked() && stopping++ % PATIENCE == 0)
			kill(pid, stopping > 1 ? SIGKILL : SIGTERM);
	}
}

/* Of what it complained of: how it is to be used, which some say after it, is no complaint. */
static const char *last_line(char *text)
{
	char *at = strcasestr(text, "\nusage:");

	if (at)
		*at = '\0';
	for (size_t n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = '\0';
	at = strrchr(text, '\n');
	return at ? at + 1 : text;
}

/* Somebody ended it, or the kernel did for want of memory: it was no fault of its own. */
static bool is_of_others(int signal)
{
	return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

static int verdict(char *const argv[], int status, char *said, struct why *why)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (stop_asked())
		return why_set(why, -EINTR, "%s was stopped", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		return why_set(why, -ENOENT, "%s is not installed", argv[0]);
	if (WIFSIGNALED(status) && is_of_others(WTERMSIG(status)))
		return why_set(why, -EINTR, "%s was killed: %s", argv[0], strsignal(WTERMSIG(status)));
	if (WIFSIGNALED(status))
		return why_set(why, -EIO, "%s crashed: %s", argv[0], strsignal(WTERMSIG(status)));
	return why_set(why, -EIO, "%s failed: %s", argv[0], last_line(said));
}

static int run_with(const char *folder, char *const argv[], const int out[2], const int err_pipe[2], char **text,
                    struct why *why)
{
	struct listener l[2] = { { .fd = -1 }, { .fd = -1 } };
	int status = 0, ret;
	pid_t parent = getpid(), pid = fork();

	if (!pid)
		in_child(folder, argv, parent, out[1], err_pipe[1]);
	close(out[1]);
	close(err_pipe[1]);
	ret = pid < 0 ? -errno : listen_to(&l[0], out[0]);
	if (!ret)
		ret = listen_to(&l[1], err_pipe[0]);
	if (!ret)
		listen_both(l, pid);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 2; i++)
		if (l[i].text)
			fclose(l[i].text);
	close(out[0]);
	close(err_pipe[0]);
	if (ret)
		why_set(why, ret, "cannot run %s: %s", argv[0], strerror(-ret));
	else
		ret = verdict(argv, status, l[1].data, why);
	if (!ret && text) {
		*text = l[0].data;
		l[0].data = NULL;
	}
	free(l[0].data);
	free(l[1].data);
	return ret;
}

int program_run_in(const char *folder, char *const argv[], char **out, struct why *why)
{
	int o[2], e[2];

	if (pipe2(o, O_CLOEXEC))
		goto no_pipe;
	if (!pipe2(e, O_CLOEXEC))
		return run_with(folder, argv, o, e, out, why);
	close(o[0]);
	close(o[1]);
no_pipe:
	return why_set(why, -errno, "cannot run %s: %s", argv[0], strerror(errno));
}

int program_run(char *const argv[], char **out, struct why *why)
{
	return program_run_in(NULL, argv, out, why);
}
