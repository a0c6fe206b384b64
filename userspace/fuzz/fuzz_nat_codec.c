// SPDX-License-Identifier: GPL-2.0-or-later
/* What a gateway, or who poses as one, may send: no read beyond it, and what is taken
 * has the length and the version that it must have.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/nat/natpmp.h"
#include "../lib/nat/pcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct natpmp_reply natpmp;
	struct pcp_reply pcp;
	uint8_t version, out[PCP_MAP_LEN];
	bool bad = natpmp_bad_version(data, size, &version);

	if (bad)
		must(size >= 8 && version == data[0]);
	if (!natpmp_read(data, size, &natpmp)) {
		must(!bad && size >= 8 && data[0] == NATPMP_VERSION);
		must(natpmp.full || natpmp.result);
		must(natpmp.epoch == dns_u32(data + 4));
	}
	if (!pcp_read(data, size, &pcp)) {
		must(!bad && size >= PCP_HEADER && size <= PCP_MAX && data[0] == PCP_VERSION);
		if (pcp.op == PCP_MAP && pcp.result == PCP_SUCCESS) {
			/* Written as a request, it is the same behind the header. */
			pcp_put_map(out, pcp.map.address, &pcp.map, pcp.lifetime);
			must(!memcmp(out + 24, data + 24, 13));
			must(!memcmp(out + 40, data + 40, 20));
		}
	}
	return 0;
}
