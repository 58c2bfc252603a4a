/*
 * crc32c.h: the Castagnoli CRC that Btrfs, ext4 and iSCSI use (RFC 3720, B.4), by ISA-L, which takes the fastest
 * way that the CPU has (carry-less multiplication, the CRC instruction), or a table.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * Standard crc32c of at most INT_MAX bytes: crc32c(0, "123456789", 9) == 0xe3069283. Chain by passing the last
 * result.
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
