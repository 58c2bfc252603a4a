/*
 * threads_test.c: stress on real threads: private and shared files, odd sizes, truncates, reads, fsyncs, sync_range,
 * names that come and go, while the flusher, the committer and the workers run as fast as they can. Content is
 * checked as it is read, at the end, and after a remount. Meant for ThreadSanitizer and AddressSanitizer too.
 */
#include <unistd.h>

#include "fs/test_fs.h"

#define TASKS     4u
#define PRIVATE   400000u /* bytes of a private file at most */
#define SLICES    16u     /* blocks of the shared file that each task owns */

struct job {
	struct fs *fs;
	struct root *root;
	uint32_t id, steps;
	uint64_t until_ns;
	uint64_t seed;
};

/* A private file is known byte by byte. */
struct mine {
	struct file *f;
	char name[16];
	uint64_t size;
	uint8_t *want;
};

static void mine_write(struct mine *m, struct rng *rng)
{
	uint32_t len = 1 + (uint32_t)rng_below(rng, rng_below(rng, 4) ? 6000 : 40000);
	uint64_t off = rng_below(rng, PRIVATE - len), seed = rng_next(rng) >> 40;

	test_fill(m->want + off, off, len, seed);
	test_write(m->f, off, len, seed);
	if (off + len > m->size)
		m->size = off + len;
}

static void mine_truncate(struct mine *m, struct rng *rng)
{
	uint64_t size = rng_below(rng, PRIVATE);

	CHECK(fs_truncate(m->f, size) == 0);
	if (size < m->size)
		memset(m->want + size, 0, m->size - size);
	m->size = size;
}

static void mine_check(struct mine *m, uint64_t off, uint32_t len)
{
	uint8_t *got = malloc(len);
	uint64_t left = off < m->size ? m->size - off : 0;
	int want = (int)(left < len ? left : len);

	CHECK(fs_size(m->f) == m->size);
	CHECK(fs_read(m->f, off, got, len) == want);
	CHECK(!memcmp(got, m->want + off, (size_t)want));
	free(got);
}

/* A block of the shared file belongs to one task; each is of one seed, whatever the others do. */
static void shared_step(struct job *j, struct file *shared, uint64_t *seeds, struct rng *rng)
{
	uint32_t i = (uint32_t)rng_below(rng, SLICES);
	uint64_t off = (uint64_t)(i * TASKS + j->id) * FS_BLOCK;

	if (rng_below(rng, 2)) {
		seeds[i] = rng_next(rng) >> 40;
		test_write(shared, off, FS_BLOCK, seeds[i]);
	} else if (seeds[i]) {
		CHECK(test_read(shared, off, FS_BLOCK, seeds[i]) == 0);
	}
	if (rng_below(rng, 3) == 0)
		CHECK(fs_fsync(shared) == 0);
	else if (rng_below(rng, 4) == 0)
		CHECK(fs_sync_range(shared, off, 8 * FS_BLOCK, true) == 0);
}

/* A file that everybody writes, cuts and reads: nobody knows its content, but nobody may get an error. */
static void scratch_step(struct job *j, struct rng *rng)
{
	struct file *f = test_open(j->root, "scratch");
	uint64_t off = rng_below(rng, 100000);
	uint8_t buf[20000];

	if (rng_below(rng, 2))
		CHECK(fs_read(f, off, buf, sizeof(buf)) >= 0);
	else if (rng_below(rng, 2))
		test_write(f, off, 1 + (uint32_t)rng_below(rng, sizeof(buf)), j->id);
	else if (rng_below(rng, 2))
		CHECK(fs_truncate(f, off) == 0);
	else
		CHECK(fs_fsync(f) == 0);
	fs_close(f);
}

/* A name that comes, is synced, and goes. */
static void name_step(struct job *j, struct rng *rng)
{
	char name[24];
	struct file *f;

	snprintf(name, sizeof(name), "t%u-%lu", j->id, (unsigned long)rng_below(rng, 3));
	int ret = fs_create(j->root, name, &f);
	if (ret == -EEXIST) {
		CHECK(fs_unlink(j->root, name) == 0);
		return;
	}
	CHECK(ret == 0);
	test_write(f, 0, 1 + (uint32_t)rng_below(rng, 9000), 1);
	if (rng_below(rng, 2))
		CHECK(fs_fsync(f) == 0);
	fs_close(f);
}

static void step(struct job *j, struct mine *m, struct file *shared, uint64_t *seeds, struct rng *rng)
{
	uint64_t what = rng_below(rng, 40), off = rng_below(rng, PRIVATE - 20000);

	if (what < 14)
		mine_write(m, rng);
	else if (what < 18)
		CHECK(fs_fsync(m->f) == 0);
	else if (what < 24)
		mine_check(m, off, 1 + (uint32_t)rng_below(rng, 20000));
	else if (what < 26)
		CHECK(fs_sync_range(m->f, off, 20000, what == 24) == 0);
	else if (what < 27)
		mine_truncate(m, rng);
	else if (what < 28)
		CHECK(fs_fdatasync(m->f) == 0);
	else if (what < 36)
		shared_step(j, shared, seeds, rng);
	else if (what < 39)
		scratch_step(j, rng);
	else
		name_step(j, rng);
}

