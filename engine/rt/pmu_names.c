/*
 * pmu_names.c: events by name, as libpfm4 knows them. A name that it encodes need not be one that this
 * machine counts: that shows when it is opened (pmu.1).
 */
#include <ctype.h>
#include <errno.h>
#include <perfmon/pfmlib.h>
#include <perfmon/pfmlib_perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/pmu.h"

/* Names that people use and libpfm4 does not. */
static const struct {
	const char *name, *means;
} alias[] = {
	{ "LLC-misses", "LLC-LOAD-MISSES" },
	{ "branches", "BRANCH-INSTRUCTIONS" },
	{ "faults", "PAGE-FAULTS" },
	{ "migrations", "CPU-MIGRATIONS" },
};
#define NALIASES (sizeof(alias) / sizeof(alias[0]))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_result;

static void init(void)
{
	init_result = pfm_initialize();
}

static bool ready(void)
{
	pthread_once(&once, init);
	return init_result == PFM_SUCCESS;
}

/* PFM_SUCCESS or libpfm4's error. */
static int encode(const char *name, struct perf_event_attr *attr)
{
	pfm_perf_encode_arg_t arg = { .attr = attr, .size = sizeof(arg) };

	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	for (unsigned i = 0; i < NALIASES; i++)
		if (!strcasecmp(alias[i].name, name))
			name = alias[i].means;
	return pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT, &arg);
}

static bool is_in(const struct pmu_set *set, const char *name)
{
	for (unsigned i = 0; i < set->n; i++)
		if (!strcasecmp(set->event[i].name, name))
			return true;
	return false;
}

static int add_name(struct pmu_set *set, const char *name, char *err, char *unknown)
{
	struct pmu_event *e = &set->event[set->n];
	int ret;

	if (is_in(set, name))
		return 0;
	if (set->n == PMU_EVENTS_MAX || strlen(name) >= PMU_NAME_MAX) {
		snprintf(err, PMU_ERR_MAX, "%.60s: %s", name,
			 set->n == PMU_EVENTS_MAX ? "too many events" : "no event has so long a name");
		return -EINVAL;
	}
	ret = encode(name, &e->attr);
	if (ret == PFM_SUCCESS) {
		snprintf(e->name, sizeof(e->name), "%s", name);
		set->n++;
		return 0;
	}
	snprintf(err, PMU_ERR_MAX, "%.60s: %s", name, ret == PFM_ERR_NOTFOUND ? "no such event" : pfm_strerror(ret));
	if (ret == PFM_ERR_NOTFOUND)
		snprintf(unknown, PMU_NAME_MAX, "%s", name);
	return -EINVAL;
}

static int add_list(struct pmu_set *set, const char *list, char *err, char *unknown)
{
	char *copy = mem_alloc(strlen(list) + 1), *save;
	int ret = 0;

	strcpy(copy, list);
	for (char *name = strtok_r(copy, ",", &save); name && !ret; name = strtok_r(NULL, ",", &save))
		ret = add_name(set, name, err, unknown);
	free(copy);
	return ret;
}

int pmu_parse(const char *list, struct pmu_set *out, char *err, char *unknown)
{
	int ret;

	out->n = 0;
	unknown[0] = '\0';
	if (list && !list[strspn(list, ",")]) {
		snprintf(err, PMU_ERR_MAX, "no event is named: want names such as cycles,instructions");
		return -EINVAL;
	}
	if (!ready()) {
		snprintf(err, PMU_ERR_MAX, "libpfm4 cannot be used: %s", pfm_strerror(init_result));
		return list ? -EINVAL : 0;
	}
	ret = add_list(out, PMU_ALWAYS, err, unknown);
	return ret || !list ? ret : add_list(out, list, err, unknown);
}

/* ---- what there is ---- */

struct names {
	char (*name)[PMU_NAME_MAX];
	unsigned n, room;
};

static struct names known;
static pthread_once_t listed = PTHREAD_ONCE_INIT;

static void add_known(const char *name)
{
	if (known.n == known.room) {
		known.room = known.room ? 2 * known.room : 256;
		known.name = realloc(known.name, known.room * sizeof(*known.name));
		CHECK(known.name);
	}
	for (unsigned i = 0; i < PMU_NAME_MAX; i++) {
		known.name[known.n][i] = (char)tolower((unsigned char)name[i]);
		if (!name[i])
			break;
	}
	known.n++;
}

static void list_pmu(pfm_pmu_t pmu)
{
	pfm_pmu_info_t info = { .size = sizeof(info) };

	if (pfm_get_pmu_info(pmu, &info) != PFM_SUCCESS || !info.is_present)
		return;
	for (int i = info.first_event; i >= 0; i = pfm_get_event_next(i)) {
		pfm_event_info_t event = { .size = sizeof(event) };

		if (pfm_get_event_info(i, PFM_OS_PERF_EVENT, &event) != PFM_SUCCESS)
			continue;
		if (strlen(event.name) < PMU_NAME_MAX)
			add_known(event.name);
	}
}

static void list_all(void)
{
	for (unsigned i = 0; i < NALIASES; i++)
		add_known(alias[i].name);
	for (int pmu = PFM_PMU_NONE + 1; pmu < PFM_PMU_MAX && ready(); pmu++)
		list_pmu(pmu);
}

const char *pmu_known(unsigned i)
{
	pthread_once(&listed, list_all);
	return i < known.n ? known.name[i] : NULL;
}
