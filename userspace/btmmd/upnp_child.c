// SPDX-License-Identifier: GPL-2.0-or-later
#include "upnp_child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>

#include "../lib/nat/upnp_msg.h"
#include "../lib/nat/upnp_url.h"
#include "../lib/text/number.h"

#if MINIUPNPC_API_VERSION < 14
#error "libminiupnpc 1.9.20150730 or newer is needed"
#endif

#define SSDP_PORT	1900
#define SSDP_GROUP	"239.255.255.250"
#define PATIENCE	25	/* s; less than the engine's */
#define FILES		16
/* What a device says is kept as a whole, and a device may say a lot. */
#ifdef __SANITIZE_ADDRESS__		/* dies where there is none left */
#define MEMORY		RLIM_INFINITY
#else
#define MEMORY		((rlim_t)16 << 20)
#endif

static struct {
	int fd;
	bool found;
	struct ipv4 gateway;
	struct UPNPUrls urls;
	struct IGDdatas data;
} child;

static int limit(int what, rlim_t n)
{
	struct rlimit r = { n, n };

	return setrlimit(what, &r);
}

/* Octets of memory that this process has by now */
static rlim_t memory_used(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	int n = f ? fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) : 0;

	if (f)
		fclose(f);
	return n == 1 ? pages * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

