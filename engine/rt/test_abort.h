/*
 * test_abort.h: runs a function in a child process that is expected to stop itself by CHECK().
 */
#ifndef RT_TEST_ABORT_H
#define RT_TEST_ABORT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* True when fn() died of SIGABRT and its stderr holds `message`. */
static inline bool aborts_with(void (*fn)(void), const char *message)
{
	char text[4096];
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		return false;
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof(text) - 1 && (got = read(fd[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(fd[0]);
	if (waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, message))
		return true;
	printf("expected an abort with \"%s\", got status %#x and:\n%s", message, (unsigned)status, text);
	return false;
}

#endif
