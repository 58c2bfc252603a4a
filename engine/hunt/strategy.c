/* strategy.c: see strategy.h. */
#include "hunt/strategy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pick/pickers.h"

#define SLACK 16 /* the hint is longer than the longest run by one part in so many */

/*
 * With a share of the turns a picker finds in as many of its own schedules as alone. So the portfolio takes at most 2.2
 * times the schedules of surw, 5 times those of pct or pos, and 6.7 times those of random, whatever the bug is. Each
 * of the four is several times better than the other three on some known bug: engine/ARCHITECTURE.md says which.
 */
static const struct {
	const char *text;
	uint32_t share;
} portfolio[STRATEGY_MAX] = { { "surw", 9 }, { "random", 3 }, { "pct:d=auto", 4 }, { "pos", 4 } };

static int not_a_picker(const char *text, const char *name, struct why *why)
{
	const char *names[16] = { "portfolio" };
	char list[128] = "", hint[64];
	size_t n = 1, len = 0;

	for (unsigned i = 0; picker_at(i) && n < sizeof(names) / sizeof(names[0]); i++)
		if (picker_at(i) != &pick_clock)
			names[n++] = picker_at(i)->name;
	for (size_t i = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", names[i]);
	return why_set(why, -EINVAL, "%.30s: not a picker (%s)%s", text, list,
	               text_did_you_mean(hint, sizeof(hint), text_nearest(name, names, n, sizeof(names[0]))));
}

static int add_member(struct strategy *s, const char *text, uint32_t share, struct why *why)
{
	struct strategy_member *m = &s->member[s->n];
	const char *colon = strchr(text, ':'), *takes = NULL;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : 31, text);
	m->picker = picker_find(name);
	if (!m->picker || m->picker == &pick_clock)
		return not_a_picker(text, name, why);
	m->state = m->picker->create(colon ? colon + 1 : "", &takes);
	if (!m->state)
		return why_set(why, -EINVAL, "%.40s: %s", text, takes);
	snprintf(m->text, sizeof(m->text), "%s", text);
	m->share = share;
	s->n++;
	return 0;
}

/* Spreads the turns evenly: each goes to the member that is furthest behind its share. */
static void make_turns(struct strategy *s)
{
	uint32_t had[STRATEGY_MAX] = { 0 };

	for (uint32_t t = 0; t < STRATEGY_TURNS; t++) {
		int most = 0;
		for (uint32_t i = 0; i < s->n; i++) {
			int behind = (int)(s->member[i].share * (t + 1)) - (int)(had[i] * STRATEGY_TURNS);
			if (i == 0 || behind > most) {
				most = behind;
				s->turn[t] = (uint8_t)i;
			}
		}
		had[s->turn[t]]++;
	}
}

int strategy_open(struct strategy *s, const char *text, struct why *why)
{
	int ret = 0;

	*s = (struct strategy){ 0 };
	snprintf(s->text, sizeof(s->text), "%s", text);
	if (strcmp(text, "portfolio"))
		ret = add_member(s, text, STRATEGY_TURNS, why);
	else
		for (unsigned i = 0; i < STRATEGY_MAX && !ret; i++)
			ret = add_member(s, portfolio[i].text, portfolio[i].share, why);
	if (!ret)
		make_turns(s);
	return ret;
}

void strategy_close(struct strategy *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->member[i].picker->destroy(s->member[i].state);
	s->n = 0;
}

bool strategy_enumerates(const struct strategy *s)
{
	return s->n == 1 && s->member[0].picker->more;
}

/*
 * The hint is a few steps more than the longest of the member's own schedules. Were it too short, no change point of
 * pct would fall on the last steps, and the certificate would not hold; each step too many makes pct find less.
 */
struct strategy_member *strategy_next(struct strategy *s, struct coop_config *cfg)
{
	struct strategy_member *m = &s->member[s->turn[s->schedules % STRATEGY_TURNS]];

	if (m->picker->more && !m->picker->more(m->state))
		return NULL;
	cfg->picker = m->picker;
	cfg->picker_state = m->state;
	cfg->steps_hint = m->longest + m->longest / SLACK;
	return m;
}

void strategy_ran(struct strategy *s, struct strategy_member *m, const struct coop_result *run, bool found)
{
	s->schedules++;
	m->schedules++;
	m->found += found;
	if (run->end == COOP_FINISHED && run->steps > m->longest)
		m->longest = run->steps;
	certificate_add(&s->certificate, m->picker, m->state, run);
}
