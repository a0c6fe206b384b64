// SPDX-License-Identifier: GPL-2.0-or-later
#include "schema.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"

static void append(char *out, size_t size, const struct nl_schema *schema,
		   uint16_t type)
{
	size_t used = strlen(out);
	const char *dot = used ? "." : "";

	if (schema && type < schema->count && schema->attrs[type].name)
		snprintf(out + used, size - used, "%s%s", dot,
			 schema->attrs[type].name);
	else
		snprintf(out + used, size - used, "%s%u", dot, type);
}

/*
 * Go down to the attribute at @offset, writing its path. Returns the schema
 * of what is nested in it, NULL if that is not known.
 */
static const struct nl_schema *descend(const struct nl_schema *schema,
				       const uint8_t *base, size_t len,
				       size_t offset, char *out, size_t size)
{
	const uint8_t *at = base;
	struct nl_reader r;
	struct nl_attr a;

	nl_reader_init(&r, at, len);
	while (nl_next(&r, &a)) {
		size_t begin = a.data - NLA_HDRLEN - base;

		if (offset < begin)
			break;
		if (offset >= begin + NLA_HDRLEN + a.len)
			continue;

		append(out, size, schema, a.type);
		schema = schema && a.type < schema->count ?
			 schema->attrs[a.type].nested : NULL;
		if (offset == begin || !schema)
			return schema;
		nl_reader_init(&r, a.data, a.len);
	}

	out[0] = '\0';
	return NULL;
}

void nl_attr_path(const struct nl_schema *schema, const void *buf, size_t len,
		  size_t offset, char *out, size_t size)
{
	out[0] = '\0';
	descend(schema, buf, len, offset, out, size);
}

void nl_missing_path(const struct nl_schema *schema, const void *buf,
		     size_t len, size_t nest, uint16_t type, char *out,
		     size_t size)
{
	out[0] = '\0';
	if (nest != SIZE_MAX)
		schema = descend(schema, buf, len, nest, out, size);
	append(out, size, schema, type);
}
