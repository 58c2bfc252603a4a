/* shipped.c: the scenarios of workloads/scenarios, as the Makefile puts them in a table. See scene.h. */
#include "scene/scene.h"

const struct scene_text scene_shipped[] = {
#include "scene/shipped.inc"
	{ NULL, NULL },
};
