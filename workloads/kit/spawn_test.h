/*
 * spawn_test.h: for tests that run the program itself, in an empty folder of their own, and look at all
 * it says and leaves behind.
 */
#ifndef KIT_SPAWN_TEST_H
#define KIT_SPAWN_TEST_H

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

	if (!getcwd(spawn_repository, sizeof(spawn_repository)) ||
	    !realpath(program ? program : "build/fsyncstorm", spawn_program))
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

/* Becomes a program, with its arguments split at spaces. */
static inline void spawn_exec(const char *program, const char *args)
{
	char copy[4096], *argv[SPAWN_ARGS_MAX] = { (char *)program }, *save;
	int n = 1;

	snprintf(copy, sizeof(copy), "%s", args);
	for (char *a = strtok_r(copy, " ", &save); a && n < SPAWN_ARGS_MAX - 1; a = strtok_r(NULL, " ", &save))
		argv[n++] = a;
	argv[n] = NULL;
	execvp(program, argv);
	_exit(127);
}

static int spawn_fd[2]; /* where what it says goes, until spawn_finish() */

/* Starts the program with these arguments; its pid. */
static inline pid_t spawn_start(const char *args)
{
	pid_t pid;

	for (int i = 0; i < 2; i++)
		spawn_fd[i] = memfd_create("said", MFD_CLOEXEC);
	pid = fork();
	if (!pid) {
		dup2(spawn_fd[0], 1);
		dup2(spawn_fd[1], 2);
		spawn_exec(spawn_program, args);
	}
	return pid;
}

/* Waits for it; what it said is in spawn_out and spawn_err. Its exit status, or 128 + the signal that killed it. */
static inline int spawn_finish(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	lseek(spawn_fd[0], 0, SEEK_SET);
	lseek(spawn_fd[1], 0, SEEK_SET);
	spawn_slurp(spawn_fd[0], spawn_out, sizeof(spawn_out));
	spawn_slurp(spawn_fd[1], spawn_err, sizeof(spawn_err));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Both. */
static inline int spawn(const char *args)
{
	return spawn_finish(spawn_start(args));
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

/* Loop devices whose file lies in the test's folder. */
static inline unsigned spawn_loops_left(void)
{
	char line[PATH_MAX];
	unsigned n = 0;
	glob_t g;

	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &g))
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		if (f && fgets(line, sizeof(line), f))
			n += !strncmp(line, spawn_folder, strlen(spawn_folder));
		if (f)
			fclose(f);
	}
	globfree(&g);
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
