// SPDX-License-Identifier: GPL-2.0-or-later
#include "subs_row.h"

#include <string.h>

#include "../lib/dns/message.h"

#define ADDR_LEN	22	/* address 16, port 2, scope 4 */

sqlite3_int64 subs_row_id(const uint8_t id[LLQ_ID_LEN])
{
	return (sqlite3_int64)((uint64_t)dns_u32(id) << 32 | dns_u32(id + 4));
}

static void put_addr(const struct subs_addr *a, uint8_t out[ADDR_LEN])
{
	memcpy(out, &a->ip, 16);
	dns_put16(out + 16, a->port);
	dns_put32(out + 18, a->scope);
}

static void bind_addr(sqlite3_stmt *s, int column, const struct subs_addr *a)
{
	uint8_t octets[ADDR_LEN];

	put_addr(a, octets);
	sqlite3_bind_blob(s, column, octets, ADDR_LEN, SQLITE_TRANSIENT);
}

static void bind_name(sqlite3_stmt *s, int column, const uint8_t *name)
{
	sqlite3_bind_blob(s, column, name, (int)dname_len(name), SQLITE_STATIC);
}

static void bind_who(sqlite3_stmt *s, const struct subs_identity *who)
{
	uint8_t names[2 * DNAME_MAX];
	size_t name_len, zone_len;

	if (!who) {
		sqlite3_bind_null(s, 8);
		sqlite3_bind_null(s, 9);
		return;
	}
	name_len = dname_len(who->name);
	zone_len = dname_len(who->zone);
	memcpy(names, who->name, name_len);
	memcpy(names + name_len, who->zone, zone_len);
	sqlite3_bind_blob(s, 8, names, (int)(name_len + zone_len), SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 9, (sqlite3_int64)who->tag);
}

void subs_row_bind(sqlite3_stmt *s, const struct subs_record *r)
{
	sqlite3_bind_int64(s, 1, subs_row_id(r->id));
	bind_name(s, 2, r->zone);
	bind_name(s, 3, r->name);
	sqlite3_bind_int(s, 4, r->type);
	bind_addr(s, 5, &r->to.peer);
	bind_addr(s, 6, &r->to.local);
	sqlite3_bind_int(s, 7, r->apple);
	bind_who(s, r->who);
	sqlite3_bind_int64(s, 10, (sqlite3_int64)r->expires);
	sqlite3_bind_int64(s, 11, (sqlite3_int64)r->time_signed);
	sqlite3_bind_int(s, 12, r->udp_size);
	if (r->answers)
		sqlite3_bind_blob64(s, 13, r->answers, r->answers_len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, 13);
}

static const uint8_t *name_at(sqlite3_stmt *s, int column)
{
	const uint8_t *name = sqlite3_column_blob(s, column);
	int len = sqlite3_column_bytes(s, column);

	return name && len > 0 && dname_check(name, (size_t)len) == (size_t)len ? name : NULL;
}

static bool addr_at(sqlite3_stmt *s, int column, struct subs_addr *out)
{
	const uint8_t *p = sqlite3_column_blob(s, column);

	if (!p || sqlite3_column_bytes(s, column) != ADDR_LEN)
		return false;
	memcpy(&out->ip, p, 16);
	out->port = dns_u16(p + 16);
	out->scope = dns_u32(p + 18);
	return true;
}

static bool who_at(sqlite3_stmt *s, struct subs_record *r, struct subs_identity *who)
{
	const uint8_t *p = sqlite3_column_blob(s, 7);
	size_t len = (size_t)sqlite3_column_bytes(s, 7), name_len;

	if (sqlite3_column_type(s, 7) == SQLITE_NULL)
		return true;
	name_len = p ? dname_check(p, len) : 0;
	if (!name_len || dname_check(p + name_len, len - name_len) != len - name_len)
		return false;
	*who = (struct subs_identity){
		.name = p, .zone = p + name_len,
		.tag = (uint64_t)sqlite3_column_int64(s, 8),
	};
	r->who = who;
	return true;
}

bool subs_row_read(sqlite3_stmt *s, struct subs_record *r, struct subs_identity *who)
{
	uint64_t id = (uint64_t)sqlite3_column_int64(s, 0);

	*r = (struct subs_record){
		.to = { .transport = SUBS_UDP, .listener = -1 },
		.zone = name_at(s, 1),
		.name = name_at(s, 2),
		.type = (uint16_t)sqlite3_column_int(s, 3),
		.apple = sqlite3_column_int(s, 6),
		.expires = (uint64_t)sqlite3_column_int64(s, 9),
		.time_signed = (uint64_t)sqlite3_column_int64(s, 10),
		.udp_size = (uint16_t)sqlite3_column_int(s, 11),
		.answers = sqlite3_column_blob(s, 12),
		.answers_len = (size_t)sqlite3_column_bytes(s, 12),
	};
	dns_put32(r->id, (uint32_t)(id >> 32));
	dns_put32(r->id + 4, (uint32_t)id);
	return r->zone && r->name && addr_at(s, 4, &r->to.peer) && addr_at(s, 5, &r->to.local) &&
	       who_at(s, r, who);
}
