/*
 * mem.h: malloc that never fails, and what the process uses. Memory comes from the calling thread's arena (mem_node.h).
 */
#ifndef MACHINE_MEM_H
#define MACHINE_MEM_H

#include <stddef.h>

/* CHECK that there was memory. mem_zalloc() zeroes. Free with free(). */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
/* Aligned for O_DIRECT (4096 bytes). Free with free(). */
void *mem_alloc_pages(size_t n);
/* The most bytes that were ever resident, from the kernel. */
size_t mem_peak_bytes(void);

#endif
