/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink attributes in a buffer: a writer and a reader, both bounded, both
 * with an error that sticks and is looked at once at the end. No I/O.
 */
#ifndef BTMM_NETLINK_ATTR_H
#define BTMM_NETLINK_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct nl_writer - a buffer that attributes are appended to
 * @buf: owned by the caller
 * @size: of @buf
 * @len: how much is written, always a multiple of four
 * @failed: something did not fit, in @buf or in an attribute's 16-bit length
 */
struct nl_writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool failed;
};

/* Room for @len octets, zeroed and padded; NULL when there is none. */
void *nl_reserve(struct nl_writer *w, size_t len);

void nl_put(struct nl_writer *w, uint16_t type, const void *data, size_t len);
void nl_put_u8(struct nl_writer *w, uint16_t type, uint8_t v);
void nl_put_u16(struct nl_writer *w, uint16_t type, uint16_t v);
void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t v);
void nl_put_u64(struct nl_writer *w, uint16_t type, uint64_t v);
void nl_put_be16(struct nl_writer *w, uint16_t type, uint16_t v);
void nl_put_be32(struct nl_writer *w, uint16_t type, uint32_t v);
/* With the closing NUL. */
void nl_put_string(struct nl_writer *w, uint16_t type, const char *s);

/* Open a nest, and give what this returned to nl_nest_end(). */
size_t nl_nest_begin(struct nl_writer *w, uint16_t type);
void nl_nest_end(struct nl_writer *w, size_t nest);

/**
 * struct nl_attr - one attribute, as found
 * @type: without the flags
 * @len: of @data
 * @data: in the buffer that is read, not aligned to more than four
 */
struct nl_attr {
	uint16_t type;
	uint16_t len;
	const uint8_t *data;
};

/**
 * struct nl_reader - the attributes of a buffer, one after the other
 * @p: what is not read yet
 * @left: how much that is
 * @failed: an attribute reached over the end, or a value had a wrong length
 */
struct nl_reader {
	const uint8_t *p;
	size_t left;
	bool failed;
};

void nl_reader_init(struct nl_reader *r, const void *buf, size_t len);

/* The next attribute; false at the end and after a failure. */
bool nl_next(struct nl_reader *r, struct nl_attr *a);

/* Values of exactly the wanted length; otherwise 0, and @r has failed. */
uint8_t nl_get_u8(struct nl_reader *r, const struct nl_attr *a);
uint16_t nl_get_u16(struct nl_reader *r, const struct nl_attr *a);
uint32_t nl_get_u32(struct nl_reader *r, const struct nl_attr *a);
uint64_t nl_get_u64(struct nl_reader *r, const struct nl_attr *a);
uint16_t nl_get_be16(struct nl_reader *r, const struct nl_attr *a);
uint32_t nl_get_be32(struct nl_reader *r, const struct nl_attr *a);
void nl_get_bytes(struct nl_reader *r, const struct nl_attr *a, void *out,
		  size_t len);

#endif
