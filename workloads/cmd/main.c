/*
 * main.c: fsyncstorm's front door: finds the command and runs it.
 */
#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	return cmd_dispatch(argc, argv);
}
