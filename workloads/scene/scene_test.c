/* scene_test.c: a scenario's text: every word is read, each error names its line, the shipped ones have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scene/scene.h"

static struct scene *s;
static struct why why;

static void parse(const char *text)
{
	if (scene_parse("some/t.scn", text, &s, &why))
		fail_msg("%s", why.text);
}

static const struct scene_step *step(unsigned thread, unsigned i)
{
	assert_true(thread < s->nthreads && i < s->thread[thread].n);
	return &s->thread[thread].step[i];
}

/* ---- what is read ---- */

static void keys_are_read(void **state)
{
	parse("[scenario]\n"
	      "what = two words # and a comment\n"
	      "story = one\n"
	      "   two\n"
	      "\ttwo and a half\n"
	      "cites = Linux 1\n"
	      "beside = writer-fsyncer\n"
	      "[setup]\n"
	      "mkfs = nodesize=16k, metadata=dup, subvols=3\n"
	      "mount = compress, max_inline=2k, memory=5, pieces\n"
	      "[thread t]\nsync\n"
	      "[faults]\ndata_write_error = 2\ntree_write_error = 3\nsuper_write_error = 4\nflush_error = 5\n"
	      "read_error = 6\nlog_memory_error = 7\ndata_space_error = 8\ntree_space_error = 9\n"
	      "[hunt]\ngranularity = fine\n"
	      "[expect]\nprefix = breaks\npostfix=holds\nother = any\n"
	      "[expect beside]\nprefix = holds\n");
	assert_string_equal(s->name, "t");
	assert_string_equal(s->what, "two words");
	assert_string_equal(s->story, "one\ntwo\ntwo and a half");
	assert_string_equal(s->cites, "Linux 1");
	assert_true(s->beside && s->dup && s->compress && s->pieces && s->fine);
	assert_int_equal(s->nodesize, 16384);
	assert_int_equal(s->subvols, 3);
	assert_int_equal(s->max_inline, 2048);
	assert_int_equal(s->memory, 5);
	for (unsigned i = 0; i < SCENE_FAULTS; i++)
		assert_int_equal(s->fault[i], i + 2);
	assert_int_equal(s->nexpects, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(s->expect[i].verdict, ((uint8_t[]){ SCENE_BREAKS, SCENE_HOLDS, SCENE_ANY })[i]);
	assert_true(s->expect[3].beside && !s->expect[0].beside);
	assert_string_equal(s->expect[2].design, "other");
	scene_free(s);
}

static void what_is_not_said_is_as_usual(void **state)
{
	parse("[thread only]\nsync\n");
	assert_string_equal(s->what, "");
	assert_string_equal(s->story, "");
	assert_int_equal(s->nodesize, 4096);
	assert_int_equal(s->subvols, 1);
	assert_int_equal(s->thread[0].repeat, 1);
	assert_false(s->beside || s->dup || s->compress || s->pieces || s->fine);
	for (unsigned i = 0; i < SCENE_FAULTS; i++)
		assert_int_equal(s->fault[i], 0);
	scene_free(s);
}

static void files_are_made_before_and_named_everywhere(void **state)
{
	parse("[setup]\nmkfs = subvols=2\nfile a nodatasum\nfile b 8k nodatacow in 1\nfile c in 1\na truncate 512\n"
	      "[thread t]\nb pwrite 0 4k\nnew pwrite 0 4k\n"
	      "[thread u]\nnew create in 1\nmv b d\nln d e\n");
	assert_int_equal(s->nnames, 6);
	assert_int_equal(s->name_of[1].subvol, 1);
	assert_int_equal(s->name_of[1].bytes, 8192);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(s->name_of[i].attribute,
		                 ((uint8_t[]){ SCENE_NODATASUM, SCENE_NODATACOW, SCENE_DATASUM })[i]);
	assert_true(s->name_of[2].there && s->name_of[2].subvol == 1 && !s->name_of[2].bytes);
	assert_string_equal(s->name_of[3].name, "new");
	assert_true(!s->name_of[3].there && s->name_of[3].opens && s->name_of[3].subvol == 1);
	assert_true(!s->name_of[4].opens && s->name_of[4].subvol == 1); /* d, of b */
	assert_int_equal(s->name_of[5].subvol, 1);                      /* e, of d */
	assert_int_equal(s->setup.n, 1);
	assert_int_equal(s->setup.step[0].off, 512);
	assert_int_equal(step(0, 1)->file, 3);
	assert_int_equal(step(1, 1)->to, 4);
	scene_free(s);
}

static void every_operation_is_read(void **state)
{
	static const uint8_t op[] = { SCENE_PWRITE, SCENE_PWRITE, SCENE_TRUNCATE, SCENE_FALLOC, SCENE_FPUNCH,
		                      SCENE_FSYNC, SCENE_FDATASYNC, SCENE_SYNC_RANGE, SCENE_SYNC_RANGE, SCENE_MMAP,
		                      SCENE_MWRITE, SCENE_MSYNC, SCENE_WRITEBACK, SCENE_FADVISE, SCENE_FIEMAP,
		                      SCENE_CLOSE, SCENE_OPEN, SCENE_CREATE, SCENE_DIR_FSYNC, SCENE_MV, SCENE_LN,
		                      SCENE_RM, SCENE_SYNC, SCENE_COMMIT, SCENE_AIO_WRITE, SCENE_AIO_WAIT,
		                      SCENE_DROP_CACHES, SCENE_MARK };
	static const uint8_t flags[] = { [0] = SCENE_DIRECT | SCENE_DSYNC, [3] = SCENE_KEEP_SIZE, [8] = SCENE_WAIT,
		                         [13] = SCENE_DIRECT };

	parse("[setup]\nfile a\n[thread t]\nrepeat 3\n"
	      "a pwrite -d -D 4k 8k\na pwrite 0 512\na truncate 1m\na falloc -k 0 64k\na fpunch 4k 4k\n"
	      "a fsync\na fdatasync\na sync_range -w 0 4k\na sync_range -wa 0 4k\na mmap 0 16k\n"
	      "a mwrite 4k 4k\na msync 0 16k\na writeback\na fadvise -d\na fiemap\na close\n"
	      "a open\nb create\n. fsync\nmv a c\nln a d\nrm a\n"
	      "sync\ncommit\na aio_write 0 4k\naio_wait\ndrop_caches\nmark m\n"
	      "[thread u]\nat m\n");
	assert_int_equal(s->thread[0].repeat, 3);
	assert_int_equal(s->thread[0].n, sizeof(op));
	for (unsigned i = 0; i < sizeof(op); i++) {
		assert_int_equal(step(0, i)->op, op[i]);
		assert_int_equal(step(0, i)->flags, i < sizeof(flags) ? flags[i] : 0);
		assert_int_equal(step(0, i)->line, i + 5);
	}
	assert_int_equal(step(0, 0)->off, 4096);
	assert_int_equal(step(0, 0)->len, 8192);
	assert_int_equal(step(1, 0)->op, SCENE_AT);
	assert_int_equal(step(1, 0)->mark, step(0, sizeof(op) - 1)->mark);
	for (unsigned i = 0; i < SCENE_OPS; i++)
		assert_true(*scene_op_name((enum scene_op)i));
	scene_free(s);
}

/* ---- what is wrong ---- */

#define FILE_A "[setup]\nfile a 8k\n"
#define THREAD FILE_A "[thread t]\n"

static const struct {
	const char *text, *says;
} bad[] = {
	{ "sync\n", "t.scn:1: sync: it stands before the first [section]" },
	{ "[thraed t]\nsync\n", "t.scn:1: [thraed]: no such section; did you mean thread?" },
	{ "[thread t\nsync\n", "t.scn:1: [thread t: `[SECTION]` is expected" },
	{ "[setup x]\n", "t.scn:1: [setup x]: no name is expected" },
	{ "[thread]\nsync\n",
	  "t.scn:1: thread : a name of 1 to 23 letters, not beginning with '.' or '-', is expected" },
	{ "[thread a/b]\nsync\n", "t.scn:1: thread a/b: a name has letters, digits, '_', '-' and '.'" },
	{ "[thread t]\nsync\n[thread t]\nsync\n", "t.scn:3: t: a thread of that name is there already, by line 1" },
	{ FILE_A, "t.scn:2: no [thread NAME]" },
	{ THREAD, "t.scn:3: [thread t]: no line" },
	{ "[scenario]\nwhta = x\n", "t.scn:2: whta: no such key; did you mean what?" },
	{ "[scenario]\nwhat\n", "t.scn:2: what: `KEY = VALUE` is expected" },
	{ "[scenario]\nwhat = \n", "t.scn:2: what: a value is expected" },
	{ "[scenario]\nwhat = x\nwhat = y\n", "t.scn:3: what: it is there already" },
	{ "[scenario]\nbeside = me\n", "t.scn:2: beside: me: writer-fsyncer is expected" },
	{ "[setup]\nmkfs = nodsize=4k\n", "t.scn:2: mkfs: nodsize: no such option; did you mean nodesize?" },
	{ "[setup]\nmkfs = nodesize=5k\n", "t.scn:2: nodesize: 5k: not a multiple of 4096" },
	{ "[setup]\nmkfs = metadata=raid1\n", "t.scn:2: metadata: raid1: single or dup is expected" },
	{ "[setup]\nmkfs = subvols=9\n", "t.scn:2: subvols: 9: a number from 1 to 8 is expected" },
	{ "[setup]\nmount = max_inline=4k\n", "t.scn:2: max_inline: 4k: at most 2k is expected" },
	{ "[setup]\nmount = pieces=4k\n", "t.scn:2: pieces: 4k: no value is expected" },
	{ "[setup]\nmount = memory=0\n", "t.scn:2: memory: 0: a number from 1 to 1000 is expected" },
	{ "[setup]\nmount = compress=zstd\n", "t.scn:2: compress: zstd: no value is expected" },
	{ "[setup]\nfile\n", "t.scn:2: file: `file NAME [SIZE] [nodatasum|nodatacow] [in SUBVOLUME]` is expected" },
	{ "[setup]\nfile a 100\n", "t.scn:2: file: 100: not a multiple of 512" },
	{ "[setup]\nfile a 2m\n", "t.scn:2: file: 2m: at most 1m is expected" },
	{ "[setup]\nfile a 4k in 1\n", "t.scn:2: in: 1: a number from 0 to 0 is expected" },
	{ "[setup]\nfile a 4k at 1\n", "t.scn:2: at: `in SUBVOLUME` is expected, or nothing" },
	{ FILE_A "file a\n", "t.scn:3: a: a file of that name is there already, by line 2" },
	{ "[setup]\nfile sync\n", "t.scn:2: sync: a word of the language is no name of a file" },
	{ FILE_A "file b 1m\n[thread t]\nsync\n",
	  "t.scn:5: files of 1056768 bytes: at most 1m is expected of all together" },
	{ FILE_A "a create\n", "t.scn:3: create: not in [setup]" },
	{ THREAD "a fsink\n", "t.scn:4: fsink: not an operation on a file; did you mean fsync?" },
	{ THREAD "a\n", "t.scn:4: a: an operation is expected after the file" },
	{ THREAD "snyc\n", "t.scn:4: snyc: neither a file of this scenario nor a word; did you mean sync?" },
	{ THREAD "b fsync\n", "t.scn:4: b: no file of this scenario; did you mean a?" },
	{ THREAD "ln a b\nb fsync\n", "t.scn:5: b: not open: `b open` comes first" },
	{ THREAD "a pwrite 0\n", "t.scn:4: pwrite: an offset and a length are expected" },
	{ THREAD "a pwrite 0 4x\n", "t.scn:4: pwrite: 4x: a size is expected, as 4096 or 4k" },
	{ THREAD "a pwrite 0 100\n", "t.scn:4: pwrite: 100: not a multiple of 512" },
	{ THREAD "a pwrite 0 0\n", "t.scn:4: pwrite: a length of 0" },
	{ THREAD "a pwrite 1m 4k\n", "t.scn:4: pwrite: 1m 4k: beyond 1m, the end of the largest file" },
	{ THREAD "a pwrite -z 0 4k\n", "t.scn:4: pwrite: -z: it takes no letters but dD" },
	{ THREAD "a fsync -z\n", "t.scn:4: fsync: -z: it takes no letters" },
	{ THREAD "a fsync 0 4k\n", "t.scn:4: fsync: 0: nothing more is expected" },
	{ THREAD "a truncate\n", "t.scn:4: truncate: a size is expected" },
	{ THREAD "a mmap 0 4k\na mwrite 4k 4k\n", "t.scn:5: mwrite: a: no `mmap` of that range stands before it" },
	{ THREAD "mv a\n", "t.scn:4: mv: two names are expected" },
	{ THREAD "mv a a\n", "t.scn:4: mv: twice the same name, a" },
	{ "[setup]\nmkfs = subvols=2\nfile a\nfile b in 1\n[thread t]\nmv a b\n",
	  "t.scn:6: mv: a and b are in two subvolumes" },
	{ THREAD "rm b\n", "t.scn:4: b: no file of this scenario; did you mean a?" },
	{ THREAD "sync a\n", "t.scn:4: sync: nothing more is expected" },
	{ THREAD ".3 fsync\n", "t.scn:4: the directory of subvolume: 3: a number from 0 to 0 is expected" },
	{ THREAD ". sync\n", "t.scn:4: .: of a directory, `fsync` is expected" },
	{ THREAD "sync\nrepeat 2\n", "t.scn:5: repeat: it stands once, and before all else of a thread" },
	{ THREAD "repeat 0\nsync\n", "t.scn:4: repeat: 0: a number from 1 to 100 is expected" },
	{ THREAD "at nowhere\n[thread u]\nmark nowhre\n",
	  "t.scn:4: at: nowhere: no thread has `mark nowhere`; did you mean nowhre?" },
	{ THREAD "at m\nmark m\n", "t.scn:4: at: m: whoever has `mark m` waits for t, too" },
	{ THREAD "at m\nmark n\n[thread u]\nat n\nmark m\n", "t.scn:4: at: m: whoever has `mark m` waits for t, too" },
	{ THREAD "a close\n[thread u]\na fsync\n", "t.scn:4: close: a: thread u uses it, too" },
	{ THREAD "sync\n[faults]\ndata_write_error = 0\n",
	  "t.scn:6: data_write_error: 0: a number from 1 to 1000 is expected" },
	{ THREAD "sync\n[faults]\ntree_write_error = 1001\n",
	  "t.scn:6: tree_write_error: 1001: a number from 1 to 1000 is expected" },
	{ THREAD "sync\n[hunt]\ngranularity = medium\n", "t.scn:6: granularity: medium: coarse or fine is expected" },
	{ THREAD "sync\n[expect]\nprefix\n", "t.scn:6: prefix: `DESIGN = VERDICT` is expected" },
	{ THREAD "sync\n[expect]\nprefix = loses\n", "t.scn:6: prefix: loses: holds, breaks or any is expected" },
	{ THREAD "sync\n[expect]\nprefix = any\nprefix = any\n",
	  "t.scn:7: prefix: a verdict of it is there already, by line 6" },
	{ "[scenario]\nwhat = \001\n", "t.scn:2: a byte 1: text is expected" },
};

static void errors_name_file_line_and_word(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = NULL;
		assert_int_not_equal(scene_parse("t.scn", bad[i].text, &s, &why), 0);
		if (strcmp(why.text, bad[i].says))
			fail_msg("case %zu: got \"%s\", expected \"%s\"", i, why.text, bad[i].says);
		assert_null(s);
	}
}

