/* rescue.c: see rescue.h. */
#include "hunt/rescue.h"

#include <stdio.h>

#include "base/check.h"
#include "hunt/schedule_file.h"

static struct hunt *rescued;

static void rescue(void)
{
	struct hunt *h = rescued;
	struct violation v = { .kind = VIOLATION_CHECK, .seed = h->run.seed, .granularity = h->granularity,
		               .schedule = h->schedule };
	struct why why;

	snprintf(v.text, sizeof(v.text), "a CHECK failed");
	fprintf(stderr, "race %s, design %s, seed %lu, decision %u\n", h->race->name, h->design->name,
	        (unsigned long)h->run.seed, h->schedule.n);
	if (!h->rescue_path)
		return;
	if (schedule_file_write(h->rescue_path, h->race, h->design, &v, &why))
		fprintf(stderr, "%s\n", why.text);
	else
		fprintf(stderr, "replay: fsyncstorm race replay %s\n", h->rescue_path);
}

void hunt_rescue(struct hunt *h, const char *path)
{
	if (h)
		h->rescue_path = path;
	rescued = h;
	check_hook = h ? rescue : NULL;
}
