// SPDX-License-Identifier: GPL-2.0-or-later
/* Which host this machine is: loaded, refused, compared. */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../btmmd/account.h"
#include "account_case.h"

static const struct store_owner keep = { (uid_t)-1, (gid_t)-1 };
#define CURE "'btmm-ctl host add mini new-key' on the account's first machine makes a good one, " \
	"which 'btmm-ctl host import FILE replace' takes here"

static struct bundle authority, host;
static struct account *account;
static char dir[64], path[96], why[STORE_WHY];

static int setup(void **state)
{
	(void)state;
	account = NULL;
	make_account(&authority);
	make_host(&authority, "mini.alice.example.com", &host);
	strcpy(dir, "/tmp/btmmd-account.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/host", dir);
	return store_save(path, &host, keep, false, why);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	account_free(account);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static struct account *load(time_t now)
{
	struct account *a = NULL;
	int err = account_load(dir, now, &a, why);

	if (err)
		fail_msg("%s (%d)", why, err);
	return a;
}

/* @wanted has %s where the file is to be named. */
static void replace_path(char full[STORE_WHY], const char *wanted)
{
	const char *at;

	for (full[0] = '\0'; (at = strstr(wanted, "%s")); wanted = at + 2) {
		strncat(full, wanted, (size_t)(at - wanted));
		strcat(full, path);
	}
	strcat(full, wanted);
}

static void refused(int err, const char *wanted)
{
	struct account *a = NULL;
	char full[STORE_WHY];

	assert_int_equal(account_load(dir, ACCOUNT_NOW, &a, why), err);
	assert_null(a);
	replace_path(full, wanted);
	assert_string_equal(why, full);
}

static void loaded(void **state)
{
	struct dns_trust_config trust;
	struct ike_identity ike;

	(void)state;
	account = load(ACCOUNT_NOW);
	assert_string_equal(account->name, "mini.alice.example.com");
	assert_string_equal(account->label, "mini");
	assert_string_equal(account->domain, "alice.example.com");
	assert_string_equal(account->warning, "");
	assert_true(account->certificate.ends > ACCOUNT_NOW);
	account_trust(account, &trust);
	assert_int_equal(trust.n_pins, 2);
	assert_memory_equal(trust.pins[1], host.pins[1], PIN_LEN);
	assert_null(trust.ca_file);
	account_ike(account, &ike);
	assert_string_equal(ike.name, "mini.alice.example.com");
	assert_int_equal(ike.key.len, strlen(host.private_key));
	assert_memory_equal(ike.cert.p, host.certificate, ike.cert.len);
	assert_memory_equal(ike.authority.p, authority.authority, ike.authority.len);
}

static void warned(const char *wanted)
{
	char full[STORE_WHY];

	replace_path(full, wanted);
	assert_string_equal(account->warning, full);
}

/* A clock that is wrong is no reason not to be connected, where it can be set. */
static void another_time(void **state)
{
	(void)state;
	account = load(0);
	warned("%s: the certificate is good from 2025-06-14 15:06 UTC on, and it is 1970-01-01 "
	       "00:00: set the clock; until then no other host lets this one in");
	account_free(account);
	account = load(ACCOUNT_NOW + (CERT_HOST_DAYS + 1) * (time_t)86400);
	warned("%s: the certificate has ended at 2030-06-14 15:06 UTC, and it is 2030-06-15 15:06; "
	       "no other host lets this one in: " CURE);
}

static void not_good(void **state)
{
	struct bundle other, theirs;

	(void)state;
	assert_int_equal(chmod(path, 0640), 0);
	refused(-EPERM, "%s is open to others (mode 0640): chmod 600 %s");
	unlink(path);
	refused(-ENOENT, "this machine is no host of an account yet (%s): 'btmm-ctl host import "
		"FILE' makes it one");
	assert_int_equal(store_save(path, &authority, keep, true, why), 0);
	refused(-EINVAL, "%s: this is an account itself, not the bundle of one of its hosts");
	assert_int_equal(store_write(path, "btmm-host 1\npin x\n", 18, keep, true, why), 0);
	refused(-EINVAL, "%s:2: pin does not begin with sha256//");

	make_account(&other);
	make_host(&other, "mini.alice.example.com", &theirs);
	strcpy(theirs.authority, authority.authority);
	assert_int_equal(store_save(path, &theirs, keep, true, why), 0);
	refused(-EINVAL, "%s: the certificate is not good: unable to get local issuer "
		"certificate; " CURE);

	/* Good, but another host's */
	make_host(&authority, "midi.alice.example.com", &theirs);
	strcpy(other.authority, host.certificate);
	strcpy(host.certificate, theirs.certificate);
	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	refused(-EINVAL, "%s: the private key is not that of the certificate; " CURE);
	strcpy(other.authority_key, host.private_key);
	strcpy(host.private_key, theirs.private_key);
	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	refused(-EINVAL, "%s: the certificate is not for the host's name; " CURE);
	strcpy(host.certificate, other.authority);
	strcpy(host.private_key, other.authority_key);

	assert_int_equal(store_save(path, &host, keep, true, why), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(account_load(dir, ACCOUNT_NOW, &account, why), -EPERM);
	assert_non_null(strstr(why, "chmod 700"));
	strcat(dir, "/none");
	assert_int_equal(account_load(dir, ACCOUNT_NOW, &account, why), -ENOENT);
	assert_non_null(strstr(why, "btmm-ctl host import"));
	dir[strlen(dir) - 5] = '\0';
}

static void compared(void **state)
{
	struct account other;

	(void)state;
	account = load(ACCOUNT_NOW);
	other = *account;
	assert_int_equal(account_compare(account, &other), 0);
	other.bundle.key.secret[0] ^= 1;
	assert_int_equal(account_compare(account, &other), ACCOUNT_KEY);
	other = *account;
	other.bundle.pins[1][5] ^= 1;
	assert_int_equal(account_compare(account, &other), ACCOUNT_SERVER);
	other = *account;
	other.bundle.server_port++;
	assert_int_equal(account_compare(account, &other), ACCOUNT_SERVER);
	other = *account;
	other.bundle.n_pins--;
	other.bundle.certificate[50] ^= 1;
	assert_int_equal(account_compare(account, &other), ACCOUNT_SERVER | ACCOUNT_IKE);
	other = *account;
	other.bundle.host[1] = 'x';
	assert_int_equal(account_compare(account, &other), ACCOUNT_HOST);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(loaded),
		T(another_time),
		T(not_good),
		T(compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
