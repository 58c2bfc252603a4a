/*
 * cut_import.h: `fsyncstorm cut import`: takes its arguments, argv[0] its own name, and returns its exit status. Called
 * by cmd/cut.c.
 */
#ifndef CMD_CUT_IMPORT_H
#define CMD_CUT_IMPORT_H

int cut_import(int argc, char **argv);

#endif
