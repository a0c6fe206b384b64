/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of attributes, so that a refusal can say which one was at fault.
 */
#ifndef BTMM_NETLINK_SCHEMA_H
#define BTMM_NETLINK_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

struct nl_schema;

struct nl_schema_attr {
	const char *name;
	const struct nl_schema *nested;
};

/**
 * struct nl_schema - one attribute set
 * @attrs: by type; a type without a name is not known
 * @count: of @attrs
 */
struct nl_schema {
	const struct nl_schema_attr *attrs;
	size_t count;
};

#define NL_SCHEMA(array)						\
	{ .attrs = (array), .count = sizeof(array) / sizeof((array)[0]) }

/**
 * nl_attr_path - name the attribute at an offset, as "peer.endpoint.port"
 * @schema: of the top level
 * @buf: the attributes
 * @len: of @buf
 * @offset: where the attribute begins, from @buf
 * @out: the path; empty if there is no such attribute
 * @size: of @out
 */
void nl_attr_path(const struct nl_schema *schema, const void *buf, size_t len,
		  size_t offset, char *out, size_t size);

/**
 * nl_missing_path - name an attribute that is not there
 * @nest: offset of the nest that lacks it, or SIZE_MAX for the top level
 * @type: of the missing attribute
 */
void nl_missing_path(const struct nl_schema *schema, const void *buf,
		     size_t len, size_t nest, uint16_t type, char *out,
		     size_t size);

#endif
