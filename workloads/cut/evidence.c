/* evidence.c: see evidence.h. */
#include "cut/evidence.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/check.h"
#include "base/replace.h"
#include "cut/foreign.h"
#include "cut/recorder.h"
#include "machine/mem.h"

#define MAGIC     "fsyncstorm cut 1\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define FILE_MAX  (1ull << 30)
#define NOT_YET   UINT32_MAX

/* ---- bytes ---- */

struct bytes {
	uint8_t *p;
	size_t n, cap, at; /* at: of a reader */
};

static void put(struct bytes *b, const void *from, size_t n)
{
	if (!n)
		return;
	if (b->n + n > b->cap) {
		b->cap = 2 * (b->n + n);
		b->p = realloc(b->p, b->cap);
		CHECK(b->p);
	}
	memcpy(b->p + b->n, from, n);
	b->n += n;
}

static void put_number(struct bytes *b, uint64_t x)
{
	put(b, &x, sizeof(x));
}

/* The next n bytes, or NULL. */
static const uint8_t *get(struct bytes *b, size_t n)
{
	if (n > b->n - b->at)
		return NULL;
	b->at += n;
	return b->p + b->at - n;
}

static bool get_number(struct bytes *b, uint64_t *x)
{
	const uint8_t *p = get(b, sizeof(*x));

	if (p)
		memcpy(x, p, sizeof(*x));
	return p;
}

/* ---- the history as JSON ---- */

static json_t *num(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *files_json(const struct model *m)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < model_nfiles(m); i++) {
		const struct model_file *f = model_file(m, i);
		json_array_append_new(out, json_pack("{s:s,s:I,s:o,s:b,s:b}", "name", f->name, "subvolume",
		                                     (json_int_t)f->subvol, "id", num(f->ino), "partial",
		                                     (int)f->partial, "in_place", (int)f->in_place));
	}
	return out;
}

static json_t *names_json(const struct model *m)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < model_nnames(m); i++)
		json_array_append_new(out, json_string(model_name_text(m, (uint8_t)i)));
	return out;
}

#define OP_FIELDS 15u

/* kind how from to ret task file off len b e pb pe line, and the word for readers. */
static json_t *op_json(const struct model_op *o)
{
	return json_pack("[i,i,i,i,i,I,I,o,o,o,o,I,I,I,s]", o->kind, o->how, o->from, o->to, o->ret,
	                 (json_int_t)o->task, (json_int_t)o->file, num(o->off), num(o->len), num(o->b), num(o->e),
	                 (json_int_t)o->pb, (json_int_t)o->pe, (json_int_t)o->line, model_call_name(o));
}

static json_t *threads_json(const struct evidence *e)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < e->nthreads; i++)
		json_array_append_new(out, json_pack("{s:I,s:s}", "task", (json_int_t)e->thread[i].task, "name",
		                                     e->thread[i].name));
	return out;
}

static json_t *marks_json(const struct evidence *e)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < e->nmarks; i++)
		json_array_append_new(out, json_pack("[I,s]", (json_int_t)e->mark[i].pos, e->mark[i].text));
	return out;
}

static json_t *history_json(const struct evidence *e)
{
	json_t *ops = json_array();

	for (uint32_t i = 0; i < model_nops(e->model); i++)
		json_array_append_new(ops, op_json(model_op(e->model, i)));
	json_t *out = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "fs", e->fs.text, "work", e->work,
	                        "kernel", e->kernel, "subvolumes", (json_int_t)e->subvols, "tear",
	                        (json_int_t)e->dev->tear, "size", (json_int_t)e->fs.size, "seed", (json_int_t)e->seed,
	                        "threads", threads_json(e), "files", files_json(e->model), "names",
	                        names_json(e->model), "calls", ops);
	json_object_set_new(out, "recorder", json_string(e->recorder));
	if (e->program)
		json_object_set_new(out, "program", json_string(e->program));
	if (e->foreign)
		json_object_set_new(out, "marks", marks_json(e));
	return out;
}

/* ---- writing ---- */

static void put_base(struct bytes *b, const uint8_t *base, uint64_t size)
{
	uint64_t n = 0;

	for (uint64_t at = 0; at < size; at += DEV_BLOCK)
		n += !base_is_zeros(base + at);
	put_number(b, n);
	for (uint64_t at = 0; at < size; at += DEV_BLOCK)
		if (!base_is_zeros(base + at)) {
			put_number(b, at / DEV_BLOCK);
			put(b, base + at, DEV_BLOCK);
		}
}

