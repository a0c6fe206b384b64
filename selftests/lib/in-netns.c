// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * in-netns NAME COMMAND [ARGUMENT...]	as "ip netns exec" does it
 * in-netns NAME --read FILE		what FILE says, as "ip netns exec NAME cat FILE"
 *
 * Tests do this thousands of times. Where kernels are emulated, or check all that they do,
 * to start a program with nine libraries takes longer than what it is started for; so this
 * one has none (-static).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* What is in /etc/netns/NAME stands in for what is in /etc. */
static void bind_etc(const char *name)
{
	char dir[128], from[512], to[512];
	struct dirent *entry;
	DIR *d;

	snprintf(dir, sizeof(dir), "/etc/netns/%s", name);
	d = opendir(dir);
	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", dir, entry->d_name);
		snprintf(to, sizeof(to), "/etc/%s", entry->d_name);
		if (mount(from, to, "none", MS_BIND, NULL))
			warn("bind %s to %s", from, to);
	}
	closedir(d);
}

static void enter(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(255, "%s", path);
	/* sysfs shows the name space of whoever mounts it */
	if (unshare(CLONE_NEWNS) || mount("", "/", "none", MS_SLAVE | MS_REC, NULL))
		err(255, "mount name space");
	if (umount2("/sys", MNT_DETACH) && errno != EINVAL)
		err(255, "umount /sys");
	if (mount(name, "/sys", "sysfs", 0, NULL))
		err(255, "mount /sys");
	bind_etc(name);
}

static int show(const char *file)
{
	char text[4096];
	ssize_t n;
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		err(1, "%s", file);
	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, n) != n)
			err(1, "write");
	if (n < 0)
		err(1, "%s", file);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(255, "usage: in-netns NAME COMMAND [ARGUMENT...] | --read FILE");
	enter(argv[1]);
	if (!strcmp(argv[2], "--read") && argc == 4)
		return show(argv[3]);
	execvp(argv[2], argv + 2);
	err(255, "%s", argv[2]);
}
