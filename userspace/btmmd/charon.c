// SPDX-License-Identifier: GPL-2.0-or-later
#include "charon.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) || defined(__arm__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define IKE_PORT	500
#define PATH		4096

static int put(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

/* Only root may have a hand in it. */
static int check_dir(const char *dir, char *error, size_t size)
{
	struct stat st;
	int err = 0;

	if (stat(dir, &st))
		err = -errno;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (err) {
		snprintf(error, size, "%s: %s", dir, strerror(-err));
		return err;
	}
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(error, size, "%s: others may write there", dir);
		return -EPERM;
	}
	return 0;
}

int charon_prepare(const char *dir, const struct charon_conf *conf, char *error, size_t size)
{
	char text[CHARON_CONF_MAX], path[PATH], tmp[PATH + 4], vici[PATH];
	struct charon_conf c = *conf;
	int len, fd, ret;

	ret = check_dir(dir, error, size);
	if (ret)
		return ret;
	if (snprintf(path, sizeof(path), "%s/" CHARON_CONF, dir) >= (int)sizeof(path) ||
	    snprintf(vici, sizeof(vici), "%s/" CHARON_VICI, dir) >= (int)sizeof(vici)) {
		snprintf(error, size, "%s: the path is too long", dir);
		return -ENAMETOOLONG;
	}
	c.vici = vici;
	len = charon_conf_text(&c, text, sizeof(text));
	if (len < 0) {
		snprintf(error, size, "%s: the path, the device or the group has characters that "
			 "%s cannot hold", dir, CHARON_CONF);
		return len;
	}
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ret = fd < 0 ? -errno : put(fd, text, (size_t)len);
	if (fd >= 0)
		close(fd);
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret)
		snprintf(error, size, "%s: %s", path, strerror(-ret));
	return ret;
}

/* --- who has the port --- */

/* The inode of a socket at our port, from /proc/net/udp6; 0: not found */
static unsigned long port_inode(void)
{
	FILE *f = fopen("/proc/net/udp6", "re");
	unsigned long inode = 0, n;
	unsigned int port;
	char line[512];

	while (f && !inode && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d: %*32[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &port,
			   &n) == 2 && port == IKE_PORT)
			inode = n;
	}
	if (f)
		fclose(f);
	return inode;
}

static bool has_socket(const char *pid, const char *socket)
{
	char path[300], target[64];
	struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		found = !strcmp(target, socket);
	}
	if (d)
		closedir(d);
	return found;
}

static bool owner(unsigned long inode, char *name, size_t size)
{
	char socket[40], path[300];
	struct dirent *e;
	bool found = false;
	FILE *f;
	DIR *d;

	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	d = opendir("/proc");
	while (d && !found && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_socket(e->d_name, socket))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, (int)size, f)) {
			size_t len = strcspn(name, "\n");

			snprintf(name + len, size - len, " (process %s)", e->d_name);
			found = true;
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

int charon_port_free(char *error, size_t size)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(IKE_PORT) };
	int fd, one = 1, err = 0;
	char who[128];

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err)
		return 0;
	if (err != -EADDRINUSE)
		snprintf(error, size, "cannot have UDP port 500: %s", strerror(-err));
	else if (owner(port_inode(), who, sizeof(who)))
		snprintf(error, size, "another IKE daemon has UDP port 500: %s", who);
	else
		snprintf(error, size, "another IKE daemon has UDP port 500");
	return err;
}

int charon_packets_wait(void)
{
	int fd = open("/proc/sys/net/core/xfrm_larval_drop", O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || write(fd, "0", 1) != 1)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

bool charon_cpu_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned int a, b, c = 0, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_AES;
#elif defined(__aarch64__)
	return getauxval(AT_HWCAP) & HWCAP_AES;
#elif defined(__arm__)
	return getauxval(AT_HWCAP2) & HWCAP2_AES;
#else
	return false;
#endif
}
