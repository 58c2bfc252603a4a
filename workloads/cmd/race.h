/*
 * race.h: the sub-commands of `fsyncstorm race`, one a file. argv[0] is "fsyncstorm race NAME".
 *
 * Each returns an exit status: CMD_ERROR (2) for the user's or the world's error, else 0 or 1, and 1 means:
 *
 *   hunt, one design      a violation was found; or, with --check-determinism, two runs of one schedule differed
 *   hunt, all designs     the verdict of a design is not the one that is due
 *   stress, one design    it was hit
 *   stress, all designs   a design was hit that is to hold
 *   score                 a verdict is not the one that is due
 *   prove, explore, merge, sweep
 *                         a violation was found
 *   replay                it breaks as recorded
 */
#ifndef CMD_RACE_H
#define CMD_RACE_H

int cmd_race_list(int argc, char **argv);
int cmd_race_show(int argc, char **argv);
int cmd_race_hunt(int argc, char **argv);
int cmd_race_stress(int argc, char **argv);
int cmd_race_score(int argc, char **argv);
int cmd_race_prove(int argc, char **argv);
int cmd_race_sweep(int argc, char **argv);
int cmd_race_explore(int argc, char **argv);
int cmd_race_merge(int argc, char **argv);
int cmd_race_replay(int argc, char **argv);

#endif
