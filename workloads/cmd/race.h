/*
 * race.h: the sub-commands of `fsyncstorm race`, one a file. argv[0] is "fsyncstorm race NAME".
 *
 * Exit status: `hunt` of one design: 1 when a violation was found, else 0. `hunt` of all designs: 0 when each
 * design's verdict is the one that is due. `stress`: 1 when a design was hit (of all: one that is to hold). `score`:
 * 1 when a verdict is not the one that is due. `prove`, `merge`: as `hunt` of one design. `replay`: 1 when it breaks
 * again as recorded, 0 when not.
 */
#ifndef CMD_RACE_H
#define CMD_RACE_H

int cmd_race_hunt(int argc, char **argv);
int cmd_race_stress(int argc, char **argv);
int cmd_race_score(int argc, char **argv);
int cmd_race_prove(int argc, char **argv);
int cmd_race_merge(int argc, char **argv);
int cmd_race_replay(int argc, char **argv);

#endif
