/* report.c: see report.h. */
#include "cut/report.h"

#include <sys/utsname.h>

#include "base/screen.h"
#include "cut/klog.h"
#include "cut/recorder.h"

#define ALPHA 0.05 /* below this chance two arms differ */

static const char foreign_front[] = "dm-log-writes. It sees flushes and FUA as they are, and writes in the order in "
	"which they became durable: not when they were submitted, nor which were in flight beside a flush.";
static const char foreign_judged[] = "that it mounts, every name and byte can be read, the checker and a second mount "
	"agree, the kernel logs no error, and what marks promise. Not judged: what calls had promised; such a log "
	"tells of none.";

static unsigned long ul(uint64_t n)
{
	return (unsigned long)n;
}

bool report_is_broken(const struct tally *t)
{
	return atomic_load(&t->broken) || atomic_load(&t->by_class[CUT_CALL]);
}

void report_head(const struct cut_plan *p, const struct controls *c, FILE *out)
{
	struct utsname u;

	uname(&u);
	if (p->recorded_on)
		fprintf(out, "%s, recorded on Linux %s, judged on Linux %s\n", p->fs.text, p->recorded_on, u.release);
	else
		fprintf(out, "%s, Linux %s\n", p->fs.text, u.release);
	screen_say(out, "  recorder: ", p->foreign ? foreign_front : recorder_sees(p->recorder));
	if (p->foreign)
		screen_say(out, "  judged: ", foreign_judged);
	if (p->records[0])
		return;
	screen_sayf(out, "  controls: ", "%sa flush that lies was caught in %u of %u states; a correct run broke %u of "
	            "%u; %u of %u flushes came while a write was in flight.",
	            p->foreign ? "with a record of our own: " : "", c->lied_broken, c->lied_states, c->broken,
	            c->states, c->beside, c->flushes);
	if (!klog_is_there())
		screen_say(out, "  not judged: ", "what the kernel logs: /dev/kmsg cannot be read here.");
}

void report_recorded(const struct cut_plan *p, const char *work, const struct tally *t, FILE *out)
{
	fprintf(out, "%s: %lu rounds are in %s; %lu calls, %lu syncs; %lu of %lu flushes beside a write\n"
	        "judge them: fsyncstorm cut judge %s\n", work, ul(atomic_load(&t->rounds)), p->records,
	        ul(atomic_load(&t->calls)), ul(atomic_load(&t->syncs)), ul(atomic_load(&t->beside)),
	        ul(atomic_load(&t->flushes)), p->records);
}

static void print_class(const struct tally *t, unsigned class, FILE *out)
{
	uint64_t n = atomic_load(&t->by_class[class]), of = atomic_load(&t->states);

	if (class == CUT_CALL)
		of = atomic_load(&t->calls);
	else if (class == CUT_FSCK || class == CUT_REPLAY)
		of = atomic_load(&t->checked);
	fprintf(out, "  %-12s %lu of %lu: %s\n", cut_class_info[class].word, ul(n), ul(of), cut_class_info[class].what);
	if (t->first[class][0])
		fprintf(out, "    first: %s\n", t->first[class]);
}

static void print_held(const struct tally *t, FILE *out)
{
	uint64_t states = atomic_load(&t->states), checked = atomic_load(&t->checked);
	uint64_t rounds = atomic_load(&t->rounds);

	if (!states) {
		fprintf(out, "  no state was judged\n");
		return;
	}
	fprintf(out, "  held: 0 of %lu states broken: below %.2g %% at 95 %%", ul(states), 100 * tally_below(states));
	if (tally_below(rounds) < 1)
		fprintf(out, "; states of one run are alike: of %lu runs below %.2g %%", ul(rounds),
		        100 * tally_below(rounds));
	if (checked)
		fprintf(out, "; the checker and a second mount agree with %lu of %lu", ul(checked), ul(checked));
	fputc('\n', out);
}

static double ms_of(const _Atomic uint64_t *ns, double n)
{
	return (double)atomic_load(ns) / 1e6 / n;
}

