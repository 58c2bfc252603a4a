/*
 * bench_machine.c: the part of a bench's results that is about the machine: what the devices are, and
 * how they do what they are asked.
 */
#include <string.h>

#include "bench.h"

/* One line: those facts of a drive that decide what an fsync costs. */
static void print_drive(const struct dev_facts *f, char who, FILE *out)
{
	static const char *const shown[] = { "model", "write_cache", "fua", "rotational", "numa_node", "writes" };

	fprintf(out, "  %c  drive %s", who, facts_get(f, "drive"));
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (facts_get(f, shown[i])[0])
			fprintf(out, ", %s %s", shown[i], facts_get(f, shown[i]));
	fputc('\n', out);
	if (facts_get(f, "flush")[0])
		fprintf(out, "     flush by %s\n     FUA write by %s\n", facts_get(f, "flush"), facts_get(f, "fua_write"));
}

static const struct driver_result *first_trial(const struct bench *b, unsigned target)
{
	for (unsigned l = 0; l < b->nlevels; l++)
		if (b->level[l].trial[target][0])
			return b->level[l].trial[target][0];
	return NULL;
}

void bench_print_drives(const struct bench *b, FILE *out)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		const struct driver_result *r = first_trial(b, t);

		if (r && facts_get(&r->drive, "drive")[0])
			print_drive(&r->drive, 'A' + t, out);
	}
}

json_t *bench_drive_json(const struct driver_result *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->drive.n; i++)
		json_object_set_new(o, r->drive.fact[i].key, json_string(r->drive.fact[i].value));
	return o;
}
