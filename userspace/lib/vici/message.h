/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of VICI, the control protocol of strongSwan's charon, and the messages in
 * them: sections, lists and pairs of key and value. On the stream each packet follows
 * its length. No I/O.
 */
#ifndef BTMM_VICI_MESSAGE_H
#define BTMM_VICI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VICI_MAX	(512 * 1024)	/* octets in a packet; charon's own limit */
#define VICI_LENGTH	4		/* octets of length before it */
#define VICI_NAME	255		/* octets in a name of any kind */
#define VICI_VALUE	65535		/* octets in a value */
#define VICI_DEPTH	16		/* sections in sections */

enum vici_type {
	VICI_CMD_REQUEST,
	VICI_CMD_RESPONSE,
	VICI_CMD_UNKNOWN,
	VICI_EVENT_REGISTER,
	VICI_EVENT_UNREGISTER,
	VICI_EVENT_CONFIRM,
	VICI_EVENT_UNKNOWN,
	VICI_EVENT,
};

enum vici_element {
	VICI_SECTION = 1,	/* has a name */
	VICI_SECTION_END,
	VICI_PAIR,		/* has a name and a value */
	VICI_LIST,		/* has a name */
	VICI_ITEM,		/* has a value */
	VICI_LIST_END,
};

/* Octets in the packet that is read; they hold no closing NUL. */
struct vici_span {
	const uint8_t *p;
	size_t len;
};

bool vici_is(struct vici_span s, const char *text);

/**
 * vici_frame - the packet at the beginning of what came from the stream
 * @packet: set when there is a whole one
 *
 * Return: the octets that it took, with its length; 0: there is more to come;
 * -EMSGSIZE: it is longer than VICI_MAX, -EBADMSG: it is empty.
 */
long vici_frame(const uint8_t *buf, size_t len, struct vici_span *packet);

struct vici_packet {
	enum vici_type type;
	struct vici_span name;		/* of command or event; empty where there is none */
	struct vici_span body;
};

/*
 * Takes a packet apart, and looks whether its message is well-formed: what
 * vici_next() then says of it needs no further check.
 * 0, or -EBADMSG.
 */
int vici_read(struct vici_span in, struct vici_packet *out);

struct vici_reader {
	struct vici_span left;
	unsigned int depth;
	bool in_list;
	bool failed;
};

struct vici_item {
	enum vici_element kind;
	struct vici_span name;
	struct vici_span value;
};

void vici_reader_init(struct vici_reader *r, struct vici_span body);
/* The next element; false at the end and after a failure. */
bool vici_next(struct vici_reader *r, struct vici_item *out);
/* After VICI_SECTION or VICI_LIST: on to its end, which is read too. */
void vici_skip(struct vici_reader *r);
/* The value of the first @key outside of all sections; false: there is none. */
bool vici_find(struct vici_span body, const char *key, struct vici_span *value);
/* A decimal or, with @base 16, hexadecimal number; nothing else, up to @max. */
bool vici_number(struct vici_span s, unsigned int base, uint64_t max, uint64_t *out);
/* With a closing NUL, cut to @size, and of printable ASCII only ('?' for all else). */
void vici_text(struct vici_span s, char *out, size_t size);

/**
 * struct vici_writer - a packet that is being written
 * @buf: the caller's
 * @failed: it did not fit, or its elements do not
 */
struct vici_writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	unsigned int depth;
	bool in_list;
	bool failed;
};

/* @name: of the command or event; NULL for types that have none. */
void vici_begin(struct vici_writer *w, uint8_t *buf, size_t size, enum vici_type type,
		const char *name);
void vici_section(struct vici_writer *w, const char *name);
void vici_section_end(struct vici_writer *w);
void vici_list(struct vici_writer *w, const char *name);
void vici_list_end(struct vici_writer *w);
void vici_put(struct vici_writer *w, const char *key, const void *value, size_t len);
void vici_put_text(struct vici_writer *w, const char *key, const char *value);
void vici_put_number(struct vici_writer *w, const char *key, uint64_t value);
void vici_put_item(struct vici_writer *w, const void *value, size_t len);
void vici_put_item_text(struct vici_writer *w, const char *value);
/* A list of one */
void vici_put_list(struct vici_writer *w, const char *name, const char *value);
/* Return: the packet's length, without the octets of length before it; 0: it failed. */
size_t vici_end(struct vici_writer *w);

#endif