/* Where the time of all processes went. */
static void print_times(const struct tally *t, double seconds, FILE *out)
{
	double mounted = (double)atomic_load(&t->mounted);

	if (mounted < 1)
		return;
	double put = ms_of(&t->put_ns, mounted), mount = ms_of(&t->mount_ns, mounted);
	double read = ms_of(&t->read_ns, mounted), umount = ms_of(&t->umount_ns, mounted);
	double check = ms_of(&t->check_ns, mounted), judge = ms_of(&t->judge_ns, mounted);
	fprintf(out, "  %.0f states/s; of each mounted state: image %.2f ms, mount %.2f, read %.2f, unmount %.2f, "
	        "check %.2f, the rest of judging %.2f, recording %.2f\n",
	        seconds > 0 ? (double)atomic_load(&t->states) / seconds : 0, put, mount, read, umount,
	        check, judge - put - mount - read - umount - check, ms_of(&t->record_ns, mounted));
}

void report_work(const struct cut_plan *p, const char *work, const struct tally *t, double seconds, FILE *out)
{
	fprintf(out, "\n%s%s: %lu states of %lu rounds, %lu of them mounted; %lu calls, %lu syncs; "
	        "%lu of %lu flushes beside a write\n",
	        work, p->one_syncer ? ", one thread syncs" : "", ul(atomic_load(&t->states)),
	        ul(atomic_load(&t->rounds)), ul(atomic_load(&t->mounted)), ul(atomic_load(&t->calls)),
	        ul(atomic_load(&t->syncs)), ul(atomic_load(&t->beside)), ul(atomic_load(&t->flushes)));
	if (p->exhaustive && p->tear == DEV_BLOCK)
		fprintf(out, "  images that their mounts cannot tell apart count once, where this kernel tells what is "
		        "read\n");
	if (atomic_load(&t->full))
		fprintf(out, "  the record was too small for %lu rounds: what came after counts for nothing\n",
		        ul(atomic_load(&t->full)));
	for (unsigned i = 0; i < CUT_CLASSES_NR; i++)
		if (atomic_load(&t->by_class[i]))
			print_class(t, i, out);
	if (!report_is_broken(t))
		print_held(t, out);
	else if (atomic_load(&t->broken))
		fprintf(out, "  BROKEN: %lu of %lu states, in %lu of %lu runs\n", ul(atomic_load(&t->broken)),
		        ul(atomic_load(&t->states)), ul(atomic_load(&t->rounds_broken)), ul(atomic_load(&t->rounds)));
	print_times(t, seconds, out);
}

/* (tally_fisher()) */
static double differ_by_chance(const struct tally *a, const struct tally *b)
{
	return tally_fisher(atomic_load(&a->rounds_broken), atomic_load(&a->rounds), atomic_load(&b->rounds_broken),
	                    atomic_load(&b->rounds));
}

static void print_arm(const char *name, const struct tally *t, FILE *out)
{
	fprintf(out, "%s: %lu of %lu broken, in %lu of %lu runs; ", name, ul(atomic_load(&t->broken)),
	        ul(atomic_load(&t->states)), ul(atomic_load(&t->rounds_broken)), ul(atomic_load(&t->rounds)));
}

void report_arms(const char *a, const struct tally *ta, const char *b, const struct tally *tb, FILE *out)
{
	double p = differ_by_chance(ta, tb);

	fprintf(out, "\n  ");
	print_arm(a, ta, out);
	print_arm(b, tb, out);
	if (!atomic_load(&ta->broken) && !atomic_load(&tb->broken))
		fprintf(out, "no difference: neither is broken\n");
	else
		fprintf(out, "%s (Fisher's exact test of the runs, p = %.2g)\n",
		        p < ALPHA ? "they differ" : "no difference found", p);
}

/* ---- JSON ---- */

static json_t *num(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *report_head_json(const struct cut_plan *p, const struct controls *c)
{
	struct utsname u;

	uname(&u);
	json_t *out = json_pack("{s:s,s:i,s:s,s:s,s:s,s:I,s:i,s:i}", "schema", "fsyncstorm-cut", "schema_version", 1,
	                        "target", p->fs.text, "kernel", u.release, "recorder",
	                        p->foreign ? "dm-log-writes" : p->recorder, "seed", (json_int_t)p->seed, "holds",
	                        (int)p->holds, "tear_unit", (int)p->tear);
	json_t *controls = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "lying_states", (int)c->lied_states, "lying_broken",
	                             (int)c->lied_broken, "honest_states", (int)c->states, "honest_broken",
	                             (int)c->broken, "flushes", (int)c->flushes, "flushes_beside_a_write",
	                             (int)c->beside);

	json_object_set_new(out, "controls", controls);
	if (p->recorded_on)
		json_object_set_new(out, "recorded_on", json_string(p->recorded_on));
	return out;
}