/* 0 or -1: then nothing may be done. */
static int lock_down(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	static const int fatal[] = { SIGALRM, SIGTERM, SIGINT, SIGHUP };
	rlim_t memory = MEMORY == RLIM_INFINITY ? MEMORY : memory_used() + MEMORY;
	sigset_t set;
	size_t i;

	/* The parent may have blocked or caught what is to end this process. */
	for (i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		signal(fatal[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	/* The library writes what it thinks to standard error, which may be a file. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	if (sigprocmask(SIG_SETMASK, &set, NULL) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_capset, &header, none))
		return -1;
	if (dup2(child.fd, 3) < 0 || syscall(SYS_close_range, 4, ~0u, 0))
		return -1;
	child.fd = 3;
	return limit(RLIMIT_NOFILE, FILES) || limit(RLIMIT_CORE, 0) || limit(RLIMIT_FSIZE, 0) ||
	       limit(RLIMIT_DATA, memory);
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What miniupnpc says of a call: 0, a UPnP error code, or less than nothing */
static uint16_t status(int result)
{
	if (result == UPNPCOMMAND_SUCCESS)
		return UPNP_OK;
	return result >= 400 && result <= 899 ? (uint16_t)result : UPNP_FAILED;
}

static void forget(void)
{
	if (child.found)
		FreeUPNPUrls(&child.urls);
	child.found = false;
}

static bool usable(void)
{
	struct ipv4 host;

	return child.urls.controlURL && upnp_url_host(child.urls.controlURL, &host) &&
	       ipv4_equal(host, child.gateway) &&
	       upnp_service_version(child.data.first.servicetype);
}

/* One of a device's services, as the one to be asked. */
static bool use(const char *url, const struct IGDdatas_service *service)
{
	child.data.first = *service;
	FreeUPNPUrls(&child.urls);
	GetUPNPUrls(&child.urls, &child.data, url, 0);
	return usable();
}

/* The device described at @url, which is on the gateway. An enum upnp_status */
static uint16_t examine(const char *url, struct upnp_response *a)
{
	struct IGDdatas_service services[2], *best = NULL;
	struct UPNPUrls none = { NULL };
	bool described = false;
	char lan[64] = "";
	size_t i;

	forget();
	child.urls = none;
	if (!UPNP_GetIGDFromUrl(url, &child.urls, &child.data, lan, sizeof(lan)))
		return UPNP_FAILED;
	child.found = true;
	services[0] = child.data.first;
	services[1] = child.data.second;
	/* A device may have two of them: the one that is connected counts, or else any. */
	for (i = 0; i < 2; i++) {
		described |= upnp_service_version(services[i].servicetype) > 0;
		if (!use(url, &services[i]))
			continue;
		if (!best)
			best = &services[i];
		if (UPNPIGD_IsConnected(&child.urls, &child.data)) {
			best = &services[i];
			break;
		}
	}
	if (!best || !use(url, best)) {
		forget();
		return described ? UPNP_FOREIGN : UPNP_NO_DEVICE;
	}
	a->version = (uint8_t)upnp_service_version(best->servicetype);
	a->address = child.gateway;
	return UPNP_OK;
}

/* A socket that has asked all devices, and the gateway alone; -1 */
static int search(const struct upnp_request *q)
{
	static const char *const targets[] = {
		"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
		"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
		"upnp:rootdevice",
	};
	struct sockaddr_in sin = { .sin_family = AF_INET }, group = sin, alone = sin;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned char ttl = 2;
	char msg[UPNP_SEARCH_MAX];
	bool sent = false;
	size_t i, n;

	memcpy(&sin.sin_addr, q->own.b, 4);
	memcpy(&alone.sin_addr, q->gateway.b, 4);
	inet_pton(AF_INET, SSDP_GROUP, &group.sin_addr);
	alone.sin_port = htons(SSDP_PORT);
	group.sin_port = htons(SSDP_PORT);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &sin.sin_addr, sizeof(sin.sin_addr)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)))
		goto fail;
	for (i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		n = upnp_search_put(msg, targets[i], 1);
		if (sendto(fd, msg, n, 0, (struct sockaddr *)&group, sizeof(group)) == (ssize_t)n)
			sent = true;
		if (sendto(fd, msg, n, 0, (struct sockaddr *)&alone, sizeof(alone)) == (ssize_t)n)
			sent = true;
	}
	if (sent)
		return fd;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The next answer's URL within @ms; false: there is none in it, or none at all. */
static bool next_location(int fd, int ms, char url[UPNP_URL_MAX])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct sockaddr_in from = { 0 };
	socklen_t size = sizeof(from);
	uint8_t msg[1500];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = recvfrom(fd, msg, sizeof(msg), 0, (struct sockaddr *)&from, &size);
	return n > 0 && !memcmp(&from.sin_addr, child.gateway.b, 4) &&
	       upnp_search_location(msg, (size_t)n, child.gateway, url);
}

static uint16_t discover(const struct upnp_request *q, struct upnp_response *a)
{
	uint64_t now = clock_ms(), until = now + q->timeout;
	char url[UPNP_URL_MAX], last[UPNP_URL_MAX] = "";
	uint16_t result = UPNP_NO_DEVICE;
	int fd;

	forget();
	child.gateway = q->gateway;
	fd = search(q);
	if (fd < 0)
		return UPNP_FAILED;
	for (; now < until && result != UPNP_OK; now = clock_ms()) {
		/* Each device answers several times. */
		if (!next_location(fd, (int)(until - now), url) || !strcmp(url, last))
			continue;
		memcpy(last, url, sizeof(last));
		result = examine(url, a);
	}
	close(fd);
	return result;
}

static uint16_t address(struct upnp_response *a)
{
	char text[64] = "";
	int result = UPNP_GetExternalIPAddress(child.urls.controlURL,
					       child.data.first.servicetype, text);

	/* Empty: it is not connected; 0.0.0.0 says so, too. */
	if (result == UPNPCOMMAND_SUCCESS && *text && inet_pton(AF_INET, text, a->address.b) != 1)
		return UPNP_FAILED;
	return status(result);
}

static uint16_t add(const struct upnp_request *q, struct upnp_response *a)
{
	const char *service = child.data.first.servicetype;
	char external[8], internal[8], own[INET_ADDRSTRLEN], lease[16], reserved[16] = "";
	uint64_t port;
	int result;

	snprintf(external, sizeof(external), "%u", q->external);
	snprintf(internal, sizeof(internal), "%u", q->internal);
	snprintf(lease, sizeof(lease), "%u", q->lease);
	inet_ntop(AF_INET, q->own.b, own, sizeof(own));
	if (q->op == UPNP_ADD)
		return status(UPNP_AddPortMapping(child.urls.controlURL, service, external,
						  internal, own, q->description, "UDP", NULL,
						  lease));
	result = UPNP_AddAnyPortMapping(child.urls.controlURL, service, external, internal, own,
					q->description, "UDP", NULL, lease, reserved);
	if (result == UPNPCOMMAND_SUCCESS && !text_to_uint(reserved, 1, 65535, &port))
		a->external = (uint16_t)port;
	return status(result);
}

static uint16_t get(const struct upnp_request *q, struct upnp_response *a)
{
	char client[64] = "", port[16] = "", description[128] = "", enabled[16] = "";
	char lease[32] = "", external[8];
	uint64_t n;
	int result;

	snprintf(external, sizeof(external), "%u", q->external);
	result = UPNP_GetSpecificPortMappingEntry(child.urls.controlURL,
						  child.data.first.servicetype, external, "UDP",
						  NULL, client, port, description, enabled,
						  lease);
	if (result != UPNPCOMMAND_SUCCESS)
		return status(result);
	if (inet_pton(AF_INET, client, a->address.b) != 1 || text_to_uint(port, 1, 65535, &n))
		return UPNP_FAILED;
	a->internal = (uint16_t)n;
	a->external = q->external;
	a->enabled = strcmp(enabled, "0") && strcasecmp(enabled, "false") &&
		     strcasecmp(enabled, "no");
	if (!text_to_uint(lease, 0, UINT32_MAX, &n))
		a->lease = (uint32_t)n;
	return UPNP_OK;
}

static uint16_t delete(const struct upnp_request *q)
{
	char external[8];

	snprintf(external, sizeof(external), "%u", q->external);
	return status(UPNP_DeletePortMapping(child.urls.controlURL, child.data.first.servicetype,
					     external, "UDP", NULL));
}

static uint16_t handle(const struct upnp_request *q, struct upnp_response *a)
{
	if (q->op == UPNP_DISCOVER)
		return discover(q, a);
	if (!child.found || !ipv4_equal(q->gateway, child.gateway))
		return UPNP_FAILED;
	switch (q->op) {
	case UPNP_ADDRESS:
		return address(a);
	case UPNP_ADD:
	case UPNP_ADD_ANY:
		return add(q, a);
	case UPNP_GET:
		return get(q, a);
	default:
		return delete(q);
	}
}

/* One request; false: the parent is gone, or talks nonsense. */
static bool serve(const struct upnp_request *q)
{
	struct upnp_response a = { .op = q->op, .id = q->id };
	uint8_t out[UPNP_MSG_MAX];
	size_t len;

	alarm(PATIENCE);
	a.status = handle(q, &a);
	alarm(0);
	len = upnp_response_put(out, &a);
	return send(child.fd, out, len, MSG_NOSIGNAL) == (ssize_t)len;
}

int upnp_child(int fd)
{
	struct upnp_request q;
	uint8_t buf[UPNP_MSG_MAX];
	size_t len = 0;
	ssize_t got;
	int n;

	child.fd = fd;
	if (lock_down())
		return EXIT_FAILURE;
	for (;;) {
		n = upnp_request_read(buf, len, &q);
		if (n < 0)
			return EXIT_FAILURE;
		if (n > 0) {
			len -= (size_t)n;
			memmove(buf, buf + n, len);
			if (!serve(&q))
				return EXIT_FAILURE;
			continue;
		}
		got = read(child.fd, buf + len, sizeof(buf) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? EXIT_FAILURE : EXIT_SUCCESS;
		len += (size_t)got;
	}
}
