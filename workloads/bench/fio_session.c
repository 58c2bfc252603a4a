/* fio_session.c: see fio_session.h. */
#include "bench/fio_session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "fs/fs.h"
#include "recipe/env.h"
#include "recipe/results.h"
#include "machine/mem.h"

struct session_file {
	struct session_file *next;
	char name[FS_NAME_MAX];
	void *file;
};

struct fio_session {
	struct fio_session *next;
	char text[TARGET_TEXT_MAX], report[TARGET_TEXT_MAX];
	struct target_spec spec;
	void *instance;
	unsigned members;
	bool started;
	struct session_file *files;
	struct driver_result result; /* merged under `guard` */
};

struct fio_task {
	struct fio_session *session;
	struct hist op[OP_KINDS], read;
	uint64_t phase_ns[PH_NR], bytes;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; /* over all below, and every session's own */
static struct fio_session *sessions;
static bool at_exit;

/* ---- joining and leaving ---- */

static struct fio_session *find(const char *text)
{
	struct fio_session *s = sessions;

	while (s && strcmp(s->text, text))
		s = s->next;
	return s;
}

/* Two file systems on one file would destroy each other. */
static bool path_is_taken(const char *path)
{
	for (const struct fio_session *s = sessions; s; s = s->next)
		if (path[0] && !strcmp(s->spec.path, path))
			return true;
	return false;
}

static void init_result(struct driver_result *r)
{
	for (int i = 0; i < OP_KINDS; i++)
		hist_init(&r->op[i]);
	hist_init(&r->sync);
	hist_init(&r->response);
	r->waits = mem_zalloc(sizeof(*r->waits) * L_NR);
}

static int open_session(const char *text, struct fio_session **out, struct why *why)
{
	struct fio_session *s = mem_zalloc(sizeof(*s));
	int ret = target_parse(text, &s->spec, why);

	snprintf(s->text, sizeof(s->text), "%s", text);
	if (!ret && path_is_taken(s->spec.path)) {
		why_set(why, ret, "%s: in use by another job's design", s->spec.path);
		ret = -EBUSY;
	}
	if (!ret)
		ret = s->spec.target->open(&s->spec, &s->instance, why);
	if (ret) {
		free(s);
		return ret;
	}
	init_result(&s->result);
	s->next = sessions;
	sessions = s;
	*out = s;
	return 0;
}

static int close_session(struct fio_session *s, struct why *why);

/* fio exits without a word to the engines when one job of many cannot be set up. */
static void close_all(void)
{
	struct why why;

	while (sessions)
		close_session(sessions, &why);
}

int fio_session_join(const char *design, const char *device, const char *report, struct fio_session **out,
                     struct why *why)
{
	char text[TARGET_TEXT_MAX];
	int ret = 0;

	if ((size_t)snprintf(text, sizeof(text), "%s@%s", design, device) >= sizeof(text)) {
		why_set(why, ret, "device=: longer than %d letters", TARGET_TEXT_MAX - 1);
		return -EINVAL;
	}
	pthread_mutex_lock(&guard);
	if (!at_exit)
		at_exit = !atexit(close_all);
	*out = find(text);
	if (!*out)
		ret = open_session(text, out, why);
	if (!ret) {
		(*out)->members++;
		snprintf((*out)->report, sizeof((*out)->report), "%s", report);
	}
	pthread_mutex_unlock(&guard);
	return ret;
}

static void close_files(struct fio_session *s)
{
	while (s->files) {
		struct session_file *f = s->files;
		s->files = f->next;
		s->spec.target->files->close(f->file);
		free(f);
	}
}

static json_t *report_json(struct fio_session *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_string("fsyncstorm-fio"));
	json_object_set_new(o, "schema_version", json_integer(1));
	json_object_set_new(o, "commit", json_string(env_commit()));
	json_object_set_new(o, "target", json_string(s->text));
	bench_put_measured(o, &s->result);
	return o;
}

/* What the engine's counters say ends with the last operation, not with the unmount. */
static void take_figures(struct fio_session *s)
{
	struct driver_result *r = &s->result;
	struct target_facts facts;

	rt_totals(r->counters);
	lock_totals(r->waits);
	s->spec.target->view.facts(s->instance, &facts);
	snprintf(r->notice, sizeof(r->notice), "%s", facts.notice);
	r->has_device = facts.device != NULL;
	if (facts.device)
		r->device = *facts.device;
}

static int write_report(struct fio_session *s, struct why *why)
{
	json_t *o = report_json(s);
	int ret = results_json_file(s->report, o, why);

	json_decref(o);
	return ret;
}

static int close_session(struct fio_session *s, struct why *why)
{
	struct fio_session **at = &sessions;
	int ret = 0, ret2;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	take_figures(s);
	if (s->started && strcmp(s->report, "none"))
		ret = write_report(s, why);
	close_files(s);
	ret2 = s->spec.target->close(s->instance);
	if (ret2 && !ret) {
		why_set(why, ret, "%s: unmount: %s", s->text, strerror(-ret2));
		ret = ret2;
	}
	free(s->result.waits);
	free(s);
	return ret;
}

int fio_session_leave(struct fio_session *s, struct why *why)
{
	int ret = 0;

	pthread_mutex_lock(&guard);
	if (--s->members == 0)
		ret = close_session(s, why);
	pthread_mutex_unlock(&guard);
	return ret;
}

/* ---- files ---- */

