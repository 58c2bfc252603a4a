/*
 * race.c: `fsyncstorm race list|show|hunt|sweep|stress|score|prove|explore|merge|replay`: find the interleaving and the
 * crash that break a design of fsync, show it, and run it again. Here is the table of sub-commands.
 */
#include "cmd/race.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"

static const struct command subs[] = {
	{ "list", "the races, and the verdict due for each design", cmd_race_list },
	{ "show", "a race: its text, its story, the verdict due for each design", cmd_race_show },
	{ "hunt", "look for a schedule and a crash that break a promise", cmd_race_hunt },
	{ "stress", "run a race on real threads, with noise, and count how often a promise breaks", cmd_race_stress },
	{ "score", "how soon each strategy finds what is due, on each race and design", cmd_race_score },
	{ "prove", "try every schedule, or every one with at most K preemptions", cmd_race_prove },
	{ "sweep", "one design through all races, fine points, options, faults, and drawn programs", cmd_race_sweep },
	{ "explore", "run every short program, with every crash, the smallest first", cmd_race_explore },
	{ "merge", "join the results of all shards of a hunt or a proof", cmd_race_merge },
	{ "replay", "run a recorded schedule again, and show it", cmd_race_replay },
};
#define SUBS (sizeof(subs) / sizeof(subs[0]))

static int race_help(void)
{
	printf("usage: fsyncstorm race COMMAND [OPTIONS]\n\n");
	for (unsigned i = 0; i < SUBS; i++)
		printf("  %-8s %s\n", subs[i].name, subs[i].what);
	printf("\nfsyncstorm race COMMAND --help tells more.\n");
	return 0;
}

int cmd_race(int argc, char **argv)
{
	char title[64], hint[64];

	if (argc < 2)
		return cmd_error("race", "list, show, hunt, sweep, prove, explore, stress, score, merge or replay?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help"))
		return race_help();
	for (unsigned i = 0; i < SUBS; i++) {
		if (strcmp(subs[i].name, argv[1]))
			continue;
		snprintf(title, sizeof(title), "fsyncstorm race %s", argv[1]);
		argv[1] = title;
		return subs[i].run(argc - 1, argv + 1);
	}
	return cmd_error("race", "%.60s: not list, show, hunt, sweep, prove, explore, stress, score, merge or replay%s",
	                 argv[1],
	                 text_did_you_mean(hint, sizeof(hint), text_nearest(argv[1], subs, SUBS, sizeof(subs[0]))));
}
