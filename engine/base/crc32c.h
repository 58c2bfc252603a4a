/*
 * crc32c.h: the Castagnoli CRC that Btrfs, ext4 and iSCSI use (RFC 3720, B.4), by the CPU's own
 * instruction where it has one (SSE 4.2, ARMv8 CRC), by table where it has none.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Standard crc32c of the bytes: crc32c(0, "123456789", 9) == 0xe3069283. Chain by passing the last result. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same by table, on any CPU: what the instruction is checked against. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t len);
/* Does crc32c() use the CPU's instruction? For the recipe of a run, and for the tests. */
bool crc32c_is_hardware(void);

#endif