static void too_much_is_refused(void **state)
{
	char text[8192] = "[setup]\n";
	char *end = text + strlen(text);

	for (unsigned i = 0; i <= SCENE_NAMES; i++)
		end += sprintf(end, "file f%u\n", i);
	assert_int_not_equal(scene_parse("t.scn", text, &s, &why), 0);
	assert_string_equal(why.text, "t.scn:18: f16: more than 16 names of files");
	end = text;
	for (unsigned i = 0; i <= SCENE_THREADS; i++)
		end += sprintf(end, "[thread t%u]\nsync\n", i);
	assert_int_not_equal(scene_parse("t.scn", text, &s, &why), 0);
	assert_string_equal(why.text, "t.scn:17: t8: more than 8 threads");
	end = text + sprintf(text, "[thread t]\n");
	for (unsigned i = 0; i <= SCENE_STEPS; i++)
		end += sprintf(end, "sync\n");
	assert_int_not_equal(scene_parse("t.scn", text, &s, &why), 0);
	assert_string_equal(why.text, "t.scn:62: sync: more than 60 lines of one thread");
	end = text + sprintf(text, "[thread t]\n");
	for (unsigned i = 0; i <= SCENE_MARKS; i++)
		end += sprintf(end, "mark m%u\n", i);
	assert_int_not_equal(scene_parse("t.scn", text, &s, &why), 0);
	assert_string_equal(why.text, "t.scn:18: m16: more than 16 marks");
	sprintf(text, "[thread t]\n%0201d\n", 1);
	assert_int_not_equal(scene_parse("t.scn", text, &s, &why), 0);
	assert_string_equal(why.text, "t.scn:2: 00000000000000000000...: a line of at most 200 letters is expected");
}