static void put_events(struct bytes *b, const struct dev_event *event, uint32_t n)
{
	put_number(b, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct dev_event *e = &event[i];
		put_number(b, (uint64_t)e->kind | (uint64_t)e->fua << 8 | (uint64_t)e->meta << 9 |
		           (uint64_t)e->failed << 10 | (uint64_t)e->of << 32);
		put_number(b, e->off);
		put_number(b, e->len);
		put_number(b, e->ns);
		if (e->kind == DEV_WSUB)
			put(b, e->data, e->len);
	}
}

static int write_packed(const char *path, const struct bytes *b, struct why *why)
{
	size_t room = ZSTD_compressBound(b->n), n;
	void *packed = mem_alloc(room);
	struct replace r;
	int ret;

	n = ZSTD_compress(packed, room, b->p, b->n, 3);
	CHECK(!ZSTD_isError(n));
	ret = replace_begin(&r, path);
	if (!ret) {
		fwrite(packed, 1, n, r.out);
		ret = replace_end(&r, true);
	}
	free(packed);
	return ret ? why_set(why, ret, "%.300s: %s", path, strerror(-ret)) : 0;
}

static int save_bytes(const char *path, const struct bytes *b, struct why *why)
{
	if (b->n > FILE_MAX)
		return why_set(why, -EFBIG, "%.300s: the content and the writes are %lu MiB, and a record has %llu at "
		               "most", path, (unsigned long)(b->n >> 20), FILE_MAX >> 20);
	return write_packed(path, b, why);
}

int evidence_save(const char *path, const struct evidence *e, struct why *why)
{
	json_t *history = history_json(e);
	char *text = json_dumps(history, JSON_COMPACT);
	const struct dev_event *event;
	struct bytes b = { 0 };
	uint32_t n;

	CHECK(text);
	put(&b, MAGIC, MAGIC_LEN);
	put_number(&b, strlen(text));
	put(&b, text, strlen(text));
	put_base(&b, e->base, e->fs.size);
	event = powercut_events(e->dev, &n);
	put_events(&b, event, n);
	int ret = save_bytes(path, &b, why);
	free(b.p);
	free(text);
	json_decref(history);
	return ret;
}

/* ---- reading ---- */

static int damaged(const char *path, const char *what, struct why *why)
{
	return why_set(why, -EINVAL, "%.300s: no record of a cut: %s", path, what);
}

static int read_packed(const char *path, struct bytes *b, struct why *why)
{
	FILE *in = fopen(path, "r");
	uint8_t *packed;
	size_t n = 0;

	if (!in)
		return why_set(why, -errno, "%.300s: %s", path, strerror(errno));
	packed = malloc(FILE_MAX / 4);
	CHECK(packed);
	n = fread(packed, 1, FILE_MAX / 4, in);
	fclose(in);
	unsigned long long size = ZSTD_getFrameContentSize(packed, n);
	int ret = 0;
	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > FILE_MAX || size < MAGIC_LEN) {
		ret = damaged(path, "it is not packed as one", why);
	} else {
		b->p = malloc(size);
		CHECK(b->p);
		b->n = ZSTD_decompress(b->p, size, packed, n);
		if (ZSTD_isError(b->n) || b->n != size)
			ret = damaged(path, "it is damaged or cut off", why);
	}
	free(packed);
	return ret;
}

