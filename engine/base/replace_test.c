/* replace_test.c: a file is replaced by a whole one, or is what it was; nothing is left beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/replace.h"

static char folder[] = "/tmp/fsyncstorm-replace-XXXXXX";

static int begin(void **state)
{
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int end(void **state)
{
	return chdir("/") || rmdir(folder) ? -1 : 0; /* each test leaves it empty */
}

static unsigned entries(void)
{
	struct dirent **e;
	int n = scandir(".", &e, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(e[i]);
	if (n >= 0)
		free(e);
	return (unsigned)n - 2; /* "." and ".." */
}

static void write_file(const char *text, bool whole, int due)
{
	struct replace r;

	assert_int_equal(replace_begin(&r, "file"), 0);
	fputs(text, r.out);
	assert_int_equal(replace_end(&r, whole), due);
}

static void holds(const char *text)
{
	char is[64] = "";
	FILE *in = fopen("file", "r");

	assert_non_null(in);
	is[fread(is, 1, sizeof(is) - 1, in)] = 0;
	fclose(in);
	assert_string_equal(is, text);
	assert_int_equal(entries(), 1);
}

static void it_is_the_old_one_until_the_new_one_is_whole(void **state)
{
	struct replace r;

	write_file("old", true, 0);
	holds("old");
	write_file("given up", false, 0);
	holds("old");
	assert_int_equal(replace_begin(&r, "file"), 0);
	fputs("new", r.out);
	fflush(r.out);
	holds("old"); /* and nothing beside it: what is being written has no name */
	assert_int_equal(replace_end(&r, true), 0);
	holds("new");
	unlink("file");
}

static void what_cannot_be_written_changes_nothing(void **state)
{
	struct rlimit was, few;
	struct replace r;
	char long_path[REPLACE_PATH_MAX];

	write_file("old", true, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = (struct rlimit){ 2, was.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	write_file("too much", true, -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	holds("old");
	assert_int_equal(replace_begin(&r, "nosuch/file"), -ENOENT);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(replace_begin(&r, long_path), -ENAMETOOLONG);
	holds("old");
	unlink("file");
	assert_int_equal(mkdir("file", 0700), 0); /* in the way */
	assert_int_equal(replace_begin(&r, "file"), -EISDIR);
	assert_int_equal(replace_check("file"), -EISDIR);
	assert_int_equal(entries(), 1);
	rmdir("file");
}

/* The link stays, and what it names is replaced; also where that is not there yet. */
static void links_are_followed(void **state)
{
	struct stat st;
	struct replace r;

	assert_int_equal(mkdir("in", 0700), 0);
	assert_int_equal(symlink("in/real", "file"), 0);
	for (int i = 0; i < 2; i++) {
		write_file(i ? "second" : "first", true, 0);
		assert_int_equal(lstat("file", &st), 0);
		assert_true(S_ISLNK(st.st_mode));
		assert_int_equal(lstat("in/real", &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_size, i ? 6 : 5);
	}
	unlink("file");
	unlink("in/real");
	assert_int_equal(symlink("file", "file"), 0);
	assert_int_equal(replace_begin(&r, "file"), -ELOOP);
	unlink("file");
	rmdir("in");
}

/* A file keeps its mode, and a file beside it that has the name of a temporary one is nobody's to lose. */
static void it_is_the_same_file_to_its_owner(void **state)
{
	struct stat st;
	FILE *f = fopen("file.new", "w");

	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	write_file("old", true, 0);
	assert_int_equal(chmod("file", 0604), 0);
	write_file("new", true, 0);
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(entries(), 2);
	unlink("file.new");
	unlink("file");
}

/* A node as /dev/full is, but of ours: to replace the machine's own would be to break it. */
static void what_is_no_file_is_written_in_place(void **state)
{
	struct stat before, st;
	struct replace r;
	char text[8] = "";
	int fd;

	assert_int_equal(mkfifo("file", 0600), 0);
	assert_int_equal(replace_check("file"), 0);
	fd = open("file", O_RDWR | O_NONBLOCK);
	assert_true(fd >= 0);
	write_file("pipe", true, 0);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "pipe");
	close(fd);
	assert_int_equal(lstat("file", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	unlink("file");

	assert_int_equal(symlink("/dev/null", "file"), 0);
	write_file("nothing", true, 0);
	assert_int_equal(lstat("file", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink("file");
	if (geteuid() || mknod("file", S_IFCHR | 0666, makedev(1, 7))) {
		print_message("a node of /dev/full's kind: not made\n");
	} else {
		assert_int_equal(lstat("file", &before), 0);
		assert_int_equal(replace_check("file"), 0);
		if (!replace_begin(&r, "file")) { /* where the mount allows devices */
			fputs("too much", r.out);
			assert_int_equal(replace_end(&r, true), -ENOSPC);
		}
		assert_int_equal(lstat("file", &st), 0);
		assert_true(S_ISCHR(st.st_mode) && st.st_ino == before.st_ino);
		unlink("file");
		assert_int_equal(mknod("file", S_IFBLK | 0666, makedev(7, 255)), 0);
		assert_int_equal(replace_begin(&r, "file"), -EOPNOTSUPP);
		unlink("file");
	}
	assert_int_equal(entries(), 0);
}

/* Who names our own stdout by its path is not to lose what else is printed. */
static void our_own_output_is_written_through(void **state)
{
	struct replace r;
	int was = dup(1), fd = open("file", O_CREAT | O_WRONLY | O_TRUNC, 0600);

	fflush(stdout);
	dup2(fd, 1);
	close(fd);
	printf("before ");
	assert_int_equal(replace_check("/proc/self/fd/1"), 0);
	assert_int_equal(replace_begin(&r, "/proc/self/fd/1"), 0);
	fputs("it ", r.out);
	assert_int_equal(replace_end(&r, true), 0);
	printf("after");
	fflush(stdout);
	dup2(was, 1);
	close(was);
	holds("before it after");
	unlink("file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_old_one_until_the_new_one_is_whole),
		cmocka_unit_test(what_cannot_be_written_changes_nothing),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(it_is_the_same_file_to_its_owner),
		cmocka_unit_test(what_is_no_file_is_written_in_place),
		cmocka_unit_test(our_own_output_is_written_through),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
