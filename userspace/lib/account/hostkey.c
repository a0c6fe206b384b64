// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostkey.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define ENROLLED_VERSION	1
#define ENROLLED_LEN		(2 + KEYS_GENERATION)
#define HOST_INFO		"btmm host key 1"	/* and its NUL */

/* --- ENROLLED records ----------------------------------------------------------- */

size_t keys_secret_len(enum tsig_algorithm algorithm)
{
	switch (algorithm) {
	case TSIG_HMAC_SHA256:
		return 32;
	case TSIG_HMAC_SHA512:
		return 64;
	case TSIG_HMAC_MD5:
		return 16;
	default:
		return 0;
	}
}

bool keys_enrolled_read(const uint8_t *rdata, size_t len, enum tsig_algorithm *algorithm,
			uint8_t generation[KEYS_GENERATION])
{
	if (len != ENROLLED_LEN || rdata[0] != ENROLLED_VERSION || !keys_secret_len(rdata[1]))
		return false;

	*algorithm = rdata[1];
	memcpy(generation, rdata + 2, KEYS_GENERATION);
	return true;
}

size_t keys_enrolled_write(enum tsig_algorithm algorithm,
			   const uint8_t generation[KEYS_GENERATION], uint8_t out[32])
{
	out[0] = ENROLLED_VERSION;
	out[1] = (uint8_t)algorithm;
	memcpy(out + 2, generation, KEYS_GENERATION);
	return ENROLLED_LEN;
}

/* --- derivation ----------------------------------------------------------------- */

int keys_derive_host_by(EVP_KDF *kdf, const struct tsig_key *account, const uint8_t *fqdn,
			enum tsig_algorithm algorithm,
			const uint8_t generation[KEYS_GENERATION], struct tsig_key *out)
{
	uint8_t info[sizeof(HOST_INFO) + DNAME_MAX];
	size_t name_len = dname_len(fqdn), len = keys_secret_len(algorithm);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[5];
	int ret = -EIO;

	memset(out, 0, sizeof(*out));
	memcpy(out->name, fqdn, name_len);
	dname_lower(out->name);
	out->algorithm = algorithm;

	memcpy(info, HOST_INFO, sizeof(HOST_INFO));
	memcpy(info + sizeof(HOST_INFO), out->name, name_len);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						      (void *)account->secret,
						      account->secret_len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)generation,
						      KEYS_GENERATION);
	params[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
						      sizeof(HOST_INFO) + name_len);
	params[4] = OSSL_PARAM_construct_end();
	if (ctx && len && account->secret_len &&
	    EVP_KDF_derive(ctx, out->secret, len, params) > 0) {
		out->secret_len = (uint8_t)len;
		ret = 0;
	} else {
		tsig_key_wipe(out);
	}
	EVP_KDF_CTX_free(ctx);
	return ret;
}

int keys_derive_host(const struct tsig_key *account, const uint8_t *fqdn,
		     enum tsig_algorithm algorithm,
		     const uint8_t generation[KEYS_GENERATION], struct tsig_key *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	int ret = keys_derive_host_by(kdf, account, fqdn, algorithm, generation, out);

	EVP_KDF_free(kdf);
	return ret;
}