/* ---- files ---- */

static void a_file_is_loaded_or_refused(void **state)
{
	char path[] = "/tmp/fsyncstorm-scene-XXXXXX", *text;
	int fd = mkstemp(path);

	assert_true(write(fd, "[thread t]\nsync\n", 16) == 16);
	assert_int_equal(scene_load(path, &s, &text, &why), 0);
	assert_string_equal(text, "[thread t]\nsync\n");
	free(text);
	scene_free(s);
	assert_true(write(fd, "\0", 1) == 1);
	assert_int_not_equal(scene_load(path, &s, &text, &why), 0);
	assert_non_null(strstr(why.text, ": no scenario: it has a NUL byte"));
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_not_equal(scene_load(path, &s, &text, &why), 0);
	assert_non_null(strstr(why.text, ": no scenario: larger than 64k"));
	close(fd);
	unlink(path);
	assert_int_not_equal(scene_load(path, &s, &text, &why), 0);
	assert_non_null(strstr(why.text, ": No such file or directory"));
	assert_int_not_equal(scene_load("/tmp", &s, &text, &why), 0);
	assert_non_null(strstr(why.text, "/tmp: Is a directory"));
}

/* ---- other forms of a text ---- */

static void the_bare_text_has_the_same_lines(void **state)
{
	char *bare = scene_bare_text("# a comment\n[scenario]\nwhat = x\n\n[setup]\n file a 4k # why\n\n"
	                             "[thread t]\n\ta fsync\r\n[expect]\nprefix = breaks\n[hunt]\n"
	                             "granularity = fine\n\n\n");

	assert_string_equal(bare, "\n\n\n\n[setup]\nfile a 4k\n\n[thread t]\na fsync\n\n\n[hunt]\n"
	                          "granularity = fine\n");
	parse(bare);
	assert_int_equal(step(0, 0)->line, 9);
	assert_true(s->fine);
	scene_free(s);
	free(bare);
}

