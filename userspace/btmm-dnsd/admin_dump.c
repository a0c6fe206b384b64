// SPDX-License-Identifier: GPL-2.0-or-later
/* A zone as text, by libknot: names keep their case, unknown types go by RFC 3597. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>
#include <libknot/rrset-dump.h>

#include "admin_dns.h"

struct dump {
	struct buf *out;
	unsigned int soas;
	char *text;		/* libknot's, grows */
	size_t size;
};

static int dump_message(void *arg, const uint8_t *msg, size_t len)
{
	struct dump *d = arg;
	knot_pkt_t *pkt = knot_pkt_new((void *)msg, (uint16_t)len, NULL);
	const knot_pktsection_t *answer;
	int r = pkt ? knot_pkt_parse(pkt, KNOT_PF_NOCANON) : KNOT_ENOMEM;
	uint16_t i;

	answer = r == KNOT_EOK ? knot_pkt_section(pkt, KNOT_ANSWER) : NULL;
	for (i = 0; answer && i < answer->count && r >= 0; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(answer, i);

		/* The SOA stands at both ends. */
		if (rr->type == KNOT_RRTYPE_SOA && d->soas++)
			continue;
		r = knot_rrset_txt_dump(rr, &d->text, &d->size, &KNOT_DUMP_STYLE_DEFAULT);
		if (r > 0)
			buf_put(d->out, d->text, (size_t)r);
	}
	knot_pkt_free(pkt);
	return r < 0 ? -EBADMSG : 0;
}

int ask_zone_text(const struct net_addr *server, const struct tsig_key *key,
		  const uint8_t *zone, struct buf *out, uint32_t *serial, struct why *why)
{
	struct dump d = { .out = out, .size = 4096 };
	char name[DNAME_TEXT_MAX];
	int err;

	d.text = malloc(d.size);
	if (!d.text)
		return why_set(why, -ENOMEM, "out of memory");
	why->text[0] = '\0';
	err = ask_transfer(server, key, zone, dump_message, &d, serial, why);
	if (err && !why->text[0])
		why_set(why, err, "%s cannot be written as text", name_text(zone, name));
	free(d.text);
	if (!err && out->failed)
		err = why_set(why, -ENOMEM, "out of memory");
	return err;
}
