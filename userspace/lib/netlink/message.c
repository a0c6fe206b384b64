// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../text/human.h"
#include "attr.h"

bool nl_message_next(const uint8_t **p, size_t *left, struct nlmsghdr *nlh,
		     const uint8_t **payload, bool *bad)
{
	size_t step;

	*bad = false;
	if (!*left)
		return false;
	if (*left < sizeof(*nlh))
		goto bad;
	memcpy(nlh, *p, sizeof(*nlh));
	if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		goto bad;

	*payload = *p + sizeof(*nlh);
	step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return true;

bad:
	*bad = true;
	return false;
}

static void tlvs_read(struct nl_outcome *o, const uint8_t *tlvs, size_t len)
{
	struct nl_reader r;
	struct nl_attr a;

	/* What is malformed here only makes the sentence shorter. */
	nl_reader_init(&r, tlvs, len);
	while (nl_next(&r, &a)) {
		switch (a.type) {
		case NLMSGERR_ATTR_MSG:
			text_printable((const char *)a.data, a.len, o->text,
				       sizeof(o->text));
			break;
		case NLMSGERR_ATTR_OFFS:
			o->offset = nl_get_u32(&r, &a);
			o->has_offset = !r.failed;
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			o->type = nl_get_u32(&r, &a);
			o->has_type = !r.failed;
			break;
		case NLMSGERR_ATTR_MISS_NEST:
			o->nest = nl_get_u32(&r, &a);
			o->has_nest = !r.failed;
			break;
		}
	}
}

int nl_outcome_read(struct nl_outcome *o, const struct nlmsghdr *nlh,
		    const uint8_t *payload, size_t len)
{
	size_t tlvs = sizeof(o->err);
	struct nlmsghdr inner;

	memset(o, 0, sizeof(*o));

	/* A DONE without its integer was sent by kernels of long ago. */
	if (len >= sizeof(o->err))
		memcpy(&o->err, payload, sizeof(o->err));
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		return -EBADMSG;
	/* The length of a dump, in DONE, is no error. */
	if (nlh->nlmsg_type == NLMSG_DONE && o->err > 0)
		o->err = 0;
	if (o->err > 0 || o->err < -4095)
		return -EBADMSG;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (len < sizeof(struct nlmsgerr))
			return -EBADMSG;
		tlvs = sizeof(struct nlmsgerr);
		memcpy(&inner, payload + sizeof(o->err), sizeof(inner));
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
		    inner.nlmsg_len > sizeof(inner))
			tlvs += NLMSG_ALIGN((size_t)inner.nlmsg_len -
					    sizeof(inner));
	}

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && tlvs < len)
		tlvs_read(o, payload + tlvs, len - tlvs);
	return 0;
}

void nl_outcome_explain(const struct nl_outcome *o,
			const struct nl_schema *schema, const uint8_t *request,
			size_t request_len, size_t skip, char *out,
			size_t size)
{
	const char *what = "attribute";
	char path[128] = "";

	skip += sizeof(struct nlmsghdr);
	if (schema && request_len >= skip) {
		const uint8_t *attrs = request + skip;
		size_t len = request_len - skip;

		if (o->has_type) {
			size_t nest = SIZE_MAX;

			if (o->has_nest && o->nest >= skip)
				nest = o->nest - skip;
			what = "missing attribute";
			nl_missing_path(schema, attrs, len, nest,
					(uint16_t)o->type, path, sizeof(path));
		} else if (o->has_offset && o->offset >= skip) {
			nl_attr_path(schema, attrs, len, o->offset - skip,
				     path, sizeof(path));
		}
	}

	snprintf(out, size, "%s%s%s%s%s%s",
		 o->text[0] ? o->text : strerror(-o->err),
		 path[0] ? " (" : "", path[0] ? what : "", path[0] ? " " : "",
		 path, path[0] ? ")" : "");
}