static void beside_it_stands_one_thread_more(void **state)
{
	char *text = scene_beside_text("[setup]\nfile a\n[thread t]\na fsync\n[expect]\nprefix = breaks\n");

	parse(text);
	assert_int_equal(s->nthreads, 2);
	assert_string_equal(s->thread[1].name, "beside");
	assert_string_equal(s->name_of[step(1, 0)->file].name, "beside");
	assert_int_equal(step(1, 1)->op, SCENE_FSYNC);
	assert_int_equal(s->nexpects, 0);
	scene_free(s);
	free(text);
}

static void the_shipped_ones_are_whole(void **state)
{
	unsigned n = 0;

	for (const struct scene_text *t = scene_shipped; t->name; t++, n++) {
		if (scene_parse(t->name, t->text, &s, &why))
			fail_msg("%s", why.text);
		if (!*s->what || !*s->story || !s->nexpects)
			fail_msg("%s: what, story and verdicts are expected", t->name);
		assert_true(!n || strcmp(t[-1].name, t->name) < 0);
		scene_free(s);
	}
	assert_true(n >= 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(what_is_not_said_is_as_usual),
		cmocka_unit_test(files_are_made_before_and_named_everywhere),
		cmocka_unit_test(every_operation_is_read),
		cmocka_unit_test(errors_name_file_line_and_word),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(a_file_is_loaded_or_refused),
		cmocka_unit_test(the_bare_text_has_the_same_lines),
		cmocka_unit_test(beside_it_stands_one_thread_more),
		cmocka_unit_test(the_shipped_ones_are_whole),
	};

	return cmocka_run_group_tests_name("scene", tests, NULL, NULL);
}
