/* A replay does the I/O that is on the tape: the same writes and flushes, in the same order, as parallel. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "figures/player.h"
#include "figures/rig.h"
#include "machine/mem.h"

#define OPS 20

static char folder[] = "/tmp/fsyncstorm-player-XXXXXX", path[64], device[96];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/dev.img", folder);
	snprintf(device, sizeof(device), "file:%s,size=16m", path);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static void tape_an_engine(struct tape *t)
{
	struct rig_spec spec = { .device = device, .design = "postfix", .files = 1, .file_blocks = 64 };
	struct rig rig;
	struct why why;

	assert_int_equal(rig_open(&rig, &spec, &why), 0);
	tape_start(rig.dev, t, OPS * 64);
	for (unsigned i = 0; i < OPS; i++) {
		rig_write_fsync(&rig, 0);
		tape_mark(rig.dev);
	}
	tape_stop(rig.dev);
	rig_close(&rig);
	assert_false(t->full);
}

/* A letter an event, without completions; the places of writes add up to *sum. */
static unsigned submissions(const struct tape *t, char *out, uint64_t *sum)
{
	unsigned n = 0;

	*sum = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct tape_event *e = &t->event[i];
		if (e->kind == TAPE_DONE || e->kind == TAPE_READ)
			continue;
		out[n++] = e->kind == TAPE_MARK    ? '|'
		           : e->kind == TAPE_FLUSH ? 'f'
		           : e->fua                ? 'F'
		           : e->alone              ? 'a'
		                                   : 'w';
		*sum = *sum * 31 + e->off + e->len;
	}
	out[n] = '\0';
	return n;
}

/* How many submissions stand before their predecessors' completions: what was in flight at each submission. */
static uint64_t parallelism(const struct tape *t)
{
	uint64_t sum = 0, in_flight = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		uint8_t kind = t->event[i].kind;
		if (kind == TAPE_DONE)
			in_flight--;
		else if (kind != TAPE_MARK)
			sum += in_flight++;
	}
	return sum;
}

static void the_tape_of_an_fsync_is_whole(void **state)
{
	static char events[OPS * 64];
	struct tape t;
	uint64_t sum;

	tape_an_engine(&t);
	submissions(&t, events, &sum);
	char *op = strtok(events, "|");
	for (unsigned i = 0; i < OPS; i++, op = strtok(NULL, "|")) {
		assert_non_null(op);
		/* data and log blocks, the flush, and the super block by FUA, last */
		assert_int_equal(op[0], 'w');
		assert_int_equal(op[strlen(op) - 1], 'F');
		assert_int_equal(op[strlen(op) - 2], 'f');
	}
	assert_true(parallelism(&t) > OPS); /* log blocks are written at once */
	tape_free(&t);
}

static void a_replay_by_the_door_leaves_the_same_tape(void **state)
{
	static char events[2][OPS * 64];
	uint64_t sum[2];
	struct tape t, again;
	struct player *p;
	struct dev *d;
	struct why why;
	uint32_t at = 0;

	tape_an_engine(&t);
	assert_int_equal(dev_open(device, false, &d, &why), 0);
	p = player_on_dev(d, &t);
	tape_start(d, &again, OPS * 64);
	for (unsigned i = 0; i < OPS; i++) {
		assert_int_equal(player_play(p, &at), 0);
		tape_mark(d);
	}
	assert_int_equal(player_play(p, &at), -ENODATA);
	tape_stop(d);
	player_free(p);
	dev_close(d);
	assert_true(submissions(&t, events[0], &sum[0]) > 4 * OPS);
	submissions(&again, events[1], &sum[1]);
	assert_string_equal(events[0], events[1]);
	assert_int_equal(sum[0], sum[1]);
	/* never more in flight than on the tape; less only where a completion was quicker to be seen */
	assert_true(parallelism(&again) <= parallelism(&t));
	assert_true(2 * parallelism(&again) > parallelism(&t));
	tape_free(&t);
	tape_free(&again);
}

/* Zeroes the file, plays, and looks which blocks were written: those of the tape, and no other. */
static void a_replay_by_system_calls_writes_what_is_on_the_tape(void **state)
{
	static bool due[(16 << 20) / DEV_BLOCK];
	static uint8_t zeros[DEV_BLOCK], buf[DEV_BLOCK];
	struct player *p;
	struct tape t;
	uint32_t at = 0;
	int fd;

	tape_an_engine(&t);
	fd = open(path, O_RDWR);
	for (unsigned b = 0; b < sizeof(due); b++)
		assert_int_equal(pwrite(fd, zeros, DEV_BLOCK, (off_t)b * DEV_BLOCK), DEV_BLOCK);
	fsync(fd);
	p = player_on_file(path, true, &t);
	if (!p)
		p = player_on_file(path, false, &t); /* no O_DIRECT here */
	assert_non_null(p);
	for (unsigned i = 0; i < OPS; i++)
		assert_int_equal(player_play(p, &at), 0);
	player_free(p);
	memset(due, 0, sizeof(due));
	for (uint32_t i = 0; i < t.n; i++)
		for (uint64_t off = t.event[i].off;
		     t.event[i].kind == TAPE_WRITE && off < t.event[i].off + t.event[i].len; off += DEV_BLOCK)
			due[off / DEV_BLOCK] = true;
	for (unsigned b = 0; b < sizeof(due); b++) {
		assert_int_equal(pread(fd, buf, DEV_BLOCK, (off_t)b * DEV_BLOCK), DEV_BLOCK);
		assert_int_equal(memcmp(buf, zeros, DEV_BLOCK) != 0, due[b]);
	}
	close(fd);
	unlink(path);
	tape_free(&t);
}

static void a_full_tape_says_so(void **state)
{
	uint8_t *buf = mem_alloc_pages(4096);
	struct tape t;
	struct dev *d;

	assert_int_equal(ram_open(1 << 20, &d), 0);
	tape_start(d, &t, 3);
	dev_write(d, 0, buf, 4096, 0);
	assert_false(t.full);
	dev_write(d, 0, buf, 4096, 0); /* its completion has no room */
	assert_true(t.full);
	assert_int_equal(t.n, 3);
	tape_stop(d);
	dev_write(d, 0, buf, 4096, 0);
	assert_int_equal(t.n, 3);
	dev_close(d);
	tape_free(&t);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tape_of_an_fsync_is_whole),
		cmocka_unit_test(a_replay_by_the_door_leaves_the_same_tape),
		cmocka_unit_test(a_replay_by_system_calls_writes_what_is_on_the_tape),
		cmocka_unit_test(a_full_tape_says_so),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
