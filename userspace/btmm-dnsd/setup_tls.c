// SPDX-License-Identifier: GPL-2.0-or-later
#include "setup_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static int cert_fail(struct why *why, int err, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	char text[256];

	ERR_error_string_n(e, text, sizeof(text));
	ERR_clear_error();
	return why_set(why, err, "%s%s%s", what, e ? ": " : "", e ? text : "");
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_names(X509 *x, const char *host, const char *const *names)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
	const char *name = host;
	bool ok = all;

	/* Not by text: a name could hold what means something there. */
	while (ok && name) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		ok = g && s && ASN1_STRING_set(s, name, -1);
		if (ok) {
			GENERAL_NAME_set0_value(g, GEN_DNS, s);
			s = NULL;
			ok = sk_GENERAL_NAME_push(all, g) > 0;
			if (ok)
				g = NULL;
		}
		ASN1_IA5STRING_free(s);
		GENERAL_NAME_free(g);
		name = names && *names ? *names++ : NULL;
	}
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, 0) == 1;
	sk_GENERAL_NAME_pop_free(all, GENERAL_NAME_free);
	return ok;
}

static bool fill(X509 *x, EVP_PKEY *pkey, const char *host, const char *const *names, time_t now)
{
	X509_NAME *subject = X509_get_subject_name(x);
	uint8_t number[16];
	BIGNUM *serial;
	bool ok;

	if (RAND_bytes(number, sizeof(number)) != 1)
		return false;
	number[0] = (number[0] & 0x7f) | 0x40;	/* positive, and of this length */
	serial = BN_bin2bn(number, sizeof(number), NULL);
	/* CN has room for 64; clients look at the alternative names. */
	ok = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) &&
	     X509_set_version(x, 2) &&
	     X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &now) &&
	     X509_time_adj_ex(X509_getm_notAfter(x), CERT_YEARS * 365 + CERT_YEARS / 4, 0,
			      &now) &&
	     X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
					(const unsigned char *)
					(strlen(host) <= 64 ? host : "btmm-dnsd"),
					-1, -1, 0) &&
	     X509_set_issuer_name(x, subject) && X509_set_pubkey(x, pkey) &&
	     add_names(x, host, names) &&
	     add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	     add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	     add_extension(x, NID_ext_key_usage, "serverAuth") &&
	     X509_sign(x, pkey, EVP_sha256());
	BN_free(serial);
	return ok;
}

static void take(BIO *bio, struct buf *out)
{
	char *p;
	long len = BIO_get_mem_data(bio, &p);

	if (len > 0) {
		buf_put(out, p, (size_t)len);
		explicit_bzero(p, (size_t)len);
	}
}

int cert_make(const char *host, const char *const *names, time_t now, struct buf *cert,
	      struct buf *key, struct why *why)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
	X509 *x = X509_new();
	int err = 0;

	if (!pkey || !x || !cert_bio || !key_bio || !fill(x, pkey, host, names, now) ||
	    !PEM_write_bio_X509(cert_bio, x) ||
	    !PEM_write_bio_PrivateKey(key_bio, pkey, NULL, NULL, 0, NULL, NULL)) {
		err = cert_fail(why, -EIO, "no certificate could be made");
	} else {
		take(cert_bio, cert);
		take(key_bio, key);
	}
	BIO_free(cert_bio);
	BIO_free(key_bio);
	X509_free(x);
	EVP_PKEY_free(pkey);
	return err;
}

static bool time_of(const ASN1_TIME *t, time_t *out)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

static bool pin_of(X509 *x, char out[CERT_PIN_SIZE])
{
	unsigned char *der = NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	if (len <= 0)
		return false;
	SHA256(der, (size_t)len, digest);
	OPENSSL_free(der);
	strcpy(out, "sha256//");
	base64_text(digest, sizeof(digest), out + strlen(out));
	return true;
}

/* A key file that wants a pass phrase would ask for one on the terminal. */
static int no_pass_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int check_key(X509 *x, const struct buf *pem, struct why *why)
{
	BIO *bio = BIO_new_mem_buf(buf_text(pem), (int)pem->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
	int err = 0;

	if (!key)
		err = cert_fail(why, -EINVAL,
			       "the key is not a PEM private key without pass phrase");
	else if (X509_check_private_key(x, key) != 1)
		err = why_set(why, -EINVAL, "the key does not belong to the certificate");
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(bio);
	return err;
}

int cert_look(const struct buf *cert, const struct buf *key, const char *host,
	      struct cert_info *out, struct why *why)
{
	BIO *bio = BIO_new_mem_buf(buf_text(cert), (int)cert->len);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (!x)
		err = cert_fail(why, -EINVAL, "the certificate is not PEM");
	else if (!pin_of(x, out->pin) || !time_of(X509_get0_notBefore(x), &out->not_before) ||
		 !time_of(X509_get0_notAfter(x), &out->not_after))
		err = cert_fail(why, -EINVAL, "the certificate cannot be read");
	else if (key)
		err = check_key(x, key, why);
	if (!err) {
		out->self_signed = X509_self_signed(x, 1) == 1;
		out->names_host = X509_check_host(x, host, 0, 0, NULL) == 1;
	}
	ERR_clear_error();
	X509_free(x);
	BIO_free(bio);
	return err;
}
