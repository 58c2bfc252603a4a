/*
 * spawn_test.h: for tests that run the program itself, in an empty folder of their own, and look at all
 * it says and leaves behind.
 */
#ifndef SPAWN_TEST_H
#define SPAWN_TEST_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPAWN_ARGS_MAX 32

static char spawn_program[PATH_MAX];
static char spawn_folder[] = "/tmp/fsyncstorm-test-XXXXXX";
static char spawn_out[1 << 20], spawn_err[1 << 16];

static char spawn_repository[PATH_MAX]; /* where the tests were started */

/* A group's setup, as cmocka has it: finds the program, then goes to a fresh folder. */
static inline int spawn_begin(void **state)
{
	const char *program = getenv("FSYNCSTORM");

	if (!getcwd(spawn_repository, sizeof(spawn_repository)) || !realpath(program ? program : "build/fsyncstorm", spawn_program))
		return -1;
	return mkdtemp(spawn_folder) && !chdir(spawn_folder) ? 0 : -1;
}

static inline void spawn_slurp(int fd, char *out, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size - 1 && (n = read(fd, out + have, size - 1 - have)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	close(fd);
}

/* Runs the program with these arguments, split at spaces; what it said is in spawn_out and spawn_err. Its exit
 * status, or 128 + the signal that killed it. */
static inline int spawn(const char *args)
{
	char copy[4096], *argv[SPAWN_ARGS_MAX] = { spawn_program }, *save;
	int out = open(".out", O_RDWR | O_CREAT | O_TRUNC, 0600), err = open(".err", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int status, n = 1;
	pid_t pid;

	unlink(".out");
	unlink(".err");
	snprintf(copy, sizeof(copy), "%s", args);
	for (char *a = strtok_r(copy, " ", &save); a && n < SPAWN_ARGS_MAX - 1; a = strtok_r(NULL, " ", &save))
		argv[n++] = a;
	argv[n] = NULL;
	pid = fork();
	if (!pid) {
		dup2(out, 1);
		dup2(err, 2);
		execv(spawn_program, argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	lseek(out, 0, SEEK_SET);
	lseek(err, 0, SEEK_SET);
	spawn_slurp(out, spawn_out, sizeof(spawn_out));
	spawn_slurp(err, spawn_err, sizeof(spawn_err));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void spawn_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

/* Number of entries of the current folder. */
static inline unsigned spawn_left(void)
{
	DIR *d = opendir(".");
	unsigned n = 0;

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return n;
}

/* A group's teardown. */
static inline int spawn_end(void **state)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf %s", spawn_folder);
	return chdir("/") || system(command) ? -1 : 0;
}

#endif
