/* fio_report.c: see fio_report.h. */
#include "bench/fio_report.h"

#include <string.h>

static uint64_t number(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

void fio_report_hist(const json_t *o, struct hist *h)
{
	struct hist part;
	size_t i;
	json_t *bin;

	hist_init(&part);
	json_array_foreach(json_object_get(o, "bins"), i, bin)
		part.bucket[hist_bucket_of((uint64_t)json_integer_value(json_array_get(bin, 0)))] +=
			(uint64_t)json_integer_value(json_array_get(bin, 1));
	part.n = number(o, "n");
	if (!part.n)
		return;
	part.sum = number(o, "sum_ns");
	part.min = number(o, "min_ns");
	part.max = number(o, "max_ns");
	hist_merge(h, &part);
}

static void take_wait(const json_t *o, struct lock_stat *s)
{
	s->acquired = number(o, "acquired");
	s->contended = number(o, "contended");
	s->other_node = number(o, "other_node");
	s->woken = number(o, "woken");
	s->woken_remote = number(o, "woken_remote");
	s->wait_ns = number(o, "wait_ns");
	s->wakeup_ns = number(o, "wakeup_ns");
	s->hold_n = number(o, "hold_sampled");
	s->hold_ns = number(o, "hold_sampled_ns");
	for (unsigned p = 0; p < PH_NR; p++)
		s->by_phase_ns[p] = number(json_object_get(o, "holder_phase_ns"), phase_info[p].name);
	hist_init(&s->wait);
	fio_report_hist(json_object_get(o, "wait"), &s->wait);
}

static void take_waits(const json_t *list, struct lock_stat *waits)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) {
		const char *class = json_string_value(json_object_get(o, "class"));

		for (unsigned k = 0; class && k < L_NR; k++)
			if (!strcmp(class, lock_info[k].name))
				take_wait(o, &waits[k]);
	}
}

void fio_report_take(const json_t *report, struct driver_result *r)
{
	const json_t *device = json_object_get(report, "device");

	for (unsigned i = 0; i < PH_NR; i++)
		r->phase_ns[i] += number(json_object_get(report, "phases_ns"), phase_info[i].name);
	for (unsigned i = 0; i < C_NR; i++)
		r->counters[i] += number(json_object_get(report, "counters"), counter_info[i].name);
	take_waits(json_object_get(report, "waits"), r->waits);
	r->has_device |= device != NULL;
	hist_init(&r->device.write);
	hist_init(&r->device.flush);
	hist_init(&r->device.fua);
	hist_init(&r->device.read);
	fio_report_hist(json_object_get(device, "write"), &r->device.write);
	fio_report_hist(json_object_get(device, "flush"), &r->device.flush);
	fio_report_hist(json_object_get(device, "fua"), &r->device.fua);
	fio_report_hist(json_object_get(device, "read"), &r->device.read);
}
