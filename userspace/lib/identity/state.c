// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "../dns/siphash.h"
#include "../text/number.h"

#define MAGIC		"btmm-identity 1\n"
#define SUM_LINE	(sizeof("sum 0123456789abcdef\n") - 1)

/* Of damage, not of attackers: who can write there is root or us. */
static uint64_t check_sum(const char *buf, size_t len)
{
	static const uint8_t key[16] = "btmm-identity 1";

	return siphash24(key, (const uint8_t *)buf, len);
}

bool boot_id_check(const char *boot_id)
{
	return strlen(boot_id) == BOOT_ID_LEN &&
	       strspn(boot_id, "0123456789abcdef-") == BOOT_ID_LEN;
}

size_t identity_state_write(const struct identity *id, const char *boot_id,
			    char out[IDENTITY_STATE_MAX])
{
	char eui64[2 * EUI64_LEN + 1], ula[INET6_ADDRSTRLEN];
	int len;

	text_from_bytes(id->eui64, EUI64_LEN, eui64);
	inet_ntop(AF_INET6, &id->ula, ula, sizeof(ula));
	len = snprintf(out, IDENTITY_STATE_MAX, MAGIC "boot %s\neui64 %s\nkind %s\nula %s\n",
		       boot_id, eui64, id->random ? "random" : "hardware", ula);
	len += snprintf(out + len, IDENTITY_STATE_MAX - (size_t)len, "sum %016llx\n",
			(unsigned long long)check_sum(out, (size_t)len));
	return (size_t)len;
}

/* The value in the line at *@p, which begins with @word; *@p goes to the next one. */
static const char *value(char **p, const char *word)
{
	size_t len = strlen(word);
	char *v = *p, *end = strchr(v, '\n');

	if (!end || strncmp(v, word, len) || v[len] != ' ')
		return NULL;
	*end = '\0';
	*p = end + 1;
	return v + len + 1;
}

/* All of it again has to give the same text: there is one way to write it. */
static bool parse(const char *text, struct identity *id, char boot[BOOT_ID_LEN + 1])
{
	char copy[IDENTITY_STATE_MAX], again[IDENTITY_STATE_MAX];
	char *p = copy + strlen(MAGIC);
	const char *v;
	size_t n;

	memcpy(copy, text, strlen(text) + 1);
	v = value(&p, "boot");
	if (!v || !boot_id_check(v))
		return false;
	memcpy(boot, v, BOOT_ID_LEN + 1);
	v = value(&p, "eui64");
	if (!v || text_to_bytes(v, id->eui64, EUI64_LEN, &n) || n != EUI64_LEN)
		return false;
	v = value(&p, "kind");
	if (!v)
		return false;
	id->random = !strcmp(v, "random");
	v = value(&p, "ula");
	if (!v || inet_pton(AF_INET6, v, &id->ula) != 1)
		return false;

	identity_state_write(id, boot, again);
	return !strcmp(text, again);
}

const char *identity_state_read(const char *buf, size_t len, const char *boot_id,
				struct identity *id, bool *stale)
{
	char text[IDENTITY_STATE_MAX], boot[BOOT_ID_LEN + 1], sum[SUM_LINE + 1];
	struct identity got;

	*stale = false;
	if (len >= sizeof(text))
		return "is too long";
	memcpy(text, buf, len);
	text[len] = '\0';
	if (strlen(text) != len || len < strlen(MAGIC) + SUM_LINE)
		return "is cut off or not text";
	if (strncmp(text, MAGIC, strlen(MAGIC)))
		return "is not an identity file of this version";

	snprintf(sum, sizeof(sum), "sum %016llx\n",
		 (unsigned long long)check_sum(text, len - SUM_LINE));
	if (strcmp(text + len - SUM_LINE, sum))
		return "is damaged (its check sum is wrong)";
	if (!parse(text, &got, boot))
		return "has lines that this program did not write";
	if (!identity_is_set(&got) || memcmp(got.ula.s6_addr + 8, got.eui64, EUI64_LEN))
		return "has an address that is no ULA of this host";
	if (strcmp(boot, boot_id)) {
		*stale = true;
		return "is of an earlier boot";
	}
	*id = got;
	return NULL;
}
