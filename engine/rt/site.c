/* site.c: see site.h. The debug information is read by libdw (elfutils), at the first question. */
#include "rt/site.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/sanitize.h"

static Dwfl *dwfl;

#if RT_ASAN
__attribute__((no_sanitize("address"))) /* it walks over frames of all kinds */
#endif
void site_take(struct site_stack *s)
{
	int n = backtrace(s->pc, SITE_DEPTH);

	s->n = n > 0 ? (uint32_t)n : 0;
}

static bool open_own_program(void)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};

	if (dwfl)
		return true;
	dwfl = dwfl_begin(&callbacks);
	if (!dwfl)
		return false;
	dwfl_report_begin(dwfl);
	if (!dwfl_linux_proc_report(dwfl, getpid()) && !dwfl_report_end(dwfl, NULL, NULL))
		return true;
	site_close();
	return false;
}

void site_close(void)
{
	if (dwfl)
		dwfl_end(dwfl);
	dwfl = NULL;
}

/* From its last "engine/" or "workloads/" on: the same text wherever it was built. */
static bool take_place(struct site *out, const char *file, int line)
{
	const char *from = file ? strstr(file, "engine/") : NULL;

	if (!from)
		from = file ? strstr(file, "workloads/") : NULL;
	if (!from || !strncmp(from, "engine/rt/", 10) || !strncmp(from, "engine/pick/", 12)) /* (site.1) */
		return false;
	snprintf(out->file, sizeof(out->file), "%s", from);
	out->line = (uint32_t)line;
	return true;
}

static void take_function(struct site *out, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	snprintf(out->function, sizeof(out->function), "%s", name ? name : "?");
}

/* Where this inlined call stands. */
static const char *call_place(Dwarf_Die *cu, Dwarf_Die *inlined, int *line)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, at = 0;
	Dwarf_Files *files;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &file) ||
	    dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &at) || dwarf_getsrcfiles(cu, &files, NULL))
		return NULL;
	*line = (int)at;
	return dwarf_filesrc(files, file, NULL, NULL);
}

/* The scopes around `addr` as they are in the code: an inlined function's is its caller's, not its file's. */
static int physical_scopes(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die **out)
{
	Dwarf_Die *scopes = NULL, innermost;
	int n = dwarf_getscopes(cu, addr, &scopes);

	if (n <= 0)
		return 0;
	innermost = scopes[0];
	free(scopes);
	n = dwarf_getscopes_die(&innermost, out);
	return n > 0 ? n : 0;
}

/* clang writes no table of which unit has which addresses: then each is asked. */
static Dwarf_Die *unit_of(Dwfl_Module *mod, Dwarf_Addr pc, Dwarf_Addr *bias)
{
	Dwarf_Die *cu = dwfl_module_addrdie(mod, pc, bias);

	if (cu)
		return cu;
	while ((cu = dwfl_module_nextcu(mod, cu, bias)))
		if (dwarf_haspc(cu, pc - *bias) > 0)
			return cu;
	return NULL;
}

/* One frame: the line itself, then the calls that were inlined around it. */
static bool find_in_frame(Dwarf_Addr pc, struct site *out)
{
	Dwfl_Module *mod = dwfl_addrmodule(dwfl, pc);
	Dwarf_Addr bias;
	Dwarf_Die *cu = mod ? unit_of(mod, pc, &bias) : NULL, *scope = NULL;
	Dwarf_Line *at = cu ? dwarf_getsrc_die(cu, pc - bias) : NULL;
	int line = 0;

	if (!at || dwarf_lineno(at, &line))
		return false;
	const char *file = dwarf_linesrc(at, NULL, NULL);
	bool found = take_place(out, file, line);
	int n = physical_scopes(cu, pc - bias, &scope);
	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scope[i]);
		if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
			continue;
		if (found) {
			take_function(out, &scope[i]);
			break;
		}
		if (tag == DW_TAG_subprogram)
			break;
		file = call_place(cu, &scope[i], &line);
		found = take_place(out, file, line);
	}
	free(scope);
	return found;
}

bool site_find(const struct site_stack *s, struct site *out)
{
	*out = (struct site){ 0 };
	if (!open_own_program())
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		if (find_in_frame((Dwarf_Addr)(uintptr_t)s->pc[i] - 1, out)) /* the call, not what comes after it */
			return true;
	return false;
}
