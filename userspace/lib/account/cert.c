// SPDX-License-Identifier: GPL-2.0-or-later
#include "cert.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define SERIAL_LEN	16	/* octets, RFC 5280 4.1.2.2 */

static int failed(char *why, const char *what)
{
	char reason[160] = "";
	unsigned long e = ERR_peek_last_error();

	if (e)
		ERR_error_string_n(e, reason, sizeof(reason));
	ERR_clear_error();
	snprintf(why, CERT_WHY, "%s%s%s", what, e ? ": " : "", reason);
	return -EIO;
}

/* --- PEM --------------------------------------------------------------------------- */

/* Nobody is asked for a password. */
static int no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return x;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* What is in @bio, which it wipes and frees. */
static bool take_text(BIO *bio, bool good, char out[BUNDLE_PEM])
{
	char *data = NULL;
	long n = bio ? BIO_get_mem_data(bio, &data) : 0;

	good = good && n > 0 && n < BUNDLE_PEM;
	if (good) {
		memcpy(out, data, (size_t)n);
		out[n] = '\0';
	}
	if (n > 0)
		OPENSSL_cleanse(data, (size_t)n);
	BIO_free(bio);
	return good;
}

static bool write_cert(X509 *x, char out[BUNDLE_PEM])
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_text(bio, bio && PEM_write_bio_X509(bio, x), out);
}

static bool write_key(EVP_PKEY *key, char out[BUNDLE_PEM])
{
	BIO *bio = BIO_new(BIO_s_mem());

	return take_text(bio, bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
								    NULL), out);
}

/* --- making ------------------------------------------------------------------------ */

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
					  (const unsigned char *)value, -1, -1, 0);
}

static bool set_serial(X509 *x)
{
	uint8_t serial[SERIAL_LEN];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	/* Positive, and all of the same length. */
	serial[0] = (serial[0] & 0x3f) | 0x40;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool set_times(X509 *x, time_t begins, time_t ends)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), begins) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), ends);
}

static bool begin_cert(X509 *x, EVP_PKEY *key, time_t now, time_t ends)
{
	return X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	       set_times(x, now - CERT_BACKDATE, ends) && X509_set_pubkey(x, key);
}

/* Two authorities must not have one name: charon looks for them by it. */
static bool name_authority(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	char text[32];
	uint8_t r[4];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return false;
	snprintf(text, sizeof(text), "authority %02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
	return add_name(name, "O", "Back to My Mac") && add_name(name, "CN", text) &&
	       X509_set_issuer_name(x, name);
}

int cert_make_authority(struct bundle *b, time_t now, char why[CERT_WHY])
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = X509_new();
	bool ok;

	ok = key && x && begin_cert(x, key, now, now + CERT_AUTHORITY_DAYS * (time_t)86400) &&
	     name_authority(x) &&
	     add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	     add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	     add_extension(x, x, NID_subject_key_identifier, "hash") &&
	     X509_sign(x, key, NULL) && write_cert(x, b->authority) &&
	     write_key(key, b->authority_key);
	X509_free(x);
	EVP_PKEY_free(key);
	return ok ? 0 : failed(why, "the authority cannot be made");
}

static bool add_host_name(X509 *x, const uint8_t *host)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	char plain[DNAME_TEXT_MAX];
	size_t len = strlen(dname_to_text(host, plain)) - 1;
	bool ok;

	/* Not as text for X509V3_EXT_conf_nid(), which has a syntax of its own. */
	ok = names && name && text && ASN1_STRING_set(text, plain, (int)len);
	if (ok) {
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		text = NULL;
		ok = sk_GENERAL_NAME_push(names, name);
	}
	if (ok) {
		name = NULL;
		ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND);
	}
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(name);
	GENERAL_NAMES_free(names);
	return ok;
}

static bool name_host(X509 *x, const uint8_t *host, X509 *authority)
{
	char label[DLABEL_MAX + 1];

	/* The whole name can be longer than a common name may be. */
	memcpy(label, host + 1, host[0]);
	label[host[0]] = '\0';
	return add_name(X509_get_subject_name(x), "O", "Back to My Mac") &&
	       add_name(X509_get_subject_name(x), "CN", label) &&
	       X509_set_issuer_name(x, X509_get_subject_name(authority));
}

static bool issue(struct bundle *host, X509 *authority, EVP_PKEY *signer, time_t now, time_t ends)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = X509_new();
	bool ok;

	ok = key && x && begin_cert(x, key, now, ends) && name_host(x, host->host, authority) &&
	     add_host_name(x, host->host) &&
	     add_extension(x, authority, NID_basic_constraints, "critical,CA:FALSE") &&
	     add_extension(x, authority, NID_key_usage, "critical,digitalSignature") &&
	     add_extension(x, authority, NID_ext_key_usage, "serverAuth,clientAuth") &&
	     add_extension(x, authority, NID_subject_key_identifier, "hash") &&
	     add_extension(x, authority, NID_authority_key_identifier, "keyid:always") &&
	     X509_sign(x, signer, NULL) && write_cert(x, host->certificate) &&
	     write_key(key, host->private_key);
	X509_free(x);
	EVP_PKEY_free(key);
	return ok;
}