static json_t *classes_json(const struct tally *t)
{
	json_t *out = json_object();

	for (unsigned i = 0; i < CUT_CLASSES_NR; i++) {
		json_t *class = json_pack("{s:o,s:s}", "count", num(atomic_load(&t->by_class[i])), "what",
		                          cut_class_info[i].what);
		if (t->first[i][0])
			json_object_set_new(class, "first", json_string(t->first[i]));
		json_object_set_new(out, cut_class_info[i].word, class);
	}
	return out;
}

/* [states judged, images of them that were distinct], as far as it got. */
static json_t *distinct_json(const struct tally *t)
{
	uint64_t states = atomic_load(&t->states);
	json_t *out = json_array();

	for (unsigned i = 0; i < TALLY_SAMPLES && tally_sample_at(i) < states; i++)
		json_array_append_new(out, json_pack("[o,o]", num(tally_sample_at(i)),
						     num(atomic_load(&t->distinct_at[i]))));
	json_array_append_new(out, json_pack("[o,o]", num(states), num(atomic_load(&t->mounted))));
	return out;
}

json_t *report_arms_json(const char *work, const char *a, const struct tally *ta, const char *b, const struct tally *tb)
{
	double p = differ_by_chance(ta, tb);
	json_t *out = json_pack("{s:s,s:s,s:s,s:f,s:b}", "work", work, "a", a, "b", b, "p_of_runs", p, "runs_differ",
	                        p < ALPHA);
	const struct { const char *name; uint64_t n; } counts[] = {
		{ "broken_a", atomic_load(&ta->broken) }, { "states_a", atomic_load(&ta->states) },
		{ "broken_b", atomic_load(&tb->broken) }, { "states_b", atomic_load(&tb->states) },
		{ "rounds_broken_a", atomic_load(&ta->rounds_broken) }, { "rounds_a", atomic_load(&ta->rounds) },
		{ "rounds_broken_b", atomic_load(&tb->rounds_broken) }, { "rounds_b", atomic_load(&tb->rounds) },
	};

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(out, counts[i].name, num(counts[i].n));
	return out;
}

json_t *report_work_json(const char *work, const char *arm, const struct tally *t, double seconds)
{
	json_t *out = json_pack("{s:s,s:s,s:f}", "work", work, "arm", arm, "seconds", seconds);
	const struct { const char *name; uint64_t n; } counts[] = {
		{ "states", atomic_load(&t->states) }, { "broken", atomic_load(&t->broken) },
		{ "mounted", atomic_load(&t->mounted) }, { "checked", atomic_load(&t->checked) },
		{ "rounds", atomic_load(&t->rounds) }, { "rounds_broken", atomic_load(&t->rounds_broken) },
		{ "calls", atomic_load(&t->calls) },
		{ "syncs", atomic_load(&t->syncs) }, { "calls_failed", atomic_load(&t->failed) },
		{ "events", atomic_load(&t->events) }, { "flushes", atomic_load(&t->flushes) },
		{ "flushes_beside_a_write", atomic_load(&t->beside) }, { "rounds_cut_short", atomic_load(&t->full) },
		{ "writes_in_flight_most", atomic_load(&t->in_flight_max) },
		{ "flushes_in_flight_most", atomic_load(&t->flushes_max) }, { "writes_fua", atomic_load(&t->fua) },
		{ "findings", atomic_load(&t->findings) },
		{ "open_ns", atomic_load(&t->open_ns) }, { "record_ns", atomic_load(&t->record_ns) },
		{ "judge_ns", atomic_load(&t->judge_ns) },
		{ "image_ns", atomic_load(&t->put_ns) }, { "mount_ns", atomic_load(&t->mount_ns) },
		{ "read_ns", atomic_load(&t->read_ns) }, { "unmount_ns", atomic_load(&t->umount_ns) },
		{ "check_ns", atomic_load(&t->check_ns) },
	};

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(out, counts[i].name, num(counts[i].n));
	if (!atomic_load(&t->broken) && atomic_load(&t->states)) {
		json_object_set_new(out, "rate_below", json_real(tally_below(atomic_load(&t->states))));
		json_object_set_new(out, "rate_of_runs_below", json_real(tally_below(atomic_load(&t->rounds))));
	}
	json_object_set_new(out, "classes", classes_json(t));
	json_object_set_new(out, "distinct", distinct_json(t));
	return out;
}