static uint64_t integer(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static const char *string(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool load_files(struct evidence *e, const json_t *files)
{
	json_t *j;
	size_t i;

	if (json_array_size(files) > MODEL_FILES)
		return false;
	json_array_foreach(files, i, j) {
		const char *name = string(j, "name");
		if (!*name || strlen(name) >= FS_NAME_MAX || integer(j, "subvolume") >= CUT_SUBVOLS)
			return false;
		struct model_file *f = model_add_file(e->model, (uint32_t)integer(j, "subvolume"), name);
		f->ino = integer(j, "id");
		f->partial = json_is_true(json_object_get(j, "partial"));
		f->in_place = json_is_true(json_object_get(j, "in_place"));
	}
	return true;
}

static bool load_names(struct evidence *e, const json_t *names)
{
	json_t *j;
	size_t i;

	if (json_array_size(names) > MODEL_NAMES)
		return false;
	json_array_foreach(names, i, j) {
		const char *name = json_string_value(j);
		if (!name || !*name || strlen(name) >= FS_NAME_MAX || model_name(e->model, name) != i)
			return false;
	}
	return true;
}

static uint64_t field(const json_t *op, size_t i)
{
	return (uint64_t)json_integer_value(json_array_get(op, i));
}

static bool is_name(const struct evidence *e, uint64_t name)
{
	return name == MODEL_NO_NAME || name < model_nnames(e->model);
}

static bool load_op(struct evidence *e, const json_t *j)
{
	struct model_op o = { .kind = (uint8_t)field(j, 0), .how = (uint8_t)field(j, 1), .from = (uint8_t)field(j, 2),
		              .to = (uint8_t)field(j, 3), .ret = (int)field(j, 4), .task = (uint32_t)field(j, 5),
		              .file = (uint32_t)field(j, 6), .off = field(j, 7), .len = field(j, 8), .b = field(j, 9),
		              .e = field(j, 10), .pb = (uint32_t)field(j, 11), .pe = (uint32_t)field(j, 12),
		              .line = (uint32_t)field(j, 13) };

	if (json_array_size(j) != OP_FIELDS || field(j, 0) > OP_FSYNC_DIR || o.how > WRITE_MAPPED ||
	    !is_name(e, field(j, 2)) || !is_name(e, field(j, 3)) || o.len > SCENE_BYTES ||
	    (o.file >= model_nfiles(e->model) && model_has_file(&o)))
		return false;
	*model_op(e->model, model_begin(e->model, OP_SYNC, MODEL_ALL, 0, 0)) = o;
	return true;
}

static bool load_ops(struct evidence *e, const json_t *ops)
{
	json_t *j;
	size_t i;

	if (json_array_size(ops) > 100000)
		return false;
	json_array_foreach(ops, i, j)
		if (!load_op(e, j))
			return false;
	return true;
}

static bool load_threads(struct evidence *e, const json_t *threads)
{
	json_t *j;
	size_t i;

	json_array_foreach(threads, i, j) {
		if (i == EVIDENCE_THREADS)
			return false;
		e->thread[i].task = (uint32_t)integer(j, "task");
		snprintf(e->thread[i].name, sizeof(e->thread[i].name), "%s", string(j, "name"));
		e->nthreads++;
	}
	return true;
}

static bool load_marks(struct evidence *e, const json_t *marks)
{
	uint64_t before = 0;
	json_t *j;
	size_t i;

	e->foreign = marks;
	json_array_foreach(marks, i, j) {
		const char *text = json_string_value(json_array_get(j, 1));
		uint64_t pos = field(j, 0);
		if (!text || pos < before || pos > RECORDER_EVENTS)
			return false;
		evidence_add_mark(e, (uint32_t)pos, text);
		before = pos;
	}
	return true;
}

static int load_history(const char *path, struct evidence *e, struct bytes *b, struct why *why)
{
	const uint8_t *text;
	json_error_t error;
	struct why of_fs;
	uint64_t n;

	if (!get_number(b, &n) || !(text = get(b, n)))
		return damaged(path, "its history is cut off", why);
	json_t *j = json_loadb((const char *)text, n, 0, &error);
	if (!j)
		return damaged(path, error.text, why);
	snprintf(e->work, sizeof(e->work), "%s", string(j, "work"));
	snprintf(e->kernel, sizeof(e->kernel), "%s", string(j, "kernel"));
	snprintf(e->recorder, sizeof(e->recorder), "%s", string(j, "recorder"));
	if (!e->recorder[0]) /* of the time when there was no other */
		strcpy(e->recorder, "fuse");
	if (json_object_get(j, "program"))
		e->program = strdup(string(j, "program"));
	e->subvols = (unsigned)integer(j, "subvolumes");
	e->seed = integer(j, "seed");
	uint64_t tear = integer(j, "tear");
	bool good = !cut_fs_parse(string(j, "fs"), &e->fs, &of_fs) && integer(j, "size") == e->fs.size &&
		    e->subvols >= 1 && e->subvols <= CUT_SUBVOLS && (tear == 512 || tear == DEV_BLOCK);
	good = good && !strchr(e->work, '/'); /* files are named by it */
	e->model = model_new(NULL);
	good = good && load_files(e, json_object_get(j, "files")) && load_names(e, json_object_get(j, "names")) &&
	       load_ops(e, json_object_get(j, "calls")) && load_threads(e, json_object_get(j, "threads")) &&
	       load_marks(e, json_object_get(j, "marks"));
	json_decref(j);
	if (!good)
		return damaged(path, "its history is not one of this program's", why);
	if (ram_open(e->fs.size, &e->dev))
		return why_set(why, -ENOMEM, "no memory for a device of %lu MiB", (unsigned long)(e->fs.size >> 20));
	e->dev->tear = (uint32_t)tear;
	return 0;
}

int evidence_new_base(struct evidence *e, struct why *why)
{
	void *p = mmap(NULL, e->fs.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return why_set(why, -ENOMEM, "no memory for an image of %lu MiB", (unsigned long)(e->fs.size >> 20));
	e->base = p;
	return 0;
}

static int load_base(const char *path, struct evidence *e, struct bytes *b, struct why *why)
{
	uint64_t n, blk;

	int ret = evidence_new_base(e, why);
	if (ret)
		return ret;
	if (!get_number(b, &n))
		return damaged(path, "its base is cut off", why);
	while (n--) {
		const uint8_t *data;
		if (!get_number(b, &blk) || blk >= e->fs.size / DEV_BLOCK || !(data = get(b, DEV_BLOCK)))
			return damaged(path, "its base is cut off", why);
		memcpy(e->base + blk * DEV_BLOCK, data, DEV_BLOCK);
		CHECK(!dev_write(e->dev, blk * DEV_BLOCK, e->base + blk * DEV_BLOCK, DEV_BLOCK, 0));
	}
	return 0;
}

static bool load_event(const struct evidence *e, struct bytes *b, struct dev_event *out)
{
	uint64_t flags, len;

	if (!get_number(b, &flags) || !get_number(b, &out->off) || !get_number(b, &len) || !get_number(b, &out->ns))
		return false;
	out->kind = (uint8_t)(flags & 0xff);
	out->fua = flags >> 8 & 1;
	out->meta = flags >> 9 & 1;
	out->failed = flags >> 10 & 1;
	out->of = (uint32_t)(flags >> 32);
	out->len = (uint32_t)len;
	if (out->kind > DEV_FCMP || len > e->fs.size || out->off > e->fs.size - len || (out->off | len) % 512)
		return false;
	if (out->kind == DEV_WSUB && (!len || !(out->data = get(b, len))))
		return false;
	return true;
}

/* Each completion is of one submission, which comes before it. */
static bool is_consistent(const struct dev_event *event, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		const struct dev_event *x = &event[i], *y = x->of < n ? &event[x->of] : NULL;
		bool ends = x->kind == DEV_WCMP || x->kind == DEV_FCMP;
		if (!ends && x->of == NOT_YET)
			continue;
		if (!y || y->of != i || (ends ? x->of >= i : x->of <= i))
			return false;
		if ((ends ? x : y)->kind != (ends ? y : x)->kind + 1)
			return false;
	}
	return true;
}

static int load_events(const char *path, struct evidence *e, struct bytes *b, struct why *why)
{
	struct dev_event *event = NULL;
	uint64_t n;
	bool good = get_number(b, &n) && n <= RECORDER_EVENTS;

	if (good) {
		event = mem_zalloc((n + 1) * sizeof(*event));
		for (uint64_t i = 0; i < n && good; i++)
			good = load_event(e, b, &event[i]);
	}
	good = good && is_consistent(event, n) && (!e->nmarks || e->mark[e->nmarks - 1].pos <= n);
	if (good) {
		powercut_start(e->dev);
		powercut_load(e->dev, event, (uint32_t)n);
	}
	free(event);
	return good ? 0 : damaged(path, "its events are damaged or cut off", why);
}

int evidence_load(const char *path, struct evidence *out, struct why *why)
{
	struct bytes b = { 0 };
	const uint8_t *magic;

	*out = (struct evidence){ .slot.loop = -1 };
	int ret = read_packed(path, &b, why);
	if (!ret) {
		magic = get(&b, MAGIC_LEN);
		if (memcmp(magic, MAGIC, MAGIC_LEN))
			ret = damaged(path, "it is of another format", why);
	}
	if (!ret)
		ret = load_history(path, out, &b, why);
	if (!ret)
		ret = load_base(path, out, &b, why);
	if (!ret)
		ret = load_events(path, out, &b, why);
	free(b.p);
	if (ret)
		evidence_free(out);
	return ret;
}

static struct recovered *look(void *arg, const struct cut *c, struct dev *image)
{
	struct evidence *e = arg;

	slot_put(&e->slot, image);
	e->looked = true;
	return slot_look(&e->slot);
}

int evidence_open_slot(struct evidence *e, struct why *why)
{
	int ret = slot_open(&e->slot, &e->fs, e->base, e->subvols, why);

	if (ret)
		return ret;
	klog_open(&e->klog);
	e->slot.foreign = e->foreign;
	e->judge = judge_new(e->model, e->dev);
	e->judge->recover = look;
	e->judge->recover_arg = e;
	return 0;
}

void evidence_close_slot(struct evidence *e)
{
	if (e->judge)
		judge_free(e->judge);
	e->judge = NULL;
	if (e->slot.loop >= 0) {
		klog_close(&e->klog);
		slot_close(&e->slot);
	}
	e->slot.loop = -1;
}

void evidence_free(struct evidence *e)
{
	evidence_close_slot(e);
	if (e->dev && e->dev->log)
		powercut_stop(e->dev);
	if (e->dev)
		dev_close(e->dev);
	if (e->base)
		munmap(e->base, e->fs.size);
	if (e->model)
		model_free(e->model);
	free(e->mark);
	free(e->program);
	*e = (struct evidence){ .slot.loop = -1 };
}

void evidence_add_mark(struct evidence *e, uint32_t pos, const char *text)
{
	if (!(e->nmarks & (e->nmarks - 1))) { /* a power of two is full */
		e->mark = realloc(e->mark, (2 * e->nmarks + 1) * sizeof(*e->mark));
		CHECK(e->mark);
	}
	struct evidence_mark *m = &e->mark[e->nmarks++];
	m->pos = pos;
	snprintf(m->text, sizeof(m->text), "%s", text);
}

void evidence_add_broken(struct broken_list *list, enum broken_kind kind, const char *text)
{
	if (list->n < BROKEN_MAX) {
		list->b[list->n] = (struct broken){ .kind = kind };
		snprintf(list->b[list->n].text, sizeof(list->b[0].text), "%.300s", text);
	}
	list->n++;
}

uint32_t evidence_judge(struct evidence *e, const struct cut *c, struct broken_list *out)
{
	return e->foreign ? foreign_judge(e, c, out) : judge_cut(e->judge, c, out);
}

const char *evidence_thread(const struct evidence *e, uint32_t task)
{
	for (unsigned i = 0; i < e->nthreads; i++)
		if (e->thread[i].task == task)
			return e->thread[i].name;
	return NULL;
}

/* ---- a round ---- */

void evidence_record(struct evidence *e, const struct dev_event *event, uint32_t n)
{
	powercut_rewind(e->dev);
	powercut_load(e->dev, event, n);
	if (e->judge)
		judge_restart(e->judge);
}

void evidence_lie(struct evidence *e)
{
	uint32_t n;
	const struct dev_event *now = powercut_events(e->dev, &n);
	struct dev_event *event = mem_alloc((n + 1) * sizeof(*event));
	struct bytes data = { 0 };

	memcpy(event, now, n * sizeof(*event));
	for (uint32_t i = 0; i < n; i++) {
		if (event[i].kind == DEV_WSUB)
			put(&data, event[i].data, event[i].len);
		event[i].failed |= event[i].kind == DEV_FSUB || event[i].kind == DEV_FCMP;
	}
	for (uint32_t i = 0; i < n; i++)
		if (event[i].kind == DEV_WSUB)
			event[i].data = get(&data, event[i].len);
	evidence_record(e, event, n);
	free(data.p);
	free(event);
}

/* No failure: when two threads make or remove one name, one of them may be refused; and a store beyond the end of a
 * mapped file gets a signal. */
static bool call_failed(const struct model_op *o)
{
	bool refused = model_is_naming(o) && (o->ret == -EEXIST || o->ret == -ENOENT);
	bool beyond_end = o->kind == OP_WRITE && o->how == WRITE_MAPPED && o->ret == -EFAULT;

	return o->ret && !refused && !beyond_end;
}

void evidence_count(const struct evidence *e, struct round_counts *out)
{
	const struct dev_event *event = powercut_events(e->dev, &out->events);
	uint32_t in_flight = 0, flushing = 0;

	*out = (struct round_counts){ .events = out->events };
	for (uint32_t i = 0; i < model_nops(e->model); i++) {
		const struct model_op *o = model_op(e->model, i);
		if (!evidence_thread(e, o->task))
			continue;
		out->calls++;
		out->syncs += model_is_sync(o) && !o->ret;
		out->failed += call_failed(o);
	}
	for (uint32_t i = 0; i < out->events; i++) {
		in_flight += event[i].kind == DEV_WSUB;
		in_flight -= event[i].kind == DEV_WCMP;
		out->in_flight_max = in_flight > out->in_flight_max ? in_flight : out->in_flight_max;
		flushing += event[i].kind == DEV_FSUB;
		flushing -= event[i].kind == DEV_FCMP;
		out->flushes_max = flushing > out->flushes_max ? flushing : out->flushes_max;
		out->fua += event[i].kind == DEV_WSUB && event[i].fua;
		out->flushes += event[i].kind == DEV_FSUB;
		out->beside += event[i].kind == DEV_FSUB && in_flight;
	}
}