/* A name in one flat directory; fio's may be a path. */
static const char *flat_name(const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	snprintf(out, size, "%s", len < size ? name : name + len - size + 1);
	for (char *p = out; *p; p++)
		if (*p == '/')
			*p = '_';
	return out;
}

static struct session_file *find_file(struct fio_session *s, const char *name)
{
	struct session_file *f = s->files;

	while (f && strcmp(f->name, name))
		f = f->next;
	return f;
}

int fio_session_file(struct fio_session *s, const char *name, unsigned home, uint64_t layout, void **file,
                     struct why *why)
{
	struct target_file want = { .home = home, .layout = layout };
	char flat[FS_NAME_MAX];
	struct session_file *f;
	int ret = 0;

	pthread_mutex_lock(&guard);
	f = find_file(s, flat_name(name, flat, sizeof(flat)));
	if (!f) {
		f = mem_zalloc(sizeof(*f));
		snprintf(f->name, sizeof(f->name), "%s", flat);
		want.name = f->name;
		ret = s->spec.target->files->make(s->instance, &want);
		if (!ret)
			ret = s->spec.target->files->open(s->instance, &want, &f->file);
		if (ret) {
			why_set(why, ret, "file %s (%llu bytes) cannot be laid out: %s", f->name,
			         (unsigned long long)layout, strerror(-ret));
			free(f);
			goto out;
		}
		f->next = s->files;
		s->files = f;
	}
	*file = f->file;
out:
	pthread_mutex_unlock(&guard);
	return ret;
}

/* ---- one of fio's threads ---- */

static int start_session(struct fio_session *s, struct why *why)
{
	int ret = 0;

	if (!s->started)
		ret = s->spec.target->settle(s->instance);
	if (ret) {
		why_set(why, ret, "%s: what was laid out cannot be synced: %s", s->text, strerror(-ret));
		return ret;
	}
	if (!s->started) {
		lock_stats_enable(true);
		rt_reset_totals();
	}
	s->started = true;
	return 0;
}

struct fio_task *fio_task_start(struct fio_session *s, struct why *why)
{
	struct fio_task *t = NULL;

	pthread_mutex_lock(&guard);
	if (!start_session(s, why)) {
		t = mem_zalloc(sizeof(*t));
		t->session = s;
		for (int i = 0; i < OP_KINDS; i++)
			hist_init(&t->op[i]);
		hist_init(&t->read);
		phase(PH_IDLE);
	}
	pthread_mutex_unlock(&guard);
	return t;
}

void fio_task_stop(struct fio_task *t)
{
	struct driver_result *r = &t->session->result;

	pthread_mutex_lock(&guard);
	for (int i = 0; i < OP_KINDS; i++)
		hist_merge(&r->op[i], &t->op[i]);
	hist_merge(&r->sync, &t->op[OP_FSYNC]);
	hist_merge(&r->sync, &t->op[OP_FDATASYNC]);
	for (int i = 0; i < PH_NR; i++)
		r->phase_ns[i] += t->phase_ns[i];
	r->bytes += t->bytes;
	pthread_mutex_unlock(&guard);
	free(t);
}

/* ---- operations: timed by the phase clock, so that the phases of all syncs sum to their latency ---- */

static uint64_t switch_phase(enum phase to)
{
	if (!rt_instrument)
		return rt_now();
	phase(to);
	return rt_self()->phase_since_ns;
}

int fio_task_write(struct fio_task *t, void *file, uint64_t off, const void *buf, uint32_t len)
{
	uint64_t begin = switch_phase(PH_OTHER);
	int ret = t->session->spec.target->files->write(file, off, buf, len);

	hist_add(&t->op[OP_WRITE], switch_phase(PH_IDLE) - begin);
	t->bytes += ret ? 0 : len;
	return ret;
}

int fio_task_read(struct fio_task *t, void *file, uint64_t off, void *buf, uint32_t len)
{
	uint64_t begin = switch_phase(PH_OTHER);
	int ret = t->session->spec.target->files->read(file, off, buf, len);

	hist_add(&t->read, switch_phase(PH_IDLE) - begin);
	return ret;
}

static int timed_sync(struct fio_task *t, enum op_kind kind, int (*sync)(void *file), void *file)
{
	uint64_t before[PH_NR], begin = switch_phase(PH_OTHER), end;
	int ret;

	memcpy(before, rt_self()->phase_ns, sizeof(before));
	ret = sync(file);
	end = switch_phase(PH_IDLE);
	hist_add(&t->op[kind], end - begin);
	for (int i = 0; i < PH_NR; i++)
		t->phase_ns[i] += rt_self()->phase_ns[i] - before[i];
	return ret;
}

int fio_task_fsync(struct fio_task *t, void *file)
{
	return timed_sync(t, OP_FSYNC, t->session->spec.target->files->fsync, file);
}

int fio_task_fdatasync(struct fio_task *t, void *file)
{
	return timed_sync(t, OP_FDATASYNC, t->session->spec.target->files->fdatasync, file);
}

int fio_task_sync_range(struct fio_task *t, void *file, uint64_t off, uint64_t len, unsigned flags)
{
	uint64_t begin = switch_phase(PH_OTHER);
	int ret = t->session->spec.target->files->sync_range(file, off, len, flags);

	hist_add(&t->op[OP_RANGE], switch_phase(PH_IDLE) - begin);
	return ret;
}
