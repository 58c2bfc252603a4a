/*
 * cut_finding.h: commands on the folder of a finding (cut/finding.h). Each takes its arguments, argv[0] its own name,
 * and returns its exit status. Called by cmd/cut.c.
 */
#ifndef CMD_CUT_FINDING_H
#define CMD_CUT_FINDING_H

int cut_replay(int argc, char **argv);
int cut_shrink(int argc, char **argv);
int cut_export(int argc, char **argv);

#endif