static void worker(void *arg)
{
	struct job *j = arg;
	struct mine m = { .want = calloc(1, PRIVATE) };
	uint64_t seeds[SLICES] = { 0 };
	struct rng rng;

	rng_seed(&rng, j->seed);
	snprintf(m.name, sizeof(m.name), "own%u", j->id);
	m.f = test_open(j->root, m.name);
	struct file *shared = test_open(fs_subvol(j->fs, 0), "shared");
	while (rt_now() < j->until_ns) {
		step(j, &m, shared, seeds, &rng);
		j->steps++;
	}
	mine_check(&m, 0, PRIVATE);
	for (uint32_t i = 0; i < SLICES; i++)
		CHECK(!seeds[i] || test_read(shared, (uint64_t)(i * TASKS + j->id) * FS_BLOCK, FS_BLOCK,
					    seeds[i]) == 0);
	/* kept for the look after the remount: its size and content as of now */
	struct file *copy = test_open(j->root, j->id % 2 ? "copy1" : "copy0");
	CHECK(fs_write(copy, (uint64_t)(j->id / 2) * PRIVATE, m.want, PRIVATE) == (int)PRIVATE);
	fs_close(copy);
	fs_close(shared);
	fs_close(m.f);
	free(m.want);
}

/* After a remount: each private file is what its task said it was, in the part of "copy" that it wrote. */
static void look_again(struct fs *fs, uint32_t id)
{
	struct root *root = fs_subvol(fs, id % fs_nsubvols(fs));
	uint8_t *got = calloc(1, PRIVATE), *want = calloc(1, PRIVATE);
	char name[16];

	snprintf(name, sizeof(name), "own%u", id);
	struct file *f = test_open(root, name), *copy = test_open(root, id % 2 ? "copy1" : "copy0");
	CHECK(fs_read(f, 0, got, PRIVATE) == (int)fs_size(f));
	CHECK(fs_read(copy, (uint64_t)(id / 2) * PRIVATE, want, PRIVATE) == (int)PRIVATE);
	CHECK(!memcmp(got, want, PRIVATE));
	fs_close(f);
	fs_close(copy);
	free(got);
	free(want);
}

static void stress(const char *spec, const char *design, bool compress, uint64_t ms)
{
	struct mount_options o = { .design = fs_design_find(design), .compress = compress, .inline_max = 2048,
				   .endio_workers = 2,
				   .dirty_age_ns = 1000000, .commit_interval_ns = 5000000, .dirty_limit = 256 << 10 };
	struct dev *dev = test_dev(spec, &(struct mkfs_options){ .subvols = 2, .nodesize = 4096 });
	struct fs *fs = test_mount(dev, &o);
	struct job job[TASKS];
	struct task *t[TASKS];

	fs_close(test_open(fs_subvol(fs, 0), "shared"));
	for (uint32_t i = 0; i < 2; i++)
		fs_close(test_open(fs_subvol(fs, i), i ? "copy1" : "copy0"));
	for (uint32_t i = 0; i < 2; i++)
		fs_close(test_open(fs_subvol(fs, i), "scratch"));
	for (uint32_t i = 0; i < TASKS; i++) {
		job[i] = (struct job){ .fs = fs, .root = fs_subvol(fs, i % 2), .id = i, .seed = i + 100 * ms,
				       .until_ns = rt_now() + ms * 1000000 };
		t[i] = rt_spawn("worker", worker, &job[i], NULL);
	}
	for (uint32_t i = 0; i < TASKS; i++) {
		rt_join(t[i]);
		assert_true(job[i].steps > 3);
	}
	assert_int_equal(fs_unmount(fs), 0);
	fs = test_mount(dev, &o);
	for (uint32_t i = 0; i < TASKS; i++)
		look_again(fs, i);
	test_end(fs, true);
}

static void ram(void **state)
{
	stress("ram:64m", "postfix", false, 400);
	stress("ram:64m", "prefix", false, 300);
}

static void ram_compressed(void **state)
{
	stress("ram:64m", "postfix", true, 400);
	stress("ram:64m", "prefix", true, 300);
}

static void a_slow_device(void **state)
{
	stress("slow:nvme/ram:64m", "postfix", false, 400);
	stress("slow:nvme,qd=2/ram:64m", "prefix", true, 300);
}

static void on_a_file(const char *back_end)
{
	char path[] = "/tmp/fsyncstorm-test-XXXXXX", spec[64];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	snprintf(spec, sizeof(spec), "%s:%s,size=64m", back_end, path);
	stress(spec, "postfix", false, 400);
	unlink(path);
	stress(spec, "prefix", true, 300);
	unlink(path);
}

static void a_file(void **state)
{
	on_a_file("file");
}

/* Tree blocks, runs and compressed data lie in registered buffers as long as there is room, lone pages elsewhere. */
static void a_file_through_io_uring(void **state)
{
	on_a_file("uring");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram),
		cmocka_unit_test(ram_compressed),
		cmocka_unit_test(a_slow_device),
		cmocka_unit_test(a_file),
		cmocka_unit_test(a_file_through_io_uring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