static bool to_time(const ASN1_TIME *t, time_t *out)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t);

	if (ok)
		*out = (time_t)days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	return ok;
}

int cert_issue(const struct bundle *account, struct bundle *host, unsigned int days, time_t now,
	       char why[CERT_WHY])
{
	X509 *authority = read_cert(account->authority);
	EVP_PKEY *signer = read_key(account->authority_key);
	time_t ends = now + (time_t)days * 86400, last;
	int err = 0;

	if (!authority || !signer || !to_time(X509_get0_notAfter(authority), &last) ||
	    !X509_check_private_key(authority, signer)) {
		snprintf(why, CERT_WHY, "the account's authority and its key do not go together");
		err = -EINVAL;
	} else if (last <= now) {
		snprintf(why, CERT_WHY, "the account's authority has ended");
		err = -EINVAL;
	} else {
		/* Nothing outlives who vouches for it. */
		if (ends > last)
			ends = last;
		if (!issue(host, authority, signer, now, ends))
			err = failed(why, "the certificate cannot be made");
	}
	if (!err)
		memcpy(host->authority, account->authority, sizeof(host->authority));
	ERR_clear_error();
	X509_free(authority);
	EVP_PKEY_free(signer);
	return err;
}

/* --- checking ---------------------------------------------------------------------- */

/* The one subjectAltName is the host's full name. */
static bool has_name(X509 *x, const uint8_t *host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name = sk_GENERAL_NAME_num(names) == 1 ?
				   sk_GENERAL_NAME_value(names, 0) : NULL;
	char text[DNAME_TEXT_MAX];
	uint8_t is[DNAME_MAX];
	bool ok = false;
	int len;

	if (name && name->type == GEN_DNS) {
		len = ASN1_STRING_length(name->d.dNSName);
		if (len > 0 && (size_t)len < sizeof(text)) {
			memcpy(text, ASN1_STRING_get0_data(name->d.dNSName), (size_t)len);
			text[len] = '\0';
			ok = strlen(text) == (size_t)len && !dname_from_text(text, is) &&
			     dname_equal(is, host);
		}
	}
	GENERAL_NAMES_free(names);
	return ok;
}

static const char *check_chain(X509 *x, X509 *authority, time_t now, char *why)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	const char *wrong = "there is no memory for it";

	if (store && ctx && X509_STORE_add_cert(store, authority) &&
	    X509_STORE_CTX_init(ctx, store, x, NULL)) {
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
		wrong = NULL;
		if (X509_verify_cert(ctx) != 1) {
			int e = X509_STORE_CTX_get_error(ctx);

			snprintf(why, CERT_WHY, "the certificate is not good: %s",
				 X509_verify_cert_error_string(e));
			wrong = why;
		}
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return wrong;
}

static const char *check_host(const struct bundle *b, X509 *authority, time_t now, char *why)
{
	X509 *x = read_cert(b->certificate);
	EVP_PKEY *key = read_key(b->private_key);
	const char *wrong = NULL;

	if (!x)
		wrong = "the certificate cannot be read";
	else if (!key)
		wrong = "the private key cannot be read";
	else if (!X509_check_private_key(x, key))
		wrong = "the private key is not that of the certificate";
	else if (!has_name(x, b->host))
		wrong = "the certificate is not for the host's name";
	else
		wrong = check_chain(x, authority, now, why);
	X509_free(x);
	EVP_PKEY_free(key);
	return wrong;
}

static const char *check_account(const struct bundle *b, X509 *authority, time_t now, char *why)
{
	EVP_PKEY *key = read_key(b->authority_key);
	const char *wrong = NULL;

	if (!key)
		wrong = "the authority's key cannot be read";
	else if (!X509_check_private_key(authority, key))
		wrong = "the authority's key is not that of its certificate";
	else
		wrong = check_chain(authority, authority, now, why);
	EVP_PKEY_free(key);
	return wrong;
}

const char *cert_check(const struct bundle *b, time_t now, char why[CERT_WHY])
{
	X509 *authority = read_cert(b->authority);
	const char *wrong;

	if (!authority || X509_check_ca(authority) != 1)
		wrong = "the authority's certificate is none";
	else if (b->kind == BUNDLE_HOST)
		wrong = check_host(b, authority, now, why);
	else
		wrong = check_account(b, authority, now, why);
	X509_free(authority);
	ERR_clear_error();
	return wrong;
}

int cert_facts(const char *pem, struct cert_facts *out)
{
	X509 *x = read_cert(pem);
	BIGNUM *n = x ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL) : NULL;
	char *serial = n ? BN_bn2hex(n) : NULL;
	unsigned int len;
	bool ok;

	memset(out, 0, sizeof(*out));
	ok = serial && strlen(serial) < sizeof(out->serial) &&
	     X509_digest(x, EVP_sha256(), out->digest, &len) &&
	     to_time(X509_get0_notBefore(x), &out->begins) &&
	     to_time(X509_get0_notAfter(x), &out->ends);
	if (ok)
		memcpy(out->serial, serial, strlen(serial) + 1);
	OPENSSL_free(serial);
	BN_free(n);
	X509_free(x);
	ERR_clear_error();
	return ok ? 0 : -EINVAL;
}
